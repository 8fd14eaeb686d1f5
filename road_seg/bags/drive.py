"""A recorded drive: images of one camera with their calibration and truth."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from road_seg.bags.messages import CAMERA_INFO
from road_seg.bags.messages import COMPRESSED_IMAGE
from road_seg.bags.messages import IMAGE
from road_seg.bags.messages import OCCUPANCY_GRID
from road_seg.bags.reader import BagReader
from road_seg.errors import InputError
from road_seg.serialized import header_stamp_ns

TRUTH_TOPIC = '/road_mask/truth'
GRID_TRUTH_TOPIC = '/drivable_area/truth'
REASONS_TRUTH_TOPIC = '/drivable_area/truth/reasons'
_OUTPUTS = {'road_mask', 'drivable_area'}
_COMPRESSED = '/compressed'
_LOOK_AHEAD = 8
_MAX_WAITING_TRUTHS = 256


@dataclass
class Frame:
    """
    One image of a drive, as recorded.

    :param stamp_ns: the image's header stamp [ns].
    :param image: CDR bytes of the Image or CompressedImage.
    :param camera_info: CDR bytes of the latest CameraInfo, None without one.
    :param truth: CDR bytes of the truth mask of that stamp, None without one.
    :param grid_truth: CDR bytes of the truth's OccupancyGrid of that stamp, None without one.
    :param reasons_truth: CDR bytes of the mono8 Image of its reasons, None without one.
    """

    stamp_ns: int
    image: bytes
    camera_info: bytes | None = None
    truth: bytes | None = None
    grid_truth: bytes | None = None
    reasons_truth: bytes | None = None


class Drive:
    """
    Chooses a bag's topics and joins them into frames.

    :param reader: an open bag.
    :param image_topic: topic of the images; by default the only one there is.
    :raises InputError: no image topic, several to choose from, or no messages on it.
    """

    def __init__(self, reader: BagReader, image_topic: str | None = None) -> None:
        self._reader = reader
        self.path = reader.path
        self.image_topic = image_topic or self._only_image_topic()
        found = reader.topics.get(self.image_topic)
        if found is None or found.msgtype not in (IMAGE, COMPRESSED_IMAGE) or not found.count:
            raise InputError(self.path, found=f'no images on {self.image_topic}',
                             expected=f'one of the image topics {self._image_topics()}',
                             fix='name it with --image')
        self.image_type = found.msgtype
        self.frame_count = found.count
        camera = self.image_topic.removesuffix(_COMPRESSED).rpartition('/')[0]
        self.info_topic = self._if_recorded(f'{camera}/camera_info', CAMERA_INFO)
        self.truth_topic = self._if_recorded(TRUTH_TOPIC, IMAGE)
        self._truths = {topic: field for topic, msgtype, field in (
            (TRUTH_TOPIC, IMAGE, 'truth'), (GRID_TRUTH_TOPIC, OCCUPANCY_GRID, 'grid_truth'),
            (REASONS_TRUTH_TOPIC, IMAGE, 'reasons_truth')) if self._if_recorded(topic, msgtype)}
        self.truth_count = reader.topics[TRUTH_TOPIC].count if self.truth_topic else 0

    def _if_recorded(self, topic: str, msgtype: str) -> str | None:
        return topic if topic in self._reader.topics_of([msgtype]) else None

    def _image_topics(self) -> list[str]:
        topics = self._reader.topics_of([IMAGE, COMPRESSED_IMAGE])
        return [topic for topic in topics if _OUTPUTS.isdisjoint(topic.split('/'))
                and topic.removesuffix(_COMPRESSED) not in set(topics) - {topic}]

    def _only_image_topic(self) -> str:
        topics = self._image_topics()
        if len(topics) != 1:
            raise InputError(
                self.path,
                found=f'the image topics {", ".join(topics)}' if topics else
                f'no images (topics: {", ".join(sorted(self._reader.topics)) or "none"})',
                expected='one topic of sensor_msgs/Image or CompressedImage',
                fix='name the camera with --image' if topics else 'record the camera topic')
        return topics[0]

    def frames(self) -> Iterator[Frame]:
        """
        Yield the frames in the order of recording.

        :raises InputError: the bag is damaged, or has fewer images than its index says.
        """
        count = 0
        for frame in self._join():
            yield frame
            count += 1
        if count != self.frame_count:
            raise InputError(self.path, found=f'{count} of {self.frame_count} images on '
                             f'{self.image_topic}', expected='all that its metadata names',
                             fix='run `ros2 bag reindex` on it')

    def _join(self) -> Iterator[Frame]:
        """Yield frames; each waits for its truth until a later truth or some images have come."""
        topics = [self.image_topic, self.info_topic, *self._truths]
        first_info = self.info_topic and self._reader.first(self.info_topic)
        info = first_info.cdr if first_info else None
        waiting: deque[Frame] = deque()
        truths: dict[str, dict[int, bytes]] = {field: {} for field in self._truths.values()}
        for message in self._reader.messages(topic for topic in topics if topic):
            if message.topic == self.info_topic:
                info = message.cdr
            elif message.topic in self._truths:
                known = truths[self._truths[message.topic]]
                known[header_stamp_ns(message.cdr)] = message.cdr
                if len(known) > _MAX_WAITING_TRUTHS:
                    del known[min(known)]
            else:
                waiting.append(Frame(header_stamp_ns(message.cdr), message.cdr, info))
            while waiting and (len(waiting) > _LOOK_AHEAD or all(
                    max(known, default=-1) >= waiting[0].stamp_ns for known in truths.values())):
                yield _with_truths(waiting.popleft(), truths)
        while waiting:
            yield _with_truths(waiting.popleft(), truths)


def _with_truths(frame: Frame, truths: dict[str, dict[int, bytes]]) -> Frame:
    """Attach a frame's truths, by field, and forget the ones before them."""
    for field, known in truths.items():
        setattr(frame, field, known.get(frame.stamp_ns))
        for stamp_ns in [stamp for stamp in known if stamp < frame.stamp_ns]:
            del known[stamp_ns]
    return frame
