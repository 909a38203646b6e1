# SPDX-License-Identifier: MIT
"""The svg flame graph in a browser: opened from a file, without network."""
import pathlib
import re
import xml.etree.ElementTree as xml

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
ALL = ["small", "hostile", "deep", "long", "server", "lossy", "empty", "large=3000"]
SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "g", "rect", "text", "tspan", "title", "desc", "style", "script",
            "foreignObject", "input"}


@pytest.fixture
def picture(page, tmp_path):
    """picture(bytes): shows a file; the page with words for what a reader does."""

    def show(data, width=1200, height=700):
        path = tmp_path / "picture.svg"
        path.write_bytes(data)
        page.size(width, height)
        page.go(path.as_uri())
        page.url = path.as_uri()
        return page

    yield show
    assert set(page.requests) <= {getattr(page, "url", None)}


def text(page, name):
    return page.run(f"document.getElementById('{name}').textContent")


def details(page):
    """What the bar shows of a frame."""
    return [text(page, f"d-{part}") for part in ("name", "total", "self", "time", "samples", "about")]


def boxes(page, name):
    """Where the frames of a function are drawn: [left, top, width, height], pixels."""
    return page.run(f"""[...document.querySelectorAll('#frames g[data-n]')].filter((g) => {{
        const label = g.querySelector('text');
        return label && label.textContent === {name!r} && !g.dataset.bar;
    }}).map((g) => {{
        const box = g.querySelector('rect').getBoundingClientRect();
        return [box.left, box.top, box.width, box.height];
    }})""")


def middle(page, name):
    left, top, width, height = boxes(page, name)[0]
    return left + width / 2, top + height / 2


def visible(page, name):
    return page.run(f"getComputedStyle(document.getElementById('{name}')).visibility") == "visible"


def search(page, words):
    page.key("/")
    for letter in words:
        page.key(letter)
    page.key("Enter")
    return text(page, "matched")


# ---- without a browser ----

@pytest.mark.parametrize("which", ALL)
def test_is_well_formed(sample, which):
    root = xml.fromstring(sample("svg", which))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= ELEMENTS
    assert len(root.findall(f".//{SVG}script")) == 3
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    assert not {"href", "src"} & {name.split("}")[-1] for e in root.iter() for name in e.attrib}
    assert "url(" not in root.find(f".//{SVG}style").text


def contrast(one, other):
    """Of two colours, as WCAG 2.1 defines it: 1 to 21."""
    def luminance(colour):
        parts = [part / 255 for part in colour]
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def colours(css):
    """The fill of each selector, as three numbers."""
    found = {}
    for selectors, digits in re.findall(r"([^{}]+)\{[^{}]*?fill: #([0-9a-f]+);", css):
        digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
        for selector in selectors.split(","):
            found[selector.strip()] = [int(digits[at:at + 2], 16) for at in (0, 2, 4)]
    return found


def test_text_is_readable_in_both_schemes():
    css = (TOP / "src/show/flame.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark) {")
    scheme = colours(light)
    for sheet in (scheme, {**scheme, **colours(dark)}):
        label, back = sheet[".frames text"], sheet[".bg"]
        classes = [f".{kind}{hue}" for kind, hues in (("u", 8), ("k", 4), ("j", 4)) for hue in range(hues)]
        for name in [*classes, ".n", ".m", ".t", ".r"]:
            assert contrast(label, sheet[name]) >= 4.5, name
            inlined = [0.7 * a + 0.3 * b for a, b in zip(sheet[name], back)]
            assert contrast(label, inlined) >= 4.5, f"{name}, inlined"
        assert contrast(sheet[".hit + svg text"], sheet[".hit"]) >= 4
        for ink in (".ink", ".dim", ".warn", ".button text"):
            assert contrast(sheet[ink], back) >= 4.5, ink
        for ink in (".ink", ".dim", ".button text"):
            assert contrast(sheet[ink], sheet[".bar"]) >= 4.5, ink


# ---- in a browser ----

@pytest.mark.parametrize("which", ALL)
def test_opens(sample, picture, which):
    page = picture(sample("svg", which))
    assert page.run("document.querySelectorAll('#frames g[data-n]').length") >= 1
    names = page.run("[...new Set([...document.querySelectorAll('*')].map((e) => e.localName))]")
    assert set(names) <= ELEMENTS
    assert page.run("document.querySelectorAll('script').length") == 3


@pytest.mark.parametrize("which", ALL)
def test_stands_without_scripts(sample, picture, page, which):
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    data = sample("svg", which)
    picture(data)
    root = xml.fromstring(data)
    frames = root.find(f".//{SVG}g[@id='frames']")
    assert frames.findall(f"{SVG}g/{SVG}rect")
    for title in frames.iter(f"{SVG}title"):
        assert re.search(r": (< )?[\d.]+ %, [\d,]+ samples?$", title.text), title.text
    # What only a script can do is not offered.
    assert root.find(f".//{SVG}g[@id='buttons']").get("visibility") == "hidden"
    assert root.find(f".//{SVG}g[@id='keys']").get("visibility") == "hidden"


def test_widths_are_shares(sample, picture):
    page = picture(sample("svg"))
    whole = boxes(page, "all")[0][2]
    for name, share in [("app", .71), ("parse", .55), ("peek", .25), ("vfs_read", .15), ("cat", .09)]:
        assert abs(boxes(page, name)[0][2] - share * whole) < 2, name
    assert len(boxes(page, "hash")) == 3


def test_details_have_a_fixed_place(sample, picture):
    page = picture(sample("svg"))
    place = page.run("JSON.stringify(document.getElementById('barbox').getBoundingClientRect())")
    assert details(page) == ["all", "100 %", "self 0 %", "1.00 s", "100 samples", ""]
    page.mouse("mouseMoved", *middle(page, "parse"))
    assert details(page) == ["parse", "55.0 %", "self 30.0 %", "550 ms", "55 samples",
                             "user, app, src/app.c"]
    page.mouse("mouseMoved", *middle(page, "peek"))
    assert details(page) == ["peek", "25.0 %", "self 25.0 %", "250 ms", "25 samples",
                             "inlined, app, src/inline.h"]
    page.mouse("mouseMoved", *middle(page, "vfs_read"))
    assert details(page)[5] == "kernel, [kernel]"
    page.mouse("mouseMoved", 5, 690)
    assert details(page)[0] == "all"
    assert place == page.run(
        "JSON.stringify(document.getElementById('barbox').getBoundingClientRect())")


def test_details_stay_in_sight(sample, picture):
    page = picture(sample("svg", "deep"))
    page.run("window.scrollTo(0, 5000)")
    top = "document.getElementById('barbox').getBoundingClientRect().top"
    page.wait(f"{top} >= 0 && {top} < 20")


def test_zoom_by_click_and_back(sample, picture):
    page = picture(sample("svg"))
    whole = boxes(page, "all")[0][2]
    page.click(*middle(page, "parse"))
    assert abs(boxes(page, "parse")[0][2] - whole) < 1
    assert abs(boxes(page, "peek")[0][2] - 25 / 55 * whole) < 2
    assert boxes(page, "main") and not boxes(page, "cat")  # its callers stay, other trees go
    assert visible(page, "reset")
    page.key("Escape")
    assert abs(boxes(page, "parse")[0][2] - .55 * whole) < 2 and boxes(page, "cat")
    assert not visible(page, "reset")
    page.click(*middle(page, "parse"))
    page.click(*middle(page, "main"))
    assert abs(boxes(page, "parse")[0][2] - 55 / 71 * whole) < 2
    box = page.run("(({x, y, width, height}) => [x + width / 2, y + height / 2])"
                   "(document.getElementById('reset').getBoundingClientRect())")
    page.click(*box)
    assert boxes(page, "cat") and not visible(page, "reset")


@pytest.mark.parametrize("words, share", [
    ("parse", "55.0 %"), ("peek", "25.0 %"), ("^hash$", "8.0 %"), ("libc", "41.0 %"),
    ("PARSE|log", "56.0 %"), ("nothing", "0 %"), (r"\[kernel", "15.0 %")])
def test_search_says_how_much_matches(sample, picture, words, share):
    page = picture(sample("svg"))
    assert search(page, words) == f"{share} matched"
    hits = page.run("document.querySelectorAll('#frames .hit').length")
    assert bool(hits) == (share != "0 %")
    page.key("Escape")
    assert text(page, "matched") == ""
    assert page.run("document.querySelectorAll('#frames .hit').length") == 0


def test_search_takes_a_bad_expression(sample, picture):
    page = picture(sample("svg"))
    assert search(page, "op(") == "not a regular expression"
    assert page.run("document.querySelector('input').classList.contains('bad')")
    page.key("Escape")
    assert search(page, "op") == "0 % matched"


def test_next_match(sample, picture):
    page = picture(sample("svg"))
    search(page, "read")
    seen = [details(page)[0]]
    page.run("document.querySelector('#frames').focus()")
    for key in "nnN":
        page.key(key)
        seen.append(details(page)[0])
    # Heaviest first, and of nested ones the outermost.
    assert seen == ["read", "read", "read", "read"]
    assert details(page)[4] in ("15 samples", "6 samples")


def test_keys(sample, picture):
    page = picture(sample("svg"))
    seen = []
    for key in ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowDown",
                "ArrowDown", "ArrowRight", "ArrowUp"]:
        page.key(key)
        seen.append(details(page)[0])
    assert seen == ["all", "app", "app-worker", "app", "_start", "main", "parse", "read", "main"]
    page.key("Enter")
    assert boxes(page, "main")[0][2] == boxes(page, "all")[0][2]
    page.key("Backspace")
    page.key("Backspace")
    page.key("Backspace")
    assert boxes(page, "cat")
    page.key("?")
    assert visible(page, "keys")
    page.key("Escape")
    assert not visible(page, "keys")
    first = boxes(page, "all")[0][1]
    page.key("f")
    assert boxes(page, "all")[0][1] > first and boxes(page, "app")[0][1] < boxes(page, "all")[0][1]
    page.key("f")
    assert boxes(page, "all")[0][1] == first


def test_hostile_names_do_no_harm(sample, picture):
    page = picture(sample("svg", "hostile"))
    functions = text(page, "functions")
    for name in ["<script>alert(1)</script>", "]]><svg onload='alert(1)'>", "</text></svg>",
                 "\"quoted\" & 'single' \\ back", "line\\x0abreak", "\\u202ereversed"]:
        assert f"\t{name}\t" in functions
    count = page.run("document.querySelectorAll('#frames g[data-n]').length")
    for at in range(0, count, 7):
        place = page.run(f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
                         f"(document.querySelectorAll('#frames g[data-n] rect')[{at}].getBoundingClientRect())")
        page.mouse("mouseMoved", *place)
        assert details(page)[0]
    assert search(page, "alert").endswith(" matched")


def test_long_name_is_cut(sample, picture):
    page = picture(sample("svg", "long"))
    widths = page.run("""[...document.querySelectorAll('#frames text')].map((label) => [
        label.getBoundingClientRect().width, label.closest('g').querySelector('rect').getBoundingClientRect().width])""")
    assert all(label <= frame for label, frame in widths)
    page.mouse("mouseMoved", 400, page.run("document.querySelectorAll('#frames rect')[3].getBoundingClientRect().y") + 5)
    assert len(details(page)[0]) == 10000
    assert page.run("document.documentElement.scrollWidth") <= 1200


@pytest.mark.parametrize("width", [500, 700, 1000, 1600])
@pytest.mark.parametrize("which", ["small", "server", "lossy", "large=3000"])
def test_text_does_not_overlap(sample, picture, which, width):
    """Texts of the heading and the bar, with all that they can show."""
    title = "title=process 4242 and a title that is rather long, as command lines are"
    page = picture(sample("svg", which, title, "share=0.5"), width)
    search(page, "a")
    page.run("document.querySelector('#frames').focus()")
    page.key("n")
    page.key("Enter")
    overlaps = page.run("""(() => {
        const texts = [...document.querySelectorAll('text, input')].filter((e) =>
            !e.closest('#frames, #keys') && e.textContent + e.localName !== 'text' &&
            getComputedStyle(e).visibility === 'visible');
        const places = texts.map((e) => {
            const box = e.getBoundingClientRect(), clip = e.closest('#clip, #heading, #titleclip');
            const edge = clip ? +clip.getAttribute('x') + +clip.getAttribute('width') : Infinity;
            return {name: e.textContent, left: box.left, right: Math.min(box.right, edge),
                    top: box.top + 2, bottom: box.bottom - 2};
        });
        return places.flatMap((a, i) => places.slice(i + 1).filter((b) =>
            a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
            .map((b) => [a.name, b.name])).concat(
            places.filter((a) => a.left < 0 || a.right > innerWidth).map((a) => ['outside', a.name]));
    })()""")
    assert overlaps == []


def test_recording(recording, picture):
    page = picture(recording("svg"))
    assert boxes(page, "python3")
    assert search(page, "kernel").endswith(" % matched")
    assert text(page, "matched") != "0 % matched"
