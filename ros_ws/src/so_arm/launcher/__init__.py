"""Runs ROS 2 launch files in XML on machines without ``ros2 launch``, and hands over to it where it exists."""
