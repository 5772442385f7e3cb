"""Make docs/tokens.png: the token manager, from a real server in real Chromium (`make screenshot`)."""

import os
import sys
import tempfile
from pathlib import Path

import django
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from tests import run  # noqa: E402
from tests.server import Installation, chromium  # noqa: E402

TOKENS = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from tokens.models import Token
now = timezone.now()
owner = User.objects.get()
for name, environment, days, used in [
    ("old import", "live", -21, 30 * 24),
    ("laptop", "dev", 350, 1),
    ("CI pipeline", "test", 6, 2),
    ("Analytics", "live", 160, 5),
]:
    token, _ = Token.objects.issue(
        owner=owner, name=name, environment=environment, expires_at=now + timedelta(days=days, minutes=5)
    )
    Token.objects.filter(pk=token.pk).update(last_used_at=now - timedelta(hours=used), last_used_address="203.0.113.7")
"""


def main() -> None:
    """Start an installation, fill it, create one more token in the browser and take the picture."""
    run.make_folder()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site = Installation(Path(folder))
        server = site.server().start()
        server.run(TOKENS)
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1130})
        page.goto(server.url)
        page.get_by_label("Email").fill(site.email)
        page.get_by_label("Password").fill(site.password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("link", name="Create token").click()
        page.get_by_label("Token name").fill("Production API")
        page.get_by_role("button", name="Create token").click()
        page.get_by_role("button", name="Copy").click()
        page.locator("#token-value").wait_for()
        page.mouse.move(0, 0)
        page.screenshot(path=ROOT / "docs" / "tokens.png")
        browser.close()
        site.close()
    run.remove_folder()


if __name__ == "__main__":
    main()
