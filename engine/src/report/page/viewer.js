
// The enlarged case: arrow keys and swipes go to its neighbours, letters change how it is drawn.

const STAGES = {
  "classifier-gate": "the classifier's gate: nothing to segment",
  "segmenter-gate": "the segmenter's gate: no mask",
  postprocess: "postprocessing",
};

/** A number of pixels, and what it is in mm² or cm² where the pixels' size is known. */
function extent(count, spacing) {
  const pixels = `${count.toLocaleString("en")} px`;
  if (!spacing || count === 0) return pixels;
  const area = count * spacing[0] * spacing[1];
  return `${area < 100 ? `${area.toFixed(1)} mm²` : `${(area / 100).toFixed(area < 1000 ? 2 : 1)} cm²`} (${pixels})`;
}

/** The same in one unit. */
function brief(count, spacing) {
  return extent(count, spacing).replace(/ \(.*/, "");
}

/** The area after each step, with the step's name. */
function steps({ areas, steps: names, spacing }) {
  return areas.map((count, i) => `${names[i] ?? `step ${i + 1}`} ${brief(count, spacing)}`).join(" → ");
}

/** A case's facts, as terms and descriptions. */
function facts(item) {
  const { spacing, agreement } = item;
  const rows = [
    ["Outcome", (NAMES[item.outcome] ?? ["", "not a mask"])[1]],
    item.reasons.length > 0 && ["Read first", item.reasons.join("; ")],
    item.truth && ["Dice", item.dice.toFixed(4)],
    item.truth && ["Area in truth", extent(item.truthArea, spacing)],
    ["Predicted area", extent(area(item.predicted), spacing)],
    ["Score", told(item.score)],
    item.calibrated && ["Calibrated probability", told(item.calibrated)],
    agreement.score_spread !== null && ["Spread of scores", share(agreement.score_spread)],
    agreement.dice !== null && ["Members' Dice", share(agreement.dice)],
    ["Decided by", STAGES[item.decision] ?? item.decision],
    item.areas.length > 0 && ["After each step", steps(item)],
    ["Mask size", `${item.size[0]} × ${item.size[1]}`],
    item.detector && ["Areas", "at the detector, larger than in the patient"],
    item.picture && !item.sides && ["Sides", "not stated by the file"],
    item.wrong && ["Check", "the file's numbers do not match its masks"],
  ];
  return rows.filter(Boolean).flatMap(([term, description]) => {
    const [dt, dd] = ["dt", "dd"].map((name) => document.createElement(name));
    dt.textContent = term;
    dd.textContent = description;
    return [dt, dd];
  });
}

class Viewer {
  constructor(view, neighbours, changed) {
    this.view = view;
    this.neighbours = neighbours;
    this.changed = changed;
    this.dialog = document.getElementById("viewer");
    this.presets = document.getElementById("preset");
    for (const [name, [label]] of Object.entries(PRESETS)) this.presets.add(new Option(label, name));
    this.presets.add(new Option("by hand", ""));
    this.lens = new Lens(this.dialog.querySelector(".frame"), view, { settled: changed, swiped: (by) => this.step(by) });
    const click = (id, action) => document.getElementById(id).addEventListener("click", action);
    click("before", () => this.step(-1));
    click("after", () => this.step(1));
    click("close", () => this.dialog.close());
    click("in", () => this.lens.zoomBy(1.5));
    click("out", () => this.lens.zoomBy(1 / 1.5));
    click("reset", () => this.pressed("0"));
    this.presets.addEventListener("change", () => this.presets.value && this.lens.preset(this.presets.value));
    this.dialog.addEventListener("close", () => {
      Object.assign(this.view, { case: "", zoom: "", levels: "" });
      this.changed();
    });
    this.dialog.addEventListener("click", ({ target }) => target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => {
      if (event.target !== this.presets && !event.ctrlKey && !event.metaKey) this.pressed(event.key);
    });
    for (const button of this.dialog.querySelectorAll("[data-key]")) {
      button.addEventListener("click", () => this.pressed(button.dataset.key));
    }
    addEventListener("resize", () => this.dialog.open && this.lens.apply());
  }

  /** Letters operate the page's controls, and the lens. */
  pressed(key) {
    const { truth, prediction, mode } = document.getElementById("controls").elements;
    const modes = [...mode].filter((one) => !one.closest("label").hidden);
    const next = modes[(modes.findIndex((one) => one.checked) + 1) % modes.length];
    const actions = {
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      "+": () => this.lens.zoomBy(1.5),
      "-": () => this.lens.zoomBy(1 / 1.5),
      0: () => {
        this.lens.level(0, 1);
        this.lens.reset();
      },
      i: () => this.lens.level(this.lens.high, this.lens.low),
      w: () => (this.lens.tool = this.lens.tool === "window" ? "pan" : "window"),
      m: () => {
        this.view.map = !this.view.map;
        this.changed();
        this.redraw();
      },
      t: () => truth.click(),
      p: () => prediction.click(),
      d: () => next.click(),
    };
    actions[key]?.();
    this.state();
  }

  /** Buttons show what is on. */
  state() {
    const { truth, prediction, mode } = this.view;
    const on = { t: truth, p: prediction, m: this.view.map, w: this.lens.tool === "window" };
    for (const [key, pressed] of Object.entries(on)) {
      this.dialog.querySelector(`[data-key="${key}"]`).setAttribute("aria-pressed", Boolean(pressed));
    }
    document.getElementById("drawing").textContent = { outline: "outlines", fill: "areas", errors: "errors" }[mode];
    this.lens.frame.classList.toggle("levels", this.lens.tool === "window");
    const judged = Boolean(this.item?.truth);
    this.dialog.querySelector('[data-key="t"]').hidden = !judged;
    this.dialog.querySelector('[data-key="m"]').hidden = !this.item?.map;
    document.getElementById("scale").hidden = !(this.view.map && this.item?.map);
  }

  open(item) {
    this.item = item;
    document.getElementById("viewer-id").textContent = item.id;
    this.canvas = fillFrame(this.dialog.querySelector(".frame"), item, 1024);
    this.dialog.querySelector("dl").replaceChildren(...facts(item));
    const place = this.neighbours().indexOf(item);
    document.getElementById("before").disabled = place <= 0;
    document.getElementById("after").disabled = place < 0 || place + 1 >= this.neighbours().length;
    if (!this.dialog.open) this.dialog.showModal();
    this.lens.show(this.dialog.querySelector(".frame img"));
    this.redraw();
    this.view.case = item.id;
    this.changed();
  }

  step(by) {
    const next = this.neighbours()[this.neighbours().indexOf(this.item) + by];
    if (!next) return;
    // another image has another place to look at, but the same window
    this.view.zoom = "";
    this.open(next);
  }

  redraw() {
    if (!this.canvas) return;
    this.state();
    paint(this.canvas, this.item, this.view);
    if (this.view.map && this.item.map) overlay(this.canvas, this.item, () => this.redraw());
  }
}
