"use strict";
(() => {
  const source = document.getElementById("map-data");
  if (!source) return;
  const items = JSON.parse(source.textContent);
  const count = items.titles.length;
  const part = (name) => document.getElementById(`map-${name}`);
  const canvas = part("canvas"), tip = part("tip"), search = part("search"), matches = part("matches");
  const MARGIN = 14, REACH = 14, MOST_MATCHES = 8, MOST_ZOOM = 16;
  const largest = Math.max(1, ...items.rows);
  const radius = items.rows.map((rows) => 1.8 + 6 * Math.sqrt(rows / largest));
  const order = [...items.rows.keys()].sort((one, other) => items.rows[other] - items.rows[one]); // small ones on top
  const words = items.titles.map(plain);
  const tall = Math.max(...items.y) - Math.min(...items.y); // of 1, the longer side
  const whole = { zoom: 1, x: 0.5, y: 0.5 };
  let view = whole, width = 0, height = 0, chosen = -1, genre = -1;

  /** Without case and accents: what a search compares. */
  function plain(text) {
    return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  }

  function style(name) {
    return getComputedStyle(canvas).getPropertyValue(name).trim();
  }

  /** Pixels for the longer side of the map. */
  function scale() {
    return (width - 2 * MARGIN) * view.zoom;
  }

  function place(item) {
    return [width / 2 + (items.x[item] - view.x) * scale(), height / 2 - (items.y[item] - view.y) * scale()];
  }

  function isFaded(item) {
    return genre >= 0 && items.colours[item] !== genre;
  }

  function draw() {
    [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.clearRect(0, 0, width, height);
    const fills = Array.from({ length: part("legend").children.length }, (_, number) => style(`--genre-${number}`));
    const grow = Math.sqrt(view.zoom);
    for (const item of order) {
      const [x, y] = place(item);
      pen.globalAlpha = isFaded(item) || (chosen >= 0 && !isShown(item)) ? 0.25 : 0.85;
      pen.fillStyle = fills[items.colours[item]];
      pen.beginPath();
      pen.arc(x, y, radius[item] * grow, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (chosen >= 0) drawChosen(pen, grow);
  }

  function isShown(item) {
    return item === chosen || items.neighbours[chosen].includes(item);
  }

  function drawChosen(pen, grow) {
    const [fromX, fromY] = place(chosen);
    pen.strokeStyle = style("--text");
    pen.lineWidth = 1;
    for (const other of items.neighbours[chosen]) {
      const [x, y] = place(other);
      pen.globalAlpha = 0.5;
      pen.beginPath();
      pen.moveTo(fromX, fromY);
      pen.lineTo(x, y);
      pen.stroke();
      pen.globalAlpha = 1;
      ring(pen, x, y, radius[other] * grow + 1.5, 1.2);
    }
    ring(pen, fromX, fromY, radius[chosen] * grow + 3, 2.5);
  }

  function ring(pen, x, y, r, width) {
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x, y, r, 0, 2 * Math.PI);
    pen.stroke();
  }

  /** The item under the pointer: the nearest one in reach. */
  function at(event) {
    const box = canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1, least = REACH;
    for (let item = 0; item < count; item += 1) {
      if (isFaded(item)) continue;
      const [x, y] = place(item);
      const distance = Math.hypot(x - left, y - top) - radius[item];
      if (distance < least) [best, least] = [item, distance];
    }
    return best;
  }

  function hover(item) {
    tip.hidden = item < 0;
    canvas.style.cursor = item < 0 ? "grab" : "pointer";
    if (item < 0) return;
    tip.textContent = items.titles[item];
    const [x, y] = place(item);
    tip.style.left = `${Math.min(Math.max(x, 80), width - 80)}px`;
    tip.style.top = `${Math.max(y - 12, 26)}px`;
  }

  function choose(item) {
    chosen = item;
    const box = part("chosen");
    box.replaceChildren();
    if (item >= 0) {
      const rows = items.rows[item].toLocaleString("en");
      box.append(
        made("h3", items.titles[item]),
        made("p", [...items.genres[item], `${rows} training rows`].join(" · "), "hint"),
        made("h4", "Nearest items"),
      );
      const list = made("ol", "", "neighbours");
      for (const other of items.neighbours[item]) {
        const entry = made("li");
        entry.append(button(other), made("span", items.genres[other].join(", "), "genres"));
        list.append(entry);
      }
      const clear = made("button", "Clear", "clear");
      clear.type = "button";
      clear.addEventListener("click", () => {
        choose(-1);
        search.focus();
      });
      box.append(list, clear);
      const [x, y] = place(item);
      if (x < 0 || y < 0 || x > width || y > height) view = { ...view, x: items.x[item], y: items.y[item] };
    }
    draw();
  }

  function made(name, text = "", style = "") {
    const one = document.createElement(name);
    one.textContent = text;
    if (style) one.className = style;
    return one;
  }

  function button(item) {
    const one = made("button", items.titles[item], "item");
    one.type = "button";
    one.addEventListener("click", () => {
      search.value = "";
      find();
      choose(item);
    });
    return one;
  }

  function find() {
    const asked = plain(search.value).split(/\s+/).filter(Boolean);
    const found = asked.length ? order.filter((item) => asked.every((word) => words[item].includes(word))) : [];
    matches.replaceChildren(
      ...found.slice(0, MOST_MATCHES).map((item) => {
        const entry = made("li");
        entry.append(button(item));
        return entry;
      }),
    );
    const more = found.length > MOST_MATCHES ? `, the first ${MOST_MATCHES}` : "";
    part("status").textContent = asked.length ? `${found.length || "no"} ${found.length === 1 ? "match" : "matches"}${more}` : "";
    return found;
  }

  function zoom(factor) {
    const wanted = Math.min(Math.max(view.zoom * factor, 1), MOST_ZOOM);
    view = wanted === 1 ? whole : { ...view, zoom: wanted };
    if (wanted > 1 && chosen >= 0 && factor > 1) view = { ...view, x: items.x[chosen], y: items.y[chosen] };
    hover(-1);
    draw();
  }

  let dragged = null;
  canvas.addEventListener("pointerdown", (event) => {
    dragged = { x: event.clientX, y: event.clientY, view, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!dragged) return hover(at(event));
    const [x, y] = [event.clientX - dragged.x, event.clientY - dragged.y];
    if (Math.hypot(x, y) < 4 || view.zoom === 1) return undefined;
    dragged.moved = true;
    view = { ...view, x: dragged.view.x - x / scale(), y: dragged.view.y + y / scale() };
    hover(-1);
    return draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (dragged && !dragged.moved) choose(at(event));
    dragged = null;
  });
  canvas.addEventListener("pointercancel", () => (dragged = null));
  canvas.addEventListener("pointerleave", () => hover(-1));
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      const [first] = find();
      if (first !== undefined) {
        search.value = "";
        find();
        choose(first);
      }
    }
    if (event.key === "Escape") {
      search.value = "";
      find();
    }
  });
  for (const one of part("legend").children) {
    one.addEventListener("click", () => {
      const pressed = one.getAttribute("aria-pressed") === "true";
      for (const other of part("legend").children) other.setAttribute("aria-pressed", "false");
      one.setAttribute("aria-pressed", String(!pressed));
      genre = pressed ? -1 : Number(one.dataset.colour);
      draw();
    });
  }
  part("in").addEventListener("click", () => zoom(1.6));
  part("out").addEventListener("click", () => zoom(1 / 1.6));
  part("whole").addEventListener("click", () => zoom(0));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", draw);
  canvas.style.aspectRatio = String(1 / Math.max(tall, 0.55));
  document.getElementById("map").hidden = false;
  new ResizeObserver(draw).observe(canvas);
})();
