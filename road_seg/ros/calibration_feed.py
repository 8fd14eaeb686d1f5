"""The camera model of the newest calibration message."""

from collections.abc import Callable

from sensor_msgs.msg import CameraInfo as CameraInfoMessage

from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.errors import CalibrationError
from road_seg.health import Health
from road_seg.health import Level
from road_seg.ros.conversions import calibration_id

_MISSING, _UNUSABLE = 'no_camera_info', 'camera_info_unusable'  # conditions


class CalibrationFeed:
    """
    Keep the newest calibration and the camera model made of it.

    Messages come in one thread, models are asked for in another.

    :param topic: where the messages come from, for the diagnostics.
    :param health: told while there is no usable calibration.
    :param changed: called after a calibration with new content came.
    :param is_rectified: the images follow P, not K and D.
    """

    def __init__(self, topic: str, health: Health, changed: Callable[[], None], *,
                 is_rectified: bool = False) -> None:
        self._is_rectified = is_rectified
        self._topic = topic
        self._health = health
        self._changed = changed
        self._info: CameraInfo | None = None
        self._identity = ''
        self._made_of: tuple[CameraInfo, tuple[int, int]] | None = None
        self._model: CameraModel | None = None
        self._health.set_facts(calibration='none')

    def update(self, message: CameraInfoMessage) -> None:
        """Take a message; its content counts, not its header."""
        info = CameraInfo.from_message(message)
        identity = calibration_id(info)  # unlike its numbers, equal to itself despite NaN
        if identity != self._identity:
            self._info, self._identity = info, identity
            self._health.set_facts(calibration=identity)
            self._changed()

    def model(self, image_size: tuple[int, int]) -> CameraModel | None:
        """
        Return the camera model for images of a size, or None and a diagnostic.

        :param image_size: (width, height).
        """
        info = self._info
        if info is None:
            self._health.set_condition(_MISSING, Level.WARN,
                                       f'no grid: no camera_info on {self._topic}')
            return None
        if self._made_of != (info, image_size):
            self._made_of = (info, image_size)
            self._health.clear_condition(_MISSING)
            self._model = self._make(info, image_size)
        return self._model

    def close(self) -> None:
        """End what was reported."""
        self._health.clear_condition(_MISSING)
        self._health.clear_condition(_UNUSABLE)
        self._health.forget_facts('calibration')

    def _make(self, info: CameraInfo, image_size: tuple[int, int]) -> CameraModel | None:
        """Return the model, or None with the reason in the diagnostics."""
        try:
            model = CameraModel.from_info(info, image_size, is_rectified=self._is_rectified)
        except CalibrationError as error:
            self._health.set_condition(_UNUSABLE, Level.WARN, f'no grid: {error}')
            return None
        self._health.clear_condition(_UNUSABLE)
        return model
