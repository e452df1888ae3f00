
// Drawing masks over radiographs.

const TRUTH = [86, 180, 233];
const PREDICTION = [230, 159, 0];
const BOTH = [0, 158, 115];

/** Marked pixels within `reach` of an unmarked one; pixels outside the picture do not count. */
function outline(mask, height, width, reach) {
  const out = new Uint8Array(mask.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      for (let step = 1; mask[i] && !out[i] && step <= reach; step++) {
        out[i] =
          (x >= step && !mask[i - step]) ||
          (x + step < width && !mask[i + step]) ||
          (y >= step && !mask[i - step * width]) ||
          (y + step < height && !mask[i + step * width]);
      }
    }
  }
  return out;
}

/** Sets the mask's pixels to a colour with this opacity (0 to 255). */
function lay(data, mask, [red, green, blue], opacity) {
  for (let i = 0; i < mask.length; i++) {
    if (mask[i]) data.set([red, green, blue, opacity], 4 * i);
  }
}

/** Draws a case's masks as the view's settings say. */
function paint(canvas, item, view) {
  const { width, height } = canvas;
  const image = new ImageData(width, height);
  const [truth, predicted] = [item.truth ?? [], item.predicted].map((runs) => raster(runs, item.size, height, width));
  const reach = Math.round(1 + Math.max(width, height) / 300);
  const edge = (mask) => outline(mask, height, width, reach);
  if (view.mode === "errors" && item.truth) {
    lay(image.data, truth.map((marked, i) => marked && predicted[i]), BOTH, 130);
    lay(image.data, predicted.map((marked, i) => marked && !truth[i]), PREDICTION, 150);
    lay(image.data, truth.map((marked, i) => marked && !predicted[i]), TRUTH, 150);
  } else {
    const layers = [[view.truth, truth, TRUTH], [view.prediction, predicted, PREDICTION]].filter(([shown]) => shown);
    if (view.mode === "fill") for (const [, mask, colour] of layers) lay(image.data, mask, colour, 95);
    const edges = layers.map(([, mask, colour]) => [edge(mask), colour]);
    for (const [line, colour] of edges) lay(image.data, line, colour, 255);
    if (edges.length === 2) weave(image.data, edges, width, 10 * reach);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draws overlapping outlines in alternating dashes. */
function weave(data, [[first, colour], [second]], width, dash) {
  const shared = first.map((marked, i) => marked && second[i] && (Math.floor((i % width) / dash) + Math.floor(i / width / dash)) % 2);
  lay(data, shared, colour, 255);
}

/** Fills a frame with a case's picture and an empty canvas over it, its longer side `side` pixels; returns the canvas. */
function fillFrame(frame, item, side) {
  const parts = document.getElementById("frame").content.cloneNode(true);
  const [sheet, image, canvas, says] = [".sheet", "img", "canvas", ".says"].map((name) => parts.querySelector(name));
  const [rows, columns] = item.picture?.size ?? item.size;
  const scale = side / Math.max(rows, columns);
  [canvas.width, canvas.height] = [columns, rows].map((length) => Math.max(1, Math.round(length * scale)));
  sheet.style.aspectRatio = `${columns} / ${rows}`;
  sheet.style[columns >= rows ? "width" : "height"] = "100%";
  if (item.picture) image.src = item.picture.url;
  else image.remove();
  const sides = parts.querySelectorAll(".side");
  sides.forEach((mark, i) => (mark.textContent = item.picture && item.sides ? item.sides[i] : ""));
  says.textContent = item.unreadable ? "no picture: the file could not be read" : "no picture";
  says.hidden = Boolean(item.picture);
  frame.replaceChildren(parts);
  return canvas;
}
