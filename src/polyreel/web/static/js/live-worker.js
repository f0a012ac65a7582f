// One event stream for all tabs of this browser: HTTP/1.1 allows only six connections to one host.
// Ports say "hello" and "bye"; the stream is open while at least one port listens.

const ports = new Set();
let source = null;
let timer = 0;
let wait = 1000;

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

function open() {
  clearTimeout(timer);
  if (source || !ports.size) return;
  source = new EventSource('/events');
  source.onopen = () => { wait = 1000; tell({ type: 'open' }); };
  for (const type of ['video', 'gone', 'missed']) source.addEventListener(type, (event) => tell({ type, data: event.data }));
  source.onerror = () => {
    tell({ type: 'lost' });
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    close();
    timer = setTimeout(open, wait);
    wait = Math.min(wait * 2, 30000);
  };
}

function close() {
  source?.close();
  source = null;
}

onconnect = (event) => {
  const port = event.ports[0];
  port.onmessage = ({ data }) => {
    if (data === 'hello') {
      ports.add(port);
      if (source?.readyState === EventSource.OPEN) port.postMessage({ type: 'open' });
      open();
    } else if (data === 'bye') {
      ports.delete(port);
      if (!ports.size) close();
    }
  };
};
