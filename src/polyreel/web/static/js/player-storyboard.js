// Small pictures over the time range. The controls read them from a metadata track labelled `thumbnails`;
// the track is empty while the storyboard is being made, and hls.js may empty it with its own.

/** Returns a function to call when the video has changed: it loads the track again while that holds nothing. */
export function showStoryboard(video, url) {
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
  return load;
}
