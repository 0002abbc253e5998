// The page that draws a timeline, but for its data: everything in front of it and behind it. One
// file without any reference outwards; light or dark as the reader's system is.
#pragma once

#include <string_view>

namespace pv::trace {

inline constexpr std::string_view page_head = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="polyvisor run --timeline">
<title>Timeline of a run</title>
<style>
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1d232b; --soft: #5d6875; --faint: #8a94a0;
  --line: #e3e1dc; --grid: #eceae6; --accent: #b4431f; --mark: #6b3fa0;
  --l0: #c9d8e8; --l1: #a9c1da; --guest: #2f6f8f;
  --c0: #2f6f8f; --c1: #e0973b; --c2: #5a9e6f; --c3: #b4536b; --c4: #7a6bb5;
  --c5: #4fb0b5; --c6: #c9b037; --c7: #8c8c8c; --shadow: 0 1px 2px #0000000d, 0 6px 24px #0000000a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --card: #1b2027; --ink: #e8ebee; --soft: #a4aeb9; --faint: #76818d;
    --line: #2c333c; --grid: #252b33; --accent: #f08a5d; --mark: #c4a1f0;
    --l0: #2c3e50; --l1: #3a536b; --guest: #4f9dc0;
    --c0: #4f9dc0; --c1: #eaae5e; --c2: #78bd8d; --c3: #d97a92; --c4: #a396dd;
    --c5: #6fd0d4; --c6: #dcc65c; --c7: #a0a0a0; --shadow: none;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 40px 24px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1080px; margin: 0 auto; }
h1 { font-size: 26px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; overflow-wrap: anywhere; }
.sub { color: var(--soft); margin: 6px 0 28px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-bottom: 20px; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.tile { padding: 14px 16px 12px; }
.tile b { display: block; font-size: 25px; line-height: 1.15; font-weight: 640; letter-spacing: -0.02em; }
.tile b small { font-size: 15px; font-weight: 500; color: var(--soft); margin-left: 3px; letter-spacing: 0; }
.tile span { color: var(--soft); font-size: 13px; }
.card { padding: 20px 22px 16px; margin-bottom: 20px; }
h2 { font-size: 16px; margin: 0 0 2px; }
.hint { color: var(--soft); font-size: 13px; margin: 0 0 12px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--soft); }
svg .strong { fill: var(--ink); font-weight: 600; }
svg .onbar { fill: #fff; font-weight: 600; }
svg .markname { fill: var(--mark); font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0 2px; font-size: 13px; color: var(--soft); }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
.legend b { color: var(--ink); font-weight: 600; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(380px, 1fr)); gap: 20px; align-items: start; }
.tables .card { margin: 0; }
.tables .wide { grid-column: 1 / -1; }
@media (max-width: 520px) { .tables { grid-template-columns: 1fr; } body { padding: 24px 12px; } .card { padding: 16px 14px; } }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: 12.5px; padding: 4px 8px 6px 0; border-bottom: 1px solid var(--line); }
td { padding: 6px 8px 6px 0; border-bottom: 1px solid var(--grid); }
tr:last-child td { border-bottom: 0; }
.n { text-align: right; white-space: nowrap; padding-right: 0; padding-left: 12px; }
.bar { width: 34%; padding-left: 14px; }
.bar i { display: block; height: 8px; border-radius: 4px; min-width: 2px; }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 8px; }
#tip {
  position: fixed; z-index: 2; pointer-events: none; background: var(--card); color: var(--ink); border: 1px solid var(--line);
  border-radius: 8px; padding: 8px 11px; font-size: 13px; box-shadow: 0 4px 20px #00000030; display: none; max-width: 320px;
}
#tip table { font-size: 13px; width: auto; } #tip td { border: 0; padding: 1px 10px 1px 0; } #tip .n { padding: 1px 0 1px 8px; }
#tip b { font-weight: 600; }
footer { color: var(--faint); font-size: 12.5px; margin-top: 22px; }
.lost { color: var(--accent); }
</style>
</head>
<body>
<main>
<h1 id="title">Timeline of a run</h1>
<p class="sub" id="sub"><noscript>This page draws itself by JavaScript; its numbers stand as JSON in its source.</noscript></p>
<div class="tiles" id="tiles"></div>
<section class="card"><h2>From launch to end</h2><p class="hint" id="runhint"></p><div id="run"></div></section>
<section class="card"><h2>Exits to the monitor, by cause</h2><p class="hint" id="exithint"></p><div id="exits"></div><div class="legend" id="legend"></div></section>
<div class="tables" id="tables"></div>
<footer id="foot"></footer>
</main>
<div id="tip"></div>
<script type="application/json" id="data">)html";

inline constexpr std::string_view page_tail = R"html(</script>
<script>
"use strict";
(() => {
const D = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const esc = s => String(s).replace(/[&<>"]/g, c => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}[c]));
const group = n => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const span = ns => {  // [number, unit]
  const [v, u] = ns >= 1e9 ? [ns / 1e9, "s"] : ns >= 1e6 ? [ns / 1e6, "ms"] : [ns / 1e3, "\u00b5s"];
  return [v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2), u];
};
const time = ns => span(ns).join("\u2009");
const short = ns => { const [v, u] = span(ns); return ns === 0 ? "0" : +v + "\u2009" + u; };
const size = b => b >= 2 ** 30 ? +(b / 2 ** 30).toFixed(2) + " GiB" : +(b / 2 ** 20).toFixed(2) + " MiB";
const color = i => `var(--c${Math.min(i, 7)})`;
const end = Math.max(D.end_ns, 1);
const M = D.moments;
const find = label => M.find(m => m.label === label);
const first = find("first instruction");
const total = D.causes.reduce((sum, c) => sum + c.count, 0);

/* heading and tiles */
const kernel = D.kernel.split("/").pop();
document.title = `${kernel}: timeline`;
$("title").textContent = kernel;
const when = new Date(D.wall_ms);
$("sub").textContent = `${D.arch}, ${D.cpus} CPU${D.cpus > 1 ? "s" : ""}, ${size(D.memory)}; ${D.outcome}; ` +
  when.toISOString().slice(0, 16).replace("T", " ") + " UTC";
const tile = (ns, words) => ns === undefined ? "" : `<div class="tile"><b>${span(ns)[0]}<small>${span(ns)[1]}</small></b><span>${words}</span></div>`;
const output = find("first output"), init = find("init");
$("tiles").innerHTML =
  tile(first && first.ns, "to the first instruction") + tile(output && output.ns, "to the first output") +
  tile(init && init.ns, "to init") + tile(end, "in all") +
  `<div class="tile"><b>${group(total)}</b><span>exits to the monitor</span></div>`;

/* drawing */
const W = 1036, NS = "http://www.w3.org/2000/svg";
const el = (parent, name, attributes, text) => {
  const e = document.createElementNS(NS, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  parent.appendChild(e);
  return e;
};
const svg = (id, height, label) => el($(id), "svg", {viewBox: `0 0 ${W} ${height}`, role: "img", "aria-label": label});
const ruler = document.createElement("canvas").getContext("2d");
const wide = (text, bold) => { ruler.font = (bold ? "600 " : "") + "12px system-ui, sans-serif"; return ruler.measureText(text).width * 1.04; };
const nice = x => { const p = 10 ** Math.floor(Math.log10(x)); return [1, 2, 5, 10].map(f => f * p).find(v => v >= x * 0.999); };
const tip = $("tip");
const show = (event, html) => {
  tip.innerHTML = html;
  tip.style.display = "block";
  const w = tip.offsetWidth, h = tip.offsetHeight;
  tip.style.left = Math.max(8, Math.min(event.clientX + 14, innerWidth - w - 8)) + "px";
  tip.style.top = (event.clientY + h + 24 > innerHeight ? event.clientY - h - 12 : event.clientY + 16) + "px";
};
const hide = () => { tip.style.display = "none"; };
const hover = (e, html) => { e.addEventListener("mousemove", ev => show(ev, html)); e.addEventListener("mouseleave", hide); };
const axis = (s, y, from, to, x) => {
  const step = nice((to - from) / 8);
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to * (1 + 1e-9); i++) {
    const at = x(i * step);
    el(s, "line", {x1: at, x2: at, y1: y, y2: y + 4, stroke: "var(--faint)", opacity: 0.6});
    el(s, "text", {x: at, y: y + 17, "text-anchor": at < 20 ? "start" : at > W - 24 ? "end" : "middle"}, short(i * step));
  }
};

/* the run: a bar for all of it, and the launch under a lens */
{
  const launch = M.filter(m => m.kind === "launch");
  const x = ns => ns / end * W;
  const split = first ? first.ns : end;
  const notes = M.filter(m => m.kind !== "launch" && m !== first);
  /* names above the bar, in rows: beside their lines, and none crossed by another's line */
  const bar = 36, placed = [];
  const place = (m, words, flipped) => {
    const at = x(m.ns), w = wide(words, true), left = flipped ? at - 6 - w : at + 6, right = left + w;
    const meets = (p, low, high) => p.left - 8 < high && low < p.right + 8;
    const free = row => placed.every(p => p.row === row ? !meets(p, left, right)
      : p.row < row ? !(p.left - 3 < at && at < p.right + 3) : !(left - 3 < p.at && p.at < right + 3));
    let row = 0;
    while (row < 7 && !free(row)) row++;
    placed.push({m, at, left, right, row, words});
  };
  const named = notes.map(m => [m, `${m.kind === "end" ? "end" : m.label} ${time(m.ns)}`]);
  const flips = ([m, words]) => x(m.ns) + 6 + wide(words, true) > W;
  named.filter(n => !flips(n)).reverse().forEach(n => place(n[0], n[1], false));
  named.filter(flips).forEach(n => place(n[0], n[1], true));
  const rows = 1 + Math.max(0, ...placed.map(p => p.row));
  const top = 14 + 20 * rows, s = svg("run", top + 158, "The run as a bar, and its launch magnified");
  for (const {m, at, left, row, words} of placed) {
    const y = top - 10 - row * 20, c = m.kind === "mark" ? "var(--mark)" : "var(--accent)";
    el(s, "line", {x1: at, x2: at, y1: y - 10, y2: top + bar, stroke: c, "stroke-width": 1.5});
    el(s, "text", {x: left, y, class: m.kind === "mark" ? "markname" : "strong"}, words);
    hover(el(s, "rect", {x: at - 6, y: y - 12, width: 12, height: top + bar - y + 12, fill: "transparent"}),
      `<b>${esc(m.label)}</b><br>${time(m.ns)} after launch` + (first ? `<br>${time(Math.max(0, m.ns - first.ns))} after the first instruction` : ""));
  }
  const part = (from, to, fill, words, html) => {
    const r = el(s, "rect", {x: x(from), y: top, width: Math.max(1.5, x(to) - x(from)), height: bar, rx: 3, fill});
    hover(r, html);
    const w = wide(words, true);
    let at = x(from) + 11;  // beside the lines that cross the bar
    for (const p of placed) if (p.at > x(from) && p.at > at - 8 && p.at < at + w + 4) at = p.at + 8;
    if (x(to) - at > w + 8)
      el(s, "text", {x: at, y: top + bar / 2 + 4, class: fill === "var(--guest)" ? "onbar" : "strong", "pointer-events": "none"}, words);
  };
  if (first) part(first.ns, end, "var(--guest)", `guest ${time(end - first.ns)}`, `<b>The guest runs</b><br>${time(end - first.ns)}`);
  part(0, split, "var(--l1)", `launch ${time(split)}`, `<b>Launch</b>: the monitor's own work<br>${time(split)}`);
  for (const {m, at} of placed)
    el(s, "line", {x1: at, x2: at, y1: top, y2: top + bar, stroke: m.kind === "mark" ? "var(--mark)" : "var(--accent)", "stroke-width": 1.5, "pointer-events": "none"});
  axis(s, top + bar, 0, end, x);
  /* the lens */
  const ly = top + bar + 62, lh = 32, u = ns => ns / split * W;
  el(s, "path", {d: `M0 ${top + bar} L${Math.max(2, x(split))} ${top + bar} L${W} ${ly} L0 ${ly} Z`, fill: "var(--l0)", opacity: 0.28});
  let from = 0;
  launch.concat(first ? [first] : []).forEach((m, i) => {
    if (m.ns <= from && i > 0) return;
    const w = u(m.ns) - u(from);
    hover(el(s, "rect", {x: u(from), y: ly, width: Math.max(0.5, w - 1), height: lh, rx: 2, fill: i % 2 ? "var(--l1)" : "var(--l0)"}),
      `<b>${esc(m.label)}</b><br>took ${time(m.ns - from)}<br>${time(m.ns)} after launch`);
    if (w > wide(m.label, false) + 10)
      el(s, "text", {x: u(from) + w / 2, y: ly + lh / 2 + 4, "text-anchor": "middle", class: "strong", "pointer-events": "none"}, m.label);
    from = m.ns;
  });
  axis(s, ly + lh, 0, split, u);
  $("runhint").textContent = `Above: all of the run. Below: the launch (${time(split)}) magnified, step by step. Point at anything for its time.`;
}

/* exits */
{
  const H = 250, top = 26, s = svg("exits", H + 30, "Exits by cause over time");
  const begin = first ? Math.min(first.ns, end - 1) : 0;
  const L = 40, x = ns => L + (ns - begin) / (end - begin) * (W - L);
  const sums = D.bins.map(b => b.reduce((a, v) => a + v, 0));
  const most = Math.max(1, ...sums), step = Math.max(1, nice(most / 4)), peak = Math.ceil(most / step) * step;
  const y = n => H - n / peak * (H - top);
  for (let n = 0; n <= peak; n += step) {
    el(s, "line", {x1: L, x2: W, y1: y(n), y2: y(n), stroke: n ? "var(--grid)" : "var(--line)"});
    el(s, "text", {x: L - 8, y: y(n) + 4, "text-anchor": "end"}, group(n));
  }
  axis(s, H, begin, end, x);
  const paths = D.causes.map(() => "");
  D.bins.forEach((bin, i) => {
    let base = 0;
    const left = Math.max(L, x(i * D.bin_ns)), full = Math.min(x((i + 1) * D.bin_ns), W) - left;
    const width = Math.max(0.8, full - (full > 3 ? 0.6 : 0));
    bin.forEach((n, c) => {
      if (!n) return;
      paths[c] += `M${left.toFixed(2)} ${y(base).toFixed(2)}h${width.toFixed(2)}V${y(base + n).toFixed(2)}h${(-width).toFixed(2)}Z`;
      base += n;
    });
  });
  paths.forEach((d, c) => el(s, "path", {d, fill: color(c)}));
  for (const m of M.filter(one => one.kind !== "launch" && one.kind !== "end" && one !== first)) {
    const c = m.kind === "mark" ? "var(--mark)" : "var(--accent)";
    el(s, "line", {x1: x(m.ns), x2: x(m.ns), y1: top - 8, y2: H, stroke: c, "stroke-dasharray": "3 3", opacity: 0.8});
  }
  const line = el(s, "line", {y1: top, y2: H, stroke: "var(--soft)", visibility: "hidden"});
  const pad = el(s, "rect", {x: L, y: 0, width: W - L, height: H, fill: "transparent"});
  pad.addEventListener("mousemove", event => {
    const box = pad.getBoundingClientRect();
    const ns = begin + (event.clientX - box.left) / box.width * (end - begin), i = Math.floor(ns / D.bin_ns), bin = D.bins[i] || [];
    const rows = D.causes.map((c, k) => [c.name, bin[k] || 0, k]).filter(r => r[1])
      .map(r => `<tr><td><span class="dot" style="background:${color(r[2])}"></span>${esc(r[0])}</td><td class="n">${group(r[1])}</td></tr>`).join("");
    line.setAttribute("x1", x(ns)); line.setAttribute("x2", x(ns)); line.setAttribute("visibility", "visible");
    show(event, `<b>${time(i * D.bin_ns)} to ${time((i + 1) * D.bin_ns)}</b>` + (rows ? `<table>${rows}</table>` : "<br>no exits"));
  });
  pad.addEventListener("mouseleave", () => { hide(); line.setAttribute("visibility", "hidden"); });
  $("exithint").textContent = total ? `From the first instruction to the end; each bar is ${short(D.bin_ns)}. Dashed: first output and marks.`
    : "There was none.";
  $("legend").innerHTML = D.causes.map((c, k) => `<span><i style="background:${color(k)}"></i>${esc(c.name)} <b>${group(c.count)}</b></span>`).join("");
}

/* the same as numbers */
{
  const card = (title, head, rows, cls) => rows.length === 0 ? "" :
    `<section class="card ${cls || ""}"><h2>${title}</h2><table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></section>`;
  let before = 0;
  const tone = {launch: "var(--l1)", guest: "var(--accent)", mark: "var(--mark)", end: "var(--accent)"};
  const moments = M.map(m => {
    const row = `<tr><td><span class="dot" style="background:${tone[m.kind]}"></span>${esc(m.label)}</td>` +
      `<td class="n">${time(m.ns)}</td><td class="n">+${time(m.ns - before)}</td></tr>`;
    before = m.ns;
    return row;
  });
  const share = (n, of) => of ? (n / of * 100).toFixed(n / of >= 0.1 ? 0 : 1) + "\u2009%" : "";
  const counted = (list, tint) => {
    const most = Math.max(1, ...list.map(c => c.count)), sum = list.reduce((a, c) => a + c.count, 0);
    return list.map((c, k) => `<tr><td>${esc(c.name)}</td><td class="bar"><i style="width:${c.count / most * 100}%;background:${tint(k)}"></i></td>` +
      `<td class="n">${group(c.count)}</td><td class="n">${share(c.count, sum)}</td></tr>`);
  };
  const head = '<th>%</th><th></th><th class="n">exits</th><th class="n">share</th>';
  $("tables").innerHTML =
    card("Moments", '<th>what</th><th class="n">after launch</th><th class="n">since the one before</th>', moments, "wide") +
    card("Exits by cause", head.replace("%", "cause"), counted(D.causes, color)) +
    card("Exits by place", head.replace("%", "device"), counted(D.places, () => "var(--guest)"));
  $("foot").innerHTML = `polyvisor ${esc(D.polyvisor)}` +
    (D.lost ? `; <span class="lost">${group(D.lost)} exits came too fast to be recorded and are missing here</span>` : "");
}
})();
</script>
</body>
</html>
)html";

}  // namespace pv::trace
