"""Documents for people: what one says, and how it is written as HTML and as Markdown."""
