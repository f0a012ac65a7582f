// Uploads: two at a time, each with progress, speed, time left, cancel and retry, shown in the tray.
import { goToLogin, sentenceFor } from './api.js';
import { bytes, timeLeft } from './format.js';
import { listen } from './live.js';

const AT_ONCE = 2;
const tray = document.querySelector('[data-tray]');
const list = document.querySelector('[data-tray-list]');
const template = document.getElementById('upload-template');
const uploads = [];
let onDone = () => {};

export function watchUploads({ done }) { onDone = done; }

export function acceptFiles(files, { folder, maxBytes }) {
  for (const file of files) {
    const upload = new Upload(file, folder);
    uploads.push(upload);
    if (file.size === 0) upload.fail('This file is empty.', false);
    else if (file.size > maxBytes) upload.fail(`This file is larger than the ${bytes(maxBytes)} this server accepts.`, false);
  }
  if (files.length) { tray.hidden = false; fold(false); }
  pump();
}

function pump() {
  const running = uploads.filter((upload) => upload.state === 'running' || upload.state === 'finishing').length;
  uploads.filter((upload) => upload.state === 'waiting').slice(0, AT_ONCE - running).forEach((upload) => upload.start());
  headline();
}

/** Bytes per second over the last seconds: steady enough to read, quick enough to be true. */
class Speed {
  samples = [];
  add(loaded) {
    const now = performance.now();
    this.samples.push([now, loaded]);
    while (this.samples.length > 2 && now - this.samples[0][0] > 4000) this.samples.shift();
  }
  get value() {
    const [first] = this.samples, last = this.samples.at(-1);
    const ms = last ? last[0] - first[0] : 0;
    return ms > 250 ? ((last[1] - first[1]) * 1000) / ms : 0;
  }
}

class Upload {
  state = 'waiting';
  loaded = 0;
  drawn = 0;

  constructor(file, folder) {
    this.file = file;
    this.folder = folder;
    this.row = template.content.firstElementChild.cloneNode(true);
    this.part('name').textContent = file.name;
    this.row.querySelector('[data-do="cancel"]').addEventListener('click', () => this.cancel());
    this.row.querySelector('[data-do="retry"]').addEventListener('click', () => this.again());
    this.say(`Waiting · ${bytes(file.size)}`);
    list.append(this.row);
  }

  part(name) { return this.row.querySelector(`[data-part="${name}"]`); }
  say(text) { const node = this.part('text'); if (node.textContent !== text) node.textContent = text; }

  enter(state) {
    this.state = state;
    this.row.dataset.state = state;
    this.row.querySelector('[data-do="cancel"]').hidden = state === 'done';
    this.part('done').hidden = state !== 'done';
    this.part('bar').classList.toggle('is-failed', state === 'failed');
    if (state !== 'running') this.part('percent').textContent = '';
  }

  start() {
    this.enter('running');
    this.loaded = 0;
    this.speed = new Speed();
    this.speed.add(0);
    this.say('Starting');
    const body = new FormData();
    body.append('folder', this.folder); // fields before the file: the server decides before the bytes come
    body.append('video', this.file, this.file.name);
    const xhr = (this.xhr = new XMLHttpRequest());
    xhr.open('POST', '/upload');
    xhr.setRequestHeader('Accept', 'application/json');
    xhr.responseType = 'json';
    xhr.upload.onprogress = (event) => this.progress(event);
    xhr.upload.onload = () => this.finishing();
    xhr.onload = () => this.answered();
    xhr.onerror = () => this.fail(sentenceFor(0), true);
    xhr.send(body);
  }

  progress({ loaded, total }) {
    this.loaded = Math.min(this.file.size, loaded * (this.file.size / total));
    this.speed.add(loaded);
    const now = performance.now();
    if (now - this.drawn < 200 && loaded < total) return;
    this.drawn = now;
    this.part('bar').value = loaded / total;
    this.part('percent').textContent = `${Math.floor((loaded / total) * 100)} %`;
    const rate = this.speed.value;
    this.say(rate ? `${(rate / 1e6).toFixed(1)} MB/s · ${timeLeft((total - loaded) / rate)}` : bytes(this.file.size));
    headline();
  }

  finishing() {
    if (this.state !== 'running') return;
    this.loaded = this.file.size;
    this.enter('finishing');
    this.part('bar').removeAttribute('value');
    this.say('Finishing');
    headline();
  }

  answered() {
    const { status, response } = this.xhr;
    if (status === 401) return goToLogin();
    if (status < 200 || status > 299) return this.fail(sentenceFor(status, response), status === 429 || status >= 500);
    this.enter('done');
    this.uuid = response.uuid;
    this.part('bar').hidden = true;
    const link = this.part('link');
    link.href = response.url;
    link.hidden = false;
    link.setAttribute('aria-label', `Watch ${this.file.name}`);
    this.follow(response);
    onDone(response);
    pump();
    announce(true);
  }

  /** After the last byte: the video's own state, until it can be watched. */
  follow(card) {
    this.say(card.playable ? `Uploaded · ${bytes(this.file.size)}` : card.state === 'failed' ? card.message || 'Cannot be played' : card.state_text);
    if (card.state !== 'failed') return;
    this.row.dataset.state = 'failed';
    this.part('done').hidden = true;
    this.part('link').textContent = 'Details';
    this.part('link').setAttribute('aria-label', `Details of ${this.file.name}`);
  }

  fail(sentence, mayRetry) {
    this.enter('failed');
    this.part('bar').value = 1;
    this.row.querySelector('[data-do="retry"]').hidden = !mayRetry;
    this.say(sentence);
    pump();
    announce(true);
  }

  again() {
    this.row.querySelector('[data-do="retry"]').hidden = true;
    this.enter('waiting');
    this.part('bar').value = 0;
    this.say('Waiting');
    pump();
  }

  cancel() {
    const next = this.row.nextElementSibling ?? this.row.previousElementSibling;
    this.state = 'cancelled';
    this.xhr?.abort();
    uploads.splice(uploads.indexOf(this), 1);
    this.row.remove();
    if (!uploads.length) tray.hidden = true;
    (next?.querySelector('button:not([hidden])') ?? document.querySelector('[data-pick-files]'))?.focus();
    pump();
  }
}

const active = () => uploads.filter((upload) => ['waiting', 'running', 'finishing'].includes(upload.state));

function headline() {
  const busy = active();
  const total = busy.reduce((sum, upload) => sum + upload.file.size, 0);
  const loaded = busy.reduce((sum, upload) => sum + upload.loaded, 0);
  const failed = uploads.filter((upload) => upload.state === 'failed').length;
  const title = tray.querySelector('[data-tray-title]');
  let text;
  if (busy.length) text = `Uploading ${busy.length} ${busy.length === 1 ? 'file' : 'files'} · ${Math.floor((loaded / total) * 100)} %`;
  else if (failed) text = failed === uploads.length ? 'Upload failed' : `${uploads.length - failed} uploaded, ${failed} failed`;
  else text = uploads.length === 1 ? 'Uploaded' : `${uploads.length} files uploaded`;
  if (title.textContent !== text) title.textContent = text;
  tray.querySelector('[data-tray-close]').hidden = busy.length > 0;
  announce(false);
}

let spoken = 0;
/** For screen readers: at once when something ended, otherwise every ten seconds. */
function announce(now) {
  if (!now && performance.now() - spoken < 10000) return;
  spoken = performance.now();
  tray.querySelector('[data-tray-live]').textContent = tray.querySelector('[data-tray-title]').textContent;
}

function fold(folded) {
  tray.classList.toggle('is-folded', folded);
  const button = tray.querySelector('[data-tray-fold]');
  button.setAttribute('aria-expanded', String(!folded));
  button.setAttribute('aria-label', folded ? 'Unfold the list of uploads' : 'Fold the list of uploads');
}

if (tray) {
  tray.querySelector('[data-tray-fold]').addEventListener('click', () => fold(!tray.classList.contains('is-folded')));
  tray.querySelector('[data-tray-close]').addEventListener('click', () => {
    tray.hidden = true;
    uploads.length = 0;
    list.replaceChildren();
  });
  listen({ video: (card) => uploads.find((upload) => upload.uuid === card.uuid)?.follow(card) });
  addEventListener('beforeunload', (event) => { if (active().length) event.preventDefault(); });
}
