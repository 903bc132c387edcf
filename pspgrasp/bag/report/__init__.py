"""What a run tells: the terminal's table, files for programs, and one page for a browser."""
