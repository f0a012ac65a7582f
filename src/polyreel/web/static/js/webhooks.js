// The pages of webhooks: add and change endpoints, the secret that is shown once, deliveries as they go.
import { request } from './api.js';
import { keepAges } from './cards.js';
import { ask, copyText, toast } from './dialogs.js';

const page = document.querySelector('[data-webhooks]');
const endpoint = page.dataset.endpoint ? JSON.parse(page.dataset.endpoint) : null;
const editor = document.getElementById('edit-endpoint');

const wishOf = (data) => ({
  url: data.get('url').trim(),
  description: data.get('description').trim(),
  kinds: data.getAll('kinds'),
  is_for_all: data.get('is_for_all') === 'on',
  is_enabled: endpoint ? endpoint.is_enabled : true,
});

/** Shows a secret until the person says that they kept it: neither Escape nor a click beside it closes this. */
function showSecret(secret) {
  const dialog = document.getElementById('show-secret');
  const input = dialog.querySelector('input');
  input.value = secret;
  dialog.oncancel = (event) => event.preventDefault();
  dialog.onclick = (event) => { if (event.target === dialog) event.stopPropagation(); };
  dialog.querySelector('[data-copy-secret]').onclick = () => copyText(secret, 'Secret copied');
  dialog.showModal();
  input.select();
  return new Promise((resolve) => dialog.addEventListener('close', () => { input.value = ''; resolve(); }, { once: true }));
}

function askFirst(title, text, yes, act, { danger = false } = {}) {
  const dialog = document.getElementById('ask-first');
  dialog.querySelector('[data-title]').textContent = title;
  dialog.querySelector('[data-text]').textContent = text;
  const button = dialog.querySelector('[data-yes]');
  button.textContent = yes;
  button.className = danger ? 'btn btn-danger' : 'btn btn-primary';
  return ask(dialog, act);
}

// --- deliveries ----------------------------------------------------------------------------------

const log = page.querySelector('[data-log]');
const standing = page.querySelector('[data-standing]');
const isOpen = (item) => item?.querySelector('details')?.open === true;

/** The page as it is now; what a person has opened, or is at, stays as it is unless it changed. */
async function refresh() {
  const answer = await fetch(endpoint.address, { headers: { Accept: 'text/html' } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  standing.replaceChildren(...fresh.querySelector('[data-standing]').childNodes);
  const list = log.querySelector('ul[data-deliveries]');
  const newer = fresh.querySelector('ul[data-deliveries]');
  if (!list || !newer) {
    log.replaceChildren(...fresh.querySelector('[data-log]').children);
    return;
  }
  let after = null;
  for (const item of [...newer.children]) {
    const old = list.querySelector(`[data-delivery="${item.dataset.delivery}"]`);
    let now = old;
    if (old?.dataset.version !== item.dataset.version) {
      item.querySelector('details').open = isOpen(old);
      const hadFocus = old?.contains(document.activeElement);
      if (old) old.replaceWith(item);
      else if (after) after.after(item);
      else list.prepend(item);
      if (hadFocus) item.querySelector('summary').focus();
      now = item;
    }
    after = now;
  }
}

const isSending = () => log.querySelector('.badge[data-state="processing"]') !== null;
let quickUntil = 0;

/** Twice a second while something is being sent, else now and then; not while nobody looks. */
async function follow() {
  if (!document.hidden) await refresh();
  tellTimes();
  setTimeout(follow, isSending() || performance.now() < quickUntil ? 600 : 5000);
}

function tellTimes() {
  for (const node of page.querySelectorAll('time[data-until]')) {
    const s = Math.round((Date.parse(node.dateTime) - Date.now()) / 1000);
    node.textContent = s <= 1 ? 'now' : s < 90 ? `in ${s} seconds` : s < 5400 ? `in ${Math.round(s / 60)} minutes` : `in ${Math.round(s / 3600)} hours`;
  }
}

function soon() {
  quickUntil = performance.now() + 3000;
  return refresh();
}

// --- what buttons do -----------------------------------------------------------------------------

const actions = {
  async add() {
    const made = await ask(editor, (data) => request('POST', '/webhooks', wishOf(data)));
    if (!made) return;
    await showSecret(made.secret);
    location.assign(made.address);
  },
  async edit() {
    if (await ask(editor, (data) => request('PUT', endpoint.address, wishOf(data)))) location.reload();
  },
  async switch() {
    const { url, description, kinds, is_for_all, is_enabled } = endpoint;
    await request('PUT', endpoint.address, { url, description, kinds, is_for_all, is_enabled: !is_enabled });
    location.reload();
  },
  async secret() {
    const made = await askFirst('Make a new secret?', 'For a day deliveries are signed with the old one as well, so that your receiver can be changed in peace.', 'New secret', () => request('POST', `${endpoint.address}/secret`));
    if (made) await showSecret(made.secret);
  },
  async delete() {
    const done = await askFirst('Delete this endpoint?', 'It is told nothing any more, and the list of its deliveries is gone.', 'Delete', async () => {
      await request('DELETE', endpoint.address);
      return true;
    }, { danger: true });
    if (done) location.assign('/webhooks');
  },
  async test() {
    await request('POST', `${endpoint.address}/test`);
    await soon();
    log.querySelector('summary')?.focus();
  },
  async again(button) {
    await request('POST', `${endpoint.address}/deliveries/${button.dataset.id}`);
    toast('It is sent again');
    await soon();
  },
  async older(button) {
    const answer = await fetch(button.dataset.url, { headers: { Accept: 'text/html' } });
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const items = [...(fresh.querySelector('ul[data-deliveries]')?.children ?? [])];
    log.querySelector('ul[data-deliveries]').append(...items);
    const next = fresh.querySelector('[data-do="older"]');
    if (next) button.dataset.url = next.dataset.url;
    else button.parentElement.remove();
    items[0]?.querySelector('summary').focus();
  },
};

document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-do]');
  const act = actions[button?.dataset.do];
  if (!act) return;
  // Those that ask first are busy in their dialog.
  button.classList.toggle('is-busy', ['switch', 'test', 'again', 'older'].includes(button.dataset.do));
  try {
    await act(button);
  } catch (problem) {
    toast(problem.message, { error: true });
  } finally {
    button.classList.remove('is-busy');
  }
});

keepAges();
tellTimes();
if (log) follow();
