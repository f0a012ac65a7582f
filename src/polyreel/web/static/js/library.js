// The library page: live cards, folders, the card's menu, and the door to uploads.
import { request } from './api.js';
import { fillCard, keepAges, makeCard } from './cards.js';
import { ask, askDelete, askRename, askRetry, copyText, icon, toast } from './dialogs.js';
import { listen, start } from './live.js';
import { acceptFiles, watchUploads } from './upload.js';

const page = document.querySelector('[data-library]');
const grid = document.querySelector('[data-grid]');
const folder = page.dataset.folder === '' ? null : Number(page.dataset.folder);

const find = (uuid) => grid.querySelector(`[data-card="${CSS.escape(uuid)}"]`);
const showEmpty = () => { document.querySelector('[data-empty]').hidden = grid.childElementCount > 0; };

function put(card) {
  const known = find(card.uuid);
  const here = (card.folder_id ?? null) === folder;
  if (known && here) fillCard(known, card);
  else if (known) remove(card.uuid);
  else if (here) {
    const item = makeCard(card);
    item.classList.add('is-new');
    grid.prepend(item);
  }
  showEmpty();
}

function remove(uuid) {
  const item = find(uuid);
  if (!item) return;
  item.classList.add('is-leaving');
  setTimeout(() => { item.remove(); showEmpty(); }, 240);
}

/** After a break in the stream: take the page's list anew rather than guess what was missed. */
async function resync() {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-grid]');
  if (!fresh) return;
  grid.replaceChildren(...fresh.children);
  showEmpty();
}

listen({ video: put, gone: remove, back: resync });
start();
keepAges();

// The menu of a card: one menu for all, placed by the button that opened it.
const menu = document.getElementById('card-menu');
let current = null;

function openMenu(button) {
  current = button.closest('[data-card]');
  for (const item of menu.querySelectorAll('[data-mine-only]')) item.hidden = current.dataset.mine !== 'true';
  const canRetry = current.dataset.mine === 'true' && ['failed', 'damaged'].includes(current.dataset.state);
  menu.querySelector('[data-do="retry"]').hidden = !canRetry;
  menu.showPopover();
  placeMenu(button);
  button.setAttribute('aria-expanded', 'true');
  menu.querySelector('[role="menuitem"]:not([hidden])').focus({ preventScroll: true });
}

/** Beside its button, which cards that come above it, or a scroll, may move. */
function placeMenu(button) {
  const at = button.getBoundingClientRect();
  const box = menu.getBoundingClientRect();
  const below = at.bottom + box.height + 8 < innerHeight;
  menu.style.left = `${Math.max(8, Math.min(at.right - box.width, innerWidth - box.width - 8))}px`;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - box.height - 4)}px`;
}

menu.addEventListener('toggle', (event) => {
  if (event.newState === 'closed') current?.querySelector('[data-card-menu]')?.setAttribute('aria-expanded', 'false');
});
addEventListener('scroll', () => {
  if (!menu.matches(':popover-open')) return;
  const button = current.querySelector('[data-card-menu]');
  const { top, bottom } = button.getBoundingClientRect();
  if (!button.isConnected || bottom < 0 || top > innerHeight) menu.hidePopover();
  else placeMenu(button);
}, { passive: true });
menu.addEventListener('keydown', (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll('[role="menuitem"]:not([hidden])')];
  items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
});

menu.addEventListener('click', async (event) => {
  const what = event.target.closest('[data-do]')?.dataset.do;
  if (!what) return;
  menu.hidePopover();
  const item = current;
  const uuid = item.dataset.card;
  const name = item.querySelector('[data-part="name"]').textContent;
  if (what === 'copy') {
    await copyText(new URL(`/v/${uuid}`, location.href).href, item.dataset.visibility === 'private' ? 'Link copied. The video is private: only you can open it.' : 'Link copied');
  } else if (what === 'rename') {
    const card = await askRename(uuid, name);
    if (card) put(card);
  } else if (what === 'retry') {
    const card = await askRetry(uuid, name);
    if (card) put(card);
  } else if (await askDelete(uuid, name)) {
    remove(uuid);
    toast('Video deleted');
  }
  item.querySelector('[data-card-menu]')?.focus({ preventScroll: true });
});

grid.addEventListener('click', (event) => {
  const button = event.target.closest('[data-card-menu]');
  if (button) openMenu(button);
});

// Folders.
document.querySelector('[data-open-dialog="new-folder"]')?.addEventListener('click', async () => {
  const dialog = document.getElementById('new-folder');
  dialog.querySelector('form').reset();
  const made = await ask(dialog, (data) => request('POST', '/folders', { name: data.get('name').trim(), parent_id: folder }));
  if (!made) return;
  const list = document.querySelector('[data-folders]');
  const item = document.createElement('li');
  const link = document.createElement('a');
  const name = document.createElement('span');
  link.className = 'folder';
  link.href = made.url ?? `/?folder=${made.id}`;
  name.className = 'folder-name';
  name.textContent = made.name;
  link.append(icon('folder'), name);
  item.append(link);
  const after = [...list.children].find((other) => other.querySelector('.folder-name').textContent.localeCompare(made.name) > 0);
  list.insertBefore(item, after ?? null);
  list.hidden = false;
  link.focus();
});

// Uploads: a button, and the whole page as a drop zone.
if (page.dataset.upload === 'true') {
  const input = document.getElementById('file-input');
  const zone = document.querySelector('[data-drop]');
  const options = { folder: page.dataset.folder, maxBytes: Number(page.dataset.maxBytes) || Infinity };
  for (const button of document.querySelectorAll('[data-pick-files]')) button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => { acceptFiles([...input.files], options); input.value = ''; });

  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
  let depth = 0; // dragenter and dragleave also fire for every child
  addEventListener('dragenter', (event) => { if (carriesFiles(event)) { event.preventDefault(); depth += 1; zone.hidden = false; } });
  addEventListener('dragover', (event) => { if (carriesFiles(event)) { event.preventDefault(); event.dataTransfer.dropEffect = 'copy'; } });
  addEventListener('dragleave', (event) => { if (carriesFiles(event)) { depth -= 1; zone.hidden = depth <= 0; } });
  addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    zone.hidden = true;
    const entries = [...event.dataTransfer.items].map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()]);
    const files = entries.filter(([entry, file]) => file && !entry?.isDirectory).map(([, file]) => file);
    if (files.length < entries.length) toast('Folders cannot be dropped. Open the folder and drop the videos in it.', { error: true });
    acceptFiles(files, options);
  });
  watchUploads({ done: put });
}
