// Dialog: what a page does once a dialog was closed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { onClosed } from "../../static/admin/dialog.js";

/** As in browsers, `close` is told of later. */
class FakeDialog extends EventTarget {
  open = false;
  close() {
    this.open = false;
    queueMicrotask(() => this.dispatchEvent(new Event("close")));
  }
}

const told = () => new Promise((resolve) => setImmediate(resolve));

test("a dialog that stays closed is closed", async () => {
  const dialog = Object.assign(new FakeDialog(), { open: true });
  let closed = 0;
  onClosed(dialog, () => (closed += 1));
  dialog.close();
  assert.equal(closed, 0);
  await told();
  assert.equal(closed, 1);
});

test("a dialog that is open again by the time the browser tells of its closing is not closed", async () => {
  const dialog = Object.assign(new FakeDialog(), { open: true });
  let closed = 0;
  onClosed(dialog, () => (closed += 1));
  dialog.close();
  dialog.open = true;
  await told();
  assert.equal(closed, 0);
});
