"""The names of the input topics after remapping."""

from dataclasses import dataclass

from rclpy.node import Node

from road_seg.parameters import are_rectified

_COMPRESSED = '/compressed'
_CAMERA_INFO = 'camera_info'


@dataclass(frozen=True)
class InputTopics:
    """
    The resolved names of the input topics.

    :param image: of the Image or CompressedImage messages.
    :param camera_info: of the CameraInfo messages.
    """

    image: str
    camera_info: str

    def are_rectified(self, image_geometry: str) -> bool:
        """
        Say whether the images follow P of the calibration.

        :param image_geometry: raw, rectified, or auto: by the name of their topic.
        """
        return are_rectified(image_geometry, self.image)


def input_topics(node: Node, is_compressed: bool) -> InputTopics:
    """
    Return the topics to subscribe to.

    As with image_transport, compressed images are expected on `image` + `/compressed`. The
    calibration is expected on the sibling `camera_info` of the resolved `image` (of the topic
    without `/compressed`), unless `camera_info` is remapped itself.

    :param is_compressed: the images are compressed.
    """
    image = node.resolve_topic_name('image')
    if is_compressed:
        image = node.resolve_topic_name(image.removesuffix(_COMPRESSED) + _COMPRESSED)
    camera_info = node.resolve_topic_name(_CAMERA_INFO)
    if camera_info == node.resolve_topic_name(_CAMERA_INFO, only_expand=True):
        folder = image.removesuffix(_COMPRESSED).rpartition('/')[0]
        camera_info = node.resolve_topic_name(f'{folder}/{_CAMERA_INFO}')
    return InputTopics(image, camera_info)
