"""From files and folders to depth frames, and to what was recorded beside them."""
