"""What was found beside the scores, in sentences for terminal and page."""

from collections.abc import Iterator
from pathlib import Path


def findings(summary: dict) -> Iterator[str]:
    """
    Yield what a second model, the vehicle's motion and the search for hard frames showed.

    :param summary: with the keys of Examination.summary.
    """
    if summary['agreement']:
        yield from _agreement(summary['agreement'])
    if summary['ego_consistency']:
        yield from _consistency(summary['ego_consistency'])
    if summary['capture']:
        yield _capture(summary['capture'])


def _agreement(agreement: dict) -> Iterator[str]:
    """Yield the agreement with the second model, over all pixels and by class."""
    shares = sorted(frame['share'] for frame in agreement['by_frame'])
    yield (f'agreement with {Path(agreement["model"]).stem}: {100 * agreement["share"]:.2f} % of '
           f'the pixels, {100 * shares[0]:.2f} % in the worst frame')
    yield 'IoU with its masks: ' + ', '.join(
        f'{name} {iou:.4f}' for name, iou in agreement['iou'].items() if iou is not None)


def _consistency(consistency: dict) -> Iterator[str]:
    """Yield how far grids agree with those half a second before."""
    if consistency['agreement'] is not None:
        agreement, blocked, freed = (100 * consistency[name] for name in (
            'agreement', 'free_then_blocked', 'blocked_then_free'))
        yield (f'grids half a second apart, moved with the vehicle: {agreement:.2f} % of the '
               f'cells agree, {blocked:.2f} % were free and are blocked, {freed:.2f} % the '
               'opposite')


def _capture(capture: dict) -> str:
    """Return how many frames were kept, and why."""
    reasons = ', '.join(f'{reason.replace("_", " ")} {count}'
                        for reason, count in capture['by_reason'].items() if count)
    return f'{capture["frames"]} hard frames kept' + (f': {reasons}' if reasons else '')
