"""Endless scenes with exact labels: solids on a table, a depth camera, and a gripper that tries every grasp."""
