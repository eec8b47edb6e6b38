/** An app as a developer sets it up: copies of the client's files, React and TypeScript in node_modules. */

import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export class App {
  constructor(test) {
    this.folder = mkdtempSync(join(tmpdir(), "rollcall-app-"));
    test.after(() => rmSync(this.folder, { recursive: true }));
    for (const name of ["rollcall", "rollcall-react", "rollcall-login", "rollcall-testing"]) {
      for (const file of [`${name}.js`, `${name}.d.ts`]) cpSync(here(`../../static/${file}`), join(this.folder, file));
    }
    symlinkSync(here("../node/node_modules"), join(this.folder, "node_modules"));
    this.write("package.json", '{ "type": "module" }');
  }

  write(name, text) {
    writeFileSync(join(this.folder, name), text);
  }

  /** Import a module of the app or of its node_modules. */
  import(name) {
    if (name.startsWith("./")) return import(pathToFileURL(join(this.folder, name)));
    const entry = `at-${name.replaceAll("/", "-")}.js`;
    this.write(entry, `export * from ${JSON.stringify(name)};\n`);
    return this.import(`./${entry}`);
  }
}
