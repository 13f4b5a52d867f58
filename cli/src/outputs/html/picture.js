"use strict";
// The service's picture. Where things stand was worked out when the report was written; here it is drawn, moved and searched.

/** An element. Children that are texts stay texts, whatever they hold. */
function element(name, attributes, ...children) {
  const svg = ["svg", "g", "path", "text", "title"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === undefined) continue;
    made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const byId = (id) => document.getElementById(id);

class Picture {
  constructor(graph, show) {
    this.graph = graph;
    /** Shows a finding. */
    this.show = show;
    this.hiddenKinds = new Set();
    this.chosen = new Set();
    this.view = { x: 0, y: 0, width: 1, height: 1 };
  }

  /** Draws when it is first looked at: a report may be opened for its findings only. */
  draw(findingsOf) {
    if (this.svg) return;
    this.findingsOf = findingsOf;
    this.svg = element("svg", { "aria-hidden": "true" });
    this.lines = this.graph.lines.map((line) => {
      const parts = [element("path", { d: line.path }), element("path", { class: "tip", d: line.tip })];
      if (line.what) parts.push(element("text", { x: line.x, y: line.y, "text-anchor": "middle" }, line.what));
      return element("g", { class: "line" }, ...parts);
    });
    this.nodes = this.graph.nodes.map((node, number) => {
      const drawn = element(
        "g",
        { class: `node ${node.kind}`, transform: `translate(${node.x} ${node.y})` },
        element("title", {}, node.name),
        element("path", { d: node.shape }),
        element("text", { x: node.width / 2, y: 19, "text-anchor": "middle" }, node.label),
      );
      drawn.classList.toggle("has-findings", findingsOf(number).length > 0);
      drawn.addEventListener("click", () => this.choose([number]));
      return drawn;
    });
    this.svg.append(...this.lines, ...this.nodes);
    byId("stage").replaceChildren(this.svg);
    this.addControls();
    this.fit(this.graph.nodes, 1800);
    this.update();
  }

  addControls() {
    const stage = byId("stage");
    const kinds = [...new Set(this.graph.nodes.map((node) => node.kind))].sort();
    for (const kind of kinds) {
      const box = element("input", { type: "checkbox", checked: true, value: kind });
      box.addEventListener("change", () => {
        if (box.checked) this.hiddenKinds.delete(kind);
        else this.hiddenKinds.add(kind);
        this.update();
      });
      byId("kinds").append(element("label", {}, box, ` ${kind.replace("_", " ")}`));
    }
    byId("picture-words").addEventListener("input", () => this.update());
    byId("picture-words").addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      const found = this.graph.nodes.flatMap((node, number) => (this.matches(node) ? [number] : []));
      this.goTo(found.slice(0, 50));
    });
    byId("closer").addEventListener("click", () => this.zoom(0.8));
    byId("farther").addEventListener("click", () => this.zoom(1.25));
    byId("fit").addEventListener("click", () => this.fit(this.graph.nodes));
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 0.9 : 1.1, this.at(event));
    }, { passive: false });
    let from = null;
    stage.addEventListener("pointerdown", (event) => {
      from = event.target.closest(".node") ? null : this.at(event);
      if (from) stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      if (!from) return;
      const to = this.at(event);
      this.move(from.x - to.x, from.y - to.y);
    });
    stage.addEventListener("pointerup", () => { from = null; });
    stage.addEventListener("keydown", (event) => {
      const step = this.view.width / 10;
      const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
      if (moves[event.key]) this.move(...moves[event.key]);
      else if (event.key === "+" || event.key === "=") this.zoom(0.8);
      else if (event.key === "-") this.zoom(1.25);
      else if (event.key === "0") this.fit(this.graph.nodes);
      else return;
      event.preventDefault();
    });
  }

  /** Where in the picture the pointer is. */
  at(event) {
    const box = byId("stage").getBoundingClientRect();
    const scale = Math.max(this.view.width / box.width, this.view.height / box.height);
    return {
      x: this.view.x + this.view.width / 2 + (event.clientX - box.x - box.width / 2) * scale,
      y: this.view.y + this.view.height / 2 + (event.clientY - box.y - box.height / 2) * scale,
    };
  }

  look(x, y, width, height) {
    this.view = { x, y, width, height };
    this.svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  }

  move(x, y) {
    this.look(this.view.x + x, this.view.y + y, this.view.width, this.view.height);
  }

  /** Shows so much more, around a point that stays. */
  zoom(factor, around) {
    const { x, y, width, height } = this.view;
    const fixed = around ?? { x: x + width / 2, y: y + height / 2 };
    this.look(fixed.x + (x - fixed.x) * factor, fixed.y + (y - fixed.y) * factor, width * factor, height * factor);
  }

  /** Shows these nodes, at most so much; of many, those on top, no larger than life. */
  fit(nodes, most = Infinity) {
    if (!nodes.length) return this.look(0, 0, 100, 100);
    const left = Math.min(...nodes.map((node) => node.x)), top = Math.min(...nodes.map((node) => node.y));
    const right = Math.max(...nodes.map((node) => node.x + node.width));
    const bottom = Math.max(...nodes.map((node) => node.y + 30));
    const width = Math.min(Math.max(right - left + 80, 1000), most);
    const height = Math.min(Math.max(bottom - top + 80, 500), width);
    const begin = (from, to, size) => (to - from + 80 > size ? from - 40 : (from + to - size) / 2);
    this.look(begin(left, right, width), begin(top, bottom, height), width, height);
  }

  matches(node) {
    const words = byId("picture-words").value.trim().toLowerCase();
    return words !== "" && node.name.toLowerCase().includes(words);
  }

  choose(numbers) {
    this.chosen = new Set(numbers);
    this.update();
    byId("about-node").replaceChildren(...(numbers.length === 1 ? this.about(numbers[0]) : []));
  }

  /** Chooses these nodes, and brings them into view. */
  goTo(numbers) {
    this.choose(numbers);
    if (numbers.length) this.fit(numbers.map((number) => this.graph.nodes[number]));
  }

  update() {
    if (!this.svg) return;
    const searching = byId("picture-words").value.trim() !== "";
    const shown = this.graph.nodes.map((node) => !this.hiddenKinds.has(node.kind));
    let found = 0;
    this.graph.nodes.forEach((node, number) => {
      const hit = searching ? this.matches(node) : true;
      found += Number(hit && shown[number]);
      this.nodes[number].setAttribute("display", shown[number] ? "inline" : "none");
      this.nodes[number].classList.toggle("faded", !hit);
      this.nodes[number].classList.toggle("chosen", this.chosen.has(number));
    });
    this.graph.lines.forEach((line, number) => {
      this.lines[number].setAttribute("display", shown[line.from] && shown[line.to] ? "inline" : "none");
      this.lines[number].classList.toggle("chosen", this.chosen.has(line.from) || this.chosen.has(line.to));
      this.lines[number].classList.toggle("faded", searching && !this.chosen.has(line.from) && !this.chosen.has(line.to));
    });
    const left = this.graph.left_out ? `; ${this.graph.left_out} more are left out, those farthest from findings` : "";
    byId("picture-count").textContent = `${found} of ${this.graph.nodes.length}${left}`;
  }

  about(number) {
    const node = this.graph.nodes[number];
    const list = (title, items) => (items.length ? [element("h3", {}, title), element("ul", {}, ...items)] : []);
    const link = (other, what) => {
      const button = element("button", { type: "button" }, this.graph.nodes[other].name + (what ? ` (${what})` : ""));
      button.addEventListener("click", () => this.goTo([other]));
      return element("li", {}, button);
    };
    const finding = (known) => {
      const button = element("button", { type: "button" }, `${known.severity}: ${known.rule}`);
      button.addEventListener("click", () => this.show(known));
      return element("li", {}, button);
    };
    const lines = this.graph.lines;
    return [
      element("h2", {}, node.name),
      element("p", {}, node.kind.replace("_", " ")),
      ...list("Findings through it", this.findingsOf(number).slice(0, 50).map(finding)),
      ...list("Reached from", lines.filter((line) => line.to === number).map((line) => link(line.from, line.what))),
      ...list("Reaches", lines.filter((line) => line.from === number).map((line) => link(line.to, line.what))),
    ];
  }
}
