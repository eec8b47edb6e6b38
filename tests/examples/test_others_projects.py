"""Other projects with the package installed: Vite with React, and Jest. Only `make test-packages` runs these tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.examples.others import project, run

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


def test_a_test_of_jest_uses_the_fake_client(tmp_path: Path) -> None:
    folder = project(tmp_path, jest="^30", **{"jest-environment-jsdom": "^30", "react": "^19", "react-dom": "^19"})
    (folder / "team.test.js").write_text(JEST_TEST)
    run(folder, "npx", "jest", "--env=jsdom")
