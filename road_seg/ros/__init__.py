"""The ROS 2 node and its client: the only code of the package that imports ROS."""
