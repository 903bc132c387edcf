"""What would this network have done on my robot's recording? Bags and folders of images, without ROS."""
