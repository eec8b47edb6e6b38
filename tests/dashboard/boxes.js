// Measures every visible text and control of a page. See boxes.py.
() => {
  const SLACK = 1.5; // rounding, and letters that lean out of their box
  const MAY_SHORTEN = "[title], [title] *"; // long user text, with the whole text in its tooltip
  const APART = "[popover]:not(:popover-open), dialog:not([open]), template, .toast:not(.shown), noscript";
  const top = document.querySelector("dialog[open], .menu:popover-open") ?? document.body; // what lies above all else
  const known = new Map();
  const styleOf = (part) => {
    if (!known.has(part)) known.set(part, { style: getComputedStyle(part), box: part.getBoundingClientRect() });
    return known.get(part);
  };
  const isHidden = (part) => {
    for (let at = part; at; at = at.parentElement) if (styleOf(at).style.clipPath === "inset(50%)") return true;
    return !part.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  };
  const width = document.documentElement.clientWidth;
  const found = [];
  const name = (part) => (part.textContent || part.placeholder || part.value || "").trim().replace(/\s+/g, " ").slice(0, 50);
  const inside = (part) => {
    const path = [];
    for (let at = part; at && at !== document.body; at = at.parentElement) {
      path.unshift(at.id ? `#${at.id}` : `${at.localName}${at.className && typeof at.className === "string" ? "." + at.className.split(" ")[0] : ""}`);
      if (at.id) break;
    }
    return path.slice(-3).join(" > ");
  };
  const tell = (fault, part, more = "") => found.push(`${fault}: “${name(part)}” ${inside(part)} ${more}`.trim());
  /** What stays in view while the page scrolls below it. */
  const stuck = (part) => {
    for (let at = part; at; at = at.parentElement) if (styleOf(at).style.position === "sticky") return at;
    return null;
  };
  const clips = (style, axis) => ["hidden", "clip"].includes(style[`overflow${axis}`]);
  const scrolls = (style, axis) => ["auto", "scroll"].includes(style[`overflow${axis}`]);

  /** The part of a box that is not scrolled away or cut, and whether something cuts it. */
  const seen = (part, box) => {
    const rect = { left: box.left, right: box.right, top: box.top, bottom: box.bottom };
    let cut = "";
    let card = null;
    for (let at = part; at && at !== document.documentElement; at = at.parentElement) {
      const { style, box: around } = styleOf(at);
      for (const [axis, from, to] of [["X", "left", "right"], ["Y", "top", "bottom"]]) {
        const isOut = rect[from] < around[from] - SLACK || rect[to] > around[to] + SLACK;
        if (!isOut || style.display === "inline" || style.display === "contents") continue;
        if (clips(style, axis)) {
          cut ||= axis === "X" ? "cut sideways" : "cut above or below";
        } else if (!scrolls(style, axis)) continue;
        rect[from] = Math.max(rect[from], around[from]);
        rect[to] = Math.min(rect[to], around[to]);
      }
      if (!card && at.matches(".card, dialog, [popover], .banner, .toast, .bar")) card = around;
      if (style.position === "fixed") break;
    }
    return { ...rect, cut, card, isSeen: rect.right - rect.left > 0.5 && rect.bottom - rect.top > 0.5 };
  };

  const parts = [];
  const walker = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const part = node.parentElement;
    if (!node.data.trim() || part.closest(APART) || part.closest("option, script, style, svg")) continue;
    if (isHidden(part)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter((box) => box.width > 0.5);
    if (boxes.length === 0) continue;
    for (const box of boxes) parts.push({ part, box, isText: true });
  }
  for (const part of top.querySelectorAll("button, .button, input, select, img, svg, kbd, .figure, .state")) {
    if (part.closest(APART) || isHidden(part) || part.type === "hidden") continue;
    parts.push({ part, box: part.getBoundingClientRect(), isText: false });
    if (part.localName === "input" && part.placeholder && !part.value || part.localName === "select") {
      const style = getComputedStyle(part);
      const pen = document.createElement("canvas").getContext("2d");
      pen.font = style.font;
      const text = part.localName === "select" ? part.selectedOptions[0]?.text ?? "" : part.placeholder;
      const arrow = part.localName === "select" ? 20 : 0;
      const room = part.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow;
      if (pen.measureText(text).width > room + 1) tell("text of a field cut", part, `${Math.round(pen.measureText(text).width)} > ${Math.round(room)}`);
    }
  }

  const shown = [];
  for (const { part, box, isText } of parts) {
    const rect = seen(part, box);
    if (!rect.isSeen) continue;
    if (rect.cut && !part.matches(MAY_SHORTEN)) tell(rect.cut, part);
    if (rect.left < -SLACK || rect.right > width + SLACK) tell("off the page", part, `${Math.round(rect.left)}–${Math.round(rect.right)}`);
    const { card } = rect;
    const isOff = card && (rect.left < card.left - SLACK || rect.right > card.right + SLACK || rect.top < card.top - SLACK || rect.bottom > card.bottom + SLACK);
    if (isOff) tell("off its card", part);
    shown.push({ part, rect, isText });
  }
  shown.sort((one, other) => one.rect.left - other.rect.left);
  shown.forEach(({ part, rect, isText }, at) => {
    for (let next = at + 1; next < shown.length && shown[next].rect.left < rect.right - SLACK; next++) {
      const other = shown[next];
      if (part.contains(other.part) || other.part.contains(part)) continue;
      if (Math.min(rect.bottom, other.rect.bottom) - Math.max(rect.top, other.rect.top) <= 2 * SLACK) continue;
      if (part.closest(".search") && part.closest(".search") === other.part.closest(".search")) continue; // the key's sign in the field
      if (stuck(part) !== stuck(other.part)) continue;
      if (part.closest(".avatar") && other.part.closest(".avatar")) continue;
      tell("overlap", part, `with “${name(other.part)}” ${inside(other.part)}`);
    }
  });
  const wider = document.documentElement.scrollWidth - width;
  if (wider > 0) found.push(`the page is ${wider} px too wide`);
  return [...new Set(found)];
}
