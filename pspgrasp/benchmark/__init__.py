"""How long the whole road takes, from a depth image in memory to grasps: ours, GG-CNN's, and what the device could."""
