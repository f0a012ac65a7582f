// Subtitles and chapters. Plain ones are text tracks of the browser; styled ones (ASS) are drawn here, with the fonts
// that came with the film. The list is asked for anew when the film changes: tracks come while it plays.

export class Texts {
  #known = new Map(); // id -> { address, element }
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

  /** Takes in what is new or changed, and drops what is gone. A film without texts costs one small answer. */
  async refresh() {
    const answer = await fetch(`${this.base}/texts.json`, { credentials: 'same-origin' }).catch(() => null);
    if (!answer?.ok) return;
    const { texts, fonts } = await answer.json();
    for (const font of fonts) this.#addFont(font);
    const listed = new Map(texts.map((text) => [text.id, text]));
    const shown = new Set();
    for (const [id, { address, element }] of this.#known) {
      if (element.track.mode === 'showing') shown.add(id);
      if (listed.get(id)?.vtt !== address) this.#remove(id, element);
    }
    for (const text of texts) if (!this.#known.has(text.id)) this.#add(text, shown.has(text.id));
  }

  #add({ id, kind, label, language, vtt, ass, styled }, isShown) {
    const element = document.createElement('track');
    Object.assign(element, { kind, label, srclang: language });
    // A styled one has no cues of its own: the browser draws nothing, the menu lists it in its place all the same.
    if (styled && ass) this.#styled.set(element.track, this.base + ass);
    else element.src = this.base + vtt;
    this.#known.set(id, { address: vtt, element });
    this.video.append(element);
    // Chromium turns a text on by itself when another is shown, chapters too, unless the mode of it was set once.
    // A hidden one is loaded, and not drawn.
    element.track.mode = 'hidden';
    if (kind !== 'chapters') element.track.mode = isShown ? 'showing' : 'disabled';
  }

  #remove(id, element) {
    this.#known.delete(id);
    this.#styled.delete(element.track);
    element.track.mode = 'disabled';
    element.remove();
    this.#draw();
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
