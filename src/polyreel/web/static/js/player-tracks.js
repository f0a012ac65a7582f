// The two lists that the player's menus read from a media element (the shape of the media-tracks
// proposal: array-like event targets). A plain <video> has neither, so we give it ours.

class List extends EventTarget {
  length = 0;

  [Symbol.iterator]() { return Array.prototype[Symbol.iterator].call(this); }

  replace(items, added, removed) {
    const before = this.length;
    for (let i = 0; i < before; i += 1) delete this[i];
    items.forEach((item, i) => { this[i] = item; });
    this.length = items.length;
    this.dispatchEvent(new Event(items.length < before ? removed : added));
  }
}

/** Qualities. onselect(index) is called when the person chooses; -1 is "auto". */
export class RenditionList extends List {
  #selected = -1;
  onselect = () => {};

  get selectedIndex() { return this.#selected; }
  set selectedIndex(index) {
    if (index === this.#selected) return;
    this.#selected = index;
    this.dispatchEvent(new Event('change'));
    this.onselect(index);
  }

  set(items, selected) {
    this.#selected = selected;
    this.replace(items, 'addrendition', 'removerendition');
    this.dispatchEvent(new Event('change'));
  }
}

/** Sound tracks. onselect(index) is called when the person chooses. */
export class AudioTrackList extends List {
  onselect = () => {};

  set(tracks, enabled) {
    const list = this;
    const items = tracks.map(({ name, lang }, i) => ({
      id: String(i), kind: i ? 'alternative' : 'main', label: name, language: lang ?? '',
      on: i === enabled,
      get enabled() { return this.on; },
      set enabled(on) { if (on && !this.on) list.choose(i); else if (!on) this.on = false; },
    }));
    this.replace(items, 'addtrack', 'removetrack');
  }

  choose(index) {
    [...this].forEach((track, i) => { track.on = i === index; });
    this.dispatchEvent(new Event('change'));
    this.onselect(index);
  }
}
