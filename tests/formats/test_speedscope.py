# SPDX-License-Identifier: MIT
"""speedscope itself imports our files, in a browser, and says what it understood.

The whole program is opened as its command-line tool opens it.  What it exports again (its save
button) is how it understood the file: frames, stacks and weights.
"""
import base64
import collections
import json

import pytest

from truth import NS, SMALL

@pytest.fixture
def speedscope(npm, page, tmp_path):
    """speedscope(name, bytes): what speedscope exports of what it imported."""

    def show(name, data):
        script = tmp_path / "profile.js"
        text = base64.b64encode(data).decode()
        script.write_text(f"speedscope.loadFileFromBase64({json.dumps(name)}, '{text}')")
        page.call("Page.addScriptToEvaluateOnNewDocument", source="""
            HTMLAnchorElement.prototype.click = () => {};
            URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); };
        """)
        index = npm / "speedscope/dist/release/index.html"
        page.go(f"file://{index}#localProfilePath={script}")
        # Before the import is done the key does nothing.
        return json.loads(page.wait(
            "window.dispatchEvent(new KeyboardEvent('keydown', {key: 's', ctrlKey: true})),"
            "window.saved"))

    return show


def stacks(file):
    """Weights by thread and stack, as speedscope understood them; what stands empty left out."""
    names = [frame["name"] for frame in file["shared"]["frames"]]
    result = {}
    for profile in file["profiles"]:
        sums = collections.Counter()
        if profile["type"] == "sampled":
            for stack, weight in zip(profile["samples"], profile["weights"]):
                if stack:
                    sums[" ".join(names[frame] for frame in stack)] += weight
        else:
            add_events(profile["events"], names, sums)
        result[profile["name"]] = {stack: round(w) for stack, w in sums.items() if w}
    return result


def add_events(events, names, sums):
    stack, before = [], 0
    for event in events:
        if stack:
            sums[" ".join(stack)] += event["at"] - before
        before = event["at"]
        if event["type"] == "O":
            stack.append(names[event["frame"]])
        else:
            assert stack.pop() == names[event["frame"]]
    assert not stack


def test_imports_every_stack_and_weight(sample, speedscope):
    file = speedscope("small.speedscope.json", sample("speedscope"))
    expected = {thread: {stack: count * NS for stack, count in counts.items()}
                for thread, counts in SMALL.items()}
    assert stacks(file) == expected


def test_imports_folded(sample, speedscope):
    file = speedscope("small.folded", sample("folded"))
    expected = {}
    for thread, counts in SMALL.items():
        comm = thread.split(" ")[0]
        for stack, count in counts.items():
            words = [f"{word}_[k]" if word.startswith(("do_sys", "ksys", "vfs")) else word
                     for word in stack.split(" ")]
            expected[" ".join([comm, *words])] = count
    assert list(stacks(file).values()) == [expected]


def test_imports_pprof(sample, speedscope):
    file = speedscope("small.pb.gz", sample("pprof"))
    expected = collections.Counter()
    for counts in SMALL.values():
        for stack, count in counts.items():
            # Of a location's functions, inlined into each other, speedscope reads the outermost.
            expected[stack.replace(" next_char peek", "")] += count * NS
    understood = collections.Counter()
    for sums in stacks(file).values():
        understood.update(sums)
    assert understood == expected


@pytest.mark.parametrize("format_name", ["speedscope", "folded", "pprof"])
@pytest.mark.parametrize("profile", ["hostile", "deep", "long", "lossy", "server"])
def test_imports(sample, speedscope, format_name, profile):
    file = speedscope(f"{profile}.{'pb.gz' if format_name == 'pprof' else format_name}",
                      sample(format_name, profile))
    assert any(stacks(file).values())


def test_imports_a_recording(recording, speedscope):
    data = recording("speedscope")
    file = speedscope("real.speedscope.json", data)
    assert stacks(file) == stacks(json.loads(data))
    weights = [sum(sums.values()) for sums in stacks(file).values()]
    assert sum(weights) / 1e9 > 0.1
