// Subtitles and chapters. Plain ones are text tracks of the browser; styled ones (ASS) are drawn here, with the fonts
// that came with the film. The list is asked for anew when the film changes: tracks come while it plays.

const PLAIN = 'subtitles';

export class Texts {
  #known = new Set();
  #styled = new Map(); // text track -> address of its ASS file
  #drawn = null; // { track, ass }
  #fonts = new Set();

  /** `base` is the film's address; `stage` is where styled subtitles are drawn, over the picture. */
  constructor(video, base, stage) {
    this.video = video;
    this.base = base;
    this.stage = stage;
    video.textTracks.addEventListener('change', () => this.#draw());
  }

  /** Adds what is new. A film without texts costs one small answer. */
  async refresh() {
    const answer = await fetch(`${this.base}/texts.json`, { credentials: 'same-origin' }).catch(() => null);
    if (!answer?.ok) return;
    const { texts, fonts } = await answer.json();
    for (const font of fonts) this.#addFont(font);
    for (const text of texts) {
      if (this.#known.has(text.id)) continue;
      this.#known.add(text.id);
      this.#add(text);
    }
  }

  #add({ kind, label, language, vtt, ass, styled }) {
    if (styled && ass) {
      // No cues of its own: the browser draws nothing, the menu lists it all the same.
      this.#styled.set(this.video.addTextTrack(PLAIN, label, language), this.base + ass);
      return;
    }
    const track = document.createElement('track');
    Object.assign(track, { kind, label, srclang: language, src: this.base + vtt, default: kind === 'chapters' });
    this.video.append(track);
  }

  #addFont({ family, url }) {
    if (this.#fonts.has(url)) return;
    this.#fonts.add(url);
    const font = new FontFace(family, `url("${this.base}${url}")`);
    document.fonts.add(font);
    font.load().catch(() => {}); // the subtitles are drawn in another one then
  }

  async #draw() {
    const shown = [...this.#styled.keys()].find((track) => track.mode === 'showing') ?? null;
    if (this.#drawn?.track === shown || (!shown && !this.#drawn)) return;
    this.#drawn?.ass?.destroy();
    this.#drawn = shown && { track: shown, ass: null };
    this.stage.replaceChildren();
    if (!shown) return;
    const drawn = this.#drawn;
    const [answer, { default: ASS }] = await Promise.all([
      fetch(this.#styled.get(shown), { credentials: 'same-origin' }),
      import('../vendor/assjs-0.1.10/ass.min.js'),
    ]);
    if (!answer.ok || this.#drawn !== drawn) return;
    drawn.ass = new ASS(await answer.text(), this.video, { container: this.stage, resampling: 'video_height' });
  }
}
