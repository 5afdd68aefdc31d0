
"use strict";
(() => {
  const film = JSON.parse(document.getElementById("film").textContent);
  const by = id => document.getElementById(id);
  const slider = by("at"), rows = by("rows"), view = by("view"), now = by("now");
  const last = film.steps.length;
  const PAUSE = 700; // milliseconds between two steps
  const CLASSES = {"restart's": "restart", "restart's block": "block", "the image's": "image", "the kernel's": "kernel"};
  let at = 0, timer = 0;

  const element = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text; // whatever it holds, it is text
    return made;
  };

  // Addresses are BigInt: a number has 53 bits.
  const address = text => BigInt("0x" + text);
  const size = bytes => {
    let value = Number(bytes) / 1024, unit = 0;
    while (value >= 999.5 && unit < 5) { value /= 1024; unit++; }
    return (value < 10 && value % 1 ? value.toFixed(1) : value.toFixed(0)) + "KMGTPE"[unit];
  };

  const END = address(film.end);
  const gap = (start, end) => {
    const item = element("li", "gap");
    item.append(element("span", "address", start.toString(16)), element("span", "name", size(end - start) + " free"));
    return item;
  };

  const region = (row, tag, gone, step) => {
    const [from, to, perms, name, owner, state] = row;
    const item = element("li", CLASSES[owner] + (gone ? " gone" : tag ? " changed" : ""));
    const start = address(from), end = address(to);
    const isPath = name.startsWith("/") || name.startsWith(".../");
    const label = element("span", "name", isPath ? name.slice(name.lastIndexOf("/") + 1) : name);
    if (isPath) label.title = name;
    if (tag) label.append(" ", element("span", "tag", tag));
    if (state && !gone) label.append(" ", element("span", "state", "(" + state + ")"));
    for (const [mark, value] of [[film.names[0], step.rip], [film.names[1], step.rsp]])
      if (!gone && value && address(value) >= start && address(value) < end)
        label.append(" ", element("span", "mark", "← " + mark));
    item.append(element("span", "address", from), element("span", "", perms),
      element("span", "size", size(end - start)), label, element("span", "whose", owner));
    return item;
  };

  const draw = step => {
    const tags = new Map(step.tags), all = step.picture.map(i => [film.rows[i], tags.get(i) || "", false]);
    for (const i of step.gone) all.push([film.rows[i], "gone", true]);
    const key = row => address(row[0]);
    all.sort((a, b) => key(a[0]) < key(b[0]) ? -1 : key(a[0]) > key(b[0]) ? 1 : a[2] - b[2]);
    rows.textContent = "";
    let free = 0n;
    for (const [row, tag, gone] of all) {
      const start = key(row), end = address(row[1]);
      if (!gone && start > free) rows.append(gap(free, start));
      rows.append(region(row, tag, gone, step));
      if (!gone && end > free) free = end;
    }
    if (free < END) rows.append(gap(free, END));
    // What has changed is in sight; else where the code runs.
    const target = rows.querySelector(".changed, .gone") || rows.querySelector(".mark");
    const item = target && target.closest("li");
    if (item && (item.offsetTop < view.scrollTop || item.offsetTop + item.offsetHeight > view.scrollTop + view.clientHeight))
      view.scrollTop = item.offsetTop - view.clientHeight / 3;
  };

  const tell = step => {
    now.textContent = "";
    const say = (name, text) => text && now.append(element("p", name, text));
    say("phase", "Step " + at + ", " + step.phase);
    say("words", step.words);
    say("fault", step.fault && "Here it failed: " + step.fault);
    say("note", step.note);
    say("call", step.call);
    say("soft", step.number && "Step " + step.number + " of the hand-out" + (step.place ? ": " + step.place : ""));
    const mapped = text => step.picture.some(i => address(film.rows[i][0]) <= address(text) && address(text) < address(film.rows[i][1]));
    const where = text => text + (mapped(text) ? "" : " (nothing is mapped there)");
    if (step.rip) say("soft", film.names[0] + " " + where(step.rip) + ", " + film.names[1] + " " + where(step.rsp));
  };

  const items = by("all").children, phases = by("phases");
  const buttons = film.phases.map(name => {
    const item = element("li"), button = element("button", "", name);
    const first = film.steps.findIndex(step => step.phase === name) + 1;
    button.type = "button";
    button.addEventListener("click", () => go(first));
    item.append(button);
    phases.append(item);
    return button;
  });

  function go(number) {
    const to = Math.min(Math.max(number, 1), last);
    if (to === at) return;
    if (at) items[at - 1].removeAttribute("aria-current");
    at = to;
    const step = film.steps[at - 1];
    slider.value = at;
    slider.setAttribute("aria-valuetext", "step " + at + " of " + last + ", " + step.phase);
    by("count").textContent = "step " + at + " of " + last;
    tell(step);
    draw(step);
    items[at - 1].setAttribute("aria-current", "step");
    const list = by("all").parentElement, item = items[at - 1];
    if (item.offsetTop < list.scrollTop || item.offsetTop + item.offsetHeight > list.scrollTop + list.clientHeight)
      list.scrollTop = item.offsetTop - list.clientHeight / 2;
    buttons.forEach((button, i) => {
      if (film.phases[i] === step.phase) {
        button.setAttribute("aria-current", "step");
        phases.scrollLeft = button.parentElement.offsetLeft - phases.clientWidth / 3;
      } else button.removeAttribute("aria-current");
    });
    history.replaceState(null, "", "#" + at);
  }

  const stop = () => {
    clearInterval(timer);
    timer = 0;
    by("play").textContent = "Play";
    now.setAttribute("aria-live", "polite");
  };
  const play = () => {
    if (timer) return stop();
    if (at === last) go(1);
    now.setAttribute("aria-live", "off"); // nobody can listen so fast
    by("play").textContent = "Pause";
    timer = setInterval(() => at < last ? go(at + 1) : stop(), PAUSE);
  };

  const moves = {ArrowLeft: () => at - 1, ArrowRight: () => at + 1, Home: () => 1, End: () => last,
    PageUp: () => at - 10, PageDown: () => at + 10};
  document.addEventListener("keydown", event => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " " && event.target.tagName !== "BUTTON") play();
    else if (moves[event.key]) { stop(); go(moves[event.key]()); }
    else return;
    event.preventDefault();
  });
  slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });
  const click = (id, to) => by(id).addEventListener("click", () => { stop(); go(to()); });
  click("first", () => 1);
  click("before", () => at - 1);
  click("after", () => at + 1);
  click("last", () => last);
  by("play").addEventListener("click", play);
  const faults = film.steps.flatMap((step, i) => step.fault ? [i + 1] : []);
  if (faults.length) {
    by("fault").hidden = false;
    click("fault", () => faults.find(number => number > at) || faults[0]);
  }
  for (const number of faults) {
    const tick = element("i");
    tick.style.left = 100 * (number - 1) / Math.max(last - 1, 1) + "%";
    by("ticks").append(tick);
  }
  const hash = () => Number(location.hash.slice(1)) || 1;
  addEventListener("hashchange", () => { stop(); go(hash()); });
  go(hash());
})();
