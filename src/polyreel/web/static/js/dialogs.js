// Toasts, the two questions about a video, and what every <dialog> and form button shares.
import { request } from './api.js';

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A short sentence at the bottom; gone after a few seconds. */
export function toast(text, { error = false } = {}) {
  const box = document.querySelector('[data-toasts]');
  if (!box) return;
  const item = document.createElement('div');
  item.className = error ? 'toast is-error' : 'toast';
  item.append(icon(error ? 'alert' : 'check'), text);
  box.append(item);
  // In the top layer, so that a toast is seen above dialogs and menus.
  if (!box.matches(':popover-open')) box.showPopover?.();
  setTimeout(() => {
    item.remove();
    if (!box.childElementCount && box.matches(':popover-open')) box.hidePopover();
  }, error ? 7000 : 3200);
}

export async function copyText(text, done) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard over plain HTTP: the old way still works.
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'sr-only';
    document.body.append(area);
    area.select();
    const ok = document.execCommand('copy');
    area.remove();
    if (!ok) return toast('Copying is not allowed here.', { error: true });
  }
  toast(done);
}

/**
 * Opens a dialog whose form runs `act(formData)`; the dialog closes when it succeeds and shows the
 * error's sentence when not. Resolves with act's result, or undefined when it was dismissed.
 */
export function ask(dialog, act) {
  const form = dialog.querySelector('form');
  const error = dialog.querySelector('[data-error]');
  const button = form.querySelector('[type="submit"]');
  const show = (text) => { if (error) { error.textContent = text; error.hidden = !text; } };
  show('');
  dialog.showModal();
  return new Promise((resolve) => {
    let result;
    const submit = async (event) => {
      event.preventDefault();
      button.classList.add('is-busy');
      show('');
      try {
        result = await act(new FormData(form));
        dialog.close();
      } catch (problem) {
        show(problem.message);
      } finally {
        button.classList.remove('is-busy');
      }
    };
    form.addEventListener('submit', submit);
    dialog.addEventListener('close', () => {
      form.removeEventListener('submit', submit);
      resolve(result);
    }, { once: true });
  });
}

export function askRename(uuid, name) {
  const dialog = document.getElementById('rename-video');
  const input = dialog.querySelector('[name="name"]');
  input.value = name;
  const answer = ask(dialog, (data) => request('PATCH', `/video/${uuid}`, { name: data.get('name').trim() }));
  // The stem is what people change; the ending stays unless they reach for it.
  const dot = name.lastIndexOf('.');
  input.focus();
  input.setSelectionRange(0, dot > 0 ? dot : name.length);
  return answer;
}

/** The card of a video that is made anew, or undefined. */
export function askRetry(uuid, name) {
  const dialog = document.getElementById('retry-video');
  dialog.querySelector('[data-name]').textContent = name;
  return ask(dialog, () => request('POST', `/video/${uuid}/retry`));
}

/** True when the video was deleted (or was gone already). */
export async function askDelete(uuid, name) {
  const dialog = document.getElementById('delete-video');
  dialog.querySelector('[data-name]').textContent = name;
  const done = await ask(dialog, async () => {
    try {
      await request('DELETE', `/video/${uuid}`);
    } catch (problem) {
      if (problem.status !== 404) throw problem;
    }
    return true;
  });
  return done === true;
}

document.addEventListener('click', (event) => {
  const dialog = event.target.closest?.('dialog');
  if (event.target.closest?.('[data-close]')) dialog?.close();
  // A click on the backdrop lands on the dialog itself, outside its box.
  else if (dialog && event.target === dialog && event.detail > 0) {
    const box = dialog.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) dialog.close();
  }
});
