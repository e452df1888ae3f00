
// The enlarged case: arrow keys go to its neighbours, letters change how it is drawn.

const STAGES = {
  "classifier-gate": "the classifier's gate: nothing to segment",
  "segmenter-gate": "the segmenter's gate: no mask",
  postprocess: "postprocessing",
};

/** A case's facts, as terms and descriptions. */
function facts(item) {
  const pixels = (count) => `${count.toLocaleString("en")} px`;
  const rows = [
    ["Outcome", (NAMES[item.outcome] ?? ["", "not a mask"])[1]],
    item.truth && ["Dice", item.dice.toFixed(4)],
    item.truth && ["Area in truth", pixels(item.truthArea)],
    ["Predicted area", pixels(area(item.predicted))],
    item.reasons.length > 0 && ["Read first", item.reasons.join("; ")],
    ["Score", told(item.score)],
    item.calibrated && ["Calibrated probability", told(item.calibrated)],
    item.agreement.score_spread !== null && ["Spread of scores", share(item.agreement.score_spread)],
    item.agreement.dice !== null && ["Members' Dice", share(item.agreement.dice)],
    ["Decided by", STAGES[item.decision] ?? item.decision],
    item.areas.length > 0 && ["Area after each step", item.areas.map(pixels).join(" → ")],
    ["Mask size", `${item.size[0]} × ${item.size[1]}`],
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
    const click = (id, action) => document.getElementById(id).addEventListener("click", action);
    click("before", () => this.step(-1));
    click("after", () => this.step(1));
    click("close", () => this.dialog.close());
    this.dialog.addEventListener("close", () => {
      this.view.case = "";
      this.changed();
    });
    this.dialog.addEventListener("click", ({ target }) => target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("keydown", ({ key }) => this.pressed(key));
    for (const button of this.dialog.querySelectorAll("[data-key]")) {
      button.addEventListener("click", () => this.pressed(button.dataset.key));
    }
  }

  /** Letters operate the page's controls. */
  pressed(key) {
    const { truth, prediction, mode } = document.getElementById("controls").elements;
    const modes = [...mode];
    const next = modes[(modes.findIndex((one) => one.checked) + 1) % modes.length];
    if (key === "ArrowLeft") this.step(-1);
    else if (key === "ArrowRight") this.step(1);
    else ({ t: truth, p: prediction, d: next })[key]?.click();
  }

  open(item) {
    this.item = item;
    document.getElementById("viewer-id").textContent = item.id;
    this.canvas = fillFrame(this.dialog.querySelector(".frame"), item, 1024);
    this.dialog.querySelector("dl").replaceChildren(...facts(item));
    const place = this.neighbours().indexOf(item);
    document.getElementById("before").disabled = place <= 0;
    document.getElementById("after").disabled = place < 0 || place + 1 >= this.neighbours().length;
    this.redraw();
    if (!this.dialog.open) this.dialog.showModal();
    this.view.case = item.id;
    this.changed();
  }

  step(by) {
    const next = this.neighbours()[this.neighbours().indexOf(this.item) + by];
    if (next) this.open(next);
  }

  redraw() {
    if (this.canvas) paint(this.canvas, this.item, this.view);
  }
}
