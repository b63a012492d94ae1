"""The whole report of a run on the sample, in a real browser, opened from disk as readers do."""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 800}
# WCAG 2.2 at level AA, and three rules on structure that the standard leaves to good practice.
ACCESSIBLE = {
    "preload": False,  # it would read style sheets, which a browser refuses from disk
    "resultTypes": ["violations"],
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "rules": {
        rule: {"enabled": True}
        for rule in ("heading-order", "page-has-heading-one", "landmark-one-main")
    },
}
# All else is the same in the dark.
IN_COLOUR = ACCESSIBLE | {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "rules": {},
}
# Most of the time goes into the words of code and the numbers of tables. Of those that look alike,
# down to the last layer beneath them, one is enough: one that can be seen, and of more than a
# letter, since of a single one no check is made. Of the others, words become plain text.
LEAVE_OUT_REPEATED = """() => {
  const seen = new Set(), repeated = [];
  for (const leaf of document.querySelectorAll("article :is(span, td):not(:has(*))")) {
    const {color, fontSize, fontWeight, textShadow} = getComputedStyle(leaf);
    const looks = [leaf.tagName, color, fontSize, fontWeight, textShadow];
    for (let layer = leaf; layer; layer = layer.parentElement) {
      const {backgroundColor, backgroundImage, opacity} = getComputedStyle(layer);
      looks.push(backgroundColor, backgroundImage, opacity);
    }
    const key = looks.join();
    if (seen.has(key)) repeated.push(leaf);
    else if (leaf.checkVisibility() && leaf.textContent.trim().length > 1) seen.add(key);
  }
  for (const leaf of repeated) {
    if (leaf.tagName === "SPAN") leaf.replaceWith(leaf.textContent);
    else leaf.toggleAttribute("data-repeated", true);
  }
}"""


@pytest.fixture(scope="module")
def site(sample_report):
    return sample_report.index.parent


@pytest.fixture(scope="module")
def paths(site):
    return [*sorted(site.glob("*.html")), *sorted(site.glob("interactive/*.html"))]


def settle(page):
    """Wait for the map where there is one."""
    if "/interactive/" in page.url:
        page.wait_for_selector(".js-plotly-plot canvas", state="attached")


def faults_of(page, rules=ACCESSIBLE):
    """Check a page for accessibility."""
    page.evaluate(LEAVE_OUT_REPEATED)
    return Axe().run(page, context={"exclude": [["[data-repeated]"]]}, options=rules)


def test_every_page_opens_and_all_that_it_shows_and_links_to_is_there(each_as_reader, paths):
    ids = {path: re.findall(r'\sid="([^"]+)"', path.read_text("utf-8")) for path in paths}
    for path, page in each_as_reader(paths):  # closing it fails on complaints and requests
        settle(page)
        pictures = "[...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
        assert page.evaluate(pictures) == [], path.name
        for link in page.evaluate("[...document.links].map(link => link.href)"):
            address = urlsplit(link)
            if address.scheme != "file":
                continue
            target = Path(unquote(address.path))
            assert target.is_file(), f"{path.name} links to {link}"
            if address.fragment and target in ids:
                assert unquote(address.fragment) in ids[target], f"{path.name} links to {link}"


def test_no_page_is_wider_than_a_phone(each_as_reader, paths):
    for path, page in each_as_reader(paths, viewport=PHONE):
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path.name


@pytest.mark.parametrize(
    ("scheme", "rules"), [("light", ACCESSIBLE), ("dark", IN_COLOUR)], ids=["light", "dark"]
)
def test_pages_are_accessible(each_as_reader, paths, scheme, rules):
    for path, page in each_as_reader(paths, color_scheme=scheme, reduced_motion="reduce"):
        settle(page)
        found = faults_of(page, rules)
        assert found.violations_count == 0, f"{path.name}: {found.generate_report()}"


def test_the_map_is_on_the_landing_page_and_lets_it_scroll(visit_as_reader, site):
    page = visit_as_reader(site / "index.html", viewport={"width": 1400, "height": 900})
    assert page.locator("iframe.map").bounding_box()["y"] < 900, "in sight at once"
    inside = page.frame_locator("iframe.map")
    inside.locator("#map[data-ready=yes]").wait_for()
    assert inside.locator("#map").evaluate("map => map._context.scrollZoom") is False
    assert not inside.locator("a[href='../index.html']").is_visible()


def test_figures_are_not_greyed_in_the_dark(visit_as_reader, site):
    page = visit_as_reader(site / "04_embed_with_tsne.html", color_scheme="dark")
    seen = """[...document.querySelectorAll(".shown img")].map(i => getComputedStyle(i)).map(
      style => style.filter + " " + style.backgroundColor)"""
    assert set(page.evaluate(seen)) == {"none rgb(255, 255, 255)"}


def test_no_line_of_code_is_cut(each_as_reader, site):
    for path, page in each_as_reader(sorted(site.glob("0*.html")), viewport=PHONE):
        cut = "[...document.querySelectorAll('pre')].filter(p => p.scrollWidth > p.clientWidth + 1)"
        assert page.evaluate(f"{cut}.map(p => p.innerText)") == [], path.name


def test_the_accessibility_check_sees_a_fault(visit_as_reader, site):
    page = visit_as_reader(site / "index.html")
    page.evaluate("document.querySelector('figure.best img').removeAttribute('alt')")
    assert "image-alt" in {violation["id"] for violation in faults_of(page).response["violations"]}


def test_the_accessibility_check_sees_one_pale_word_among_many(visit_as_reader, site):
    page = visit_as_reader(site / "01_load_and_flatten.html")
    words = page.locator("article .highlight span.n")  # names
    assert words.count() > 20
    words.nth(words.count() // 2).evaluate("word => { word.style.color = '#ddd'; }")
    (violation,) = faults_of(page).response["violations"]
    assert violation["id"] == "color-contrast"
    assert len(violation["nodes"]) == 1


def test_search_finds_a_word_and_leads_to_it(visit_as_reader, site):
    page = visit_as_reader(site / "index.html")
    page.click(".bd-sidebar-primary .search-button-field")
    page.fill("dialog[open] input[name=q]", "perplexity")
    page.press("dialog[open] input[name=q]", "Enter")
    page.wait_for_selector("#search-results ul.search li a")
    results = page.locator("#search-results ul.search li a")
    assert any("t-SNE" in text for text in results.all_inner_texts())
    results.first.click()
    page.wait_for_selector("article.bd-article h1")
    assert "perplexity" in page.inner_text("article.bd-article").lower()


def test_next_leads_through_all_notebooks_to_the_appendix(visit_as_reader, site, sample_report):
    page = visit_as_reader(site / "index.html")
    seen = []
    while page.locator("a.right-next").count():
        before = page.url
        page.click("a.right-next")
        page.wait_for_url(lambda url, before=before: url != before)
        seen.append(Path(urlsplit(page.url).path).stem)
    assert seen == [*sample_report.metrics["notebooks"], "gallery", "benchmark"]


def test_a_picture_of_the_gallery_leads_to_its_notebook(visit_as_reader, site):
    page = visit_as_reader(site / "gallery.html")
    link = page.locator(".gallery a").last
    place = link.get_attribute("href").partition("#")[2]
    link.click()
    page.wait_for_url(f"**#{place}")
    page.wait_for_function(
        """id => { const {top, bottom} = document.getElementById(id).getBoundingClientRect();
                   return top < innerHeight && bottom > 0; }""",
        arg=place,
    )


def test_paper_holds_the_text_and_the_notice_and_no_menu(each_as_reader, site):
    for path, page in each_as_reader(site.glob("*.html"), viewport={"width": 760, "height": 1000}):
        page.emulate_media(media="print")
        assert page.is_visible(".bd-header-announcement"), path.name
        for menu in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-area"):
            assert not page.is_visible(menu), f"{path.name} prints {menu}"
        cut = "[...document.querySelectorAll('pre')].filter(p => p.scrollWidth > p.clientWidth + 1)"
        assert page.evaluate(f"{cut}.map(p => p.innerText)") == [], path.name


def test_the_numbers_are_those_of_the_run(site, sample_report):
    published = json.loads((site / "metrics.json").read_text("utf-8"))
    assert published == sample_report.metrics
