# SPDX-License-Identifier: MIT
"""What the tests of the page share: a daemon with its page, a busy process, and a browser to look at both."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/serve"))
from serving import BUILD, Serving, until  # pylint: disable=wrong-import-position

NO_NETWORK = re.compile(r"npm (?:ERR!|error) (?:code|errno) "
                        r"(ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|\w*CERT\w*)")
HOT = "kymo_burns_here"
# A name that would be an element, and turn the text behind it.
NAME = "<u>\u202ehot"
SOURCE = """
volatile double sink;
__attribute__((noinline)) void kymo_burns_here(void)
{
	for (int i = 0; i < 20000000; i++)
		sink += i * 1e-9;
}
__attribute__((noinline)) void kymo_calls(void)
{
	kymo_burns_here();
	sink = 0;
}
int main(void)
{
	for (;;)
		kymo_calls();
}
"""


@pytest.fixture(scope="session")
def node():
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    return shutil.which("node")


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("serve"), **{"http.tell_arguments": "true"}) as serving:
        if "page.js" not in serving.text("/"):
            pytest.skip("kymo was built without its page: npm is not here")
        yield serving


@pytest.fixture(scope="session")
def busy(serve, tmp_path_factory):
    """PID of a process that is always in HOT, once the daemon has sampled it."""
    folder = tmp_path_factory.mktemp("busy")
    (folder / "busy.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-g", "-fno-omit-frame-pointer", "-o", folder / NAME,
                    folder / "busy.c"], check=True)
    process = subprocess.Popen([folder / NAME])
    try:
        path = f"/api/v1/functions?start=-1h&pid={process.pid}"
        until(lambda: serve.get(path)["samples"] >= 20, "samples")
        yield process.pid
    finally:
        process.kill()
        process.wait()


# As a thread's name, as a symbol, and as an argument: an element, what would turn or move the text beside it, and
# bytes that are no UTF-8.
HOSTILE_NAME = "<i>\x1b[2J\u202eh"
HOSTILE_SYMBOL = "<img src=x onerror=alert(1)>\x1b[31m\u202e\u2066\r\x9b\ufeff"
HOSTILE_ARGUMENT = b"</td><script>alert(1)</script>\x07\x1b]0;x\xff\xfe\xe2\x80\xae\r" + b"x" * 4096


@pytest.fixture(scope="session")
def hostile(serve, tmp_path_factory):
    """PID of a process of which all that a page may show is hostile, once it was sampled, and the second of its start."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "busy.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-fno-omit-frame-pointer", "-o", folder / "plain", folder / "busy.c"], check=True)
    subprocess.run(["objcopy", "--redefine-sym", f"{HOT}={HOSTILE_SYMBOL}", folder / "plain",
                    folder / HOSTILE_NAME], check=True)
    process, began = subprocess.Popen([folder / HOSTILE_NAME, HOSTILE_ARGUMENT]), int(time.time())
    try:
        path = f"/api/v1/functions?start=-1h&pid={process.pid}"
        until(lambda: serve.get(path)["samples"] >= 20, "samples")
        yield process.pid, began
    finally:
        process.kill()
        process.wait()


# kymo_waits() takes 2 ms, and each tenth time 30.
WAITS = """
#include <unistd.h>
__attribute__((noinline)) long kymo_waits(long ms, const char *why)
{
	usleep(ms * 1000);
	return ms + !why;
}
int main(void)
{
	for (long i = 1;; i++)
		kymo_waits(i % 10 ? 2 : 30, i % 10 ? "short" : "<u>why\\u202e");
}
"""


@pytest.fixture(scope="session")
def waiter(tmp_path_factory):
    """PID of a process that calls a function whose time is known, and its name."""
    folder = tmp_path_factory.mktemp("waiter")
    (folder / "waits.c").write_text(WAITS)
    subprocess.run(["gcc", "-O1", "-g", "-o", folder / "waits", folder / "waits.c"], check=True)
    process = subprocess.Popen([folder / "waits"])
    yield process.pid, "kymo_waits"
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def modules(node):
    """The packages that drive the browser."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed")
    before = signal.alarm(600)
    done = subprocess.run(["make", "-s", f"B={BUILD}", "npm-web"], cwd=TOP, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    signal.alarm(before)
    if found := NO_NETWORK.search(done.stdout):
        pytest.skip(f"npm cannot reach its registry: {found[1]}")
    assert done.returncode == 0, done.stdout
    return BUILD / "npm-web/node_modules"


class Driver:
    """drive.mjs with its browser; begun anew behind a walk that was broken off."""

    def __init__(self, words, home):
        self.words, self.home, self.process = words, home, None

    def begin(self):
        self.process = subprocess.Popen(
            self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=open(self.home / "said", "w", encoding="utf-8"),
            env={**os.environ, "HOME": str(self.home)})

    def end(self):
        """Closes the browser, too."""
        if self.process:
            self.process.terminate()
            self.process.communicate()
        self.process = None

    def walk(self, url, *words):
        """What was seen on that walk."""
        if not self.process:
            self.begin()
        try:
            self.process.stdin.write(json.dumps([url, *map(str, words)]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            assert line, (self.home / "said").read_text()
        except BaseException:
            self.end()
            raise
        saw = json.loads(line)
        assert not saw["errors"], "\n".join(saw["errors"])
        return saw


@pytest.fixture(scope="session")
def walk(modules, node, tmp_path_factory):
    """walk(URL, NAME, WORD...): what that walk of drive.mjs saw."""
    driver = Driver([node, TOP / "tests/web/drive.mjs", modules], tmp_path_factory.mktemp("home"))
    yield driver.walk
    driver.end()
