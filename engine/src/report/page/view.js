
// The view, kept in sync between the controls and the URL's fragment. So a view can be shared:
// #filter=fp&sort=area&mode=errors, or #case=ID&zoom=2,0,0&map=on for one case, large.

const PAGE = 48;
const worst = (a, b) => (a.dice ?? 2) - (b.dice ?? 2) || size(b) - size(a);
const size = (item) => Math.max(item.area, item.truthArea ?? 0);
const FILTERS = {
  all: ["all", () => true],
  refer: ["read first", (item) => item.reasons.length > 0, "referred to people by the manifest's rule"],
  worst: ["worst positives", (item) => item.truth?.length > 0 && item.dice < 0.5, "a mask in truth and a Dice below 0.5"],
  fp: ["false positives", (item) => item.outcome === "fp"],
  fn: ["false negatives", (item) => item.outcome === "fn"],
  fe: ["found elsewhere", (item) => item.outcome === "fe", "masks in truth and prediction without overlap"],
  tp: ["true positives", (item) => item.outcome === "tp"],
  tn: ["true negatives", (item) => item.outcome === "tn"],
  marked: ["marked, truth unknown", (item) => item.outcome === "marked"],
  empty: ["empty, truth unknown", (item) => item.outcome === "empty"],
};
const SORTS = {
  worst,
  best: (a, b) => worst(b, a),
  area: (a, b) => size(b) - size(a),
  score: (a, b) => (b.score?.[0] ?? -1) - (a.score?.[0] ?? -1),
  id: (a, b) => (a.id < b.id ? -1 : 1),
};
const DEFAULTS = { filter: "all", sort: "worst", search: "", mode: "outline", truth: true, prediction: true, map: false, case: "", zoom: "", levels: "" };

const cases = readCases();
const judged = cases.some((item) => item.truth);
const controls = document.getElementById("controls");
const view = { ...DEFAULTS };
let matching = [];
const grid = new Grid(document.getElementById("grid"), view);
const viewer = new Viewer(view, () => matching, writeFragment);

/** Shows the result of recomputing the numbers. */
function sayMismatches() {
  const count = cases.filter((item) => item.wrong).length;
  document.documentElement.dataset.mismatches = count;
  const alarm = document.getElementById("mismatch");
  alarm.hidden = count === 0;
  alarm.textContent = `${count} of ${cases.length} cases do not match their masks: this file was changed or damaged. They have a coloured frame below.`;
}

/** Adds the filters that apply, as radio buttons with their counts. */
function addFilters() {
  for (const [value, [name, passes, title]] of Object.entries(FILTERS)) {
    const count = cases.filter(passes).length;
    const optional = ["marked", "empty", "refer"].includes(value);
    if (value !== "all" && (optional ? count === 0 : !judged)) continue;
    const [label, input, span, small] = ["label", "input", "span", "small"].map((tag) => document.createElement(tag));
    Object.assign(input, { type: "radio", name: "filter", value });
    span.textContent = judged ? name : name.split(",")[0];
    if (title) label.title = title;
    small.textContent = count;
    span.append(small);
    label.append(input, span);
    document.getElementById("filters").append(label);
  }
}

/** Removes the controls that need a truth. */
function leaveOutTruth() {
  for (const name of ['[value="errors"]', '[name="truth"]']) {
    controls.querySelector(name).closest("label").hidden = true;
  }
  for (const name of ["worst", "best"]) controls.elements.sort.querySelector(`[value="${name}"]`).remove();
  DEFAULTS.sort = "area";
}

/** Reads the view from the fragment; missing or invalid parts have their defaults. */
function readFragment() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const name of ["filter", "sort", "mode"]) {
    const control = controls.elements[name];
    control.value = said.get(name);
    if (control.value !== said.get(name)) control.value = DEFAULTS[name];
  }
  controls.elements.search.value = said.get("search") ?? "";
  for (const name of ["truth", "prediction"]) controls.elements[name].checked = said.get(name) !== "off";
  readControls();
  for (const name of ["case", "zoom", "levels"]) view[name] = said.get(name) ?? "";
  view.map = said.get("map") === "on";
}

/** Applies the fragment. */
function follow() {
  readFragment();
  show();
  redraw();
  const wanted = cases.find((item) => item.id === view.case);
  if (wanted) viewer.open(wanted);
  else viewer.dialog.close();
}

/** Writes the view to the fragment, so that the URL leads back to it. */
function writeFragment() {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(view)) {
    if (value !== DEFAULTS[name]) said.set(name, typeof value === "boolean" ? (value ? "on" : "off") : value);
  }
  history.replaceState(null, "", `#${said}`);
}

function readControls() {
  const { elements } = controls;
  for (const name of ["filter", "sort", "search", "mode"]) view[name] = elements[name].value;
  for (const name of ["truth", "prediction"]) view[name] = elements[name].checked;
}

/** Filters and sorts the cases, and shows the first ones. */
function show() {
  const search = view.search.trim().toLowerCase();
  const passes = FILTERS[view.filter][1];
  matching = cases.filter((item) => passes(item) && item.id.toLowerCase().includes(search)).sort(SORTS[view.sort]);
  grid.clear();
  showMore();
  document.documentElement.dataset.matching = matching.length;
}

function showMore() {
  const shown = grid.cards.length;
  grid.add(matching.slice(shown, shown + PAGE), (item) => viewer.open(item));
  const now = grid.cards.length;
  document.getElementById("more").hidden = now === matching.length;
  const rest = now < matching.length ? `, ${now} shown` : "";
  document.getElementById("status").textContent = `${matching.length} of ${cases.length} cases${rest}`;
}

function redraw() {
  const errors = judged && view.mode === "errors";
  document.getElementById("legend").hidden = !errors;
  document.getElementById("layers").hidden = errors;
  grid.redraw();
  viewer.redraw();
}

sayMismatches();
addFilters();
if (!judged) leaveOutTruth();
follow();
controls.addEventListener("submit", (event) => event.preventDefault());
controls.addEventListener("input", ({ target }) => {
  readControls();
  writeFragment();
  if (["filter", "sort", "search"].includes(target.name)) show();
  redraw();
});
addEventListener("hashchange", follow);
for (const link of document.querySelectorAll(".outcomes a")) {
  link.addEventListener("click", () => document.getElementById("cases").scrollIntoView());
}
addEventListener("beforeprint", () => grid.drawAll());
document.getElementById("more").addEventListener("click", showMore);
document.documentElement.dataset.ready = "true";
