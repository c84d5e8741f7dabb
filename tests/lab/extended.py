"""A Chromium with the extension as somebody who installed it a moment ago has it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
_LISTENS = """async () => {
    while (!chrome.webRequest.onErrorOccurred.hasListeners()) await new Promise((later) => setTimeout(later, 20));
    await chrome.storage.session.get(); // answered after what the worker asked for before
}"""


def extended(playwright: Playwright, profile: Path, *args: str, locale: str | None = None) -> BrowserContext:
    """Started with `args`, once the extension sees requests; the browser shows its worker a moment before that."""
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=CHROMIUM,
        headless=False,
        locale=locale,
        ignore_default_args=["--disable-extensions"],
        args=[
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--disable-extensions-except={ROOT / 'extension'}",
            f"--load-extension={ROOT / 'extension'}",
            *args,
        ],
    )
    if not context.service_workers:
        context.wait_for_event("serviceworker", timeout=20_000)
    context.service_workers[0].evaluate(_LISTENS)
    return context
