"""Robot runtime for the SO-ARM100: run, record, judge and improve manipulation policies over ROS 2."""
