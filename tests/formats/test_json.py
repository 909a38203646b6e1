# SPDX-License-Identifier: MIT
"""The json format against what src/show/json.c documents."""
import json

import pytest

from truth import NS, STARTED_UNIX_NS

ALL = ["small", "hostile", "deep", "long", "server", "lossy", "empty", "large=3000"]

SAMPLE = {"kind": str, "at_unix_ns": int, "pid": int, "tid": int, "comm": str, "cpu": int,
          "weight_ns": int, "user": list, "kernel": list}
SUMMARY = {"kind": str, "started_unix_ns": int, "duration_ns": int, "rate_hz": int, "cpus": int,
           "samples": int, "weight_ns": int, "lost": int, "coverage": dict}
COVERAGE = {"mode": str, "lost": list, "not_measured": list}
LOSS = {"kind": str, "count": int, "first_unix_ns": int, "last_unix_ns": int}
FRAME = {"function": str}
FRAME_MORE = {"module": str, "source": str, "line": int, "inlined": bool, "file_offset": int,
              "address": int}


def no_repeats(pairs):
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def has(thing, keys, more=None):
    """All the keys, none other, of these types."""
    more = more or {}
    assert set(keys) <= set(thing) <= {*keys, *more}, thing
    for key, value in thing.items():
        assert type(value) is {**keys, **more}[key], (key, value)  # pylint: disable=unidiomatic-typecheck


def read(data):
    """(samples, summary)"""
    lines = data.decode().split("\n")
    assert lines.pop() == ""
    things = [json.loads(line, object_pairs_hook=no_repeats) for line in lines]
    return things[:-1], things[-1]


def check_quality(summary):
    quality = summary["stack_quality"]
    has(quality, {"user_stacks": int, "complete": int, "reasons": dict})
    assert quality["complete"] + sum(quality["reasons"].values()) == quality["user_stacks"]
    assert quality["user_stacks"] <= summary["samples"]


def check(samples, summary):
    for sample in samples:
        has(sample, SAMPLE)
        assert sample["kind"] == "sample"
        for frame in sample["user"] + sample["kernel"]:
            has(frame, FRAME, FRAME_MORE)
            assert frame["function"]
            assert not ("file_offset" in frame and "address" in frame)
            assert frame.get("inlined", True)
        for frame in sample["kernel"]:
            assert frame["address"] >> 63
        assert summary["started_unix_ns"] <= sample["at_unix_ns"]
        assert sample["at_unix_ns"] <= summary["started_unix_ns"] + summary["duration_ns"]
    has(summary, SUMMARY, {"title": str, "stack_quality": dict})
    if "stack_quality" in summary:
        check_quality(summary)
    assert summary["kind"] == "summary"
    has(summary["coverage"], COVERAGE)
    for loss in summary["coverage"]["lost"]:
        has(loss, LOSS)
        assert summary["started_unix_ns"] <= loss["first_unix_ns"] <= loss["last_unix_ns"]
    assert all(isinstance(what, str) for what in summary["coverage"]["not_measured"])
    assert summary["lost"] == sum(loss["count"] for loss in summary["coverage"]["lost"])
    assert summary["samples"] == len(samples)
    assert summary["weight_ns"] == sum(sample["weight_ns"] for sample in samples)


@pytest.mark.parametrize("which", ALL)
def test_keeps_to_what_is_documented(sample, which):
    check(*read(sample("json", which)))


def test_is_exact(sample):
    samples, summary = read(sample("json", "small", "title=process 7"))
    assert summary == {
        "kind": "summary", "title": "process 7", "started_unix_ns": STARTED_UNIX_NS,
        "duration_ns": 10**10, "rate_hz": 100, "cpus": 2, "samples": 100, "weight_ns": 100 * NS,
        "lost": 0, "coverage": {"mode": "bpf, timer tick", "lost": [], "not_measured": []}}
    first = samples[30]
    assert {key: first[key] for key in SAMPLE if key not in ("user", "kernel")} == {
        "kind": "sample", "at_unix_ns": STARTED_UNIX_NS + 16 * NS, "pid": 100, "tid": 100,
        "comm": "app", "cpu": 0, "weight_ns": NS}
    offsets = [frame.pop("file_offset") for frame in first["user"]]
    assert offsets[2] == offsets[3] == offsets[4] != offsets[1]
    common = {"module": "app", "source": "src/app.c", "line": 10}
    inlined = {"module": "app", "source": "src/inline.h", "inlined": True}
    assert first["user"] == [
        {"function": "_start", **common}, {"function": "main", **common},
        {"function": "parse", **common}, {"function": "next_char", "line": 20, **inlined},
        {"function": "peek", "line": 21, **inlined}]
    assert first["kernel"] == []
    assert [frame["function"] for frame in samples[60]["kernel"]] == [
        "do_syscall_64", "ksys_read", "vfs_read"]
    assert all(frame["module"] == "[kernel]" for frame in samples[60]["kernel"])
    assert samples[-1]["user"] == samples[-1]["kernel"] == []


def test_says_what_was_lost(sample):
    _, summary = read(sample("json", "lossy"))
    assert summary["lost"] == 1240
    assert [(loss["kind"], loss["count"]) for loss in summary["coverage"]["lost"]] == [
        ("samples: ring buffer full", 1234), ("samples: too many stacks", 6)]
    assert summary["coverage"]["not_measured"] == [
        "hardware counters: none on this host", "kernel stacks: not permitted"]


def test_reads_a_recording(recording):
    samples, summary = read(recording("json"))
    check(samples, summary)
    assert len(samples) > 50 and summary["coverage"]["mode"]
    assert {sample["comm"] for sample in samples} == {"python3"}
    assert all(sample["weight_ns"] > 0 for sample in samples)
