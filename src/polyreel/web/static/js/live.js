// What changed on the server, as it happens. listen({video, gone, back, open}) gets each video's card data,
// the uuid of what is gone, and a call when something may have been missed: the stream came back after
// a break, or the server says so. `open` is called when the stream stands: the page may be older than it.
import { request } from './api.js';

const listeners = new Set();
let wasLost = false;

export function listen(handlers) {
  listeners.add(handlers);
  return () => listeners.delete(handlers);
}

function receive({ type, data }) {
  if (type === 'lost') {
    // A stream that is refused because the session ended says nothing: ask, and be sent to sign-in.
    if (!wasLost) setTimeout(() => wasLost && request('GET', '/session').catch(() => {}), 4000);
    wasLost = true;
    return;
  }
  if (type === 'open') {
    for (const each of listeners) (wasLost ? each.back : each.open)?.();
    wasLost = false;
    return;
  }
  if (type === 'missed') {
    for (const each of listeners) each.back?.();
    return;
  }
  let value;
  try { value = JSON.parse(data); } catch { return; }
  for (const each of listeners) each[type]?.(type === 'gone' ? value.uuid : value);
}

function connectShared() {
  const worker = new SharedWorker(new URL('./live-worker.js', import.meta.url), { name: 'polyreel-live' });
  worker.port.onmessage = (event) => receive(event.data);
  const hello = () => worker.port.postMessage('hello');
  hello();
  addEventListener('pagehide', () => worker.port.postMessage('bye'));
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    wasLost = true; // asleep in the back/forward cache: treat what came meanwhile as missed
    hello();
  });
}

function connectPlain() {
  const source = new EventSource('/events');
  source.onopen = () => receive({ type: 'open' });
  source.onerror = () => receive({ type: 'lost' });
  for (const type of ['video', 'gone', 'missed']) source.addEventListener(type, (event) => receive({ type, data: event.data }));
  addEventListener('pagehide', () => source.close());
}

let started = false;
export function start() {
  if (started) return;
  started = true;
  try {
    connectShared();
  } catch {
    connectPlain();
  }
}
