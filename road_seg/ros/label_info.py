"""The names of a mask's classes as a vision_msgs/LabelInfo, where vision_msgs is installed."""

from builtin_interfaces.msg import Time

from road_seg.labels import LabelMap

try:
    from vision_msgs.msg import LabelInfo
    from vision_msgs.msg import VisionClass
except ImportError:  # not part of ROS's core
    LabelInfo = VisionClass = None


def label_info(labels: LabelMap, stamp: Time) -> LabelInfo:
    """
    Return the message; call it only if LabelInfo is not None.

    :param labels: the classes.
    :param stamp: time of publication.
    """
    message = LabelInfo()
    message.header.stamp = stamp
    message.class_map = [VisionClass(class_id=index, class_name=name)
                         for index, name in enumerate(labels.names)]
    return message
