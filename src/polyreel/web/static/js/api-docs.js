// The page about the APIs: search among the operations, and open the one that an address names.

const field = document.querySelector('[data-api-search]');
const none = document.querySelector('[data-api-none]');
const chapters = [...document.querySelectorAll('[data-chapter]')].map((section) => ({
  section,
  link: document.querySelector(`[data-chapter-link="${section.dataset.chapter}"]`),
  operations: [...section.querySelectorAll('[data-op]')].map((element) => ({
    element,
    text: `${section.querySelector('h2').textContent} ${element.textContent}`.toLowerCase(),
  })),
}));

function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { section, link, operations } of chapters) {
    let shown = 0;
    for (const { element, text } of operations) {
      element.hidden = !words.every((word) => text.includes(word));
      if (!element.hidden) shown += 1;
    }
    section.hidden = link.hidden = shown === 0;
    count += shown;
  }
  none.hidden = count > 0;
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(named instanceof HTMLDetailsElement)) return;
  if (named.hidden) {
    field.value = '';
    search();
  }
  named.open = true;
  named.scrollIntoView({ block: 'start' });
}

field.addEventListener('input', search);
addEventListener('hashchange', openNamed);
openNamed();
