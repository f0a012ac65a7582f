// Keyboard of the player. Keys work wherever the focus is on the page, except in fields, menus and dialogs.

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

/** `say(text)` shows a short note over the picture. */
export function listenToKeys(box, video, say) {
  const controller = box.querySelector('media-controller');
  const help = box.querySelector('[data-keys]');
  const seek = (seconds) => {
    video.currentTime = Math.min(Math.max(0, video.currentTime + seconds), video.duration || 0);
    say(`${seconds > 0 ? '+' : '−'}${Math.abs(seconds)} s`);
  };
  const volume = (step) => {
    video.volume = Math.min(1, Math.max(0, Math.round((video.volume + step) * 20) / 20));
    video.muted = video.volume === 0;
    say(`Volume ${Math.round(video.volume * 100)} %`);
  };
  const speed = (step) => {
    const nearest = SPEEDS.reduce((best, rate, i) => (Math.abs(rate - video.playbackRate) < Math.abs(SPEEDS[best] - video.playbackRate) ? i : best), 0);
    video.playbackRate = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, nearest + step))];
    say(`Speed ${video.playbackRate}×`);
  };
  const press = (selector) => controller.querySelector(selector)?.click();
  const actions = {
    ' ': () => toggle(video), k: () => toggle(video),
    ArrowLeft: () => seek(-5), ArrowRight: () => seek(5), j: () => seek(-10), l: () => seek(10),
    ArrowUp: () => volume(0.05), ArrowDown: () => volume(-0.05),
    m: () => { video.muted = !video.muted; say(video.muted ? 'Sound off' : 'Sound on'); },
    // The button learns a moment late that the screen is full, and would fill it again.
    f: () => (document.fullscreenElement ? document.exitFullscreen() : press('media-fullscreen-button')),
    p: () => press('media-pip-button'),
    c: () => press('media-captions-button'),
    '<': () => speed(-1), '>': () => speed(1),
    ',': () => frame(video, -1), '.': () => frame(video, 1),
    Home: () => { video.currentTime = 0; }, End: () => { video.currentTime = video.duration || 0; },
    '?': () => help.showModal(),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || taken(event, box)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^\d$/.test(key) && video.duration) {
      video.currentTime = (video.duration * Number(key)) / 10;
      say(`${key}0 %`);
    } else if (actions[key]) actions[key]();
    else return;
    event.preventDefault();
    controller.dispatchEvent(new PointerEvent('pointermove', { bubbles: true })); // wakes the controls
  });
  box.querySelector('[data-help]').addEventListener('click', () => help.showModal());
}

export function toggle(video) {
  if (video.paused || video.ended) video.play().catch(() => {});
  else video.pause();
}

function frame(video, direction) {
  if (video.paused) video.currentTime = Math.max(0, video.currentTime + direction / 25);
}

/** Whether the focused thing needs this key itself. */
function taken(event, box) {
  const at = event.composedPath()[0];
  if (!(at instanceof Element)) return false;
  if (document.querySelector('dialog[open], [popover]:popover-open:not(.toasts)')) return true;
  if (at.closest('input:not([type="range"]), textarea, select, [contenteditable]')) return true;
  const path = event.composedPath();
  if (path.some((node) => node.localName?.startsWith('media-') && node.localName.includes('menu'))) return true;
  const arrows = event.key.startsWith('Arrow');
  const inside = path.includes(box);
  if (arrows || event.key === 'Home' || event.key === 'End') {
    // Outside the player the page scrolls by these; a focused volume slider moves by them.
    return (!inside && at !== document.body && at.localName !== 'main') || path.some((node) => node.localName === 'media-volume-range');
  }
  return event.key === ' ' && path.some((node) => node.localName === 'button' || node.localName === 'a' || node.localName?.endsWith('-button'));
}
