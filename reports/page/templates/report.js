// Tables sort by a click on a heading. Points of figures answer to the pointer, to touch and to the arrow keys.
// Without this script tables stay as written and figures are plain images.

const MISSING = "-", NUMBER = /^[[(]?([-+]?(?:\d[\d,]*)?\.?\d+(?:e[-+]?\d+)?)/i;

// A cell's number: 0.98 of "0.98 [0.97, 0.99]", 0.1 of "[0.1, 0.3]", 1200 of "1,200", 1.2 of "1.2%".
function number(text) {
  const found = NUMBER.exec(text);
  return found ? Number(found[1].replaceAll(",", "")) : NaN;
}

function sortBy(heading) {
  const table = heading.closest("table"), body = table.tBodies[0], column = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  const text = row => row.cells[column].textContent.trim(), missing = row => [MISSING, ""].includes(text(row));
  const rows = [...body.rows].filter(row => !missing(row)), last = [...body.rows].filter(missing);
  const numeric = rows.every(row => !isNaN(number(text(row))));
  rows.sort((a, b) => (down ? -1 : 1) *
    (numeric ? number(text(a)) - number(text(b)) : text(a).localeCompare(text(b), undefined, { numeric: true })));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows, ...last);
}

for (const heading of document.querySelectorAll("th")) {
  const button = document.createElement("button");
  button.append(...heading.childNodes);
  button.addEventListener("click", () => sortBy(heading));
  heading.append(button);
}

const RUNS = JSON.parse(document.body.dataset.runs), REACH = 28; // pixels from the pointer to a point
const make = (kind, name) => Object.assign(document.createElement(kind), { className: name });
const ring = make("span", "ring"), tip = make("div", "tip");
tip.setAttribute("role", "status");

function show(plot, [left, top, run], touched) {
  const [text, link] = RUNS[run];
  tip.textContent = text;
  if (link && touched) tip.append(Object.assign(make("a", ""), { href: link, textContent: "open the run" }));
  ring.style.cssText = `left: ${left}%; top: ${top}%`;
  const away = top > 30 ? "calc(-100% - 12px)" : "12px"; // above the point where there is room
  tip.style.cssText = `left: ${left}%; top: ${top}%; transform: translate(${-left}%, ${away})`;
  plot.append(ring, tip);
}

function hide() { ring.remove(); tip.remove(); }

function nearest(plot, points, event) {
  const box = plot.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  const far = ([left, top]) => Math.hypot(left / 100 * box.width - x, top / 100 * box.height - y);
  const best = points.reduce((a, b) => far(b) < far(a) ? b : a);
  return far(best) <= REACH ? best : null;
}

function enliven(plot) {
  const points = JSON.parse(plot.dataset.points).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let at = -1;
  const open = point => { if (RUNS[point[2]][1]) window.open(RUNS[point[2]][1], "_blank", "noopener"); };
  const aim = event => {
    const point = nearest(plot, points, event);
    if (point) { at = points.indexOf(point); show(plot, point, event.pointerType === "touch"); } else hide();
    return point;
  };
  plot.classList.add("lively");
  plot.tabIndex = 0;
  plot.addEventListener("pointermove", event => event.pointerType === "mouse" && aim(event));
  plot.addEventListener("pointerleave", event => event.pointerType === "mouse" && hide());
  plot.addEventListener("click", event => {
    if (event.target.closest("a")) return;
    const point = aim(event);
    if (point && event.pointerType !== "touch") open(point);
  });
  plot.addEventListener("blur", event => plot.contains(event.relatedTarget) || hide());
  plot.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) { at = (at + step + points.length) % points.length; show(plot, points[at], false); event.preventDefault(); }
    if (event.key === "Enter" && at >= 0) open(points[at]);
    if (event.key === "Escape") hide();
  });
}

document.querySelectorAll("[data-points]").forEach(enliven);
