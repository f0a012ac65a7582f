// The colour switch in the account menu, and the top bar's line once the page has scrolled.
import { recall, remember } from './storage.js';

const KEY = 'polyreel-theme';
const root = document.documentElement;

for (const box of document.querySelectorAll('[data-theme-switch]')) {
  const current = recall(KEY) ?? 'system';
  for (const radio of box.querySelectorAll('input')) radio.checked = radio.value === current;
  box.addEventListener('change', (event) => apply(event.target.value));
}

function apply(choice) {
  if (choice === 'system') delete root.dataset.theme;
  else root.dataset.theme = choice;
  remember(KEY, choice === 'system' ? null : choice);
}

const bar = document.querySelector('[data-topbar]');
if (bar) {
  const mark = () => bar.classList.toggle('is-stuck', scrollY > 4);
  addEventListener('scroll', mark, { passive: true });
  mark();
}
