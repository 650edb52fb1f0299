"""Style and script of the page of a replay."""

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #20262d; background: #fff; max-width: 1240px; margin: 24px auto;
       padding: 0 20px; }
h1 { font-size: 24px; overflow-wrap: anywhere; } h2 { font-size: 19px; margin-top: 34px; }
table { border-collapse: collapse; margin: 10px 0; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 14px 3px 0; border-bottom: 1px solid #e6e8eb; text-align: right; }
th:first-child { text-align: left; font-weight: 500; color: #3b424b; }
.words td { text-align: left; }
.legend { position: sticky; top: 0; background: #fff; padding: 8px 0; z-index: 1; }
.swatch { display: inline-block; width: 22px; height: 4px; margin: 0 6px 3px 14px; }
.plots { display: flex; flex-wrap: wrap; gap: 10px; } .plots svg { width: 280px; }
.beside { display: flex; gap: 20px; align-items: flex-start; }
.view { flex: 0 0 360px; position: sticky; top: 48px; font-size: 13px; } video { width: 100%; background: #000; }
svg.traces { flex: 1; cursor: crosshair; }
svg text { font: 10px system-ui, sans-serif; fill: #3b424b; } svg text.title { font-weight: 600; font-size: 11px; }
.cursor { stroke: #d1495b; stroke-width: 1.4; pointer-events: none; }
"""

#: The cursor follows the video, and a click on the plots moves both.
FOLLOW_VIDEO = """
for (const episode of document.querySelectorAll('.episode')) {
  const video = episode.querySelector('video'), plots = episode.querySelector('svg.traces');
  const cursor = plots.querySelector('.cursor');
  const left = +episode.dataset.left, right = +episode.dataset.right, seconds = +episode.dataset.seconds;
  const show = (time) => {
    const x = left + (right - left) * Math.min(1, Math.max(0, time / seconds));
    cursor.setAttribute('x1', x); cursor.setAttribute('x2', x);
  };
  if (video) {
    const follow = () => { show(video.currentTime); if (!video.paused) requestAnimationFrame(follow); };
    for (const event of ['play', 'seeked', 'timeupdate']) video.addEventListener(event, follow);
  }
  plots.addEventListener('click', (click) => {
    const at = new DOMPoint(click.clientX, click.clientY).matrixTransform(plots.getScreenCTM().inverse());
    const time = Math.min(seconds, Math.max(0, seconds * (at.x - left) / (right - left)));
    if (video) video.currentTime = time;
    show(time);
  });
}
"""
