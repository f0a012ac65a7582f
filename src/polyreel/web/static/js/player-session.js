// One playing of one master playlist: hls.js where it can, the browser's own HLS elsewhere (Safari on phones).
// A fragment may be promised before it exists; the server then waits, or says 503: so waits are long and retries many.
import Hls from '../vendor/hls.js-1.7.4/hls.min.js';

const again = (policy, count, isTimeout, response) =>
  Boolean(policy) && count < policy.maxNumRetry
  && (isTimeout || !response?.code || response.code === 429 || response.code >= 500);

const retry = (times, delay, most) => ({ maxNumRetry: times, retryDelayMs: delay, maxRetryDelayMs: most, shouldRetry: again });
const policy = (firstByte, whole, times) => ({
  default: { maxTimeToFirstByteMs: firstByte, maxLoadTimeMs: whole, timeoutRetry: retry(4, 0, 0), errorRetry: retry(times, 500, 4000) },
});

const CONFIG = {
  enableWorker: false, // our segments are fragmented MP4 already: nothing to convert, and no blob: worker
  capLevelToPlayerSize: true,
  renderTextTracksNatively: false, // our own list of texts knows more than the master: see player-texts.js
  abrEwmaDefaultEstimate: 8e6,
  backBufferLength: 90,
  manifestLoadPolicy: policy(20000, 30000, 8),
  playlistLoadPolicy: policy(20000, 30000, 8),
  fragLoadPolicy: policy(20000, 120000, 20),
};

/**
 * handlers: levels(heights: [{height, width, bitrate}]), audio(tracks, enabled), failed(kind: 'gone'|'denied'|'network'|'media').
 */
export class Session {
  #hls = null;
  #repairs = 0;

  /** False where the browser plays HLS by itself, subtitles included. */
  static get drawsTexts() { return Hls.isSupported(); }

  constructor(video, handlers) {
    this.video = video;
    this.handlers = handlers;
  }

  /** Starts at `at` seconds; `wish` is {height, bitrate} to hold, or null for automatic. */
  open(url, { at = -1, wish = null } = {}) {
    this.close();
    if (!Hls.isSupported()) return this.#openNative(url, at);
    const hls = (this.#hls = new Hls({ ...CONFIG, startPosition: at }));
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      this.handlers.levels(hls.levels.map(({ height, width, bitrate }) => ({ height, width, bitrate })));
      if (wish) hls.startLevel = hls.currentLevel = this.#levelFor(wish);
    });
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => this.handlers.audio(hls.audioTracks, Math.max(0, hls.audioTrack)));
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) this.#broke(data); });
    hls.loadSource(url);
    hls.attachMedia(this.video);
  }

  #openNative(url, at) {
    this.video.src = url;
    if (at > 0) this.video.addEventListener('loadedmetadata', () => { this.video.currentTime = at; }, { once: true });
    this.video.onerror = () => this.handlers.failed('media');
  }

  #levelFor({ height, bitrate }) {
    const levels = this.#hls.levels;
    const exact = levels.findIndex((level) => level.height === height && level.bitrate === bitrate);
    return exact >= 0 ? exact : levels.findIndex((level) => level.height === height);
  }

  /**
   * Holds a quality from now on; null lets it choose. What is buffered is dropped at once: waiting for the
   * next fragment would take up to ten seconds, and for ever in the last one.
   */
  hold(wish) {
    if (!this.#hls) return;
    if (!wish) { this.#hls.nextLevel = -1; return; }
    const hls = this.#hls;
    const level = this.#levelFor(wish);
    if (level === hls.currentLevel) { hls.nextLevel = level; return; }
    const arrived = (_, { frag }) => {
      if (hls.manualLevel === level && (frag.type !== 'main' || frag.level !== level)) return;
      hls.off(Hls.Events.FRAG_BUFFERED, arrived);
      // The browser goes on with what it has decoded until it meets a keyframe; a seek to the same place does not.
      if (hls.manualLevel === level) this.video.currentTime = this.video.currentTime;
    };
    hls.on(Hls.Events.FRAG_BUFFERED, arrived);
    hls.currentLevel = level;
  }

  playAudio(index) { if (this.#hls) this.#hls.audioTrack = index; }

  get height() { return this.#hls?.levels[this.#hls.currentLevel]?.height ?? this.video.videoHeight; }

  #broke(data) {
    const code = data.response?.code;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.#repairs < 2) {
      this.#repairs += 1;
      this.#hls.recoverMediaError();
      return;
    }
    const kind = code === 401 || code === 403 ? 'denied' : code === 404 || code === 410 ? 'gone'
      : data.type === Hls.ErrorTypes.NETWORK_ERROR ? 'network' : 'media';
    this.close();
    this.handlers.failed(kind);
  }

  close() {
    this.#hls?.destroy();
    this.#hls = null;
    this.video.onerror = null;
  }
}

/** The qualities a master playlist names, without playing it: [{height, width, bitrate}]; null when it cannot be read. */
export async function readLevels(url) {
  const answer = await fetch(url, { credentials: 'same-origin', cache: 'no-store' }).catch(() => null);
  if (!answer?.ok) return null;
  const levels = [];
  for (const [, line] of (await answer.text()).matchAll(/^#EXT-X-STREAM-INF:(.*)$/gm)) {
    const size = /RESOLUTION=(\d+)x(\d+)/.exec(line);
    const rate = /(?:^|,)BANDWIDTH=(\d+)/.exec(line);
    if (size) levels.push({ width: Number(size[1]), height: Number(size[2]), bitrate: rate ? Number(rate[1]) : 0 });
  }
  return levels;
}
