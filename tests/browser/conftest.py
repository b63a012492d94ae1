"""A real browser, where there is one."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

PROGRAMS = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
]


@pytest.fixture(scope="session")
def launch():
    """Start a browser with further arguments."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(PROGRAMS)} is installed")
    with sync_playwright() as playwright:
        yield lambda *more: playwright.chromium.launch(
            executable_path=program, args=[*ARGUMENTS, *more]
        )


@pytest.fixture(scope="session")
def browser(launch):
    """One in which a page from disk may read back its own pictures, as tests need."""
    chromium = launch("--allow-file-access-from-files")
    yield chromium
    chromium.close()


@pytest.fixture(scope="session")
def plain_browser(launch):
    """One as readers have it: a page from disk may load files and read none."""
    chromium = launch()
    yield chromium
    chromium.close()


class Visit:
    """A page from disk or from this machine, with all that it complained about and asked for."""

    def __init__(self, browser, address, **context):
        if not isinstance(address, str):
            address = address.resolve().as_uri()
        self.home = "file:" if address.startswith("file:") else "http://127.0.0.1:"
        self.page = browser.new_context(**context).new_page()
        self.page.set_default_timeout(120_000)
        self.complaints = []
        self.requests = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: message.type == "error" and self.complaints.append(message.text),
        )
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(f"http{socket.url[2:]}"))
        self.page.goto(address)

    def close(self):
        """Close, and fail if anything went wrong or left the machine."""
        self.page.context.close()
        assert self.complaints == []
        left = [url for url in self.requests if not url.startswith((self.home, "data:", "blob:"))]
        assert left == []


def visits_in(browser):
    visits = []

    def open_page(address, **context):
        visits.append(Visit(browser, address, **context))
        return visits[-1].page

    yield open_page
    for each in visits:
        each.close()


@pytest.fixture
def visit(browser):
    yield from visits_in(browser)


@pytest.fixture
def visit_as_reader(plain_browser):
    yield from visits_in(plain_browser)


@pytest.fixture
def each_as_reader(plain_browser):
    """Open pages one after the other, and close each before the next."""

    def open_each(paths, **context):
        for path in paths:
            visit = Visit(plain_browser, path, **context)
            yield path, visit.page
            visit.close()

    return open_each
