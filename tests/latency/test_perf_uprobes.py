# SPDX-License-Identifier: MIT
"""A perf event for each place, as on kernels that have no link for many: the same figures, slower to take off."""
import subprocess

import pytest

from test_functions import GO, go_answer
from timing import Target, Timing, kymo, made, timed

PERF = ("--json", "--max-cost", "0", "--perf-uprobes")


def test_calls_of_c_and_cpp():
    answer, timing = timed(Target(made("shapes.c"), "jumps_if", 3000), "jumps_if", "returns", options=PERF)
    assert int(answer[0]) == sum(i + 7 if i % 2 else 3 * i for i in range(3000))
    assert "kymo: probing by a perf event for each place" in timing.said
    final = timing.finals["jumps_if"]
    assert (final["count"], final["unseen"], final["cut"], final["lost"]) == (3000, 0, 0, [])
    assert "perf event" in final["mode"] and timing.finals["returns"]["count"] == 0
    answer, timing = timed(Target(made("throws.cc"), 300), "shop::Cart::total", options=PERF)
    assert [int(one) for one in answer] == [sum(i for i in range(300) if i % 3), 100]
    assert (timing.finals["shop::Cart::total"]["count"], timing.finals["shop::Cart::total"]["cut"]) == (200, 100)


@pytest.mark.limit(300)  # builds the library of Go
def test_goroutines():
    answer, timing = timed(Target(made("work.go"), 5, 10), *GO, options=PERF)
    assert int(answer[0]) == go_answer(5, 10)
    assert {name: final["count"] for name, final in timing.finals.items()} == \
        {"main.sleeps": 50, "main.grows": 1050, "main.panics": 25, "main.recovers": 50}


def test_probe_points_with_a_semaphore():
    answer, timing = timed(Target(made("points.c"), 30), "usdt:shop:paid", options=PERF)
    assert answer == ["30"] and timing.finals["usdt:shop:paid"]["count"] == 30


def test_return_probes_and_arguments(tmp_path):
    source = tmp_path / "copies.c"
    source.write_text("""
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        int main(void) { char line[9]; long sum = 0; if (!fgets(line, 9, stdin)) return 2;
                for (int i = 0; i < 200; i++) { char *copy = strdup(line); sum += copy[0] == 'g'; free(copy); }
                printf("%ld\\n", sum); }""")
    subprocess.run(["gcc", "-O1", "-fno-builtin", "-o", tmp_path / "copies", source], check=True)
    answer, timing = timed(Target(tmp_path / "copies"), "libc.so.6:strdup",
                           options=(*PERF, "--calls", "--arg", "1:str"))
    final = timing.finals["strdup"]
    assert answer == ["200"] and (final["count"], final["unseen"]) == (200, 0)
    assert "return probe" in final["how"]
    assert [one["args"][0]["value"] for one in timing.calls] == ["go\n"] * 200


def test_programs_that_start_later():
    with Timing(f"{made('shapes.c')}:returns", options=PERF) as timing:
        for _ in range(2):
            subprocess.run([made("shapes.c"), "returns", "10", "now"], check=True, capture_output=True)
        timing.end()
    assert timing.finals["returns"]["count"] == 20


def test_what_is_too_much_or_makes_no_sense():
    done = kymo("--perf-uprobes", "--yes", "libc.so.6:*", "-d", "1")
    assert done.returncode == 1 and "wants a perf event for each place that is probed, and at most 512" in done.stderr
    done = kymo("--perf-uprobes", "--http")
    assert done.returncode == 2 and "'--perf-uprobes' is of functions" in done.stderr
