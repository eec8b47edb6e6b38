// Clipboard: how a text is copied, with and without the browser's clipboard.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { copyText } from "../../static/admin/clipboard.js";

let copied, fields, isAllowed;

function setClipboard(clipboard) {
  Object.defineProperty(globalThis, "navigator", { value: { clipboard }, configurable: true });
}

beforeEach(() => {
  copied = [];
  fields = [];
  isAllowed = true;
  globalThis.document = {
    body: { append: (field) => fields.push(field) },
    querySelector: () => null,
    createElement: () => ({ select() {}, remove() { fields.splice(fields.indexOf(this), 1); } }),
    execCommand(name) {
      assert.equal(name, "copy");
      copied.push(fields.at(-1).value);
      return isAllowed;
    },
  };
});

test("the browser's clipboard gets the text", async () => {
  setClipboard({ writeText: async (text) => copied.push(text) });
  await copyText("a link");
  assert.deepEqual(copied, ["a link"]);
});

test("on plain http, a field with the text is copied and removed again", async () => {
  setClipboard(undefined);
  await copyText("a link");
  assert.deepEqual([copied, fields], [["a link"], []]);
});

test("a browser that refuses is an error, and the field is gone", async () => {
  setClipboard(undefined);
  isAllowed = false;
  await assert.rejects(copyText("a link"));
  assert.deepEqual(fields, []);
});
