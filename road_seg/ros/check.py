"""Whether ROS 2 works here."""

import rclpy
from rclpy.context import Context


def middleware() -> str:
    """
    Start and stop a node.

    :return: name of the RMW implementation that carried it.
    """
    context = Context()
    rclpy.init(context=context)
    try:
        rclpy.create_node('road_seg_doctor', context=context, enable_rosout=False,
                          start_parameter_services=False).destroy_node()
    finally:
        rclpy.shutdown(context=context)
    return rclpy.get_rmw_implementation_identifier()


if __name__ == '__main__':
    print(middleware())
