"use strict";

// Masks: runs of pixels numbered down the columns, [first, one past the last], as in the submission's run lengths.

/** Decodes run lengths for a mask with this number of pixels; "-1" is the empty mask. */
function decode(text, pixels) {
  const runs = [];
  if (text === "-1") return runs;
  const numbers = text.split(" ").map(Number);
  for (let i = 0, from = 0; i < numbers.length; i += 2) {
    const start = from + numbers[i];
    from = start + numbers[i + 1];
    if (!(numbers[i] >= 0 && numbers[i + 1] > 0 && from <= pixels)) throw new RangeError("no mask of this size");
    runs.push([start, from]);
  }
  return runs;
}

/** The number of marked pixels. */
function area(runs) {
  return runs.reduce((sum, [start, end]) => sum + end - start, 0);
}

/** The Dice coefficient; 1 if both are empty. */
function dice(a, b) {
  let both = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    both += Math.max(0, Math.min(a[i][1], b[j][1]) - Math.max(a[i][0], b[j][0]));
    if (a[i][1] <= b[j][1]) i++;
    else j++;
  }
  const whole = area(a) + area(b);
  return whole === 0 ? 1 : (2 * both) / whole;
}

/** The mask resized to height × width, row by row: each pixel is the one at its centre. */
function raster(runs, [rows, columns], height, width) {
  const plane = new Uint8Array(rows * columns);
  for (const [start, end] of runs) plane.fill(1, start, end);
  const out = new Uint8Array(height * width);
  for (let x = 0; x < width; x++) {
    const column = Math.floor(((x + 0.5) * columns) / width) * rows;
    for (let y = 0; y < height; y++) out[y * width + x] = plane[column + Math.floor(((y + 0.5) * rows) / height)];
  }
  return out;
}

/** Reads the page's cases, and recomputes what the file states of them. */
function readCases() {
  const cases = JSON.parse(document.getElementById("data").textContent);
  for (const item of cases) {
    const pixels = item.size[0] * item.size[1];
    try {
      item.predicted = decode(item.predicted, pixels);
      item.truth = item.truth && decode(item.truth, pixels);
    } catch {
      item.wrong = true;
      item.predicted = [];
      item.truth = item.truth && [];
      continue;
    }
    const stated = item.dice;
    if (item.truth) item.dice = dice(item.predicted, item.truth);
    item.wrong = area(item.predicted) !== item.area || (item.truth && !(Math.abs(stated - item.dice) < 1e-9));
    item.truthArea = item.truth ? area(item.truth) : 0;
    item.outcome = outcome(item);
  }
  return cases;
}

/** "tp", "fe" (found elsewhere), "fp", "fn" or "tn"; without a truth "marked" or "empty". */
function outcome({ truth, predicted, dice }) {
  if (!truth) return predicted.length ? "marked" : "empty";
  if (truth.length > 0 && predicted.length > 0 && dice === 0) return "fe";
  return (truth.length > 0 === predicted.length > 0 ? "t" : "f") + (predicted.length ? "p" : "n");
}
