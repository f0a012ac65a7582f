// Small pictures of the film: over the time range where the pointer is, and where keys have led. The controls
// read them from a metadata track labelled `thumbnails`; it is empty while the storyboard is being made, and
// hls.js may empty it with its own.

const STAYS_MS = 900;

/** `still` is shown over the range. Returns a function to call when the video has changed. */
export function showStoryboard(video, url, still) {
  let track = null;
  const load = () => {
    if (track?.track.cues?.length) return;
    track?.remove();
    track = document.createElement('track');
    Object.assign(track, { kind: 'metadata', label: 'thumbnails', default: true, src: url });
    video.append(track);
  };
  video.addEventListener('loadeddata', load);
  load();
  showWhereKeysLead(video, still, () => track);
  return load;
}

function showWhereKeysLead(video, still, track) {
  let pressed = 0;
  let timer = 0;
  addEventListener('keydown', () => { pressed = performance.now(); });
  video.addEventListener('seeking', () => {
    if (performance.now() - pressed > 250) return;
    const cue = [...track().track.cues ?? []].findLast(({ startTime }) => startTime <= video.currentTime);
    if (!cue || !video.duration) return;
    const sheet = new URL(cue.text, track().src);
    const [x, y, width, height] = sheet.hash.replace('#xywh=', '').split(',').map(Number);
    sheet.hash = '';
    Object.assign(still.style, {
      width: `${width}px`, height: `${height}px`, backgroundImage: `url("${sheet}")`, backgroundPosition: `-${x}px -${y}px`,
      left: `clamp(20px, calc(20px + (100% - 40px) * ${video.currentTime / video.duration} - ${width / 2}px), calc(100% - ${width + 20}px))`,
    });
    still.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => { still.hidden = true; }, STAYS_MS);
  });
}
