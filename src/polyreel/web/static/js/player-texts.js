// Subtitles and chapters. Plain ones are text tracks of the browser; styled ones (ASS) are drawn here, with the fonts
// that came with the film. The list is asked for anew when the film changes: tracks come while it plays.
//
// Forced ones, which tell what is said in another language than that of the sound, show by themselves; until somebody
// chooses: a change of what is shown that is not ours is such a choice, and it holds as long as the page.

/** What a tag of a language comes to: `de` for deu, ger and de-AT; empty where it says nothing. */
function languageOf(tag) {
  try {
    return tag && tag !== 'und' ? new Intl.Locale(tag).language : '';
  } catch {
    return tag;
  }
}

export class Texts {
  #known = new Map(); // id -> { address, element }
  #forced = new Map(); // text track -> its language
  #heard = ''; // the language of the sound
  #ours = null; // the forced track that we show
  #isChosen = false;
  #styled = new Map(); // text track -> address of its ASS file
  #drawn = null; // { track, ass }
  #fonts = new Set();

  /** `base` is the film's address; `stage` is where styled subtitles are drawn, over the picture. */
  constructor(video, base, stage) {
    this.video = video;
    this.base = base;
    this.stage = stage;
    video.textTracks.addEventListener('change', () => this.#changed());
  }

  /** Tells in which language the sound is, as its tag says; empty where that is not known. */
  hear(tag) {
    this.#heard = languageOf(tag);
    this.#follow();
  }

  #changed() {
    const shown = [...this.video.textTracks].filter((track) => track.mode === 'showing' && track.kind === 'subtitles');
    // The event comes some time after the change, so what counts is how things are now, not what it was sent for.
    const isOurs = this.#ours ? shown.length === 1 && shown[0] === this.#ours : !shown.length;
    this.#isChosen ||= !isOurs;
    this.#draw();
  }

  #follow() {
    if (this.#isChosen) return;
    const inLanguage = (wanted) => [...this.#forced].find(([, language]) => language === wanted)?.[0];
    const wanted = inLanguage(this.#heard) ?? inLanguage('') ?? null;
    if (wanted === this.#ours) return;
    if (this.#ours) this.#ours.mode = 'disabled';
    if (wanted) wanted.mode = 'showing';
    this.#ours = wanted;
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
    this.#follow();
  }

  #add({ id, kind, label, language, vtt, ass, styled, forced }, isShown) {
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
    if (forced) this.#forced.set(element.track, languageOf(language));
  }

  #remove(id, element) {
    this.#known.delete(id);
    this.#styled.delete(element.track);
    this.#forced.delete(element.track);
    if (this.#ours === element.track) this.#ours = null;
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
