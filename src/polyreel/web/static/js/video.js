// The signed-in page of one video: its facts as they change, and what its owner may do.
import { request } from './api.js';
import { fillCommon, fillFacts, fillRungs, keepAges } from './cards.js';
import { askDelete, askRename, askRetry, copyText, toast } from './dialogs.js';
import { listen, start } from './live.js';

const page = document.querySelector('[data-video]');
const { video: uuid, embed, share, size } = page.dataset;
const part = (name) => page.querySelector(`[data-part="${name}"]`);
const name = () => part('name').textContent;
const address = () => new URL(share || embed, location.href).href;

function fill(card) {
  fillCommon(page, card);
  fillFacts(page, card);
  fillRungs(part('rungs'), card.renditions ?? []);
  part('qualities').hidden = !card.renditions?.length;
  fillDownloads(card.renditions ?? []);
  part('callout').hidden = card.state !== 'damaged'; // a failure is told in the player's place
  if (part('retry')) part('retry').hidden = card.state !== 'damaged' && card.state !== 'failed';
  document.title = document.title.replace(/^.*(?= · )/, () => card.name);
  const select = page.querySelector('[data-visibility]');
  if (select && document.activeElement !== select) select.value = card.visibility;
}

// What became whole while the page was open can be had; its size is told when the page is loaded again.
function fillDownloads(renditions) {
  const ready = new Set(renditions.filter((one) => one.state === 'ready').map((one) => one.name));
  for (const row of document.querySelectorAll('[data-download]')) row.hidden = !ready.has(row.dataset.download);
  if (part('download')) part('download').hidden = !ready.size;
}

const look = () => request('GET', `/video/${uuid}/state`).then(fill).catch(() => {});
listen({ video: (card) => { if (card.uuid === uuid) fill(card); }, back: look, open: look });
start();
keepAges();

function embedCode() {
  const [width, height] = size.split('x');
  const title = name().replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');
  return `<iframe src="${address()}" title="${title}" width="${width}" height="${height}" frameborder="0" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
}

const actions = {
  copy: () => copyText(address(), 'Link copied'),
  embed: () => copyText(embedCode(), 'Embed code copied'),
  async rename() {
    const card = await askRename(uuid, name());
    if (card) fill(card);
  },
  async retry() {
    if (await askRetry(uuid, name())) location.reload();
  },
  async delete() {
    if (await askDelete(uuid, name())) location.assign(page.querySelector('.crumbs li:last-child a')?.href ?? document.documentElement.dataset.home);
  },
};

page.addEventListener('click', (event) => {
  const what = event.target.closest('[data-do]')?.dataset.do;
  if (what) actions[what]?.();
});

const WORDS = { private: 'Now private', unlisted: 'Anyone with the link can watch now', public: 'Now public' };
const select = page.querySelector('[data-visibility]');
let before = select?.value;
select?.addEventListener('change', async () => {
  try {
    await request('PATCH', `/video/${uuid}`, { visibility: select.value });
    before = select.value;
    toast(WORDS[before]);
  } catch (problem) {
    select.value = before;
    toast(problem.message, { error: true });
  }
});
