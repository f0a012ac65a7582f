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
  autoStartLoad: false, // not before it is known which levels it may choose from
  enableWorker: false, // our segments are fragmented MP4 already: nothing to convert, and no blob: worker
  capLevelToPlayerSize: true,
  // Our own list of texts knows more than the master, and these would switch its tracks: see player-texts.js.
  subtitleTrackController: undefined,
  subtitleStreamController: undefined,
  timelineController: undefined,
  abrEwmaDefaultEstimate: 8e6,
  backBufferLength: 90,
  manifestLoadPolicy: policy(20000, 30000, 8),
  playlistLoadPolicy: policy(20000, 30000, 8),
  fragLoadPolicy: policy(20000, 120000, 20),
};

/** The codec of a quality: `avc1`, `vp09`, `av01`, `hvc1`; the first part of its name in a master. */
const familyOf = (codec) => (codec ?? '').split('.')[0];
const PLAIN = 'avc1';
const NAMES = { vp09: 'VP9', av01: 'AV1', hvc1: 'H.265', hev1: 'H.265' };

/** What people call the codec of a copy of the source; empty for the ladder that every player takes. */
export const codecName = ({ codec }) => NAMES[codec] ?? '';

/**
 * handlers: levels(heights: [{height, width, bitrate, codec}]), audio(tracks, enabled), failed(kind: 'gone'|'denied'|'network'|'media').
 *
 * It chooses by itself among the qualities of one codec: changing over would cost a new decoder, and a copy of the
 * source has nothing smaller beside it for a slow connection. Copies in another codec play when somebody asks for one.
 */
export class Session {
  #hls = null;
  #family = PLAIN;
  #repairs = 0;
  #sound = null; // the one that was chosen, { name, lang }: it is heard whatever is opened

  /** False where the browser plays HLS by itself, subtitles included. */
  static get drawsTexts() { return Hls.isSupported(); }

  constructor(video, handlers) {
    this.video = video;
    this.handlers = handlers;
  }

  /** Starts at `at` seconds; `wish` is {height, bitrate, codec} to hold, or null for automatic. */
  open(url, { at = -1, wish = null } = {}) {
    this.close();
    if (!Hls.isSupported()) return this.#openNative(url, at);
    const hls = (this.#hls = new Hls({ ...CONFIG, audioPreference: this.#sound ?? undefined }));
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      this.handlers.levels(hls.levels.map(({ height, width, bitrate, videoCodec }) => ({ height, width, bitrate, codec: familyOf(videoCodec) })));
      this.#keepOneCodec(wish);
      if (wish) hls.startLevel = hls.currentLevel = this.#levelFor(wish);
      hls.startLoad(at);
    });
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => {
      const chosen = hls.audioTracks.findIndex(({ name, lang }) => name === this.#sound?.name && lang === this.#sound?.lang);
      this.handlers.audio(hls.audioTracks, Math.max(0, chosen, hls.audioTrack));
    });
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) this.#broke(data); });
    hls.loadSource(url);
    hls.attachMedia(this.video);
  }

  #keepOneCodec(wish) {
    const hls = this.#hls;
    const families = new Set(hls.levels.map((level) => familyOf(level.videoCodec)));
    this.#family = [wish?.codec, PLAIN].find((family) => families.has(family)) ?? [...families][0];
    for (let i = hls.levels.length - 1; i >= 0; i -= 1) {
      if (familyOf(hls.levels[i].videoCodec) !== this.#family) hls.removeLevel(i);
    }
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
   * next fragment would take up to ten seconds, and for ever in the last one. False: not with what is open.
   */
  hold(wish) {
    if (!this.#hls) return true;
    const hls = this.#hls;
    if ((wish?.codec ?? PLAIN) !== this.#family) return false;
    if (!wish) { hls.nextLevel = -1; return true; }
    const level = this.#levelFor(wish);
    if (level === hls.currentLevel) { hls.nextLevel = level; return true; }
    const arrived = (_, { frag }) => {
      if (hls.manualLevel === level && (frag.type !== 'main' || frag.level !== level)) return;
      hls.off(Hls.Events.FRAG_BUFFERED, arrived);
      // The browser goes on with what it has decoded until it meets a keyframe; a seek to the same place does not.
      if (hls.manualLevel === level) this.video.currentTime = this.video.currentTime;
    };
    hls.on(Hls.Events.FRAG_BUFFERED, arrived);
    hls.currentLevel = level;
    return true;
  }

  playAudio(index) {
    if (!this.#hls) return;
    const { name, lang } = this.#hls.audioTracks[index];
    this.#sound = { name, lang };
    this.#hls.audioTrack = index;
  }

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

const isPlayed = (codecs) => (globalThis.MediaSource ?? globalThis.ManagedMediaSource)?.isTypeSupported(`video/mp4; codecs="${codecs}"`) ?? true;

/** The qualities of a master playlist that this browser plays, without playing it: [{height, width, bitrate, codec}]; null when it cannot be read. */
export async function readLevels(url) {
  const answer = await fetch(url, { credentials: 'same-origin', cache: 'no-store' }).catch(() => null);
  if (!answer?.ok) return null;
  const levels = [];
  for (const [, line] of (await answer.text()).matchAll(/^#EXT-X-STREAM-INF:(.*)$/gm)) {
    const size = /RESOLUTION=(\d+)x(\d+)/.exec(line);
    const rate = /(?:^|,)BANDWIDTH=(\d+)/.exec(line);
    const codecs = /CODECS="([^"]*)"/.exec(line)?.[1] ?? '';
    if (!size || (codecs && !isPlayed(codecs))) continue;
    levels.push({ width: Number(size[1]), height: Number(size[2]), bitrate: rate ? Number(rate[1]) : 0, codec: familyOf(codecs) });
  }
  return levels;
}
