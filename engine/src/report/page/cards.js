
// The grid: a card for each visible case, drawn when scrolled into view.

const NAMES = {
  tp: ["TP", "true positive"],
  fe: ["FE", "found elsewhere: the prediction has no pixel of the true mask"],
  fp: ["FP", "false positive"],
  fn: ["FN", "false negative"],
  tn: ["TN", "true negative"],
  marked: ["marked", "a mask was predicted, truth unknown"],
  empty: ["empty", "no mask was predicted, truth unknown"],
};

/** A number with this many decimals; numbers below 1 are never rounded up to 1. */
function share(value, decimals = 3) {
  const scale = 10 ** decimals;
  return (value < 1 ? Math.min(Math.round(value * scale), scale - 1) / scale : value).toFixed(decimals);
}

/** The score as text. */
function told(score) {
  if (!score) return "none";
  return score[0] === score[1] ? share(score[0]) : `${share(score[0])} to ${share(score[1])}`;
}

/** A case's card, not drawn yet. */
function card(item, open) {
  const node = document.getElementById("card").content.cloneNode(true).querySelector("li");
  const [short, long] = NAMES[item.outcome] ?? ["?", "not a mask"];
  const canvas = fillFrame(node.querySelector(".frame"), item, 480);
  const badge = node.querySelector(".badge");
  badge.textContent = short;
  badge.title = long;
  badge.classList.add(item.outcome ?? "none");
  if (item.reasons.length > 0) {
    const first = badge.cloneNode();
    first.className = "badge refer";
    first.textContent = "read first";
    first.title = item.reasons.join("; ");
    badge.after(first);
  }
  node.classList.toggle("wrong", Boolean(item.wrong));
  node.querySelector(".dice").textContent = item.truth ? `Dice ${share(item.dice)}` : brief(item.area, item.spacing);
  // Ids differ at their ends, so the line is cut at its left; the mark keeps the text's own order.
  const id = node.querySelector(".id");
  id.textContent = `\u200e${item.id}`;
  id.title = item.id;
  const button = node.querySelector("button");
  button.setAttribute("aria-label", `${item.id}: ${long}${item.truth ? `, Dice ${share(item.dice)}` : ""}. Enlarge`);
  button.addEventListener("click", open);
  return { node, canvas, item };
}

/** Draws cards when scrolled into view, and again when the view changes. */
class Grid {
  constructor(list, view) {
    this.list = list;
    this.view = view;
    this.cards = [];
    this.inSight = new Set();
    this.watcher = new IntersectionObserver((entries) => this.watched(entries), { rootMargin: "400px" });
  }

  watched(entries) {
    for (const { target, isIntersecting } of entries) {
      const found = this.cards.find(({ node }) => node === target);
      if (!found) continue;
      if (isIntersecting) this.inSight.add(found);
      else this.inSight.delete(found);
      if (isIntersecting) this.draw(found);
    }
  }

  draw(found) {
    const { mode, truth, prediction } = this.view;
    const wanted = [mode, truth, prediction].join();
    if (found.drawn === wanted) return;
    found.drawn = wanted;
    paint(found.canvas, found.item, this.view);
  }

  clear() {
    this.watcher.disconnect();
    this.inSight.clear();
    this.cards = [];
    this.list.replaceChildren();
  }

  add(items, open) {
    for (const item of items) {
      const made = card(item, () => open(item));
      this.cards.push(made);
      this.list.append(made.node);
      this.watcher.observe(made.node);
    }
  }

  redraw() {
    for (const found of this.inSight) this.draw(found);
  }

  drawAll() {
    for (const found of this.cards) this.draw(found);
  }
}
