"""What axe-core (npm) finds wrong with a page for readers who cannot see it, or use no mouse. For --stress alone.

It is fetched once, by npm, into build/: nothing else of the lab needs npm. Its rules: https://dequeuniversity.com/rules/axe/
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Optional

from kit.browser import Browser, chromium
from stage.config import GRADER

FOLDER = GRADER / "build/axe"
SCRIPT = FOLDER / "node_modules/axe-core/axe.min.js"
INSTALL = ("npm", "install", "--prefix", str(FOLDER), "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4")
LIMIT = 120.0  # seconds for npm
RUN = """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(
    rule => `${rule.id}: ${rule.nodes.map(node => node.html.slice(0, 200)).join(' ')}`))"""


def lacks() -> Optional[str]:
    """What this machine has not, if anything."""
    for name, there in (("npm", shutil.which("npm")), ("chromium", chromium())):
        if not there:
            return f"{name} (package {name})"
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not SCRIPT.exists():
        try:
            subprocess.run(INSTALL, capture_output=True, timeout=LIMIT, check=True)
        except (subprocess.SubprocessError, OSError):
            return "axe-core, which npm does not get here"
    return None


def violations(screen: Browser, page: Path, fragment: str = "") -> list[str]:
    """In both schemes of colours, on a wide screen and a narrow one, with all that is folded unfolded."""
    found = []
    screen.call("Page.setBypassCSP", enabled=True)  # the pages let no script run but their own
    for scheme, width in (("light", 1280), ("dark", 390)):
        screen.prefer(scheme)
        screen.resize(width)
        screen.open(page, fragment)
        screen.value("document.querySelectorAll('details').forEach(part => part.open = true)")
        screen.value(SCRIPT.read_text(encoding="utf-8") + ";0")
        found += [f"{page.name}, {scheme}, {width} wide: {json.dumps(words)}" for words in screen.value(RUN)]
    return found
