// Moves the film by slider, arrow keys, the strip and the curves. The page is complete without it.
'use strict';
(() => {
  const film = document.querySelector('.film');
  if (!film) return;
  const frames = [...film.querySelectorAll('.strip li')];
  const strip = film.querySelector('.strip');
  const slider = film.querySelector('input');
  const play = film.querySelector('.play');
  const timeline = document.querySelector('.timeline');
  const points = timeline && JSON.parse(timeline.querySelector('script').textContent);
  const span = timeline && Number(timeline.dataset.span);
  const times = frames.map((frame) => Number(frame.dataset.t));
  let current = 0;
  let timer = 0;

  function nearest(values, wanted) {
    let best = 0;
    values.forEach((value, index) => {
      if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = index;
    });
    return best;
  }

  // Put the cursor of all curves at a time and write their values there.
  function point(t) {
    if (!timeline) return;
    const index = nearest(points.t, t);
    timeline.style.setProperty('--at', `${100 * points.t[index] / span}%`);
    timeline.querySelectorAll('[data-key]').forEach((row) => {
      const value = points[row.dataset.key][index];
      row.querySelector('output').textContent = value === null ? '-'
        : value.toFixed(Math.abs(value) >= 10 ? 1 : 2) + row.dataset.unit;
    });
  }

  function show(layer, uri) {
    if (!layer) return;
    layer.style.visibility = uri ? '' : 'hidden';
    if (uri) layer.setAttribute(layer.tagName === 'IMG' ? 'src' : 'href', uri);
  }

  function select(index) {
    current = Math.min(Math.max(index, 0), frames.length - 1);
    const frame = frames[current];
    const [photo, mask] = frame.querySelectorAll('img');
    const stage = film.querySelector('.stage');
    stage.querySelectorAll('.photo').forEach((image) => { image.src = photo.src; });
    stage.querySelector('img.photo').alt = `camera image, ${frame.dataset.name}`;
    show(stage.querySelector('.mask .layer'), mask.src);
    show(stage.querySelector('.errors .layer'), frame.dataset.errors);
    show(stage.querySelector('svg.grid image'), frame.dataset.cells);
    film.querySelector('.now').textContent = frame.dataset.name;
    slider.value = current;
    slider.setAttribute('aria-valuetext', frame.dataset.name);
    frames.forEach((each) => each.removeAttribute('aria-current'));
    frame.setAttribute('aria-current', 'true');
    strip.scrollLeft = frame.offsetLeft - strip.offsetLeft
      - (strip.clientWidth - frame.clientWidth) / 2;
    point(times[current]);
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = 'Play';
  }

  function start() {
    if (current === frames.length - 1) select(0);
    play.textContent = 'Pause';
    timer = setInterval(() => {
      select(current + 1);
      if (current === frames.length - 1) stop();
    }, 150);
  }

  play.addEventListener('click', () => (timer ? stop() : start()));
  slider.addEventListener('input', () => { stop(); select(Number(slider.value)); });
  strip.addEventListener('click', (event) => {
    const index = frames.indexOf(event.target.closest('li'));
    if (index >= 0) { stop(); select(index); }
  });
  document.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || ![document.body, strip].includes(event.target) || event.altKey || event.ctrlKey
        || event.metaKey) return;
    event.preventDefault();
    stop();
    select(current + step);
  });
  document.querySelectorAll('.timeline .chart').forEach((chart) => {
    const at = (event) => {
      const box = chart.getBoundingClientRect();
      return span * Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    };
    const go = (event) => { stop(); select(nearest(times, at(event))); point(at(event)); };
    chart.addEventListener('pointerdown', go);
    chart.addEventListener('pointermove', (event) => {
      if (event.buttons) go(event); else point(at(event));
    });
    chart.addEventListener('pointerleave', () => point(times[current]));
  });
  film.querySelectorAll('.player').forEach((part) => { part.hidden = frames.length < 2; });
  select(0);
})();
