// Fills the parts of a card (library) or of the video page from card data; the shapes are in _macros.html.
import { age, bytes, clock } from './format.js';

const BUSY = new Set(['received', 'processing', 'playable']);
const part = (root, name) => root.querySelector(`[data-part="${name}"]`);

function text(node, value) {
  if (node && node.textContent !== value) node.textContent = value;
}

export function setProgress(bar, value) {
  if (!bar) return;
  if (value > 0) bar.value = value;
  else bar.removeAttribute('value'); // unknown: the moving stripe
}

export function fillCommon(root, card) {
  const badge = part(root, 'badge');
  badge.dataset.state = card.state;
  text(badge, card.state_text);
  text(part(root, 'name'), card.name);
  text(part(root, 'message'), card.message ?? '');
  const time = part(root, 'time');
  time.hidden = !card.duration_ms;
  if (card.duration_ms) text(time, clock(card.duration_ms));
  const when = part(root, 'age');
  when.dateTime = card.created ?? '';
  if (card.created) text(when, age(card.created));
}

export function fillCard(item, card) {
  item.dataset.card = card.uuid;
  item.dataset.state = card.state;
  item.dataset.mine = String(Boolean(card.mine));
  item.dataset.visibility = card.visibility;
  fillCommon(item, card);
  part(item, 'badge').hidden = card.state === 'ready';
  part(item, 'sight').hidden = card.visibility !== 'private';
  part(item, 'message').hidden = !card.message || (card.state !== 'failed' && card.state !== 'damaged');
  for (const name of ['link', 'name']) part(item, name).href = card.url;
  part(item, 'link').setAttribute('aria-label', card.duration_ms ? `${card.name}, ${clock(card.duration_ms)}` : card.name);
  item.querySelector('[data-card-menu]').setAttribute('aria-label', `More about ${card.name}`);
  const poster = part(item, 'poster');
  if (card.poster_url && poster.getAttribute('src') !== card.poster_url) poster.src = card.poster_url;
  poster.hidden = !card.poster_url;
  const bar = part(item, 'progress');
  bar.hidden = !BUSY.has(card.state);
  setProgress(bar, card.progress);
}

export function makeCard(card) {
  const item = document.getElementById('card-template').content.firstElementChild.cloneNode(true);
  fillCard(item, card);
  return item;
}

const RUNG_WORDS = { ready: 'Ready', waiting: 'Waiting', failed: 'Failed' };

/** The list of qualities on the video page; rows are kept so that their bars move smoothly. */
export function fillRungs(list, renditions) {
  while (list.children.length > renditions.length) list.lastElementChild.remove();
  renditions.forEach((rendition, i) => {
    let row = list.children[i];
    if (!row) {
      row = document.createElement('li');
      row.className = 'rung';
      const name = document.createElement('b');
      const bar = document.createElement('progress');
      const word = document.createElement('span');
      bar.max = 1;
      name.className = word.className = 'num';
      row.append(name, bar, word);
      list.append(row);
    }
    const [name, bar, word] = row.children;
    row.dataset.state = rendition.state;
    text(name, rendition.name);
    bar.value = rendition.state === 'ready' ? 1 : rendition.progress ?? 0;
    bar.setAttribute('aria-label', rendition.name);
    text(word, RUNG_WORDS[rendition.state] ?? `${Math.floor((rendition.progress ?? 0) * 100)} %`);
  });
}

export function fillFacts(root, card) {
  const row = (name, value) => {
    part(root, `${name}-row`).hidden = !value;
    if (value) text(part(root, name), value);
  };
  row('resolution', card.height ? `${card.width} × ${card.height}` : '');
  row('size', card.size_bytes ? bytes(card.size_bytes) : '');
}

/** Keeps "3 minutes ago" true. */
export function keepAges() {
  setInterval(() => {
    for (const node of document.querySelectorAll('time[data-part="age"]')) {
      if (node.dateTime) text(node, age(node.dateTime));
    }
  }, 30000);
}
