"""Open every page of the built site in a browser, as a phone at night and as a desktop by day.

python docs/check_in_browser.py, after docs/build.py. Errors in the console, requests to other hosts
and pages wider than the window are problems. Without a browser, nothing is checked.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page, sync_playwright

SITE = Path(__file__).parents[1] / "build/site"
WINDOWS: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    "desktop": {"viewport": {"width": 1300, "height": 900}, "color_scheme": "light"},
}
_TOO_WIDE_PX = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def main() -> int:
    """Print the problems; return the exit code."""
    installed = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=installed)
        except Error as error:
            print(f"no browser, so no page is opened: {str(error).splitlines()[0]}")
            return 0
        problems = [
            f"{name}: {problem}"
            for name, window in WINDOWS.items()
            for problem in find_problems(browser.new_page(**window))
        ]
        browser.close()
    print(*problems or ["every page is as wide as its window, and asks for nothing"], sep="\n")
    return min(len(problems), 1)


def find_problems(page: Page, site: Path = SITE) -> Iterator[str]:
    """Open every page, and a search, and yield what is wrong."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("request", lambda asked: found.append(asked.url) if _is_foreign(asked.url) else None)
    addresses = [path.as_uri() for path in sorted(site.rglob("*.html"))]
    for address in [*addresses, f"{(site / 'search.html').as_uri()}?q=ImageSequence"]:
        page.goto(address)
        if "?q=" in address:
            page.wait_for_selector("#search-results li")
        if (too_wide := page.evaluate(_TOO_WIDE_PX)) > 0:
            found.append(f"{too_wide} px wider than the window")
        yield from (f"{address.removeprefix(site.as_uri())}: {text}" for text in found)
        found.clear()


def _is_foreign(address: str) -> bool:
    return not address.startswith(("file:", "data:", "blob:"))


if __name__ == "__main__":
    sys.exit(main())
