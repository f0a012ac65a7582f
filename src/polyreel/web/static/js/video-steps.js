// What was done for a video, step by step: asked for when it is opened, and again while something goes on.
import { request } from './api.js';
import { listen } from './live.js';

const { video: uuid } = document.querySelector('[data-video]').dataset;
const box = document.querySelector('[data-steps]');
const list = box.querySelector('[data-list]');
const note = box.querySelector('[data-none]');
const WORDS = { queued: ['received', 'Waiting'], running: ['processing', 'Running'], succeeded: ['ready', 'Done'], failed: ['failed', 'Failed'], cancelled: ['off', 'Cancelled'] };
const ENDED = new Set(['succeeded', 'failed', 'cancelled']);
let timer = 0;

function span(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function facts(step) {
  const said = [`waited ${span(step.waited_s)}`];
  if (step.ran_s) said.push(`ran ${span(step.ran_s)}`);
  if (step.cpu_s) said.push(`CPU ${span(step.cpu_s)}`);
  if (step.attempts > 1) said.push(`${step.attempts} attempts`);
  if (step.expected_s !== null) said.push(`about ${span(step.expected_s)} left`);
  return said.join(' · ');
}

function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

function make(kind, className) {
  const node = document.createElement(kind);
  node.className = className;
  return node;
}

/** A row is made once and filled again, so that an opened command stays open. */
function blank() {
  const row = make('li', 'owned-step');
  const more = make('details', 'owned-command');
  const summary = make('summary', '');
  summary.textContent = 'Command';
  const command = make('pre', '');
  command.tabIndex = 0;
  more.append(summary, command);
  row.append(make('span', 'badge'), make('b', ''), make('span', 'muted num'), make('p', 'owned-bad'), more);
  return row;
}

function fill(row, step) {
  const [badge, label, said, message, more] = row.children;
  const [state, word] = WORDS[step.state] ?? ['off', step.state];
  badge.dataset.state = state;
  text(badge, step.state === 'running' && step.progress ? `${word} · ${Math.floor(step.progress * 100)} %` : word);
  text(label, step.label);
  text(said, facts(step));
  text(message, step.message);
  message.hidden = !step.message;
  text(more.lastChild, step.command);
  more.hidden = !step.command;
}

async function refresh() {
  clearTimeout(timer);
  timer = 0;
  if (!box.open) return;
  const steps = await request('GET', `/video/${uuid}/steps`).catch((problem) => { text(note, problem.message); return null; });
  if (steps) {
    note.hidden = steps.length > 0;
    text(note, 'Nothing is noted of this video.');
    list.hidden = steps.length === 0;
    while (list.children.length > steps.length) list.lastElementChild.remove();
    steps.forEach((step, i) => fill(list.children[i] ?? list.appendChild(blank()), step));
  }
  const goesOn = !steps || steps.some((step) => !ENDED.has(step.state));
  clearTimeout(timer);
  if (box.open && goesOn) timer = setTimeout(refresh, document.hidden ? 10000 : 2000);
}

box.addEventListener('toggle', refresh);
listen({ video: (card) => { if (card.uuid === uuid && box.open && !timer) refresh(); }, back: refresh });
