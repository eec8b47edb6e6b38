/** Search: which users a search text finds, and how names are sorted. models/search.py does the same. No DOM. */

// Accents and vowel points. Marks that are letters of their own, such as the vowels of Hindi, are not among them.
const ACCENTS =
  /[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/g;

// Letters that Unicode does not decompose, as people type them who do not have them on the keyboard.
const LETTERS = {
  ß: "ss", ł: "l", ø: "o", ı: "i", đ: "d", ð: "d", þ: "th", æ: "ae", œ: "oe", ħ: "h", ŧ: "t", ŋ: "n", ĸ: "k", ƀ: "b",
  ɨ: "i", ʉ: "u", ς: "σ",
};
const SPECIAL = new RegExp(`[${Object.keys(LETTERS).join("")}]`, "g");

const BETWEEN_WORDS = /[\s,_.@-]+/g;
const WITHIN_WORD = /(?<=[^\s,_.@-])[_.@-]+(?=[^\s,_.@-])/g;
const LISTED = /[\s,]+/;
const ID = /^#?0*([0-9]+)$/;

// Most names are ASCII, and skipping the normalization matters with 10,000 of them.
export const isAscii = (text) => /^[\0-\x7f]*$/.test(text);

/** A text without case and accents. */
export function folded(text) {
  if (isAscii(text)) return text.toLowerCase();
  const lower = text.normalize("NFKD").toLowerCase();
  return lower.replace(ACCENTS, "").replace(SPECIAL, (letter) => LETTERS[letter]);
}

/** A name as searches and lists compare it: folded words with one space between them. */
export const searchKey = (name) => folded(name).replace(BETWEEN_WORDS, " ");

/** Ranks of what was found by id, by the beginnings of words, and by other parts. */
export const BY_ID = 0;
export const BY_BEGINNING = 1;
export const BY_PART = 2;

/**
 * A search text: words in any order, an id, or several ids. Each word must occur in the name. A number alone is an id,
 * too. `#2` is only an id, and so are several numbers with commas between them.
 */
export class Search {
  #ids = new Set(); // as text
  #words = [];

  constructor(text) {
    const given = folded(text).trim();
    const parts = given.split(LISTED).filter(Boolean);
    const ids = parts.map((part) => ID.exec(part)?.[1]).filter(Boolean);
    const isList = ids.length === parts.length && /[#,]/.test(given);
    if (isList || parts.length === 1) this.#ids = new Set(ids);
    if (isList) return;
    const words = given.replace(WITHIN_WORD, " ").split(LISTED).filter(Boolean);
    this.#words = words.map((word) => word.replace(BETWEEN_WORDS, " "));
  }

  /** It finds everybody. */
  get isEmpty() {
    return this.#words.length === 0 && this.#ids.size === 0;
  }

  /** The rank of a user, or null if the text doesn't find the user. */
  rank(userId, key) {
    if (this.isEmpty || this.#ids.has(String(userId))) return BY_ID;
    if (this.#words.length === 0) return null;
    let isBeginning = true;
    for (const word of this.#words) {
      if (!key.includes(word)) return null;
      isBeginning &&= key.startsWith(word) || key.includes(` ${word}`);
    }
    return isBeginning ? BY_BEGINNING : BY_PART;
  }
}
