"""Make the checkpoints that ship: train them, judge them beside those that ship now, and keep the better."""
