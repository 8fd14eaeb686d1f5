"""Whether a backend answers as ONNX Runtime does, on pictures that are drawn for it."""

from collections.abc import Callable
from collections.abc import Iterator

import cv2
import numpy as np

from road_seg.backends.base import Prediction
from road_seg.backends.model_file import ModelFile
from road_seg.backends.onnxruntime_backend import OnnxRuntimeBackend
from road_seg.errors import BackendError
from road_seg.world.drive import drive

SCENES = ('straight', 'junction', 'rural', 'night')


def reference_frames(height: int, width: int) -> Iterator[np.ndarray]:
    """Yield (height, width, 3) uint8 RGB pictures of the drawn world, the same at any time."""
    for scene in SCENES:
        for frame in drive(scene, 1):
            yield cv2.resize(frame.rgb, (width, height), interpolation=cv2.INTER_AREA)


def check_parity(infer: Callable[[np.ndarray], Prediction], model: ModelFile,
                 smallest: float) -> float:
    """
    Return the share of pixels, over the reference frames, that get the class they should.

    :param infer: gives the answer to an image.
    :param model: the model it runs; the reference is ONNX Runtime with the same file.
    :param smallest: share that is enough.
    :raises BackendError: it is less.
    """
    agree = []
    with OnnxRuntimeBackend(model) as reference:
        for image in reference_frames(model.height, model.width):
            expected = reference.infer(image).classes
            agree.append(float(np.mean(infer(image).classes == expected)))
    share = sum(agree) / len(agree)
    if share < smallest:
        raise BackendError('parity with ONNX Runtime',
                           found=f'{share:.3%} of the reference pixels with the same class',
                           expected=f'{smallest:.1%} or more',
                           fix='compile with another precision or choose another backend')
    return share
