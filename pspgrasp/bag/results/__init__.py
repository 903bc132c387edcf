"""What came of frames: written down as it comes, and read again column by column."""
