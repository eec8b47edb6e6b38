/** Types and size: rollcall.d.ts matches rollcall.js, a typed app compiles with tsc, and the file stays small. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { Rollcall } from "../../static/rollcall.js";
import { App } from "./app.js";

const text = (name) => readFileSync(new URL(name, import.meta.url), "utf8");

test("a typed app passes tsc --strict", (test) => {
  const app = new App(test);
  app.write("usage.ts", text("./usage.ts"));
  const options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2023,dom", "--module", "nodenext"];
  const tsc = ["node_modules/typescript/bin/tsc", ...options, "--types", "react", "usage.ts"];
  const { status, stdout } = spawnSync(process.execPath, tsc, { cwd: app.folder, encoding: "utf8" });
  assert.equal(stdout, "");
  assert.equal(status, 0);
});

test("every public name of the class is typed, and every typed one exists", () => {
  const [, body] = text("../../static/rollcall.d.ts").split("export class Rollcall");
  const typed = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:<]/gm)].map(([, name]) => name);
  const client = new Rollcall({ url: "ws://rollcall.test" });
  const names = [...Object.getOwnPropertyNames(Rollcall.prototype), ...Object.keys(client)];
  assert.deepEqual(new Set(typed), new Set(names));
});

test("every hook is typed, and every typed one exists", () => {
  const exported = (name) => [...text(name).matchAll(/^export function (\w+)/gm)].map(([, hook]) => hook).sort();
  assert.deepEqual(exported("../../static/rollcall-react.d.ts"), exported("../../static/rollcall-react.js"));
});

test("the client is at most 7 KB gzipped, and imports nothing", () => {
  const source = text("../../static/rollcall.js");
  const { length } = gzipSync(source, { level: 9 });
  assert.ok(length <= 7 * 1024, `${length} bytes`);
  assert.doesNotMatch(source, /^\s*import\b|\brequire\(/m);
});

test("an app that copies the file into a module of its own has the class", async (test) => {
  const module = await new App(test).import("./rollcall.js");
  assert.equal(typeof module.Rollcall, "function");
});
