"""Joint geometric and photometric augmentation of an image and its truth."""

from dataclasses import dataclass

import cv2
import numpy as np

from road_seg.data.weather import bonnet
from road_seg.data.weather import to_bytes
from road_seg.data.weather import weather
from road_seg.histogram import histogram
from road_seg.labels import UNLABELLED


@dataclass(frozen=True)
class Augmentation:
    """
    How far training images are changed; every range is drawn from uniformly.

    :param scale: range of sizes relative to the network input, drawn log-uniformly.
    :param aspect: largest factor by which width is changed against height.
    :param rotation_deg: largest rotation either way, degrees.
    :param gamma: largest exponent (its inverse is the smallest) on intensities.
    :param contrast: largest relative change of contrast, and of brightness.
    :param saturation: largest relative change of colour saturation.
    :param tint: largest relative gain difference of the colour channels.
    :param shading: largest relative gain of a colour channel at one side of the image, as lenses
        and sensors shade colours away from their axis.
    :param blur_probability: share of images that are blurred.
    :param noise_probability: share of images that receive noise.
    :param weather_probability: share of images that receive an effect of `data.weather`.
    :param bonnet_probability: share of images that receive an own bonnet.
    :param focus_probability: share of crops that are put about a pixel of a truth id drawn evenly
        from those of the image, so that small things are seen more often.
    """

    scale: tuple[float, float] = (0.6, 1.5)
    aspect: float = 1.15
    rotation_deg: float = 4.0
    gamma: float = 1.6
    contrast: float = 0.3
    saturation: float = 0.5
    tint: float = 0.12
    shading: float = 0.0
    blur_probability: float = 0.15
    noise_probability: float = 0.2
    weather_probability: float = 0.0
    bonnet_probability: float = 0.0
    focus_probability: float = 0.0


def crop_transform(rng: np.random.Generator, config: Augmentation, source: tuple[int, int],
                   network: tuple[int, int], crop: tuple[int, int],
                   focus: np.ndarray | None = None) -> np.ndarray:
    """
    Draw the affine map from source pixels to the training crop.

    The image is stretched to the network input as at run time, then scaled, rotated and mirrored
    about its centre and cut; a crop stays inside the image where it fits.

    :param source: (height, width) of the image.
    :param network: (height, width) of the network input.
    :param crop: (height, width) of the training crop.
    :param focus: (x, y) of a pixel to have in the middle half of the crop, where the crop can
        stay inside the image; none: the crop lies anywhere.
    :return: (2, 3) float64 for cv2.warpAffine.
    """
    scale = np.exp(rng.uniform(*np.log(config.scale)))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(config.aspect) / 2)
    sx = scale * stretch * network[1] / source[1]
    sy = scale / stretch * network[0] / source[0]
    mirror = rng.choice((-1.0, 1.0))
    angle = np.deg2rad(rng.uniform(-config.rotation_deg, config.rotation_deg))
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array(((cos, -sin), (sin, cos))) @ np.diag((sx * mirror, sy))
    size, middle = np.array((crop[1], crop[0])), np.array((source[1], source[0])) / 2
    slack = np.maximum((np.array((sx * source[1], sy * source[0])) - size) / 2, 0)
    shift = rng.uniform(-1, 1, 2)
    if focus is None:
        shift = shift * slack
    else:
        shift = np.clip(linear @ (middle - focus) + shift * size / 4, -slack, slack)
    return np.column_stack((linear, size / 2 + shift - linear @ middle))


def focus_pixel(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray | None:
    """
    Return (x, y) of a random pixel of a truth id drawn evenly from those of the image.

    :param truth: (H, W) uint8 truth ids; none is returned where nothing is labelled.
    """
    present = np.flatnonzero(histogram(truth)[:UNLABELLED])
    if not present.size:
        return None
    places = np.flatnonzero(truth == rng.choice(present))
    row, column = divmod(places[rng.integers(places.size)], truth.shape[1])
    return np.array((column, row))


def photometric(rng: np.random.Generator, config: Augmentation, rgb: np.ndarray) -> np.ndarray:
    """
    Change exposure, colour, sharpness and noise of an image.

    :param rgb: (H, W, 3) uint8.
    :return: (H, W, 3) uint8.
    """
    x = np.arange(256, dtype=np.float32) / 255
    x = x ** np.exp(rng.uniform(-1, 1) * np.log(config.gamma))
    x = (x - 0.5) * (1 + config.contrast * rng.uniform(-1, 1)) + 0.5
    x = x * (1 + config.contrast * rng.uniform(-1, 1))
    gains = 1 + config.tint * rng.uniform(-1, 1, 3)
    table = np.clip(x[:, None] * gains * 255 + 0.5, 0, 255).astype(np.uint8)
    rgb = cv2.LUT(rgb, table.reshape(1, 256, 3))
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour = 1 + config.saturation * rng.uniform(-1, 1)
    rgb = cv2.addWeighted(rgb, colour, grey, 1 - colour, 0)
    if config.shading:
        rgb = _shade(rng, config.shading, rgb)
    if rng.random() < config.blur_probability:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.5, 1.8))
    if rng.random() < config.noise_probability:
        strength = np.float32(rng.uniform(2, 12))
        noise = strength * rng.standard_normal(rgb.shape, np.float32)
        rgb = to_bytes(rgb + noise)
    return rgb


def _shade(rng: np.random.Generator, strength: float, rgb: np.ndarray) -> np.ndarray:
    """Give each channel a gain that grows with the square from the middle to a random side."""
    height, width = rgb.shape[:2]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    across, down = np.cos(angle), np.sin(angle)
    x = np.linspace(-across, across, width, dtype=np.float32)
    y = np.linspace(-down, down, height, dtype=np.float32)
    share = np.maximum(x + y[:, None], 0.0) / np.float32(abs(across) + abs(down))
    square = share**2
    gains = np.float32(strength * rng.uniform(-1, 1, 3))
    return cv2.multiply(rgb, cv2.merge([1 + gain * square for gain in gains]), dtype=cv2.CV_8U)


def augment(rng: np.random.Generator, config: Augmentation, rgb: np.ndarray, truth: np.ndarray, *,
            network: tuple[int, int], crop: tuple[int, int],
            ego_id: int = UNLABELLED) -> tuple[np.ndarray, np.ndarray]:
    """
    Return one random training crop.

    :param rgb: (H, W, 3) uint8.
    :param truth: (H, W) uint8 truth ids.
    :param network: (height, width) of the network input.
    :param crop: (height, width) of the crop.
    :param ego_id: truth id of an own bonnet.
    :return: image (crop, 3) uint8 and truth (crop) uint8, unlabelled outside the source image.
    """
    if rng.random() < config.bonnet_probability:
        rgb, truth = rgb.copy(), truth.copy()
        bonnet(rng, rgb, truth, ego_id)
    focus = focus_pixel(rng, truth) if rng.random() < config.focus_probability else None
    transform = crop_transform(rng, config, truth.shape, network, crop, focus)
    size = (crop[1], crop[0])
    rgb = cv2.warpAffine(rgb, transform, size, flags=cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_CONSTANT)
    truth = cv2.warpAffine(truth, transform, size, flags=cv2.INTER_NEAREST,
                           borderMode=cv2.BORDER_CONSTANT, borderValue=UNLABELLED)
    rgb = photometric(rng, config, rgb)
    if rng.random() < config.weather_probability:
        rgb = weather(rng, rgb)
    return rgb, truth
