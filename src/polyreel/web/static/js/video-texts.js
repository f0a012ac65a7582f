// The owner's list of a video's subtitles: what there is and why some cannot be shown; add, replace, remove.
import { goToLogin, request, sentenceFor } from './api.js';
import { ask, icon, toast } from './dialogs.js';
import { listen } from './live.js';

const { video: uuid } = document.querySelector('[data-video]').dataset;
const section = document.querySelector('[data-subtitles]');
const list = section.querySelector('[data-tracks]');
const address = `/video/${uuid}/subtitles`;
let shown = '';

async function refresh() {
  const tracks = await request('GET', address).catch(() => null);
  const now = JSON.stringify(tracks);
  if (!tracks || now === shown) return;
  shown = now;
  section.querySelector('[data-none]').hidden = tracks.length > 0;
  list.hidden = tracks.length === 0;
  list.replaceChildren(...tracks.map(row));
}

function row(track) {
  const item = document.createElement('li');
  item.className = 'owned-track';
  const text = document.createElement('div');
  const name = document.createElement('b');
  name.textContent = track.title;
  const facts = document.createElement('span');
  facts.className = 'muted';
  facts.textContent = [track.language, track.styled ? 'Styled' : '', track.brought ? 'Added' : 'In the file'].filter(Boolean).join(' · ');
  text.append(name, facts);
  if (track.message) {
    const why = document.createElement('p');
    why.className = 'owned-bad';
    why.textContent = track.message;
    text.append(why);
  }
  item.append(text);
  if (track.state !== 'ready') {
    const badge = document.createElement('span');
    badge.className = 'badge';
    badge.dataset.state = track.state === 'failed' ? 'failed' : 'processing';
    badge.textContent = track.state_text;
    item.append(badge);
  }
  if (track.brought) item.append(button('retry', `Replace ${track.title}`, () => bring(track)), button('trash', `Remove ${track.title}`, () => remove(track)));
  return item;
}

function button(name, label, act) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = 'btn btn-quiet btn-icon';
  made.title = label;
  made.setAttribute('aria-label', label);
  made.append(icon(name));
  made.addEventListener('click', act);
  return made;
}

async function changed(text) {
  toast(text);
  dispatchEvent(new Event('polyreel-texts'));
  await refresh();
  section.querySelector('[data-add-subtitle]').focus();
}

async function bring(track = null) {
  const dialog = document.getElementById('send-subtitle');
  dialog.querySelector('form').reset();
  dialog.querySelector('[data-title]').textContent = track ? `Replace “${track.title}”` : 'Add subtitles';
  dialog.querySelector('[data-label]').hidden = Boolean(track);
  dialog.querySelector('[type="submit"]').textContent = track ? 'Replace' : 'Add';
  const bar = dialog.querySelector('[data-sent]');
  let sending = null;
  dialog.addEventListener('close', () => { sending?.abort(); bar.hidden = true; }, { once: true });
  const done = await ask(dialog, (data) => {
    const body = new FormData();
    if (track) body.append('replaces', track.id);
    else for (const field of ['language', 'title']) body.append(field, data.get(field));
    body.append('file', data.get('file'));
    bar.hidden = false;
    return send(body, bar, (xhr) => { sending = xhr; }).finally(() => { bar.hidden = true; });
  });
  if (done) await changed(track ? 'Subtitles replaced' : 'Subtitles added');
}

/** Sends a form and shows how much of it is there; the fields' own sentences come before the general one. */
function send(body, bar, begun) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', address);
    xhr.setRequestHeader('Accept', 'application/json');
    xhr.responseType = 'json';
    xhr.upload.onprogress = ({ loaded, total }) => { bar.value = loaded / total; };
    xhr.upload.onload = () => bar.removeAttribute('value');
    xhr.onload = () => {
      if (xhr.status === 401) return goToLogin();
      if (xhr.status < 300) return resolve(xhr.response);
      const told = Object.values(xhr.response?.errors ?? {}).flat().join(' ');
      return reject(new Error(told || sentenceFor(xhr.status, xhr.response)));
    };
    xhr.onerror = () => reject(new Error(sentenceFor(0)));
    xhr.onabort = () => reject(new Error(''));
    xhr.send(body);
    begun(xhr);
  });
}

async function remove(track) {
  const dialog = document.getElementById('remove-subtitle');
  dialog.querySelector('[data-name]').textContent = track.title;
  const done = await ask(dialog, () => request('DELETE', `${address}/${track.id}`).then(() => true));
  if (done) await changed('Subtitles removed');
}

section.querySelector('[data-add-subtitle]').addEventListener('click', () => bring());
listen({ video: (card) => { if (card.uuid === uuid) refresh(); }, back: refresh });
refresh();
