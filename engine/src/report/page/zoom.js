
// Zoom, pan and window/level of the enlarged case. What is chosen is in the address: zoom=2.5,10,-20 (factor, and how far
// the middle is moved, in percent of the frame) and levels=0.2,0.8 (the picture's values that become black and white).

const FARTHEST = 16;
const PRESETS = {
  whole: ["whole range", () => [0, 1]],
  contrast: ["most contrast", (shares) => shares],
  dark: ["dark half (lungs)", () => [0, 0.5]],
  bright: ["bright half (bones)", () => [0.5, 1]],
  inverse: ["inverted", () => [1, 0]],
};

const within = (low, value, high) => Math.min(Math.max(value, low), high);

/** Numbers of a text, or the default if it is no list of as many. */
function numbers(text, otherwise) {
  const read = String(text).split(",").map(Number);
  return read.length === otherwise.length && read.every(Number.isFinite) ? read : otherwise;
}

/** The values of a picture between which all but a fiftieth at either end lie, in 0..1. */
function contrast(image) {
  const { data } = pixels(image).picture;
  const counts = new Uint32Array(256);
  for (let i = 0; i < data.length; i += 4) counts[data[i]]++;
  const at = (share) => {
    let sum = 0;
    return counts.findIndex((count) => (sum += count) >= (share * data.length) / 4) / 255;
  };
  const [low, high] = [at(0.02), at(0.98)];
  return low < high ? [low, high] : [0, 1];
}

/** Looks at the frame of the enlarged case. `settled` is called when the address should have the new values. */
class Lens {
  constructor(frame, view, { settled, swiped }) {
    Object.assign(this, { frame, view, settled, swiped });
    this.tool = "pan";
    this.touching = new Map();
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      frame.addEventListener(type, (event) => this[type](event));
    }
    frame.addEventListener("contextmenu", (event) => event.preventDefault());
    frame.addEventListener("dblclick", () => (this.zoom > 1 ? this.reset() : this.zoomBy(2.5)));
  }

  /** Shows another case; what the address has is kept. */
  show(image) {
    this.image = image;
    [this.zoom, this.x, this.y] = numbers(this.view.zoom, [1, 0, 0]);
    [this.low, this.high] = numbers(this.view.levels, [0, 1]);
    this.touching.clear();
    this.apply();
  }

  reset() {
    [this.zoom, this.x, this.y] = [1, 0, 0];
    this.changed();
  }

  /** Zooms by a factor around a point, which is given from the frame's middle in pixels. */
  zoomBy(factor, [px, py] = [0, 0]) {
    const { width, height } = this.frame.getBoundingClientRect();
    const zoom = within(1, this.zoom * factor, FARTHEST);
    const moved = (offset, point, length) => {
      const here = (offset * length) / 100;
      return ((point - ((point - here) * zoom) / this.zoom) * 100) / length;
    };
    [this.x, this.y, this.zoom] = [moved(this.x, px, width), moved(this.y, py, height), zoom];
    this.changed();
  }

  level(low, high) {
    [this.low, this.high] = [low, high].map((value) => within(-1, value, 2));
    this.changed();
  }

  preset(name) {
    this.level(...this.levels(name));
  }

  /** What a preset makes black and white. */
  levels(name) {
    return PRESETS[name][1](name === "contrast" && this.image?.complete ? contrast(this.image) : [0, 1]);
  }

  changed() {
    this.apply();
    const round = (value, digits) => Number(value.toFixed(digits));
    const zoom = [round(this.zoom, 2), round(this.x, 1), round(this.y, 1)].join();
    const levels = [this.low, this.high].map((value) => round(value, 3)).join();
    this.view.zoom = zoom === "1,0,0" ? "" : zoom;
    this.view.levels = levels === "0,1" ? "" : levels;
    this.settled();
  }

  apply() {
    // the picture never leaves the frame
    const most = 50 * (this.zoom - 1);
    [this.x, this.y] = [this.x, this.y].map((offset) => within(-most, offset, most));
    const sheet = this.frame.querySelector(".sheet");
    if (!sheet) return;
    const { width, height } = this.frame.getBoundingClientRect();
    const [x, y] = [(this.x * width) / 100, (this.y * height) / 100];
    sheet.style.transform = this.zoom === 1 ? "" : `translate(${x}px, ${y}px) scale(${this.zoom})`;
    const span = Math.abs(this.high - this.low) < 0.004 ? 0.004 : this.high - this.low;
    for (const part of document.querySelectorAll("#levels feComponentTransfer *")) {
      part.setAttribute("slope", 1 / span);
      part.setAttribute("intercept", -this.low / span);
    }
    if (this.image) this.image.style.filter = this.low === 0 && this.high === 1 ? "" : "url(#levels)";
    const same = (name) => this.levels(name).every((value, i) => Math.abs(value - [this.low, this.high][i]) < 0.001);
    document.getElementById("preset").value = ["whole", "dark", "bright", "inverse"].find(same) ?? "";
    const shown = (value) => `${Math.round(100 * value)} %`;
    document.getElementById("lens").textContent = `zoom ${shown(this.zoom)}, black ${shown(this.low)}, white ${shown(this.high)}`;
  }

  /** A pointer's place from the frame's middle. */
  place({ clientX, clientY }) {
    const { left, top, width, height } = this.frame.getBoundingClientRect();
    return [clientX - left - width / 2, clientY - top - height / 2];
  }

  wheel(event) {
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY / 400), this.place(event));
  }

  pointerdown(event) {
    this.frame.setPointerCapture?.(event.pointerId);
    const place = this.place(event);
    this.touching.set(event.pointerId, { from: place, at: place, levels: event.button === 2 || this.tool === "window" });
    event.preventDefault();
  }

  pointermove(event) {
    const touch = this.touching.get(event.pointerId);
    if (!touch) return;
    const [before, now] = [touch.at, this.place(event)];
    touch.at = now;
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    const { width, height } = this.frame.getBoundingClientRect();
    const other = [...this.touching.values()].find((one) => one !== touch);
    if (other) {
      touch.pinched = other.pinched = true;
      const gap = (place) => Math.hypot(place[0] - other.at[0], place[1] - other.at[1]);
      const middle = [(now[0] + other.at[0]) / 2, (now[1] + other.at[1]) / 2];
      if (gap(before) > 0) this.zoomBy(gap(now) / gap(before), middle);
    } else if (touch.levels) {
      // as in radiology's viewers: to the right a wider window, upwards a darker picture
      const [wider, higher] = [dx / width / 2, -dy / height];
      this.level(this.low - wider + higher, this.high + wider + higher);
    } else if (this.zoom > 1) {
      [this.x, this.y] = [this.x + (100 * dx) / width, this.y + (100 * dy) / height];
      this.changed();
    }
  }

  pointerup(event) {
    const touch = this.touching.get(event.pointerId);
    this.touching.delete(event.pointerId);
    if (!touch || touch.pinched || touch.levels || this.zoom > 1 || event.pointerType === "mouse") return;
    const [dx, dy] = [touch.at[0] - touch.from[0], touch.at[1] - touch.from[1]];
    if (Math.abs(dx) > 60 && Math.abs(dx) > 2 * Math.abs(dy)) this.swiped(dx < 0 ? 1 : -1);
  }

  pointercancel(event) {
    this.touching.delete(event.pointerId);
  }
}
