"""The ROS 1 side: the only part of pspgrasp that imports rospy or messages."""
