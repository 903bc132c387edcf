"""A bench of physics: things that lie as they fell, and a gripper that lifts them, on MuJoCo."""
