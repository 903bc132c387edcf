"""Every frame of a recording through every model."""
