"use strict";
// The findings: filtered, listed, and each walked through step by step.

const data = JSON.parse(byId("data").textContent);
const severities = ["blocker", "major", "minor", "nit"];
const views = ["findings", "picture", "notes"];
let shown = [];
let current = null;
let step = 0;

const findingsByNode = new Map();
for (const finding of data.findings) {
  for (const node of finding.nodes) {
    if (!findingsByNode.has(node)) findingsByNode.set(node, []);
    findingsByNode.get(node).push(finding);
  }
}
const picture = new Picture(data.graph, (finding) => { view("findings"); open(finding); });

function view(name) {
  for (const other of views) {
    byId(other).hidden = other !== name;
    byId(`to-${other}`).setAttribute("aria-pressed", String(other === name));
  }
  if (name !== "picture" || picture.svg) return;
  picture.draw((node) => findingsByNode.get(node) ?? []);
  if (current?.nodes.length) picture.goTo(current.nodes);
}

function addFilters() {
  const count = (key, value) => data.findings.filter((finding) => finding[key] === value).length;
  for (const severity of severities) {
    const box = element("input", { type: "checkbox", checked: true, value: severity });
    const label = element("label", { class: severity }, box, ` ${severity} (${count("severity", severity)})`);
    byId("severities").append(label);
  }
  const rules = new Map();
  for (const finding of data.findings) rules.set(finding.rule, (rules.get(finding.rule) ?? 0) + 1);
  for (const [rule, number] of [...rules].sort()) {
    byId("rule").append(element("option", { value: rule }, `${rule} (${number})`));
  }
  byId("filters").addEventListener("input", filter);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
}

function filter() {
  const on = new Set([...byId("severities").querySelectorAll("input:checked")].map((box) => box.value));
  const rule = byId("rule").value, path = byId("path").value.trim().toLowerCase();
  const words = byId("words").value.toLowerCase().split(/\s+/).filter(Boolean);
  const silenced = byId("silenced").checked;
  shown = data.findings.filter((finding) => {
    if (!on.has(finding.severity) || (rule && finding.rule !== rule) || (finding.silenced && !silenced)) return false;
    if (path && !finding.path.toLowerCase().includes(path)) return false;
    const text = `${finding.rule} ${finding.message} ${finding.path} ${finding.function} ${finding.id}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  byId("list").replaceChildren(...shown.map(row));
  byId("count").textContent = `${shown.length} of ${data.findings.length} findings`;
  if (!shown.includes(current)) open(shown[0] ?? null);
  else mark();
}

function row(finding) {
  const button = element(
    "button",
    { type: "button", class: finding.silenced ? "is-silenced" : undefined, "data-id": finding.id },
    element("span", { class: `severity ${finding.severity}` }, finding.severity),
    ` ${finding.rule}`,
    element("span", { class: "where" }, `${finding.path}:${finding.line}`),
  );
  button.addEventListener("click", () => open(finding));
  return element("li", {}, button);
}

function mark() {
  byId("list").querySelector('[aria-current="true"]')?.removeAttribute("aria-current");
  const button = byId("list").children[shown.indexOf(current)]?.firstElementChild;
  button?.setAttribute("aria-current", "true");
  return button;
}

function open(finding) {
  current = finding;
  step = 0;
  mark();
  byId("finding").replaceChildren(...(finding ? told(finding) : [element("p", {}, "No findings worth flagging.")]));
  if (!finding) return;
  // The report may be opened where an address cannot be changed.
  try { history.replaceState(null, "", `#${finding.id}`); } catch { /* then it has none */ }
  walkTo(0, false);
  byId("finding").scrollTop = 0;
}

function told(finding) {
  const parts = [
    element("h2", {}, element("span", { class: `severity ${finding.severity}` }, finding.severity), ` ${finding.summary}`),
    element("p", { class: "facts" }, `${finding.rule} · ${finding.path}:${finding.line}`
      + `${finding.function ? ` · ${finding.function}` : ""} · confidence ${finding.confidence} · ${finding.id}`),
    element("p", {}, finding.message),
  ];
  if (finding.silenced) parts.push(element("p", {}, `Silenced by a ${finding.silenced.by}: ${finding.silenced.reason}`));
  if (finding.help) parts.push(element("p", {}, element("strong", {}, "Fix: "), finding.help));
  if (finding.deployment.length) {
    parts.push(element("h3", {}, "Deployment"), element("ul", {}, ...finding.deployment.map((line) => element("li", {}, element("code", {}, line)))));
  }
  parts.push(element("h3", {}, "How it comes about"));
  parts.push(element("ol", { class: "walk" }, ...finding.steps.map((known, number) => stepOf(known, number, finding.steps.length))));
  if (finding.checked.length) {
    parts.push(element("h3", {}, "Looked for and not found"), element("ul", {}, ...finding.checked.map((line) => element("li", {}, line))));
  }
  if (finding.nodes.length) {
    const button = element("button", { type: "button", id: "in-picture" }, "Show in the picture");
    button.addEventListener("click", () => { view("picture"); picture.goTo(finding.nodes); });
    parts.push(button);
  }
  return parts;
}

function stepOf(known, number, count) {
  const path = data.files[known.file].path;
  const title = element("button", { type: "button" }, `${number + 1} of ${count}: ${known.message} `, element("span", { class: "where" }, `${path}:${known.line}`));
  title.addEventListener("click", () => walkTo(number, false));
  return element("li", { class: "step" }, title, code(known));
}

/** The lines around a step; what it is about is marked. */
function code(known) {
  const lines = [];
  for (const [first, texts] of data.files[known.file].lines) {
    texts.forEach((text, at) => {
      const number = first + at;
      if (number < known.line - data.around || number > known.end_line + data.around) return;
      const isTold = number >= known.line && number <= known.end_line;
      const line = element("span", { class: isTold ? "line told" : "line", "data-number": number });
      // Columns count characters, not UTF-16 units.
      const characters = number === known.line ? [...text] : null;
      const begin = known.column - 1;
      const end = known.end_line === known.line ? known.end_column - 1 : Infinity;
      if (characters && begin < characters.length && end > begin) {
        line.append(
          characters.slice(0, begin).join(""),
          element("mark", {}, characters.slice(begin, end).join("")),
          characters.slice(end).join(""),
        );
      } else {
        line.append(text);
      }
      lines.push(line);
    });
  }
  return element("pre", { class: "code", tabindex: "0" }, ...lines);
}

function walkTo(number, scroll) {
  const steps = byId("finding").querySelectorAll(".step");
  if (!steps.length) return;
  step = Math.max(0, Math.min(number, steps.length - 1));
  steps.forEach((known, at) => (at === step ? known.setAttribute("aria-current", "step") : known.removeAttribute("aria-current")));
  if (scroll) steps[step].scrollIntoView({ block: "center" });
}

function openNext(by) {
  const next = shown[shown.indexOf(current) + by];
  if (!next) return;
  open(next);
  mark()?.scrollIntoView({ block: "nearest" });
}

function keys(event) {
  const typing = event.target.matches("input[type=search], select");
  if (event.key === "Escape" && typing) return event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const inList = event.target.closest("#list") !== null;
  const actions = {
    j: () => openNext(1),
    k: () => openNext(-1),
    n: () => walkTo(step + 1, true),
    p: () => walkTo(step - 1, true),
    f: () => view("findings"),
    g: () => { view("picture"); byId("stage").focus(); },
    "/": () => (byId("picture").hidden ? byId("words") : byId("picture-words")).focus(),
  };
  if (inList && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    openNext(event.key === "ArrowDown" ? 1 : -1);
    mark()?.focus();
  } else if (Object.hasOwn(actions, event.key)) {
    actions[event.key]();
  } else {
    return undefined;
  }
  return event.preventDefault();
}

function begin() {
  byId("summary").textContent = data.summary;
  addFilters();
  for (const name of views) byId(`to-${name}`).addEventListener("click", () => view(name));
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  const notes = data.notes.map(([path, kind, message]) => element("li", {}, `${path}: ${kind.replaceAll("_", " ")}: ${message}`));
  byId("notes").append(notes.length ? element("ul", {}, ...notes) : element("p", {}, "Everything was read."));
  document.addEventListener("keydown", keys);
  const wanted = data.findings.find((finding) => `#${finding.id}` === location.hash);
  if (wanted?.silenced) byId("silenced").checked = true;
  if (wanted) current = wanted;
  filter();
  if (wanted) { open(wanted); mark()?.scrollIntoView({ block: "nearest" }); }
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

begin();
