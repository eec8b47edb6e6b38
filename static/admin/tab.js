/** Tab: the page's title and icon carry how many issues nobody deals with, or why the page can't tell. */

const MOST = 99; // an icon has room for two digits

/** The title: `(3) Live · Rollcall`, or `Paused · Live · Rollcall` while the page doesn't follow what happens. */
export function tabTitle(name, count, standing) {
  if (standing) return `${standing} · ${name}`;
  return count ? `(${count.toLocaleString("en")}) ${name}` : name;
}

/** An icon with a number, or with a dash while the page doesn't follow what happens. As a data URL. */
export function tabIcon(count, standing) {
  const text = standing ? "–" : count > MOST ? `${MOST}+` : String(count);
  const size = text.length > 2 ? 9 : 12;
  const fill = standing ? "#565e6c" : "#bd1f2d";
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><circle cx="10" cy="10" r="10" fill="${fill}"/>` +
    `<text x="10" y="${10 + size * 0.36}" fill="#fff" font-family="sans-serif" font-size="${size}" font-weight="700" ` +
    `text-anchor="middle">${text}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

export class Tab {
  #name = document.title.replace(/^\([\d,]+\) /, ""); // the server has put the number there already
  #icon = document.querySelector("link[rel=icon]");
  #plainIcon = this.#icon?.href;
  #shown = "";

  /** `standing` is why the page doesn't follow what happens, or empty. */
  show(count, standing) {
    const shown = `${count} ${standing}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    document.title = tabTitle(this.#name, count, standing);
    if (this.#icon) this.#icon.href = count || standing ? tabIcon(count, standing) : this.#plainIcon;
  }
}
