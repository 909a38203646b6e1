# SPDX-License-Identifier: MIT
"""pprof files, decoded by Google's protobuf library, and by `go tool pprof` where it is."""
import collections
import re
import shutil
import subprocess

import pytest

import pprof_reader
from truth import NS, SMALL, STARTED_UNIX_NS

ALL = ["small", "hostile", "deep", "long", "server", "lossy", "empty", "large=3000"]


def check(profile):
    """What profile.proto asks of every file: references in range, ids from 1, values by type."""
    strings = len(profile.string_table)
    assert profile.string_table[0] == ""
    assert len(set(profile.string_table)) == strings
    tables = {}
    for name in ("mapping", "location", "function"):
        ids = [entry.id for entry in getattr(profile, name)]
        assert len(set(ids)) == len(ids) and 0 not in ids
        tables[name] = set(ids)
    for sample in profile.sample:
        assert len(sample.value) == len(profile.sample_type)
        assert sample.location_id and set(sample.location_id) <= tables["location"]
        for label in sample.label:
            assert 0 < label.key < strings and 0 <= label.str < strings
            assert bool(label.str) != bool(label.num_unit)
    for location in profile.location:
        assert location.mapping_id == 0 or location.mapping_id in tables["mapping"]
        assert location.line and {line.function_id for line in location.line} <= tables["function"]
    for function in profile.function:
        assert 0 < function.name < strings
        assert function.system_name < strings and function.filename < strings
    for mapping in profile.mapping:
        assert mapping.filename < strings and mapping.build_id < strings
    assert all(0 < at < strings for at in profile.comment)
    check_addresses(profile)


def check_addresses(profile):
    """pprof finds a location's mapping by address, too."""
    mappings = {mapping.id: mapping for mapping in profile.mapping}
    for location in profile.location:
        mapping = mappings.get(location.mapping_id)
        if mapping and mapping.memory_limit:
            assert mapping.memory_start <= location.address < mapping.memory_limit


def texts(profile, numbers):
    return [profile.string_table[number] for number in numbers]


def names_of(profile, location):
    """The functions of a location, outermost first."""
    functions = {function.id: function for function in profile.function}
    return [profile.string_table[functions[line.function_id].name] for line in location.line][::-1]


def stacks(profile):
    """(samples, ns) by thread name and stack, root first."""
    locations = {location.id: location for location in profile.location}
    result = collections.Counter()
    for sample in profile.sample:
        words = [word for at in reversed(sample.location_id)
                 for word in names_of(profile, locations[at])]
        labels = {profile.string_table[label.key]: label for label in sample.label}
        thread = profile.string_table[labels["thread"].str]
        result[thread, " ".join(words)] += sample.value[0]
        assert sample.value[1] == NS * sample.value[0]
    return dict(result)


@pytest.mark.parametrize("which", ALL)
def test_is_well_formed(sample, which):
    profile = pprof_reader.parse(sample("pprof", which))
    check(profile)
    folded = sample("folded", which).decode().splitlines()
    assert sum(s.value[0] for s in profile.sample) == sum(int(l.rsplit(" ", 1)[1]) for l in folded)


def test_says_what_the_numbers_are(sample):
    profile = pprof_reader.parse(sample("pprof", "small", "title=process 7"))
    assert [texts(profile, (kind.type, kind.unit)) for kind in profile.sample_type] == [
        ["samples", "count"], ["cpu", "nanoseconds"]]
    assert texts(profile, [profile.default_sample_type]) == ["cpu"]
    assert texts(profile, (profile.period_type.type, profile.period_type.unit)) == ["cpu", "nanoseconds"]
    assert profile.period == NS
    assert profile.time_nanos == STARTED_UNIX_NS
    assert profile.duration_nanos == 10 * 10**9
    comments = texts(profile, profile.comment)
    assert comments[1:] == ["profile of process 7", "mode: bpf, timer tick", "lost: nothing"]
    assert comments[0].startswith("recorded by kymo ")


def test_holds_every_stack(sample):
    profile = pprof_reader.parse(sample("pprof"))
    assert stacks(profile) == {(thread.split(" ")[0], stack): count
                               for thread, counts in SMALL.items()
                               for stack, count in counts.items()}
    labels = {tuple((profile.string_table[label.key], label.num) for label in sample.label
                    if label.num_unit) for sample in profile.sample}
    assert labels == {(("pid", 100), ("tid", 100)), (("pid", 100), ("tid", 101)),
                      (("pid", 200), ("tid", 200))}
    comms = {profile.string_table[label.str] for sample in profile.sample for label in sample.label
             if profile.string_table[label.key] == "comm"}
    assert comms == {"app", "cat"}


def test_names_files_and_lines(sample):
    profile = pprof_reader.parse(sample("pprof"))
    mappings = {profile.string_table[mapping.filename]: mapping for mapping in profile.mapping}
    assert set(mappings) == {"/usr/lib/app", "/usr/lib/libc.so.6", "[kernel]", "[jit]"}
    for path in ("/usr/lib/app", "/usr/lib/libc.so.6"):
        assert re.fullmatch("[0-9a-f]{40}", profile.string_table[mappings[path].build_id])
        assert mappings[path].has_functions
    assert mappings["/usr/lib/app"].has_inline_frames
    assert not mappings["/usr/lib/libc.so.6"].has_inline_frames
    assert not profile.string_table[mappings["[kernel]"].build_id]
    assert profile.string_table[profile.mapping[0].filename] == "/usr/lib/app"  # the program first
    inlined = [location for location in profile.location if len(location.line) == 3]
    assert len(inlined) == 1
    assert names_of(profile, inlined[0]) == ["parse", "next_char", "peek"]
    files = {profile.string_table[f.name]: profile.string_table[f.filename] for f in profile.function}
    assert files["peek"] == "src/inline.h" and files["parse"] == "src/app.c"
    assert [line.line for line in inlined[0].line] == [21, 20, 10]


def test_says_what_was_lost(sample):
    comments = texts(*(lambda p: (p, p.comment))(pprof_reader.parse(sample("pprof", "lossy"))))
    assert comments[2:] == ["lost: 1234, samples: ring buffer full",
                            "lost: 6, samples: too many stacks",
                            "not measured: hardware counters: none on this host",
                            "not measured: kernel stacks: not permitted"]


def test_reads_a_recording(recording):
    profile = pprof_reader.parse(recording("pprof"))
    check(profile)
    assert sum(sample.value[0] for sample in profile.sample) > 50
    paths = {profile.string_table[m.filename]: profile.string_table[m.build_id]
             for m in profile.mapping}
    python = [build_id for path, build_id in paths.items() if "python3" in path]
    assert python and re.fullmatch("[0-9a-f]{40}", python[0])
    assert "python3" in profile.string_table[profile.mapping[0].filename]  # the program first
    # A late timer's sample stands for more than one period.
    weight = sum(sample.value[1] for sample in profile.sample) / profile.period
    assert 0.9 < weight / sum(sample.value[0] for sample in profile.sample) < 2


def go_pprof(path, *words):
    if not shutil.which("go"):
        pytest.skip("go is not installed: golang-go is large, and only go tool pprof needs it")
    done = subprocess.run(["go", "tool", "pprof", *words, path], capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "HOME": str(path.parent)}, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_go_shows_the_hottest(sample, tmp_path):
    path = tmp_path / "small.pb.gz"
    path.write_bytes(sample("pprof"))
    text = go_pprof(path, "-top", "-nodecount=100")
    assert "Type: cpu" in text and "Duration: 10s, Total samples = 1000ms (10.00%)" in text
    rows = {line.split()[5]: line.split()[:4] for line in text.splitlines()
            if re.match(r"\s+[\d.]+m?s", line)}
    assert rows["parse"][0] == "300ms" and rows["parse"][3] == "550ms"
    assert rows["peek"][0] == "250ms"
    raw = go_pprof(path, "-raw")
    assert "samples/count cpu/nanoseconds" in raw


@pytest.mark.parametrize("which", ALL)
def test_go_reads(sample, tmp_path, which):
    path = tmp_path / "profile.pb.gz"
    path.write_bytes(sample("pprof", which))
    assert "flat%" in go_pprof(path, "-top")


def test_go_reads_a_recording(recording, tmp_path):
    path = tmp_path / "profile.pb.gz"
    path.write_bytes(recording("pprof"))
    assert "_PyEval_EvalFrameDefault" in go_pprof(path, "-top")
    assert re.search(r"pid: Total [\d.]+m?s\n +[\d.]+m?s \( *100%\)", go_pprof(path, "-tags"))
