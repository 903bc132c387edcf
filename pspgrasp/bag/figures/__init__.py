"""What models come to: figures, how sure they are, and models side by side."""
