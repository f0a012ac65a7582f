// Follows one video's state for the player: /events when signed in, its public status otherwise.
import { listen, start } from './live.js';
import { request } from './api.js';

/** Calls `changed({playable, failed, progress, message, revision})` whenever it may have changed; returns a stop function. */
export function followState({ uuid, statusUrl, playable }, changed) {
  return statusUrl ? poll(statusUrl, playable, changed) : follow(uuid, changed);
}

const fromCard = (card) => ({
  playable: card.playable, failed: card.state === 'failed', progress: card.progress, message: card.message, revision: String(card.revision),
});

function follow(uuid, changed) {
  const look = () => request('GET', `/video/${uuid}/state`).then((card) => changed(fromCard(card))).catch(() => {});
  const stop = listen({
    video: (card) => { if (card.uuid === uuid) changed(fromCard(card)); },
    gone: (gone) => { if (gone === uuid) changed({ gone: true }); },
    back: look,
  });
  start();
  look(); // the page may be older than the stream
  return stop;
}

function poll(url, playable, changed) {
  let timer = 0;
  let ready = playable;
  const began = Date.now();
  const next = () => {
    const wait = ready ? 15000 : Date.now() - began < 60000 ? 800 : 3000;
    timer = setTimeout(look, wait);
  };
  async function look() {
    if (document.hidden && ready) return next();
    const answer = await fetch(url, { credentials: 'same-origin', headers: { Accept: 'application/json' } }).catch(() => null);
    if (answer?.status === 404) return changed({ gone: true });
    // A captcha is due again: who still waits solves it, whom the player serves already is not disturbed.
    if (answer?.status === 403) return ready ? undefined : location.reload();
    const status = await answer?.json().catch(() => null);
    if (!answer?.ok || !status) return next();
    ready = status.ready;
    changed({
      playable: status.ready,
      failed: status.state === 'failed',
      progress: (status.playback_progress ?? 0) / 100,
      message: status.message,
      revision: `${status.ready_quality_count}/${status.total_quality_count}`,
    });
    if (status.state === 'failed' || (status.ready && status.ready_quality_count >= status.total_quality_count)) return;
    next();
  }
  next();
  return () => clearTimeout(timer);
}
