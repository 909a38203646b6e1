# SPDX-License-Identifier: MIT
"""The Firefox Profiler loads our files: its own loader, in the command-line tool that its authors
publish, upgrades them to its newest format and gives back threads and call trees.  Beside that, the
tables are checked against version 61 of the processed format (docs-developer/CHANGELOG-formats.md
and src/types/profile.ts of github.com/firefox-devtools/profiler)."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

from truth import SMALL, STARTED_UNIX_NS

ALL = ["small", "hostile", "deep", "long", "server", "lossy", "empty", "large=3000"]

TABLES = {
    "stackTable": ["frame", "prefix"],
    "frameTable": ["address", "inlineDepth", "category", "subcategory", "func", "nativeSymbol",
                   "innerWindowID", "line", "column"],
    "funcTable": ["isJS", "relevantForJS", "name", "resource", "source", "lineNumber", "columnNumber"],
    "resourceTable": ["lib", "name", "host", "type"],
    "nativeSymbols": ["libIndex", "address", "name", "functionSize"],
    "sources": ["id", "filename", "startLine", "startColumn", "sourceMapURL"],
}
SAMPLES = ["stack", "time", "weight", "threadCPUDelta"]
MARKERS = ["data", "name", "startTime", "endTime", "phase", "category"]


# ---- the profiler's own loader ----

class Profiler:
    """One loaded file: a server holds it, the tool asks the server."""

    def __init__(self, tool, folder, data):
        (folder / "profile.json").write_bytes(data)
        self.tool = tool
        self.env = {**os.environ, "HOME": str(folder), "PROFILER_CLI_SESSION_DIR": str(folder)}
        # "load" would start the server, too, but gives it half a second to begin.
        self.server = subprocess.Popen(
            ["node", tool, "--daemon", folder / "profile.json", "--session", "kymo"], env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        try:
            self.wait()
        except BaseException:
            self.server.kill()
            raise
        return self

    def wait(self):
        until = time.monotonic() + 60
        # Whoever asks before the server has written this file makes an end of it.
        ready = pathlib.Path(self.env["HOME"], "kymo.json")
        while not ready.exists() or self.try_to_ask("profile", "info").returncode != 0:
            assert self.server.poll() is None, self.server.stdout.read()
            assert time.monotonic() < until, self.try_to_ask("profile", "info").stderr
            time.sleep(0.02)

    def __exit__(self, *_):
        self.server.terminate()
        self.server.communicate(timeout=20)

    def try_to_ask(self, *words):
        return subprocess.run(["node", self.tool, *words, "--session", "kymo"], env=self.env,
                              capture_output=True, text=True, timeout=60, check=False)

    def ask(self, *words):
        done = self.try_to_ask(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def thread(self, thread, *words):
        return json.loads(self.ask("thread", *words, "--thread", thread, "--json"))

    def call_tree(self, thread):
        return self.thread(thread, "samples-top-down", "--max-lines", "100000",
                           "--include-idle")["regularCallTree"]


@pytest.fixture
def profiler(npm, tmp_path):
    """profiler(bytes): a file as the Firefox Profiler loads it."""
    tool = npm / "@firefox-devtools/profiler-cli/dist/profiler-cli.js"
    with contextlib.ExitStack() as stack:
        yield lambda data: stack.enter_context(Profiler(tool, tmp_path, data))


def walk(node, above, result):
    """Milliseconds by stack."""
    stack = [*above, node["name"]]
    if node["selfSamples"]:
        key = " ".join(stack[1:])
        result[key] = result.get(key, 0) + node["selfSamples"]
    for child in node.get("children", []):
        walk(child, stack, result)
    return result


def test_profiler_shows_every_stack(sample, profiler):
    loaded = profiler(sample("firefox"))
    assert "3 threads across 2 processes" in loaded.ask("profile", "info", "--all")
    for number, (thread, counts) in enumerate(SMALL.items()):
        assert loaded.thread(f"t-{number}", "info")["name"] == thread.split(" ")[0]
        shown = walk(loaded.call_tree(f"t-{number}"), [], {})
        assert shown == {stack: 10 * n for stack, n in counts.items()}


def test_profiler_shows_what_was_lost(sample, profiler):
    meta = profiler(sample("firefox", "lossy", "title=process 7")).ask("profile", "meta")
    for line in ("Name: process 7", "Mode: bpf, timer tick", "Lost: 1234, samples: ring buffer full",
                 "Lost: 6, samples: too many stacks", "Not measured: kernel stacks: not permitted",
                 "Sampling interval: 10ms", "Duration: 10s", "Started: 2025-07-20T08:26:40.000Z"):
        assert line in meta


@pytest.mark.parametrize("which", ["hostile", "deep", "long", "server", "large=3000"])
def test_profiler_loads(sample, profiler, which):
    data = sample("firefox", which)
    loaded = profiler(data)
    threads = json.loads(data)["threads"]
    busiest = max(range(len(threads)), key=lambda at: threads[at]["samples"]["length"])
    assert f"contains {len(threads)} thread" in loaded.ask("profile", "info", "--all")
    weight = sum(threads[busiest]["samples"]["weight"])
    assert loaded.call_tree(f"t-{busiest}")["totalSamples"] == pytest.approx(weight)


def test_profiler_loads_a_recording(recording, profiler):
    data = recording("firefox")
    loaded = profiler(data)
    for number, thread in enumerate(json.loads(data)["threads"]):
        tree = loaded.call_tree(f"t-{number}")
        assert tree["totalSamples"] == pytest.approx(sum(thread["samples"]["weight"]))
        assert any("_PyEval_EvalFrameDefault" in stack for stack in walk(tree, [], {}))


# ---- the format, table by table ----

def numbers(column, limit, missing=()):
    """Every number of a column is below the limit, or is the word for a missing one."""
    assert all(value in missing or (isinstance(value, int) and 0 <= value < limit)
               for value in column), (column, limit)


def check_tables(shared):
    strings = len(shared["stringArray"])
    assert len(set(shared["stringArray"])) == strings
    size = {}
    for name, columns in TABLES.items():
        table = shared[name]
        assert set(table) == {*columns, "length"}, name
        assert {len(table[column]) for column in columns} == {table["length"]}, name
        size[name] = table["length"]
    assert set(shared) == {*TABLES, "stringArray"}
    numbers(shared["stackTable"]["frame"], size["frameTable"])
    for row, prefix in enumerate(shared["stackTable"]["prefix"]):
        assert prefix is None or 0 <= prefix < row
    pairs = list(zip(shared["stackTable"]["prefix"], shared["stackTable"]["frame"]))
    assert len(set(pairs)) == len(pairs)
    numbers(shared["frameTable"]["func"], size["funcTable"])
    numbers(shared["frameTable"]["line"], 1 << 31, [None])
    assert set(shared["frameTable"]["address"]) <= {-1}
    numbers(shared["funcTable"]["name"], strings)
    numbers(shared["funcTable"]["resource"], size["resourceTable"], [-1])
    numbers(shared["funcTable"]["source"], size["sources"], [None])
    numbers(shared["resourceTable"]["name"], strings)
    numbers(shared["sources"]["filename"], strings)


def check_categories(profile):
    categories = profile["meta"]["categories"]
    frames = profile["shared"]["frameTable"]
    assert "grey" in {category["color"] for category in categories}
    for category, sub in zip(frames["category"], frames["subcategory"]):
        assert categories[category]["subcategories"][sub]
    numbers(profile["shared"]["resourceTable"]["lib"], len(profile["libs"]), [None])
    for lib in profile["libs"]:
        assert set(lib) == {"arch", "name", "path", "debugName", "debugPath", "breakpadId", "codeId"}
        assert re.fullmatch("([0-9A-F]{32}0)?", lib["breakpadId"])


def check_thread(thread, profile):
    samples = thread["samples"]
    assert {len(samples[column]) for column in SAMPLES} == {samples["length"]}
    assert samples["weightType"] == "tracing-ms"
    numbers(samples["stack"], profile["shared"]["stackTable"]["length"])
    assert samples["time"] == sorted(samples["time"])
    assert not samples["time"] or samples["time"][0] >= 0
    # What lies behind the end is not shown.
    assert not samples["time"] or samples["time"][-1] <= profile["meta"]["profilingEndTime"]
    assert {len(thread["markers"][column]) for column in MARKERS} == {0}
    assert thread["tid"] > 0 and re.fullmatch(r"\d+", thread["pid"])
    assert thread["isMainThread"] == (str(thread["tid"]) == thread["pid"])
    for weight, delta in zip(samples["weight"], samples["threadCPUDelta"]):
        assert weight == pytest.approx(delta / 1e6)


def check(data):
    profile = json.loads(data)
    assert set(profile) == {"meta", "libs", "shared", "threads"}
    assert profile["meta"]["preprocessedProfileVersion"] == 61
    check_tables(profile["shared"])
    check_categories(profile)
    for thread in profile["threads"]:
        check_thread(thread, profile)
    threads = [(thread["pid"], thread["tid"]) for thread in profile["threads"]]
    assert len(set(threads)) == len(threads) or profile["threads"]
    return profile


@pytest.mark.parametrize("which", ALL)
def test_tables_hold_together(sample, which):
    profile = check(sample("firefox", which))
    samples = len(sample("extended-folded", which).splitlines())
    assert sum(thread["samples"]["length"] for thread in profile["threads"]) == samples


def test_meta(sample):
    meta = check(sample("firefox"))["meta"]
    assert meta["interval"] == 10 and meta["startTime"] == STARTED_UNIX_NS / 1e6
    assert meta["profilingEndTime"] == 10000
    assert meta["sampleUnits"] == {"time": "ms", "eventDelay": "ms", "threadCPUDelta": "ns"}
    assert meta["symbolicationNotSupported"] is True


def test_recording_holds_together(recording):
    profile = check(recording("firefox"))
    assert any(re.fullmatch("[0-9A-F]{32}0", lib["breakpadId"]) for lib in profile["libs"])
    assert all(thread["processName"] == "python3" for thread in profile["threads"])
