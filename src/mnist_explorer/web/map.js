// A map of many points, drawn by hand into a pixel buffer: 60,000 points take some milliseconds,
// without WebGL, so each turn, zoom and choice is answered here and no figure is sent again.
const CLICK = 5, REACH = 14, FAR = 12; // CSS pixels to a click and to a point; levels of depth
const FEW = 300, DIM = 0.12; // points in view that are shown as images; what is left of the rest's ink

const decode = (text, Kind) => new Kind(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const rgb = color => [1, 3, 5].map(at => parseInt(color.slice(at, at + 2), 16));
const pixel = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

class PointMap {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.hidden = new Set();
    this.pointers = new Map();
    this.mode = "move";
    this.mark = {index: -1};
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.canvas);
  }

  take(data, send) {
    this.send = send;
    this.root.dataset.taken = 1 + Number(this.root.dataset.taken ?? 0);
    if (data.places !== this.placesKey) {
      this.placesKey = data.places;
      this.axes = data.axes.map(axis => Float32Array.from(decode(axis, Uint16Array), q => q / 32767.5 - 1));
      this.count = this.axes[0].length;
      this.screen = new Float32Array(2 * this.count);
      this.depth = new Float32Array(this.count);
      this.order = shuffled(this.count); // no group always on top
      this.fit = this.fitting();
      this.outlines = null;
      this.reset();
    }
    this.codes = decode(data.codes, Uint16Array);
    const paper = rgb(hex(getComputedStyle(this.root).getPropertyValue("--st-background-color")) ?? "#ffffff");
    this.colors = data.colors.map(color => legible(color, paper));
    // The letters of another clustering are other groups; right, wrong and digits stay what they are.
    const groups = JSON.stringify([data.color, data.names, data.color === "cluster" && data.codes]);
    if (groups !== this.groups) this.hidden.clear();
    this.groups = groups;
    this.names = data.names;
    this.clusters = decode(data.clusters, Uint8Array);
    this.labels = decode(data.labels, Uint16Array);
    this.data = data;
    this.middles = data.named ? this.findMiddles() : [];
    this.legend();
    this.resize();
    Object.assign(this.root.dataset, {ready: "yes", color: data.color, places: data.places, count: this.count});
  }

  // How far the points reach: in space, from whatever side they are looked at.
  fitting() {
    let [x, y, r] = [1e-9, 1e-9, 0];
    for (let i = 0; i < this.count; i++) {
      const [a, b, c] = this.axes.map(axis => axis[i]);
      [x, y, r] = [Math.max(x, Math.abs(a)), Math.max(y, Math.abs(b)), Math.max(r, Math.hypot(a, b, c ?? 0))];
    }
    return this.axes.length === 3 ? Array(2).fill(3 * r / Math.sqrt(9 - r * r)) : [x, y];
  }

  unit() { return 0.47 * Math.min(this.canvas.width / this.fit[0], this.canvas.height / this.fit[1]); }

  findMiddles() { // medians, for the names
    const middle = values => values.sort()[values.length >> 1];
    return this.names.map((_, code) => {
      const members = [];
      for (let i = 0; i < this.count; i++) if (this.codes[i] === code) members.push(i);
      return members.length ? this.axes.map(axis => middle(Float32Array.from(members, i => axis[i]))) : null;
    });
  }

  reset() {
    this.view = this.axes.length === 3
      ? {yaw: 0.6, pitch: 0.4, zoom: 1, x: 0, y: 0} : {yaw: 0, pitch: 0, zoom: 1, x: 0, y: 0};
  }

  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2), box = this.canvas.getBoundingClientRect();
    if (!this.axes || !box.width) return;
    const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height || !this.pixels) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.nearest = new Float32Array(width * height);
      this.sums = new Float32Array(5 * width * height); // red, green, blue, ink and points of a pixel
    }
    this.ratio = ratio;
    this.draw();
  }

  // Pixels of the canvas from a place in [-1, 1]; the third value is nearness to the eye.
  project(place) {
    const {yaw, pitch, zoom, x, y} = this.view;
    const unit = this.unit() * zoom;
    let [a, b, c] = [place[0], place[1], place[2] ?? 0];
    if (place.length === 3) {
      [a, c] = [a * Math.cos(yaw) + c * Math.sin(yaw), c * Math.cos(yaw) - a * Math.sin(yaw)];
      [b, c] = [b * Math.cos(pitch) - c * Math.sin(pitch), c * Math.cos(pitch) + b * Math.sin(pitch)];
      const near = 3 / (3 - c);
      [a, b] = [a * near, b * near];
    }
    return [this.canvas.width / 2 + (a - x) * unit, this.canvas.height / 2 - (b - y) * unit, c];
  }

  projectAll() {
    const {screen, depth, axes} = this;
    if (axes.length === 2) { // without a call and an array a point
      const [ox, oy] = this.project([0, 0]), unit = this.project([1, 0])[0] - ox;
      for (let i = 0; i < this.count; i++) {
        screen[2 * i] = ox + axes[0][i] * unit;
        screen[2 * i + 1] = oy - axes[1][i] * unit;
      }
      return;
    }
    const {yaw, pitch, zoom, x, y} = this.view, {width, height} = this.canvas;
    const unit = this.unit() * zoom;
    const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    for (let i = 0; i < this.count; i++) {
      const a = axes[0][i] * cy + axes[2][i] * sy, c0 = axes[2][i] * cy - axes[0][i] * sy;
      const b = axes[1][i] * cp - c0 * sp, c = c0 * cp + axes[1][i] * sp, near = 3 / (3 - c);
      screen[2 * i] = width / 2 + (a * near - x) * unit;
      screen[2 * i + 1] = height / 2 - (b * near - y) * unit;
      depth[i] = c;
    }
  }

  draw(points = true) { // or else the marks alone
    this.stale ||= points;
    this.waiting ||= requestAnimationFrame(() => { this.waiting = 0; this.drawNow(); });
  }

  drawNow() {
    const style = getComputedStyle(this.root);
    if (this.stale) this.drawPoints(style);
    this.context.putImageData(this.image, 0, 0);
    this.drawImages();
    const ink = style.getPropertyValue("--st-text-color") || "#1f2933";
    this.drawNames(ink, style.getPropertyValue("--st-background-color") || "#ffffff");
    this.drawMarks(ink);
    this.stale = false;
  }

  drawPoints(style) {
    const started = performance.now(), {width, height} = this.canvas, solid = this.axes.length === 3;
    this.projectAll();
    this.pixels.fill(0);
    if (solid) this.nearest.fill(-Infinity);
    const paper = rgb(hex(style.getPropertyValue("--st-background-color")) ?? "#ffffff");
    const colors = this.colors.map(rgb), shades = colors.map(color => shadesOf(color, paper, solid));
    const dimmed = colors.map(color => pixel(mixed(color, paper, DIM)));
    const radius = this.radius = clamp(130 / Math.sqrt(this.count), 0.9, 4) * this.ratio * Math.sqrt(clamp(this.view.zoom, 0.7, 16));
    const disc = discOf(radius), {screen, depth, pixels, nearest, codes, sums, selected} = this;
    this.inView = [];
    let visible = 0;
    if (!solid) sums.fill(0);
    for (const i of this.order) {
      if (this.hidden.has(codes[i])) continue;
      const px = Math.round(screen[2 * i]), py = Math.round(screen[2 * i + 1]);
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      if (++visible <= FEW) this.inView.push(i);
      const away = selected && !selected[i], [r, g, b] = colors[codes[i]], weight = away ? DIM : 1;
      const level = solid ? clamp(Math.floor((depth[i] + 1) / 2 * FAR), 0, FAR - 1) : 0;
      const color = away ? dimmed[codes[i]] : shades[codes[i]][level];
      for (let d = 0; d < disc.length; d += 2) {
        const qx = px + disc[d], qy = py + disc[d + 1];
        if (qx < 0 || qy < 0 || qx >= width || qy >= height) continue;
        const at = qy * width + qx;
        if (solid) {
          if (nearest[at] > depth[i]) continue;
          nearest[at] = depth[i];
          pixels[at] = color;
        } else {
          sums[5 * at] += r * weight; sums[5 * at + 1] += g * weight; sums[5 * at + 2] += b * weight;
          sums[5 * at + 3] += weight; sums[5 * at + 4] += 1;
        }
      }
    }
    if (!solid) this.drawDensity(paper);
    if (visible > FEW) this.inView = [];
    this.root.dataset.milliseconds = Math.round(performance.now() - started);
  }

  drawDensity(paper) { // where points lie on each other, more of them are darker
    const {sums, pixels} = this;
    let points = 0, covered = 0;
    for (let at = 4; at < sums.length; at += 5) if (sums[at]) { points += sums[at]; covered++; }
    const usual = points / Math.max(covered, 1), flat = usual < 1.5;
    for (let at = 0; at < pixels.length; at++) {
      const ink = sums[5 * at + 3], count = sums[5 * at + 4];
      if (!count) continue;
      const share = (ink / count) * (flat ? 1 : 1 - 0.7 * Math.exp(-count / usual / 1.2));
      const color = [0, 1, 2].map(c => sums[5 * at + c] / ink);
      pixels[at] = pixel(mixed(color, paper, share));
    }
  }

  drawImages() { // near enough, each point is its image
    const {context, screen, ratio} = this, {width, height} = this.canvas;
    let drawn = 0;
    const side = clamp(0.5 * Math.sqrt(width * height / Math.max(this.inView.length, 1)), 16 * ratio, 44 * ratio);
    context.lineWidth = 2 * ratio;
    for (const i of this.inView.toSorted((a, b) => this.depth[a] - this.depth[b])) {
      const tile = this.tile(i);
      if (!tile) continue;
      const [w, h] = this.data.image, zoom = side / Math.max(w, h), x = screen[2 * i] - w * zoom / 2, y = screen[2 * i + 1] - h * zoom / 2;
      context.globalAlpha = this.selected && !this.selected[i] ? 2 * DIM : 1;
      context.drawImage(tile.sheet, tile.x, tile.y, w, h, x, y, w * zoom, h * zoom);
      context.strokeStyle = this.colors[this.codes[i]];
      context.strokeRect(x, y, w * zoom, h * zoom);
      drawn++;
    }
    context.globalAlpha = 1;
    this.root.dataset.images = drawn;
  }

  tile(index) { // the sheet with a point's image, once it is here, and where it is on that
    const {perSheet, columns, image: [width, height]} = this.data, at = index % perSheet;
    const sheet = document.querySelectorAll(".st-key-sheets img")[Math.floor(index / perSheet)];
    if (sheet && !sheet.complete) sheet.onload = () => this.draw(false);
    return sheet?.naturalWidth ? {sheet, x: at % columns * width, y: Math.floor(at / columns) * height} : null;
  }

  drawNames(ink, paper) {
    const {context, ratio} = this;
    Object.assign(context, {font: `600 ${14 * ratio}px sans-serif`, textAlign: "center", textBaseline: "middle", lineWidth: 4 * ratio, lineJoin: "round"});
    this.middles.forEach((place, code) => {
      if (!place || this.hidden.has(code) || this.inView.length) return;
      const [x, y] = this.project(place);
      context.strokeStyle = paper;
      context.strokeText(this.names[code], x, y);
      context.fillStyle = ink;
      context.fillText(this.names[code], x, y);
    });
  }

  drawMarks(ink) {
    const {context, ratio, mark} = this;
    context.strokeStyle = context.fillStyle = ink;
    context.lineWidth = 2.5 * ratio;
    if (mark.index >= 0 && mark.index < this.count) {
      context.beginPath();
      context.arc(this.screen[2 * mark.index], this.screen[2 * mark.index + 1], this.radius + 7 * ratio, 0, 7);
      context.stroke();
    }
    if (mark.place && mark.place.length === this.axes.length) { // a new digit: a cross in a square
      const [x, y] = this.project(mark.place), r = 9 * ratio;
      context.strokeRect(x - r, y - r, 2 * r, 2 * r);
      context.beginPath();
      context.moveTo(x - r, y); context.lineTo(x + r, y); context.moveTo(x, y - r); context.lineTo(x, y + r);
      context.stroke();
    }
    if (this.aiming) { // what Enter would choose from
      const [x, y, r] = [this.canvas.width / 2, this.canvas.height / 2, 12 * ratio];
      context.beginPath();
      context.moveTo(x - r, y); context.lineTo(x + r, y); context.moveTo(x, y - r); context.lineTo(x, y + r);
      context.stroke();
    }
    const outline = this.trail?.length ? this.outline() : this.outlines?.map(place => this.project(place));
    if (outline) {
      context.beginPath();
      outline.forEach(([x, y], at) => at ? context.lineTo(x, y) : context.moveTo(x, y));
      context.closePath();
      context.stroke();
    }
  }

  outline() {
    if (this.mode !== "box") return this.trail;
    const [[a, b], [c, d]] = [this.trail[0], this.trail.at(-1)];
    return [[a, b], [c, b], [c, d], [a, d]];
  }

  // The point nearest to a place on the canvas; of those under it in space the foremost.
  pick(x, y, reach) {
    let best = -1, least = (reach * this.ratio) ** 2, front = -Infinity;
    for (let i = 0; i < this.count; i++) {
      const away = (this.screen[2 * i] - x) ** 2 + (this.screen[2 * i + 1] - y) ** 2;
      if (away > least || this.hidden.has(this.codes[i])) continue;
      if (this.axes.length === 3 && away <= this.radius ** 2) {
        if (this.depth[i] < front) continue;
        [best, front, least] = [i, this.depth[i], this.radius ** 2];
      } else if (away < least || best < 0) [best, least] = [i, away];
    }
    return best;
  }

  reveal() { // what was chosen elsewhere, a picture or a number, comes into view
    const {mark: {index}, canvas, view, screen} = this;
    if (index >= 0 && index < this.count) {
      const [x, y] = [screen[2 * index], screen[2 * index + 1]], {width, height} = canvas;
      if (x < 0 || y < 0 || x > width || y > height) {
        const unit = this.unit() * view.zoom;
        view.x += (x - width / 2) / unit;
        view.y -= (y - height / 2) / unit;
      }
    }
    this.draw();
  }

  choose(index) {
    if (index < 0) return;
    this.mark = {...this.mark, index};
    this.draw(false);
    this.send("clicked", index);
  }

  select(outline) {
    const xs = outline.map(p => p[0]), ys = outline.map(p => p[1]), found = [];
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    for (let i = 0; i < this.count; i++) {
      const x = this.screen[2 * i], y = this.screen[2 * i + 1];
      if (x < left || x > right || y < top || y > bottom || this.hidden.has(this.codes[i])) continue;
      let inside = false;
      for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
        if ((ys[a] > y) !== (ys[b] > y) && x < (xs[b] - xs[a]) * (y - ys[a]) / (ys[b] - ys[a]) + xs[a]) inside = !inside;
      }
      if (inside) found.push(i);
    }
    const {width, height} = this.canvas, {x, y} = this.view, unit = this.unit() * this.view.zoom;
    // On a plane the outline moves along; in space it would mean nothing once the map is turned.
    this.outlines = this.axes.length === 2 ? outline.map(([a, b]) => [x + (a - width / 2) / unit, y - (b - height / 2) / unit]) : null;
    this.dimAllBut(found);
    this.send("selected", found);
  }

  dimAllBut(indices) {
    this.selected = indices.length ? new Uint8Array(this.count) : null;
    for (const i of indices) this.selected[i] = 1;
    if (!this.selected) this.outlines = null;
    this.root.dataset.selected = indices.length;
    this.draw();
  }

  hover(event) { // what lies under a mouse, without asking the server
    const tip = this.root.querySelector(".tip"), index = event ? this.pick(...this.at(event), REACH / 2) : -1;
    tip.hidden = index < 0;
    this.root.dataset.hover = index;
    if (index < 0) return;
    const span = tip.querySelector("span"), tile = this.tile(index), [width, height] = this.data.image;
    const zoom = Math.max(1, Math.round(84 / Math.max(width, height)));
    span.hidden = !tile;
    if (tile) span.style.cssText = `width:${width * zoom}px;height:${height * zoom}px;background-image:url("${tile.sheet.src}");`
      + `background-size:${width * zoom * this.data.columns}px auto;background-position:${-tile.x * zoom}px ${-tile.y * zoom}px`;
    const label = this.labels.length ? `digit ${this.data.classes[this.labels[index]]}, ` : "";
    tip.querySelector("b").textContent = `${label}cluster ${this.data.titles[this.clusters[index]]}`;
    tip.querySelector("i").textContent = `image ${index}`;
    const x = this.screen[2 * index] / this.ratio, y = this.screen[2 * index + 1] / this.ratio, {clientWidth} = this.canvas;
    tip.style.cssText = `top:${Math.max(0, y - 60)}px;` + (x < clientWidth / 2 ? `left:${x + 16}px` : `right:${clientWidth - x + 16}px`);
  }

  zoomBy(factor, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const {view} = this, unit = this.unit();
    const before = unit * view.zoom, zoom = clamp(view.zoom * factor, 0.5, 400), after = unit * zoom;
    view.x += (x - this.canvas.width / 2) * (1 / before - 1 / after);
    view.y -= (y - this.canvas.height / 2) * (1 / before - 1 / after);
    view.zoom = zoom;
    this.draw();
  }

  drag(dx, dy, pan) {
    const unit = this.unit() * this.view.zoom;
    if (this.axes.length === 3 && !pan) {
      this.view.yaw += dx / unit * this.view.zoom;
      this.view.pitch = clamp(this.view.pitch + dy / unit * this.view.zoom, -1.57, 1.57);
    } else {
      this.view.x -= dx / unit;
      this.view.y += dy / unit;
    }
    this.draw();
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * this.ratio, (event.clientY - box.top) * this.ratio];
  }

  listen() {
    const {canvas, pointers} = this;
    canvas.onpointerdown = event => {
      canvas.setPointerCapture(event.pointerId);
      this.aiming = false;
      pointers.set(event.pointerId, this.at(event));
      const one = pointers.size === 1 && !event.button; // two fingers never click, nor do other buttons
      this.start = one ? this.at(event) : null;
      this.trail = one && this.mode !== "move" ? [this.at(event)] : null;
    };
    canvas.onpointermove = event => {
      const now = this.at(event), before = pointers.get(event.pointerId);
      if (!before) { if (event.pointerType === "mouse" && this.axes) this.hover(event); return; }
      this.hover(null);
      if (this.start && Math.hypot(now[0] - this.start[0], now[1] - this.start[1]) > CLICK * this.ratio) this.start = null;
      if (this.trail) { this.trail.push(now); this.draw(false); }
      else if (pointers.size === 2) {
        const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
        const span = p => Math.hypot(p[0] - other[0], p[1] - other[1]);
        this.drag((now[0] - before[0]) / 2, (now[1] - before[1]) / 2, true);
        this.zoomBy(span(now) / Math.max(span(before), 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      } else if (!this.start) this.drag(now[0] - before[0], now[1] - before[1], event.shiftKey || event.buttons === 2);
      pointers.set(event.pointerId, now);
    };
    canvas.onpointerup = event => {
      pointers.delete(event.pointerId);
      if (this.start) this.choose(this.pick(...this.start, REACH));
      else if (this.trail?.length > 1) this.select(this.outline());
      this.start = this.trail = null;
      this.draw(false);
    };
    canvas.onpointercancel = event => { pointers.delete(event.pointerId); this.start = this.trail = null; this.draw(false); };
    canvas.onpointerleave = () => this.hover(null);
    canvas.oncontextmenu = event => event.preventDefault();
    canvas.addEventListener("wheel", event => {
      if (!canvas.matches(":focus")) return; // the page scrolls
      event.preventDefault();
      this.hover(null);
      this.zoomBy(Math.exp(-event.deltaY / 400), ...this.at(event));
    }, {passive: false});
    canvas.onkeydown = event => {
      const step = 40 * this.ratio, pan = event.shiftKey;
      const does = {
        ArrowLeft: () => this.drag(step, 0, pan), ArrowRight: () => this.drag(-step, 0, pan),
        ArrowUp: () => this.drag(0, step, pan), ArrowDown: () => this.drag(0, -step, pan),
        "+": () => this.zoomBy(1.4), "=": () => this.zoomBy(1.4), "-": () => this.zoomBy(1 / 1.4),
        0: () => { this.reset(); this.draw(); },
        Enter: () => this.choose(this.pick(canvas.width / 2, canvas.height / 2, Infinity)),
      }[event.key];
      if (!does || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.aiming = true;
      does();
    };
    canvas.onblur = () => { this.aiming = false; if (this.axes) this.draw(false); };
    this.root.querySelectorAll("[data-mode]").forEach(button => {
      button.onclick = () => {
        this.mode = button.dataset.mode;
        this.root.querySelectorAll("[data-mode]").forEach(b => b.setAttribute("aria-pressed", b === button));
      };
    });
    const does = {
      in: () => this.zoomBy(1.5), out: () => this.zoomBy(1 / 1.5), home: () => { this.reset(); this.draw(); },
      all: () => { const {width: w, height: h} = canvas; this.select([[0, 0], [w, 0], [w, h], [0, h]]); },
    };
    this.root.querySelectorAll("[data-do]").forEach(button => { button.onclick = does[button.dataset.do]; });
    const marked = () => {
      if (!canvas.isConnected) { window.removeEventListener("explorer-mark", marked); return; }
      const moved = window.explorerMark.index !== this.mark.index;
      this.mark = window.explorerMark;
      if (!this.mark.selected && this.selected) this.dimAllBut([]);
      if (this.axes) moved ? this.reveal() : this.draw(false);
    };
    window.addEventListener("explorer-mark", marked);
    if (window.explorerMark) this.mark = window.explorerMark;
    // Where a point is on the page, for tests and for whoever scripts this.
    canvas.placeOf = index => {
      const box = canvas.getBoundingClientRect();
      return [box.left + this.screen[2 * index] / this.ratio, box.top + this.screen[2 * index + 1] / this.ratio];
    };
    canvas.pickAt = (x, y) => this.pick(...this.at({clientX: x, clientY: y}), REACH);
  }

  legend() {
    const list = this.root.querySelector(".legend");
    list.replaceChildren(...this.names.map((name, code) => {
      const button = document.createElement("button"), swatch = document.createElement("i");
      swatch.style.background = this.colors[code];
      button.append(swatch, name);
      button.setAttribute("aria-pressed", !this.hidden.has(code));
      button.title = "show or hide";
      button.onclick = () => {
        this.hidden.has(code) ? this.hidden.delete(code) : this.hidden.add(code);
        button.setAttribute("aria-pressed", !this.hidden.has(code));
        this.draw();
      };
      return button;
    }));
  }
}

function shuffled(count) { // the same each time
  const order = Uint32Array.from({length: count}, (_, i) => i);
  let seed = 1;
  for (let i = count - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = seed % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function discOf(radius) {
  const disc = [], reach = Math.ceil(radius);
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++) if (x * x + y * y <= radius * (radius + 0.6)) disc.push(x, y);
  return Int32Array.from(disc);
}

const mixed = (color, paper, share) => color.map((value, i) => Math.round(share * value + (1 - share) * paper[i]));

function shadesOf(color, paper, solid) { // what is far fades into the paper
  return Array.from({length: FAR}, (_, level) => pixel(mixed(color, paper, solid ? 0.35 + 0.65 * level / (FAR - 1) : 1)));
}

function legible(color, paper) { // a dark colour on a dark page is lightened
  const light = ([r, g, b]) => (0.3 * r + 0.59 * g + 0.11 * b) / 255;
  const share = light(paper) < 0.5 ? clamp(0.42 - light(rgb(color)), 0, 1) : 0;
  return "#" + mixed([255, 255, 255], rgb(color), share).map(value => value.toString(16).padStart(2, "0")).join("");
}

function hex(color) {
  const text = color.trim();
  return /^#[0-9a-f]{6}/i.test(text) ? text : null;
}

export default function ({data, parentElement, setTriggerValue}) {
  const root = parentElement.querySelector(".map");
  root.pointMap ??= new PointMap(root);
  root.pointMap.take(data, setTriggerValue);
}
