"""The report in a browser: it loads nothing, fits a phone, and its text can be read in light and dark."""

import json
import os
import shutil
from pathlib import Path

import pytest

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)
pytestmark = pytest.mark.browser
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# The contrast of every piece of text with what is painted behind it (WCAG 2.1, 1.4.3), the lowest first.
CONTRAST = """() => {
  const numbers = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const f = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const behind = element => { for (; element; element = element.parentElement) {
      const colour = rgba(getComputedStyle(element).backgroundColor); if (colour[3] > 250) return colour; }
    return [255, 255, 255, 255]; };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || element.closest('[aria-hidden], style, defs') || !element.getClientRects().length) continue;
    const style = getComputedStyle(element), svg = element.closest('svg');
    const a = light(rgba(svg ? style.fill : style.color)), b = light(behind(element));
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text.slice(0, 40)]);
  }
  return found.sort((x, y) => x[0] - y[0]).slice(0, 5);
}"""


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("TINYNET_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("needs a browser: install Chromium, or name it in TINYNET_BROWSER")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(finished):
    """The report of a tiny study of every part."""
    return finished / "report.html"


@pytest.fixture(params=["light", "dark"])
def page(browser, report, request):
    """The page on a phone; whatever it asks the network for, or complains of, is in `page.said`."""
    context = browser.new_context(viewport={"width": 380, "height": 800}, color_scheme=request.param)
    page = context.new_page()
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or page.said.append(asked.url))
    page.goto(report.as_uri())
    yield page
    context.close()


def test_it_is_quiet_and_asks_for_nothing(page):
    assert page.said == []


def test_a_phone_scrolls_down_only(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_every_picture_says_what_it_is(page):
    unnamed = "img:not([alt]), img[alt=''], svg:not([aria-label]), svg[aria-label='']"
    assert page.locator("img, svg").count() > 10
    assert page.locator(unnamed).count() == 0
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")


def test_all_text_can_be_read(page):
    lowest = page.evaluate(CONTRAST)
    assert lowest[0][0] >= 4.5, json.dumps(lowest)


def test_no_two_things_have_one_name(page):
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))


def test_it_holds_nothing_from_outside(report):
    text = Path(report).read_text(encoding="utf-8")
    assert "<script" not in text
    assert 'src="http' not in text
    assert len(text) < 3_000_000
