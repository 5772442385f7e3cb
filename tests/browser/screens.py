"""Check a page on each screen: axe-core finds no problem, and nothing is wider than the window."""

from typing import Literal

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Axe.run() would load axe-core again for each screen, and return the rules that passed too. Left
# out is only the rule for the contrast of WCAG's level AAA.
RUN_AXE = """() => {
  const rules = axe.getRules().filter(rule => !rule.tags.includes("deprecated"));
  const enabled = Object.fromEntries(rules.map(({ruleId}) => [
    ruleId, {enabled: ruleId !== "color-contrast-enhanced"},
  ]));
  const options = {resultTypes: ["violations", "incomplete"], rules: enabled};
  // For axe-core, text in exactly the colour of its background only needs a look.
  const invisible = ({nodes}) => nodes.some(({any}) => any.some(
    ({data}) => data?.messageKey === "equalRatio",
  ));
  return axe.run(options).then(({violations, incomplete}) => ({
    violations: [...violations, ...incomplete.filter(invisible)],
  }));
}"""
NARROWEST = 320  # px; before a commit, only the width is checked there
Screens = tuple[tuple[int, Literal["light", "dark"]], ...]
# Before a commit, each width and each theme is looked at once.
TWO: Screens = ((1280, "light"), (390, "dark"))
REST: Screens = ((1280, "dark"), (390, "light"), (NARROWEST, "light"))
on_each_screen = pytest.mark.parametrize(
    "screens", [pytest.param(TWO, id="two"), pytest.param(REST, id="rest", marks=pytest.mark.long)]
)


def faults(page: Page, screens: Screens) -> list[str]:
    """Look at an open page on those screens, and return what is wrong with it.

    The page must come from a context with `bypass_csp`: its policy would keep axe-core itself out.
    """
    found = []
    page.evaluate(Axe().axe_script)
    for width, scheme in screens:
        page.emulate_media(color_scheme=scheme)
        found += too_wide(page, width)
        result = AxeResults(page.evaluate(RUN_AXE))
        if result.violations_count:
            found.append(f"{page.url} at {width} px, {scheme}: {result.generate_report()}")
    return found + too_wide(page, NARROWEST)


def too_wide(page: Page, width: int) -> list[str]:
    """Give the window that width, and return what does not fit in: the page, or a dialog on it."""
    page.set_viewport_size({"width": width, "height": 800})
    found = []
    if (needed := page.evaluate("document.documentElement.scrollWidth")) > width:
        found.append(f"{page.url} at {width} px is {needed} px wide")
    for dialog in page.get_by_role("dialog").all():
        box = dialog.bounding_box()
        if box is None or box["x"] < 0 or box["x"] + box["width"] > width:
            found.append(f"{page.url} at {width} px: a dialog at {box}")
    return found
