/** Page settings: the server's numbers, read from the page's attributes. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { pageSettings } from "../../static/admin/page_settings.js";
import { SETTINGS } from "./fakes.js";

const texts = Object.fromEntries(Object.entries(SETTINGS).map(([name, number]) => [name, String(number)]));

test("the page's attributes are read as numbers", () => {
  assert.deepEqual(pageSettings({ dataset: { ...texts, now: "1", seq: "2" } }), SETTINGS);
});

for (const name of Object.keys(SETTINGS)) {
  test(`a page without ${name} doesn't start with a made-up one`, () => {
    for (const text of [undefined, "", "x", "0", "-1"]) {
      assert.throws(() => pageSettings({ dataset: { ...texts, [name]: text } }), new RegExp(name));
    }
  });
}
