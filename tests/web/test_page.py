# SPDX-License-Identifier: MIT
"""The page of kymo serve: its pure parts, and how its files are answered.  test_walks.py opens it in Chromium."""
import gzip
import re
import subprocess

from conftest import TOP
from serving import curl


def test_pure_parts(node):
    done = subprocess.run([node, "--test", *sorted((TOP / "tests/web").glob("*.test.mjs"))], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0, done.stdout


def test_what_is_painted_first_is_what_the_script_draws():
    views = re.findall(r"(\w+): \['(\w+)', \w+\]", (TOP / "web/src/page.jsx").read_text().split("const VIEWS")[1].split("\n")[0])
    shell = re.findall(r'<a href="/(?:\?view=(\w+))?">(\w+)</a>', (TOP / "web/index.html").read_text())
    assert len(views) == 7 and [(view or "overview", word) for view, word in shell] == views


def test_its_files_are_packed_and_last(serve):
    page = serve.text("/")
    for name in "page.js", "page.css":
        path = next(word for word in page.split('"') if word.startswith(f"/{name}?v="))
        heads = curl("-D", "-", "-o", "/dev/null", "--compressed", serve.url + path).stdout
        assert "Content-Encoding: gzip" in heads and "immutable" in heads
        assert "script-src 'self'" in heads
        packed = subprocess.run(["curl", "-sS", "-H", "Accept-Encoding: gzip", serve.url + path],
                                capture_output=True, check=True).stdout
        plain = subprocess.run(["curl", "-sS", serve.url + path], capture_output=True,
                               check=True).stdout
        assert gzip.decompress(packed) == plain and len(packed) < 90000
        heads = curl("-D", "-", "-o", "/dev/null", f"{serve.url}/{name}?v=other").stdout
        assert "no-store" in heads
    assert "no-store" in curl("-D", "-", "-o", "/dev/null", serve.url + "/").stdout
