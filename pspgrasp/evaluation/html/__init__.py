"""Reports for a browser: one page that needs nothing else, neither a network nor a script."""
