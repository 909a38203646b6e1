# SPDX-License-Identifier: MIT
"""Debug files from a server: libdebuginfod asks, and a small HTTP server answers as debuginfod does."""
import ctypes
import http.server
import os
import pathlib
import re
import subprocess
import threading

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
KYMO = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")) / "kymo"
PROGRAM = r"""
#include <time.h>
static __attribute__((noipa)) unsigned long hidden(unsigned long n)
{
	for (int i = 0; i < 10000; i++)
		n = n * 31 + 7;
	return n;
}
int main(void)
{
	unsigned long n = 1;
	while (clock() < CLOCKS_PER_SEC / 5)
		n = hidden(n);
	return n == 0;
}
"""


def run(*words, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def stripped(tmp_path):
    """A program without symbols, and the debug file that a server has."""
    (tmp_path / "p.c").write_text(PROGRAM)
    run("gcc", "-g", "-O1", "-Wl,--build-id=sha1", "-o", "p", "p.c", cwd=tmp_path)
    run("objcopy", "--only-keep-debug", "p", "p.debug", cwd=tmp_path)
    run("strip", "p", cwd=tmp_path)
    notes = run("readelf", "-n", "p", cwd=tmp_path).stdout
    return tmp_path, re.search(r"Build ID: ([0-9a-f]+)", notes)[1]


@pytest.fixture
def server(stripped):
    folder, build_id = stripped
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path != f"/buildid/{build_id}/debuginfo":
                self.send_error(404)
                return
            content = (folder / "p.debug").read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}", asked
    listening.shutdown()


def profile(folder, *words, **environment):
    env = {**os.environ, "DEBUGINFOD_CACHE_PATH": str(folder / "cache"), **environment}
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        env.pop(name, None)
    return subprocess.run([KYMO, "profile", "-F", "999", "-U", "-f", "folded", *words, "--", "./p"],
                          capture_output=True, text=True, cwd=folder, env=env)


def has_library():
    try:
        ctypes.CDLL("libdebuginfod.so.1")
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_library(), reason="libdebuginfod1 is not here")
def test_names_from_a_server(stripped, server):
    url, asked = server
    done = profile(stripped[0], "--debuginfod", DEBUGINFOD_URLS=url)
    assert done.returncode == 0, done.stderr
    assert "hidden" in done.stdout
    assert f"/buildid/{stripped[1]}/debuginfo" in asked


def test_nobody_is_asked_by_default(stripped, server):
    url, asked = server
    done = profile(stripped[0], DEBUGINFOD_URLS=url)
    assert done.returncode == 0, done.stderr
    assert "hidden" not in done.stdout and "[p+0x" in done.stdout
    assert not asked


def test_no_server_is_named(stripped):
    done = profile(stripped[0], "--debuginfod", DEBUGINFOD_URLS="")
    assert done.returncode == 125
    assert "no debuginfod server is named" in done.stderr and "DEBUGINFOD_URLS" in done.stderr


@pytest.mark.skipif(not has_library(), reason="libdebuginfod1 is not here")
def test_a_server_that_is_not_there(stripped):
    done = profile(stripped[0], "--debuginfod", DEBUGINFOD_URLS="http://127.0.0.1:9",
                   DEBUGINFOD_TIMEOUT="2")
    assert done.returncode == 0, done.stderr
    assert "[p+0x" in done.stdout
