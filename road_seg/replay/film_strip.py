"""A film as HTML: a stage of pictures side by side, a slider, and a strip of all frames."""

from road_seg.replay.film import Film
from road_seg.replay.film import FILM_BYTES
from road_seg.replay.film import FILM_FRAMES
from road_seg.replay.film import FilmFrame


def film_strip(film: Film, seconds: dict[int, float], frame_count: int,
               legend: str) -> str:
    """
    Return the film; the script of the page moves it, without it the strip can be scrolled.

    :param film: the frames.
    :param seconds: number of each frame in the drive -> time since the first [s].
    :param frame_count: frames of the drive.
    :param legend: HTML of what the colours mean.
    """
    first = film.frames[0]
    items = ''.join(_item(frame, seconds[frame.number]) for frame in film.frames)
    count = len(film.frames)
    shown = f'All frames: {count}.' if count == frame_count else (
        f'{count} of {frame_count} frames, evenly spread: at most {FILM_FRAMES} and '
        f'{FILM_BYTES / 1e6:g} MB are kept.')
    return (
        f'<div class="card film"><div class="stage" style="--aspect:{film.aspect:.4f}">'
        f'{_stage(film, first)}</div>'
        '<div class="player" hidden><button type="button" class="play">Play</button>'
        f'<input type="range" min="0" max="{count - 1}" value="0" step="1" aria-label="frame">'
        f'</div><p class="now" aria-live="off">{_name(first, seconds[first.number])}</p>'
        f'<ol class="strip" aria-label="frames" tabindex="0">{items}</ol>{legend}'
        f'<p class="quiet">{shown} <span class="player" hidden>Arrow keys step through them; a '
        'click into a curve below goes to that time.</span></p></div>')


def _stage(film: Film, first: FilmFrame) -> str:
    name = f'frame {first.number}'
    panes = [('image', f'<img class="photo" src="{first.photo}" alt="camera image, {name}">'),
             ('overlay', _stack(first.photo, 'mask', first.mask, f'classes over {name}'))]
    errors = next((frame.errors for frame in film.frames if frame.errors), None)
    if errors:
        panes.append(('errors', _stack(first.photo, 'errors', first.errors or errors,
                                       f'wrong pixels of {name}')))
    if film.view:
        panes.append(('grid', film.view))
    return ''.join(f'<figure><figcaption>{caption}</figcaption>{picture}</figure>'
                   for caption, picture in panes)


def _stack(photo: str, kind: str, layer: str, alt: str) -> str:
    return (f'<div class="stack {kind}"><img class="photo" src="{photo}" alt="{alt}">'
            f'<img class="layer" src="{layer}" alt=""></div>')


def _item(frame: FilmFrame, at_s: float) -> str:
    layers = ''.join(f' data-{name}="{uri}"' for name, uri in (
        ('errors', frame.errors), ('cells', frame.cells)) if uri)
    name = _name(frame, at_s)
    return (f'<li data-t="{at_s:.3f}" data-name="{name}"{layers}><div class="stack mask">'
            f'<img class="photo" src="{frame.photo}" alt="{name}" loading="lazy">'
            f'<img class="layer" src="{frame.mask}" alt="" loading="lazy"></div>'
            f'<span>{at_s:.1f} s</span></li>')


def _name(frame: FilmFrame, at_s: float) -> str:
    return f'Frame {frame.number}, {at_s:.2f} s'
