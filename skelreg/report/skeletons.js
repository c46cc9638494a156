// Moves every strip of skeletons on the page; a click stops and starts them all.
(() => {
  const SIDES = ['#555555', '#0072B2', '#D55E00']; // trunk, left, right: apart for any colour vision
  const FRAMES_PER_SECOND = 8;
  const strips = [...document.querySelectorAll('.strip')].map((element) => ({
    ...JSON.parse(element.querySelector('script').textContent),
    canvases: [...element.querySelectorAll('canvas')],
  }));

  function draw(canvas, strip, bodies, frame) {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (canvas.width !== width * ratio) [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const pen = canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const [left, bottom, right, top] = strip.box;
    const scale = Math.min(width / (right - left), height / (top - bottom));
    const x = (p) => width / 2 + (p[0] - (left + right) / 2) * scale;
    const y = (p) => height / 2 - (p[1] - (bottom + top) / 2) * scale;
    bodies.forEach((frames, body) => {
      const joints = frames[frame % frames.length];
      pen.globalAlpha = body ? 0.45 : 1;
      pen.lineWidth = 2;
      pen.lineCap = 'round';
      for (const [child, parent, side] of strip.bones) {
        if (!joints[child] || !joints[parent]) continue;
        pen.strokeStyle = SIDES[side];
        pen.beginPath();
        pen.moveTo(x(joints[child]), y(joints[child]));
        pen.lineTo(x(joints[parent]), y(joints[parent]));
        pen.stroke();
      }
    });
  }

  let running = !window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  let [frame, last] = [0, 0];
  function drawAll() {
    for (const strip of strips) strip.canvases.forEach((c, i) => draw(c, strip, strip.views[i], frame));
  }
  function tick(now) {
    if (running && now - last > 1000 / FRAMES_PER_SECOND) {
      [frame, last] = [frame + 1, now];
      drawAll();
    }
    requestAnimationFrame(tick);
  }
  for (const strip of strips) {
    for (const canvas of strip.canvases) canvas.addEventListener('click', () => { running = !running; });
  }
  window.addEventListener('resize', drawAll);
  drawAll();
  requestAnimationFrame(tick);
})();
