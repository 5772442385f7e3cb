"""Make the pictures of the README, in docs/pictures/ (`make screenshot`).

They show a real server in Chromium, in light and in dark: the list, a token that was just
created, the page of one token, and the dialog for renewal on a phone. The font is Inter (Debian:
fonts-inter) if it is installed, because the system's own font differs from machine to machine.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import django
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from tests import run  # noqa: E402
from tests.server import Installation, chromium  # noqa: E402

SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
FONTS = """<?xml version="1.0"?>
<fontconfig>
  <include>/etc/fonts/fonts.conf</include>
  <match target="pattern">
    <test name="family" qual="any" compare="contains"><string>sans</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit>
  </match>
  <match target="pattern">
    <test name="family" qual="any"><string>system-ui</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit>
  </match>
</fontconfig>
"""
DATA = (ROOT / "docs" / "screenshot_data.py").read_text()


def main() -> None:
    """Start an installation, fill it with tokens and take all pictures."""
    run.make_folder()
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fonts = Path(folder, "fonts.conf")
        fonts.write_text(FONTS)
        os.environ["FONTCONFIG_FILE"] = str(fonts)
        site = Installation(Path(folder))
        server = site.server().start()
        server.run(DATA)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            for scheme in SCHEMES:
                take_pictures(browser, site, server.url, scheme)
            browser.close()
        site.close()
    run.remove_folder()


def take_pictures(
    browser: Browser, site: Installation, url: str, scheme: Literal["light", "dark"]
) -> None:
    """Take the four pictures in one colour scheme."""
    with signed_in(browser, site, url, scheme) as page:
        page.screenshot(path=PICTURES / f"list-{scheme}.png")
        page.get_by_role("link", name="Analytics Service").first.click()
        page.get_by_role("heading", name="Analytics Service").wait_for()
        page.screenshot(path=PICTURES / f"token-{scheme}.png")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        page.get_by_role("link", name="Renew").first.click()
        page.get_by_role("button", name="Renew token").wait_for()
        page.screenshot(path=PICTURES / f"renew-{scheme}.png")
        page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        page.goto(f"{url}/settings/tokens/new/?name=Checkout+{scheme}")
        page.get_by_label("Token name").fill("Checkout service")
        page.get_by_role("button", name="Create token").click()
        page.locator("#token-value").wait_for()
        page.get_by_role("button", name="Copy", exact=True).click()
        page.evaluate("scrollTo(0, 0)")
        page.mouse.move(0, 0)
        page.screenshot(path=PICTURES / f"reveal-{scheme}.png")


@contextmanager
def signed_in(
    browser: Browser, site: Installation, url: str, scheme: Literal["light", "dark"]
) -> Iterator[Page]:
    """Open the token manager of the administrator, whose data docs/screenshot_data.py made."""
    context = browser.new_context(
        viewport=DESKTOP,  # type: ignore[arg-type]
        color_scheme=scheme,
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Email").fill(site.email)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Create token").wait_for()
    yield page
    context.close()


if __name__ == "__main__":
    main()
