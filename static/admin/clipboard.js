/** Clipboard: copies a text, also where browsers give pages no clipboard. */

/** Browsers give pages one only on https and on localhost. Elsewhere, the text of a field can be copied. */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  (document.querySelector("dialog[open], :popover-open") ?? document.body).append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (!isCopied) throw new Error("The browser doesn't allow it");
}
