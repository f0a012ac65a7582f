// The player page: waits until the video can be played, plays it, remembers where it was, and takes in
// qualities that were finished meanwhile. The page's data is on [data-player] (templates/_player.html).
import { listenToKeys, toggle } from './player-keys.js';
import { followState } from './player-state.js';
import { Session, codecName, readLevels } from './player-session.js';
import { showStoryboard } from './player-storyboard.js';
import { callWhilePlaying } from './player-webhooks.js';
import { Texts } from './player-texts.js';
import { AudioTrackList, RenditionList } from './player-tracks.js';
import { recall, remember } from './storage.js';
import { clock } from './format.js';

const box = document.querySelector('[data-player]');
const video = box.querySelector('video');
const { uuid, master } = box.dataset;
const part = (name) => box.querySelector(`[data-${name}]`);
callWhilePlaying(video, uuid, JSON.parse(box.dataset.webhooks));

const loadStoryboard = showStoryboard(video, box.dataset.storyboard, part('seek'));

const PROBLEMS = {
  gone: ['This video is no longer here', 'It was deleted, or its files are missing.'],
  denied: ['Your access to this video has ended', 'Load the page again to continue.'],
  network: ['The server cannot be reached', 'Check the connection and try again.'],
  framed: ['This video plays on its own page', 'The browser does not let this site show it here.'],
  media: ['The browser could not play this video', 'Trying again may help; another browser may too.'],
};

const renditions = new RenditionList();
const audioTracks = new AudioTrackList();
// Before the controls are defined: they look for these lists once, when they meet the element.
Object.defineProperty(video, 'videoRenditions', { value: renditions });
Object.defineProperty(video, 'audioTracks', { value: audioTracks });
const controls = import('../vendor/media-chrome-4.19.4/media-chrome.js');

let loaded = []; // qualities of the master being played
let offered = []; // qualities of the newest master: what the menu shows
let wish = null; // the quality held by the person, null = automatic
let revision = null;
let started = false;

const texts = new Texts(video, master.replace(/\/stream\/.*$/, ''), part('texts'));

const session = new Session(video, {
  levels(levels) {
    loaded = levels;
    offer(levels);
  },
  audio(tracks, enabled) {
    audioTracks.set(tracks.map(({ name, lang }) => ({ name, lang })), enabled);
    texts.hear(tracks[enabled]?.lang);
  },
  failed,
});

// The box takes the picture's own shape, within reason: very tall pictures keep bars at their sides.
function shape(width, height) {
  if (!width || !height || box.classList.contains('is-fill')) return;
  box.style.aspectRatio = String(Math.min(2.4, Math.max(4 / 3, width / height)));
}
shape(Number(box.dataset.width), Number(box.dataset.height));
for (const type of ['loadedmetadata', 'resize']) {
  video.addEventListener(type, () => {
    shape(video.videoWidth, video.videoHeight);
    box.classList.toggle('is-sound', !video.videoWidth);
    box.querySelector('media-controller').setAttribute('autohide', video.videoWidth ? '2' : '-1');
  });
}

// Qualities.

const same = (a, b) => a && b && a.height === b.height && a.bitrate === b.bitrate;

function offer(levels) {
  offered = levels;
  let selected = wish ? levels.findIndex((level) => same(level, wish)) : -1;
  if (wish && selected < 0) selected = levels.findIndex((level) => level.height === wish.height);
  renditions.set(levels.map((level, i) => ({ id: String(i), ...level })), selected);
}

renditions.onselect = (index) => {
  wish = index < 0 ? null : offered[index];
  remember('polyreel-quality', wish ? wish.height : null);
  if ((wish && !loaded.some((level) => same(level, wish))) || !session.hold(wish)) reopen();
};
nameQualities(box.querySelector('media-rendition-menu'));

// A copy of the source in another codec says so: two of the same height would differ in nothing else.
function nameQualities(menu) {
  menu.formatRendition = ({ id, width, height, bitrate }) => {
    const name = `${Math.min(width, height)}p`;
    const codec = offered[id] ? codecName(offered[id]) : '';
    const isOneOfTwo = offered.some((other) => !codecName(other) && other.height === height && other.bitrate !== bitrate);
    return codec ? `${name} ${codec}` : isOneOfTwo ? `${name} (${(bitrate / 1e6).toFixed(1)} Mbps)` : name;
  };
}
audioTracks.onselect = (index) => {
  session.playAudio(index);
  texts.hear(audioTracks[index].language);
};

const stale = () => offered.length !== loaded.length || offered.some((level) => !loaded.some((other) => same(level, other)));

/** The new master enters the menu at once; the stream changes over when nobody can see it, or when it is asked for. */
async function refresh() {
  if (Session.drawsTexts) texts.refresh();
  const levels = await readLevels(master);
  if (!levels?.length) return;
  offer(levels);
  if (stale() && (video.paused || video.seeking || video.readyState < 3 || document.hidden)) reopen();
}
for (const type of ['pause', 'waiting', 'seeking']) {
  video.addEventListener(type, () => { if (started && stale() && !video.ended) reopen(); });
}

/** Loads the master anew at the same place. The last picture stays on screen until the new one is there. */
function reopen() {
  if (reopening) return;
  reopening = true;
  const playing = !video.paused;
  const rate = video.playbackRate;
  const still = freeze();
  const done = () => {
    reopening = false;
    still?.remove();
    video.playbackRate = rate;
  };
  video.addEventListener(playing ? 'playing' : 'seeked', done, { once: true });
  setTimeout(() => { if (still?.isConnected || reopening) done(); }, 8000);
  loaded = offered;
  session.open(master, { at: video.currentTime, wish });
  if (playing) video.play().catch(() => {});
}
let reopening = false;

function freeze() {
  if (!video.videoWidth || video.readyState < 2) return null;
  const still = document.createElement('canvas');
  still.className = 'p-still';
  still.width = video.videoWidth;
  still.height = video.videoHeight;
  still.getContext('2d').drawImage(video, 0, 0);
  still.setAttribute('noautohide', ''); // it is no control
  box.querySelector('media-controller').prepend(still);
  return still;
}

// Where it was: the key is the one other clients of this address use.

const place = `POSITION-${uuid}`;
let kept = 0;

video.addEventListener('timeupdate', () => {
  if (!started || reopening || Math.abs(video.currentTime - kept) < 3) return;
  kept = video.currentTime;
  const worthIt = kept > 10 && kept < video.duration - Math.max(10, video.duration * 0.03);
  remember(place, worthIt ? kept.toFixed(1) : null);
});
video.addEventListener('ratechange', () => { if (!reopening) remember('polyreel-speed', video.playbackRate === 1 ? null : video.playbackRate); });
video.addEventListener('ended', () => remember(place, null));

/** A short offer in the corner of the picture; gone after some seconds. */
function chip(text, label, act) {
  const node = part('chip');
  part('chip-text').textContent = text;
  const button = part('chip-do');
  button.textContent = label;
  button.onclick = () => { act(); node.hidden = true; };
  node.hidden = false;
  setTimeout(() => { node.hidden = true; }, 8000);
}

// Starting, waiting, failing.

function begin({ play, waited = false }) {
  started = true;
  part('wait').hidden = true;
  const at = Number(recall(place)) || -1;
  const height = Number(recall('polyreel-quality'));
  wish = height ? { height, bitrate: 0, codec: 'avc1' } : null;
  session.open(master, { at, wish });
  if (Session.drawsTexts) texts.refresh();
  video.playbackRate = Number(recall('polyreel-speed')) || 1;
  video.defaultPlaybackRate = video.playbackRate;
  if (at > 0) chip(`Continuing at ${clock(at * 1000)}`, 'Start over', () => { video.currentTime = 0; });
  big(true);
  if (play) start({ evenMuted: waited });
}

async function start({ evenMuted = false } = {}) {
  try {
    await video.play();
  } catch {
    // The browser wants a click before it makes sound. Whoever waited for this video sees it start without.
    if (!evenMuted) return big(true);
    video.muted = true;
    await video.play().then(() => chip('Playing without sound', 'Turn on', () => { video.muted = false; }), () => big(true));
  }
}

function big(show) {
  const button = part('big');
  button.hidden = !show || !video.paused || video.currentTime > 0.1 && video.played.length > 0;
}
part('big').addEventListener('click', () => toggle(video));
video.addEventListener('play', () => { part('big').hidden = true; });

function wait({ message, progress }) {
  part('wait-title').textContent = 'Getting this video ready';
  part('wait-text').textContent = message || 'It starts by itself in a moment.';
  const bar = part('wait-bar');
  bar.hidden = false;
  if (progress > 0) bar.value = progress;
  else bar.removeAttribute('value');
}

function problem(title, text, { retry = true } = {}) {
  part('wait').hidden = false;
  part('wait-title').textContent = title;
  part('wait-text').textContent = text;
  part('wait-bar').hidden = true;
  part('wait').dataset.bad = '';
  part('wait').querySelector('use').setAttribute('href', '#i-alert');
  part('retry').hidden = !retry;
}
part('retry').addEventListener('click', () => {
  const at = video.currentTime;
  if (!started || part('wait-title').textContent === PROBLEMS.denied[0]) return location.reload();
  part('wait').hidden = true;
  session.open(master, { at: at || -1, wish });
  start();
});

/** In another site's page without encryption the browser sends no cookie: trying again there would not help. */
function failed(kind) {
  if (kind !== 'denied' || window.top === window || video.played.length) return problem(...PROBLEMS[kind]);
  problem(...PROBLEMS.framed, { retry: false });
  const link = document.createElement('a');
  link.className = 'btn p-retry';
  link.href = `/v/${uuid}`;
  link.target = '_blank';
  link.rel = 'noopener';
  link.textContent = 'Watch it there';
  part('retry').after(link);
}

let noteTimer = 0;
function say(text) {
  const note = part('note');
  note.textContent = text;
  note.classList.add('is-on');
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => note.classList.remove('is-on'), 900);
}

// The page's owner added, replaced or removed subtitles.
addEventListener('polyreel-texts', () => { if (started && Session.drawsTexts) texts.refresh(); });

const playable = box.dataset.playable === 'true';
await controls.catch(() => { video.controls = true; });
listenToKeys(box, video, say);
if (playable) begin({ play: box.dataset.autoplay === 'true' });

followState({ uuid, statusUrl: box.dataset.status, playable }, (now) => {
  if (now.gone) { session.close(); problem(...PROBLEMS.gone, { retry: false }); return; }
  if (!started && now.playable) begin({ play: true, waited: true });
  else if (!started && now.failed) { box.dataset.state = 'failed'; problem('This video cannot be played', now.message || 'The file could not be read.', { retry: false }); }
  else if (!started) wait(now);
  else if (revision !== null && now.revision !== revision) { refresh(); loadStoryboard(); }
  revision = now.revision ?? revision;
});
