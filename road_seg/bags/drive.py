"""A recorded drive: images of one camera with their calibration and truth."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from road_seg.bags.messages import CAMERA_INFO
from road_seg.bags.messages import COMPRESSED_IMAGE
from road_seg.bags.messages import decode
from road_seg.bags.messages import decode_rgb
from road_seg.bags.messages import IMAGE
from road_seg.bags.messages import OCCUPANCY_GRID
from road_seg.bags.messages import TF
from road_seg.bags.reader import BagReader
from road_seg.bags.transforms import TransformBuffer
from road_seg.bags.truth import TruthSource
from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError
from road_seg.errors import InputError
from road_seg.serialized import header_frame_id
from road_seg.serialized import header_stamp_ns

TRUTH_TOPIC = '/road_mask/truth'
GRID_TRUTH_TOPIC = '/drivable_area/truth'
REASONS_TRUTH_TOPIC = '/drivable_area/truth/reasons'
TF_TOPIC, TF_STATIC_TOPIC = '/tf', '/tf_static'
_OUTPUTS = {'road_mask', 'drivable_area'}
_COMPRESSED = '/compressed'
_LOOK_AHEAD = 8
_MAX_WAITING_TRUTHS = 256


@dataclass
class Frame:
    """
    One image of a drive, as recorded.

    :param index: its number in the drive, from 0.
    :param stamp_ns: the image's header stamp [ns].
    :param image: CDR bytes of the Image or CompressedImage.
    :param camera_info: CDR bytes of the latest CameraInfo, None without one.
    :param truth: CDR bytes of the truth mask of that stamp, None without one.
    :param grid_truth: CDR bytes of the truth's OccupancyGrid of that stamp, None without one.
    :param reasons_truth: CDR bytes of the mono8 Image of its reasons, None without one.
    :param pose: where the camera was, from the recorded transforms; None while they do not know
        the camera.
    :param pose_error: why there is no pose although they know the camera; None otherwise.
    """

    index: int
    stamp_ns: int
    image: bytes
    camera_info: bytes | None = None
    truth: bytes | None = None
    grid_truth: bytes | None = None
    reasons_truth: bytes | None = None
    pose: Extrinsics | None = None
    pose_error: CalibrationError | None = None
    _rgb: np.ndarray | None = field(default=None, init=False, repr=False)

    def rgb(self, image_type: str) -> np.ndarray:
        """
        Return the picture (H, W, 3) uint8 RGB, decoded once.

        :param image_type: message type of the image.
        :raises InputError: the message or the image in it is damaged.
        """
        if self._rgb is None:
            self._rgb = decode_rgb(self.image, image_type)
        return self._rgb

    def calibration(self) -> CameraInfo | None:
        """
        Return the calibration, None without one.

        :raises InputError: the message is damaged.
        """
        return None if self.camera_info is None else CameraInfo.from_message(
            decode(self.camera_info, CAMERA_INFO))


class Drive:
    """
    Chooses a bag's topics and joins them into frames.

    :param reader: an open bag.
    :param image_topic: topic of the images; by default the only one there is.
    :param base_frame: frame of the poses; None ignores the recorded transforms.
    :param truth: where the truth masks are; by default in the bag itself.
    :raises InputError: no image topic, several to choose from, or no messages on it.
    """

    def __init__(self, reader: BagReader, image_topic: str | None = None,
                 base_frame: str | None = 'base_link',
                 truth: TruthSource | None = None) -> None:
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
        self._truths = {topic: name for topic, msgtype, name in (
            (TRUTH_TOPIC, IMAGE, 'truth'), (GRID_TRUTH_TOPIC, OCCUPANCY_GRID, 'grid_truth'),
            (REASONS_TRUTH_TOPIC, IMAGE, 'reasons_truth')) if self._if_recorded(topic, msgtype)}
        self._truth = truth
        if truth:
            self._truths.pop(TRUTH_TOPIC, None)
        self._tf_topics = [topic for topic in (TF_TOPIC, TF_STATIC_TOPIC)
                           if base_frame and self._if_recorded(topic, TF)]
        self._transforms = TransformBuffer(base_frame or '')
        self.truth_count = truth.count if truth else (
            reader.topics[TRUTH_TOPIC].count if self.truth_topic else 0)
        self.loss: str | None = None

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
        Yield the frames in the order of recording, of a damaged bag those before the damage.

        What is missing is then stated in `loss`.

        :raises InputError: there is not one frame.
        """
        count = 0
        for frame in self._join():
            yield frame
            count += 1
        if count == self.frame_count and not self._reader.damage:
            return
        found = f'{count} of {self.frame_count} images on {self.image_topic}'
        if not count:
            raise InputError(self.path, found=self._reader.damage or found,
                             expected='all that its metadata names',
                             fix='run `ros2 bag reindex` on it')
        self.loss = f'{found} could be read' + (
            f': {self._reader.damage}' if self._reader.damage else '')

    def _join(self) -> Iterator[Frame]:
        """Yield frames; each waits for truth and transforms until a later one has come."""
        topics = [self.image_topic, self.info_topic, *self._truths, *self._tf_topics]
        first_info = self.info_topic and self._reader.first(self.info_topic)
        info = first_info.cdr if first_info else None
        if TF_STATIC_TOPIC in self._tf_topics:
            add_static_transforms(self._reader, self._transforms)
        waiting: deque[Frame] = deque()
        truths: dict[str, dict[int, bytes]] = {name: {} for name in self._truths.values()}
        count = 0
        for message in self._reader.messages(topic for topic in topics if topic):
            if message.topic == self.info_topic:
                info = message.cdr
            elif message.topic in self._tf_topics:
                self._transforms.add(message.cdr, is_static=message.topic == TF_STATIC_TOPIC)
            elif message.topic in self._truths:
                known = truths[self._truths[message.topic]]
                known[header_stamp_ns(message.cdr)] = message.cdr
                if len(known) > _MAX_WAITING_TRUTHS:
                    del known[min(known)]
            else:
                waiting.append(Frame(count, header_stamp_ns(message.cdr), message.cdr, info))
                count += 1
            while waiting and (len(waiting) > _LOOK_AHEAD or self._has_all(waiting[0], truths)):
                yield self._completed(waiting.popleft(), truths)
        while waiting:
            yield self._completed(waiting.popleft(), truths)

    def _has_all(self, frame: Frame, truths: dict[str, dict[int, bytes]]) -> bool:
        """Say whether nothing that comes later can belong to a frame."""
        return all(max(known, default=-1) >= frame.stamp_ns for known in truths.values()) and (
            not self._tf_topics
            or self._transforms.is_current(frame.stamp_ns, header_frame_id(frame.image)))

    def _completed(self, frame: Frame, truths: dict[str, dict[int, bytes]]) -> Frame:
        """Attach a frame's pose and its truths, by field, and forget the truths before them."""
        for name, known in truths.items():
            setattr(frame, name, known.get(frame.stamp_ns))
            for stamp_ns in [stamp for stamp in known if stamp < frame.stamp_ns]:
                del known[stamp_ns]
        if self._truth:
            frame.truth = self._truth.at(frame.stamp_ns)
        camera_frame = header_frame_id(frame.image)
        if self._tf_topics and self._transforms.knows(camera_frame):
            try:
                frame.pose = self._transforms.at(frame.stamp_ns, camera_frame)
            except CalibrationError as error:
                frame.pose_error = error
        return frame


def add_static_transforms(reader: BagReader, transforms: TransformBuffer) -> None:
    """Let the first static transform of each frame hold from the start, as latching does."""
    for message in reader.messages([TF_STATIC_TOPIC]):
        transforms.add(message.cdr, is_static=True, replace=False)
