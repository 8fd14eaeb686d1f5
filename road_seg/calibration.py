"""Camera calibrations as ROS describes them: messages, YAML files and a nominal one."""

from dataclasses import dataclass
import math
import os
from pathlib import Path
from typing import Any

from road_seg.errors import CalibrationError


@dataclass(frozen=True)
class CameraInfo:
    """
    The content of a sensor_msgs/CameraInfo message.

    :param width: columns of the unbinned sensor.
    :param height: rows of the unbinned sensor.
    :param distortion_model: name of the distortion model; '' for none.
    :param d: distortion coefficients.
    :param k: intrinsic matrix (3, 3) of the raw images, row by row, pixels.
    :param r: rectification matrix (3, 3), row by row.
    :param p: projection matrix (3, 4) of the rectified images, row by row.
    :param binning_x: sensor columns per image column; 0 means 1.
    :param binning_y: sensor rows per image row; 0 means 1.
    :param roi: (x_offset, y_offset, height, width) in sensor pixels; zeros mean all of it.
    """

    width: int
    height: int
    distortion_model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]
    binning_x: int = 0
    binning_y: int = 0
    roi: tuple[int, int, int, int] = (0, 0, 0, 0)

    @classmethod
    def from_message(cls, message: Any) -> 'CameraInfo':
        """
        Read a sensor_msgs/CameraInfo message.

        :param message: any object with the fields of that message.
        """
        roi = message.roi
        return cls(
            width=int(message.width), height=int(message.height),
            distortion_model=str(message.distortion_model), d=_floats(message.d),
            k=_floats(message.k), r=_floats(message.r), p=_floats(message.p),
            binning_x=int(message.binning_x), binning_y=int(message.binning_y),
            roi=(int(roi.x_offset), int(roi.y_offset), int(roi.height), int(roi.width)))

    @classmethod
    def load(cls, path: str | os.PathLike) -> 'CameraInfo':
        """
        Read a YAML file as written by ROS's camera_calibration.

        :param path: the file.
        :raises CalibrationError: the file is missing, no YAML, or lacks a field.
        """
        fields = _read_yaml(Path(path))
        try:
            return cls(
                width=int(fields['image_width']), height=int(fields['image_height']),
                distortion_model=str(fields['distortion_model']),
                d=_floats(fields['distortion_coefficients']['data']),
                k=_floats(fields['camera_matrix']['data']),
                r=_floats(fields['rectification_matrix']['data']),
                p=_floats(fields['projection_matrix']['data']))
        except KeyError as error:
            raise _unreadable(path, f'no field {error.args[0]!r}') from error
        except (TypeError, ValueError, OverflowError) as error:
            raise _unreadable(path, f'a field that is no number ({error})') from error

    @classmethod
    def nominal(cls, width: int, height: int, hfov_deg: float) -> 'CameraInfo':
        """
        Make the calibration of an ideal camera, for images that come without one.

        :param width: columns.
        :param height: rows.
        :param hfov_deg: horizontal field of view, degrees.
        :raises CalibrationError: the size or the field of view is impossible.
        """
        if min(width, height) < 1 or not 0.0 < hfov_deg < 180.0:
            raise CalibrationError(
                'nominal calibration', found=f'{width} x {height}, {hfov_deg} degrees',
                expected='a size above 0 and a field of view between 0 and 180 degrees',
                fix='correct the values')
        focal = width / 2.0 / math.tan(math.radians(hfov_deg) / 2.0)
        cx, cy = (width - 1) / 2.0, (height - 1) / 2.0
        return cls(width=width, height=height, distortion_model='plumb_bob', d=(0.0,) * 5,
                   k=(focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0),
                   r=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
                   p=(focal, 0.0, cx, 0.0, 0.0, focal, cy, 0.0, 0.0, 0.0, 1.0, 0.0))


def _floats(values: Any) -> tuple[float, ...]:
    """Return numbers of any sequence as a tuple of float."""
    return tuple(float(value) for value in values)


def _read_yaml(path: Path) -> Any:
    """Return the content of a YAML file."""
    import yaml  # not needed on a vehicle, where calibrations come as messages
    try:
        return yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _unreadable(path, f'no YAML ({" ".join(str(error).split())})') from error


def _unreadable(path: str | os.PathLike, found: str) -> CalibrationError:
    """Return the error for a calibration file that cannot be read."""
    return CalibrationError(path, found=found,
                            expected="a YAML file of ROS's camera_calibration",
                            fix='calibrate the camera or correct the file')
