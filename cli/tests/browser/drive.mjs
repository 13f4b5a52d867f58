// Opens a report in a headless Chromium, reads it as a person would, by mouse and by keys, and prints what it saw as JSON.
//
//   node drive.mjs CHROMIUM REPORT.html SCREENSHOT.png
//
// Speaks the DevTools protocol over the pipe that Chromium offers (--remote-debugging-pipe), so that it needs nothing but Node.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [chromium, report, screenshot] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "distsys-graph-browser-"));
const flags = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "--window-size=1400,900", "about:blank",
];
const browser = spawn(chromium, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const faults = [];
const requests = [];
const waiting = new Map();
let number = 0;
let session;

let text = "";
browser.stdio[4].setEncoding("utf8").on("data", (more) => {
  text += more;
  const messages = text.split("\0");
  text = messages.pop();
  for (const message of messages) heard(JSON.parse(message));
});

function heard({ id, method, params, result, error }) {
  if (id !== undefined) {
    const { done, failed } = waiting.get(id);
    waiting.delete(id);
    if (error) failed(new Error(error.message));
    else done(result);
  } else if (method === "Runtime.exceptionThrown") {
    faults.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
  } else if (method === "Log.entryAdded" && params.entry.level !== "verbose") {
    faults.push(params.entry.text);
  } else if (method === "Page.javascriptDialogOpening") {
    faults.push(`a dialog: ${params.message}`);
    send("Page.handleJavaScriptDialog", { accept: false });
  } else if (method === "Network.requestWillBeSent") {
    requests.push(params.request.url);
  }
}

function send(method, params = {}) {
  return new Promise((done, failed) => {
    waiting.set(++number, { done, failed });
    browser.stdio[3].write(`${JSON.stringify({ id: number, method, params, sessionId: session })}\0`);
  });
}

async function value(expression) {
  const answer = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
  if (answer.exceptionDetails) throw new Error(`${expression}: ${answer.exceptionDetails.exception?.description}`);
  return answer.result.value;
}

/** The middle of an element on the screen. */
const middle = (selector) => value(`(() => {
  const box = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
})()`);

async function click(selector) {
  const at = { ...(await middle(selector)), button: "left", clickCount: 1 };
  await send("Input.dispatchMouseEvent", { ...at, type: "mousePressed" });
  await send("Input.dispatchMouseEvent", { ...at, type: "mouseReleased" });
}

async function press(key) {
  const text = key.length === 1 ? { text: key } : {};
  await send("Input.dispatchKeyEvent", { type: "keyDown", key, ...text });
  await send("Input.dispatchKeyEvent", { type: "keyUp", key });
}

const words = (selector) => value(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? null`);
const count = (selector) => value(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
const box = () => value(`document.querySelector("#stage svg").getAttribute("viewBox")`);

async function look() {
  const { targetInfos } = await send("Target.getTargets");
  const page = targetInfos.find((target) => target.type === "page");
  session = (await send("Target.attachToTarget", { targetId: page.targetId, flatten: true })).sessionId;
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  const begin = performance.now();
  await send("Page.navigate", { url: pathToFileURL(report).href });
  // While it is loaded, the page that was there before may be asked, and go.
  while (!(await value(`document.documentElement?.dataset.ready ?? ""`).catch(() => ""))) {
    if (performance.now() - begin > 30_000) throw new Error(`the report is not ready: ${faults.join("; ")}`);
    await new Promise((done) => setTimeout(done, 20));
  }
  // Until it is on the screen, not only made.
  await value(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`);
  const seen = { opened_ms: Math.round(performance.now() - begin), made_ms: Number(await value(`document.documentElement.dataset.ready`)) };
  seen.rows = await count("#list li");
  seen.first = await words("#finding h2");

  await click("#list li:nth-child(2) button");
  seen.second = await words("#finding h2");
  seen.second_place = await words("#finding .facts");
  seen.steps = await count("#finding .step");
  seen.marks = await count("#finding mark");
  await press("n");
  seen.step = await value(`[...document.querySelectorAll("#finding .step")].findIndex((step) => step.matches("[aria-current=step]"))`);
  await press("k");
  seen.back = (await words("#finding h2")) === seen.first;
  await press("j");
  writeFileSync(screenshot, Buffer.from((await send("Page.captureScreenshot", { format: "png" })).data, "base64"));

  await click("#silenced");
  seen.rows_with_silenced = await count("#list li");
  await click("#silenced");

  // A place may be searched and gone to by keys alone.
  await press("g");
  await press("/");
  for (const key of await value(`data.graph.nodes.find((node) => node.kind !== "function").label.slice(-6)`)) await press(key);
  await press("Enter");
  seen.found_by_keys = await count("#stage .node.chosen");
  await value(`document.querySelector("#picture-words").value = ""; document.querySelector("#picture-words").dispatchEvent(new Event("input"))`);
  await press("Escape");
  await press("f");

  const severity = await value(`document.querySelector("#finding h2 .severity").textContent`);
  await click(`#severities input[value=${severity}]`);
  seen.without_severity = await count(`#list .${severity}`);
  await click(`#severities input[value=${severity}]`);
  await press("/");
  for (const key of "no such words") await press(key);
  seen.none = await words("#count");
  await value(`document.activeElement.select()`);
  await press("Backspace");
  await send("Input.dispatchKeyEvent", { type: "keyDown", key: "Backspace", windowsVirtualKeyCode: 8 });
  await press("Escape");
  const rule = await value(`document.querySelector("#rule").options[1].value`);
  await value(`(() => { const rule = document.querySelector("#rule"); rule.value = ${JSON.stringify(rule)}; rule.dispatchEvent(new Event("input", { bubbles: true })); })()`);
  seen.of_rule = await value(`[...document.querySelectorAll("#list button")].every((row) => row.textContent.includes(${JSON.stringify(rule)}))`);
  seen.of_rule_rows = await count("#list li");

  await press("g");
  seen.nodes = await count("#stage .node");
  const whole = await box();
  await press("ArrowRight");
  seen.moved = (await box()) !== whole;
  await press("+");
  const closer = await box();
  const at = await middle("#stage");
  await send("Input.dispatchMouseEvent", { ...at, type: "mouseWheel", deltaX: 0, deltaY: 120 });
  await send("Input.dispatchMouseEvent", { x: at.x, y: at.y, type: "mouseMoved" });
  seen.zoomed = (await box()) !== closer;
  await press("0");
  await value(`(() => {
    const stage = document.querySelector("#stage").getBoundingClientRect();
    const inside = (box) => box.left >= stage.left && box.right <= stage.right && box.top >= stage.top && box.bottom <= stage.bottom;
    [...document.querySelectorAll("#stage .node path")].find((node) => inside(node.getBoundingClientRect())).id = "first-in-view";
  })()`);
  await click("#first-in-view");
  seen.about = await words("#about-node h2");
  await value(`document.querySelector("#picture-words").value = "zzz"; document.querySelector("#picture-words").dispatchEvent(new Event("input"))`);
  seen.faded = await count("#stage .node.faded");
  await value(`document.querySelector("#picture-words").value = ""; document.querySelector("#picture-words").dispatchEvent(new Event("input"))`);
  const kinds = await count("#kinds input");
  await click("#kinds input");
  seen.hidden = await count(`#stage .node[display=none]`);
  seen.kinds = kinds;
  await click("#kinds input");
  const picture = screenshot.replace(/\.png$/, "-picture.png");
  writeFileSync(picture, Buffer.from((await send("Page.captureScreenshot", { format: "png" })).data, "base64"));

  const back = `getComputedStyle(document.body).backgroundColor`;
  const before = await value(back);
  await click("#theme");
  seen.themes = [before, await value(back)];
  seen.elements = await value(`[...new Set([...document.querySelectorAll("body *")].map((element) => element.localName))].sort()`);
  seen.requests = requests.filter((url) => !url.startsWith("file:"));
  seen.faults = faults;
  return seen;
}

const limit = setTimeout(() => browser.kill("SIGKILL"), 90_000);
let code = 0;
try {
  console.log(JSON.stringify(await look()));
} catch (error) {
  console.error(error.message);
  code = 1;
} finally {
  clearTimeout(limit);
  const ended = new Promise((done) => browser.on("exit", done));
  browser.kill("SIGTERM");
  await ended;
  // Processes of the browser may still write to it.
  try { rmSync(profile, { recursive: true, force: true, maxRetries: 10 }); } catch { /* the system clears its temporary files */ }
}
process.exit(code);
