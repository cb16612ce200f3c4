"""The browser libraries that npm brings: which files are served, which are missing."""

import shutil
from pathlib import Path

HERE = Path(__file__).parent
INSTALLED = HERE / "node_modules"
VENDOR = HERE / "vendor"

GRAPHIQL = {
    "react.js": "react/umd/react.production.min.js",
    "react-dom.js": "react-dom/umd/react-dom.production.min.js",
    "graphiql.js": "graphiql/graphiql.min.js",
    "graphiql.css": "graphiql/graphiql.min.css",
    "explorer.js": "@graphiql/plugin-explorer/dist/index.umd.js",
    "explorer.css": "@graphiql/plugin-explorer/dist/style.css",
}
PAGES = {
    "preact.js": "preact/dist/preact.mjs",
    "preact-hooks.js": "preact/hooks/dist/hooks.mjs",
    "htm.js": "htm/dist/htm.module.js",
}


def missing(files: dict[str, str]) -> list[str]:
    """The served names that are not laid out."""
    return [name for name in files if not (VENDOR / name).is_file()]


def lay_out() -> None:
    """Copy what is served out of npm's folder; nothing else is reachable."""
    VENDOR.mkdir(exist_ok=True)
    for name, source in (GRAPHIQL | PAGES).items():
        shutil.copyfile(INSTALLED / source, VENDOR / name)


if __name__ == "__main__":
    lay_out()
