"""The public sample clip: from the cache, the network or the data folder, else a drawn one."""

from dataclasses import dataclass
from dataclasses import replace
import hashlib
import http.client
import math
import os
from pathlib import Path
import time
import urllib.request

from road_seg.bags.sources import Source
from road_seg.bags.sources import video
from road_seg.bags.sources import world
from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.errors import InputError
from road_seg.files import atomic_write
from road_seg.resources import config_dir
from road_seg.resources import data_dir

_FALLBACK_SCENE, _FALLBACK_FRAMES = 'curve', 40
_CONNECT_TIMEOUT_S = 5.0
_DOWNLOAD_TIMEOUT_S = 60.0
_BLOCK = 1 << 16


@dataclass(frozen=True)
class PublicClip:
    """
    A video anyone may use, known by its content.

    :param url: where it can be downloaded.
    :param sha256: hexadecimal digest of the file.
    :param size: bytes of the file.
    :param local: its path below the data folder.
    :param calibration: its calibration below the folder of configuration files.
    :param extrinsics: where its camera was mounted.
    :param credit: who made it and under which licence.
    """

    url: str
    sha256: str
    size: int
    local: str
    calibration: str
    extrinsics: Extrinsics
    credit: str


UDACITY = PublicClip(
    url='https://raw.githubusercontent.com/udacity/CarND-Vehicle-Detection/'
        '66d678b186f4e70bbb283b52e1ae36d4187f2ff9/test_video.mp4',
    sha256='6d809d2bc58d837b2a7c53e6da5c75f4476dac64370c0adc245107b592853aa8',
    size=801181,
    local='udacity_seq/project_clip0_38f.mp4',
    calibration='cameras/udacity_carnd.yaml',
    # Not published. Estimated from a frame: with this pitch the lane lines are parallel on the
    # ground, and at this height they are 3.7 m apart, the width of a US interstate lane.
    extrinsics=Extrinsics(x=1.5, y=0.0, z=1.25, pitch=math.radians(-1.5)),
    credit='Udacity CarND-Vehicle-Detection test_video.mp4, MIT licence')


def sample_clip(clip: PublicClip = UDACITY) -> tuple[Source, list[str]]:
    """
    Return the first of these that there is, and a line on each step taken.

    The cached file, a download (kept in the cache), the file in the data folder, a clip drawn
    here.
    """
    cached = cache_dir() / f'{clip.sha256[:16]}.mp4'
    if _is(clip, cached):
        return _known(clip, cached), [f'sample clip from the cache: {cached}']
    try:
        _download(clip, cached)
        return _known(clip, cached), [f'sample clip downloaded from {clip.url}']
    except (InputError, OSError, http.client.HTTPException) as error:
        notes = [f'sample clip not downloaded: {error}']
    local = data_dir() / clip.local
    if _is(clip, local):
        return _known(clip, local), [*notes, f'sample clip from the data folder: {local}']
    notes.append(f'sample clip not in the data folder: {local} (set ROAD_SEG_DATA)')
    notes.append('using a small clip drawn by this program instead: not a real road')
    return world(_FALLBACK_SCENE, _FALLBACK_FRAMES), notes


def cache_dir() -> Path:
    """Return this user's cache folder: $XDG_CACHE_HOME/road_seg, else ~/.cache/road_seg."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'road_seg'


def _known(clip: PublicClip, path: Path) -> Source:
    return replace(video(path), description=f'{path} ({clip.credit})',
                   camera_info=CameraInfo.load(config_dir() / clip.calibration),
                   extrinsics=clip.extrinsics)


def _is(clip: PublicClip, path: Path) -> bool:
    if not path.is_file() or path.stat().st_size != clip.size:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == clip.sha256


def _download(clip: PublicClip, target: Path) -> None:
    with urllib.request.urlopen(clip.url, timeout=_CONNECT_TIMEOUT_S) as response:
        deadline = time.monotonic() + _DOWNLOAD_TIMEOUT_S
        content = bytearray()
        while block := response.read(min(_BLOCK, clip.size + 1 - len(content))):
            content += block
            if time.monotonic() > deadline:
                raise InputError(clip.url, found=f'{len(content)} bytes in '
                                 f'{_DOWNLOAD_TIMEOUT_S:.0f} s', expected=f'{clip.size}',
                                 fix='try again with a better connection')
    digest = hashlib.sha256(content).hexdigest()
    if digest != clip.sha256:
        raise InputError(clip.url, found=f'{len(content)} bytes with SHA-256 {digest[:16]}...',
                         expected=f'{clip.sha256[:16]}...', fix='the file was changed there')
    with atomic_write(target) as temporary:
        temporary.write_bytes(content)
