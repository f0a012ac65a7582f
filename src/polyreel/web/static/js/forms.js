// Sign-in and set-up: show the password, hint at its strength, compare the two. Both work without this file.

for (const button of document.querySelectorAll('[data-reveal]')) {
  const input = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener('click', () => {
    const shown = input.type === 'password';
    input.type = shown ? 'text' : 'password';
    button.textContent = shown ? 'Hide' : 'Show';
    button.setAttribute('aria-pressed', String(shown));
  });
}

const WORDS = ['', 'Easy to guess. Make it longer.', 'Better. A few more characters make it strong.', 'Good.', 'Strong.'];

/** 0 to 4 by length and variety: a hint only, the server decides. */
function strength(text) {
  if (!text) return 0;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(text)).length;
  const distinct = new Set(text).size;
  const bits = Math.min(text.length, distinct * 1.5) * (2.2 + kinds * 0.6);
  return bits < 30 ? 1 : bits < 42 ? 2 : bits < 56 ? 3 : 4;
}

for (const input of document.querySelectorAll('[data-strength]')) {
  const box = document.getElementById(input.dataset.strength);
  const meter = box.querySelector('meter');
  const hint = box.querySelector('[data-hint]');
  const usual = hint.textContent;
  input.addEventListener('input', () => {
    const level = input.value.length < input.minLength ? Math.min(1, strength(input.value)) : strength(input.value);
    meter.hidden = !level;
    meter.value = level;
    hint.textContent = level && input.value.length >= input.minLength ? WORDS[level] : usual;
  });
}

for (const again of document.querySelectorAll('[data-same]')) {
  const first = document.getElementById(again.dataset.same);
  const check = () => again.setCustomValidity(again.value && again.value !== first.value ? 'The two passwords differ.' : '');
  again.addEventListener('input', check);
  first.addEventListener('input', check);
}

for (const form of document.querySelectorAll('form[data-busy]')) {
  form.addEventListener('submit', () => form.querySelector('[type="submit"]').classList.add('is-busy'));
}
addEventListener('pageshow', () => document.querySelectorAll('.is-busy').forEach((button) => button.classList.remove('is-busy')));
