# SPDX-License-Identifier: MIT
"""The page of a run, in a browser: opened from a file, without network, under its own policy."""
import html
import json
import os
import re
import subprocess

import pytest

from conftest import BUILD

HOSTILE = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>"
SCRIPT = "sleep 0.2; (sleep 0.25; exit 3) & gzip -9 < /proc/self/exe > /dev/null; wait $!"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="kymo run takes stacks as root")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The path of a page, and the JSON of the same run."""
    folder = tmp_path_factory.mktemp("page")
    done = subprocess.run([BUILD / "kymo", "run", "-q", f"--json={folder}/run.json", "--html",
                           f"{folder}/run.html", "--", "/bin/sh", "-c", SCRIPT, HOSTILE],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 3 and not done.stderr, done
    return folder / "run.html", json.loads((folder / "run.json").read_text())


@pytest.fixture
def shown(page, written):
    path, account = written
    page.size(1200, 800)
    page.go(path.as_uri())
    yield page, account
    assert set(page.requests) == {path.as_uri()}


def texts(page, selector):
    return page.run(f"[...document.querySelectorAll({selector!r})].map((e) => e.textContent)")


def test_it_needs_nothing_else(written):
    text = written[0].read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    own = text.replace(html.escape(HOSTILE).replace("&#x27;", "&#39;"), "")
    own = re.sub(r"<script.*?</script>", "", own, flags=re.S)
    assert own != text and not re.findall(r"(?:src|href|action)\s*=", own)
    assert "url(" not in text.split("</style>")[0]
    nonces = re.findall(r'nonce="([0-9a-f]+)"', text)
    assert len(set(nonces)) == 1 and len(nonces[0]) == 32


def test_two_pages_have_two_nonces(written, tmp_path):
    subprocess.run([BUILD / "kymo", "run", "-q", "--html", tmp_path / "other.html", "--", "true"],
                   check=True)
    other, first = (re.search(r'nonce="([0-9a-f]+)"', path.read_text())[1]
                    for path in (tmp_path / "other.html", written[0]))
    assert other != first


def test_a_script_without_the_nonce_does_not_run(written, page, tmp_path):
    text = written[0].read_text()
    changed = tmp_path / "changed.html"
    changed.write_text(text.replace("</main>", "<script>document.title = 'run'</script></main>"))
    page.go(changed.as_uri())
    assert page.run("document.title") != "run"
    page.errors.clear()  # the console tells of the policy


def test_it_says_what_the_json_says(shown):
    page, account = shown
    assert texts(page, "h1") == [f"/bin/sh -c {SCRIPT} {HOSTILE}"]
    tiles = dict(zip(texts(page, ".tiles span"), texts(page, ".tiles b")))
    assert tiles["processes"] == str(account["processes_count"])
    assert tiles["threads"] == str(account["threads_count"])
    assert tiles["exit status"] == "3"
    headings = texts(page, "h2")
    for heading in ("Where the time went", "Through time", "Processes", "Memory",
                    "Flame graph: running and waiting", "System calls the time went to",
                    "How it was measured"):
        assert heading in headings
    reasons = [text for text in texts(page, "main table:first-of-type tbody tr td:first-child")]
    for reason in account["balance"]["blocked_ns"]:
        if reason in ("sleep", "child"):
            assert reason in reasons
    lines = texts(page, "main g > svg > text.name")
    assert len(lines) == account["processes_count"]
    assert "residual 0 ns" in page.run("document.querySelector('pre').textContent")


def test_lines_of_processes_lie_where_their_lives_do(shown):
    """Each bar as long as its process lived, within what a picture can show."""
    page, account = shown
    bars = page.run("""[...document.querySelectorAll('main g')].filter((g) =>
        g.querySelector(':scope > svg > text.name')).map((g) => {
        const box = g.querySelector(':scope > rect');
        return [g.querySelector('title').textContent, +box.getAttribute('x'),
                +box.getAttribute('width')];
    })""")
    width = max(bar[2] for bar in bars)
    for process in account["processes"]:
        bar, = [b for b in bars if re.search(rf"^process {process['pid']}\b", b[0], re.M)]
        life = min(process["end_ns"], account["wall_ns"]) - process["start_ns"]
        assert abs(bar[2] - max(life / account["wall_ns"] * width, 1.5)) < 2, bar


def test_what_is_hostile_is_text(shown):
    page, _ = shown
    assert page.run("document.querySelectorAll('img, iframe, object, link').length") == 0
    assert page.run("document.title").startswith("/bin/sh -c ")
    assert HOSTILE in page.run("document.title")


def test_the_flame_graph_is_alive(shown):
    page, _ = shown
    assert "[waiting: sleep]" in texts(page, "#frames text")
    before = page.run("document.getElementById('d-name').textContent")
    page.run("window.scrollBy(0, document.getElementById('frames').getBoundingClientRect().top - 99)")
    left, top = page.run("""(() => {
        const label = [...document.querySelectorAll('#frames text')].find((t) =>
            t.textContent === 'sleep');
        const box = label.closest('g[data-n]').querySelector('rect').getBoundingClientRect();
        return [box.left + 4, box.top + 4];
    })()""")
    page.click(left, top)
    assert before == "all" and page.run("document.getElementById('d-name').textContent") == "sleep"
    assert page.run("document.getElementById('reset').getAttribute('visibility')") == "visible"


def test_keys_are_those_of_the_page_until_the_graph_has_the_focus(shown):
    page, _ = shown
    page.run("window.scrollTo(0, 0)")
    prevented = """new Promise((done) => {
        document.addEventListener('keydown', (e) => setTimeout(() => done(e.defaultPrevented)),
                                  { once: true });
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown',
            { key: 'ArrowDown', bubbles: true, cancelable: true }));
    })"""
    assert page.run(prevented) is False
    page.run("document.getElementById('frames').focus()")
    assert page.run(prevented) is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read(shown, scheme):
    """Contrast of at least 4.5 against the page, in both schemes."""
    page, _ = shown
    page.prefer(scheme)
    ratios = page.run("""(() => {
        const light = (colour) => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map((c) => c / 255).map((c) =>
                c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const back = light(getComputedStyle(document.documentElement).backgroundColor);
        return ['h1', '.about', 'td', 'th', '.note', 'pre', '.plot .name', '.plot text'].map((s) => {
            const style = getComputedStyle(document.querySelector(s));
            const ink = light(s.startsWith('.plot') ? style.fill : style.color);
            return (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
        });
    })()""")
    assert min(ratios) >= 4.5, ratios


def test_a_narrow_window_is_enough(shown):
    page, _ = shown
    page.size(600, 800)
    assert page.run("document.documentElement.scrollWidth") <= 600
