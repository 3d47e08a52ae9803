"""Charts: what is known of a project as pictures, SVG or PNG."""
