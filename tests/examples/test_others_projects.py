"""Other projects with the package installed: Vite with React, Next.js, Expo and Jest.

Only `make test-packages` runs these tests.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.examples.others import project, run
from tests.program import ROOT

pytestmark = [pytest.mark.packages, pytest.mark.slow]

APP = """
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Rollcall } from "rollcall";
import { Login } from "rollcall/login";
import { RollcallProvider, useFeed } from "rollcall/react";

const login = new Login({ url: "http://localhost:8000" });
const client = new Rollcall({ url: "http://localhost:8000", getToken: login.getToken });
const Team = () => useFeed().users.map(({ user_id, username }) => <li key={user_id}>{username}</li>);

createRoot(document.body).render(
  <StrictMode>
    <RollcallProvider client={client}>
      <Team />
    </RollcallProvider>
  </StrictMode>,
);
"""

JEST_TEST = """
const { act } = require("react");
const { createRoot } = require("react-dom/client");
const { createElement } = require("react");
const { RollcallProvider, useStatus } = require("rollcall/react");
const { FakeRollcall, fakeStatus } = require("rollcall/testing");

globalThis.IS_REACT_ACT_ENVIRONMENT = true;

test("a component shows what the fake client says", async () => {
  const client = new FakeRollcall({ users: [fakeStatus(2)] });
  const Bob = () => (useStatus(2).is_busy ? "busy" : "free");
  const tree = createElement(RollcallProvider, { client }, createElement(Bob));
  await act(async () => createRoot(document.body).render(tree));
  expect(document.body.textContent).toBe("free");
  await act(async () => client.setUser(fakeStatus(2, { is_busy: true })));
  expect(document.body.textContent).toBe("busy");
});
"""

SERVER_RENDERING = """
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { Rollcall } from "rollcall";
import { RollcallProvider, useConnection } from "rollcall/react";

const client = new Rollcall({ url: "http://localhost:8000" });
const State = () => useConnection().state;
const text = renderToString(createElement(RollcallProvider, { client }, createElement(State)));
if (text !== "offline") throw new Error(text);
"""

NEXT_LAYOUT = """
export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}
"""

NEXT_TEAM = """
"use client";
import { useEffect, useState } from "react";
import { Rollcall } from "rollcall";
import { Login } from "rollcall/login";
import { RollcallProvider, useConnection, useFeed } from "rollcall/react";

function Names() {
  const { state } = useConnection();
  const names = useFeed().users.map((user) => user.username).join();
  return <p>{`state ${state}, names ${names || "none"}`}</p>;
}

export function Team({ url }) {
  const [client] = useState(() => new Rollcall({ url, getToken: new Login({ url }).getToken }));
  useEffect(() => {
    client.connect();
    return () => client.close();
  }, [client]);
  return <RollcallProvider client={client}><Names /></RollcallProvider>;
}
"""

NEXT_PAGE = """
import { Team } from "./team";

export default function Page() {
  return <Team url="http://localhost:8000" />;
}
"""

EXPO_ENTRY = """
import { registerRootComponent } from "expo";
import App from "./App";

registerRootComponent(App);
"""


def test_an_app_of_vite_and_react_is_built(tmp_path: Path) -> None:
    folder = project(tmp_path, vite="^7", **{"@vitejs/plugin-react": "^5", "react": "^19", "react-dom": "^19"})
    (folder / "vite.config.mjs").write_text(
        'import react from "@vitejs/plugin-react";\nexport default { plugins: [react()] };\n'
    )
    (folder / "index.html").write_text('<!doctype html><script type="module" src="/app.jsx"></script>')
    (folder / "app.jsx").write_text(APP)
    run(folder, "npx", "vite", "build")
    (built,) = (folder / "dist" / "assets").glob("*.js")
    assert re.search(r"rollcall\.v1", built.read_text())
    (folder / "render.mjs").write_text(SERVER_RENDERING)
    run(folder, "node", "render.mjs")


def test_a_page_of_next_is_rendered_on_the_server(tmp_path: Path) -> None:
    folder = project(tmp_path, next="^16", **{"react": "^19", "react-dom": "^19"})
    (folder / "app").mkdir()
    for name, text in (("layout.jsx", NEXT_LAYOUT), ("team.jsx", NEXT_TEAM), ("page.jsx", NEXT_PAGE)):
        (folder / "app" / name).write_text(text)
    run(folder, "env", "NEXT_TELEMETRY_DISABLED=1", "npx", "next", "build")
    page = (folder / ".next" / "server" / "app" / "index.html").read_text()
    assert "<p>state offline, names none</p>" in page


def test_the_example_of_react_native_is_bundled_by_expo(tmp_path: Path) -> None:
    versions = {"expo": "56.0.23", "react": "19.2.3", "react-native": "0.85.3"}  # the ones that this Expo names
    folder = project(tmp_path, **versions)
    run(folder, "npm", "pkg", "set", "main=index.js")
    (folder / "app.json").write_text('{"expo": {"name": "people", "slug": "people", "platforms": ["ios", "android"]}}')
    (folder / "index.js").write_text(EXPO_ENTRY)
    imports = {"rollcall-login.js": "rollcall/login", "rollcall-react.js": "rollcall/react", "rollcall.js": "rollcall"}
    text = (ROOT / "examples" / "react-native" / "App.tsx").read_text()
    for file, name in imports.items():
        text = text.replace(f'"../../static/{file}"', f'"{name}"')
    (folder / "App.tsx").write_text(text)
    offline = ("env", "CI=1", "EXPO_NO_TELEMETRY=1", "EXPO_OFFLINE=1")
    run(folder, *offline, "npx", "expo", "export", "--platform", "android", "--no-bytecode")
    (bundle,) = (folder / "dist" / "_expo" / "static" / "js" / "android").iterdir()
    assert "rollcall.v1" in bundle.read_text()


def test_a_test_of_jest_uses_the_fake_client(tmp_path: Path) -> None:
    folder = project(tmp_path, jest="^30", **{"jest-environment-jsdom": "^30", "react": "^19", "react-dom": "^19"})
    (folder / "team.test.js").write_text(JEST_TEST)
    run(folder, "npx", "jest", "--env=jsdom")
