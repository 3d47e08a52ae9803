"""Plans in files: those of projects, as other programs write and read them."""
