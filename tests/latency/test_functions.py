# SPDX-License-Identifier: MIT
"""Every call is counted once and no target notices, however a function is left."""
import subprocess

import pytest

from timing import Target, Timing, expect_times, kymo, made, numbers, stripped, timed

# Of n calls: the answer that shapes prints.
ANSWERS = {
    "returns": lambda n: sum(3 * i + 1 for i in range(n)),
    "jumps": lambda n: sum(3 * i for i in range(n)),
    "jumps_if": lambda n: sum(i + 7 if i % 2 else 3 * i for i in range(n)),
    "jumps_indirect": lambda n: sum(i + 9 if i % 2 else 3 * i for i in range(n)),
    "jumps_memory": lambda n: sum(3 * i for i in range(n)),
    "guards": lambda n: sum(i + 5 + i % 2 for i in range(n)),
}


def shape(name, calls):
    answer, timing = timed(Target(made("shapes.c"), name, calls), name)
    assert timing.status == 0
    return int(answer[0]), int(answer[1]), timing.finals[name]


@pytest.mark.parametrize("name", ANSWERS)
def test_every_call_is_counted(name):
    answer, _, final = shape(name, 20000)
    assert answer == ANSWERS[name](20000)
    assert final["count"] == 20000
    assert final["unseen"] == final["cut"] == 0
    assert final["lost"] == []


def test_a_million_calls_are_a_million():
    answer, _, final = shape("jumps", 1000000)
    assert answer == ANSWERS["jumps"](1000000)
    assert (final["count"], final["unseen"], final["cut"]) == (1000000, 0, 0)
    assert final["p50_ns"] <= final["p90_ns"] <= final["p99_ns"] <= final["p999_ns"]
    assert final["p999_ns"] <= final["max_ns"]


def test_recursion_deeper_than_the_kernel_tracks():
    answer, _, final = shape("recurses", 1000)
    assert answer == 1000
    assert (final["count"], final["unseen"], final["cut"]) == (1000, 0, 0)


def test_longjmp_leaves_no_wrong_figure():
    answer, _, final = shape("escapes", 1000)
    assert answer == sum(i for i in range(0, 1000, 2)) + 500 * 1000
    assert final["count"] == 500
    # The last one that jumped away was not followed by another call.
    assert final["cut"] == 499
    assert final["unseen"] == 0


def test_coroutines_on_one_thread():
    answer, _, final = shape("yields", 500)
    # The one that is done first ends the program in the middle of the other's call.
    assert answer in (500 * 1000 + 499, 499 * 1000 + 500, 500 * 1000 + 500)
    assert final["count"] in (998, 999, 1000)
    assert final["unseen"] == final["cut"] == 0


def test_times_are_those_of_the_program():
    _, median, final = shape("sleeps", 100)
    assert final["count"] == 100
    # Beyond the bound of the histogram there are the probes, and whoever preempts between two clocks.
    assert abs(final["p50_ns"] - median) <= median * (final["error_pct"] + 5) / 100
    assert final["p99_ns"] is None and final["p999_ns"] is None  # too few calls
    assert final["max_ns"] >= 5000000
    assert final["mean_ns"] >= 5000000


@pytest.mark.parametrize("source, name", [("clock.c", "timed_work"),
                                          ("clock.cc", "shop::Till::timed_work"),
                                          ("clock.rs", "clock::shop::timed_work")])
def test_times_lie_between_two_clocks_of_the_program(source, name):
    with Target(made(source), 300) as target, \
            Timing("-p", target.pid, name,
                   options=("--calls", "--json", "--max-cost", "0")) as timing:
        inside, around = map(numbers, target.lines())
        timing.end(stop=False)
    assert timing.finals[name]["count"] == 4 * 300
    assert timing.finals[name]["lost"] == []
    expect_times(timing, name, inside, around)


def test_cpp_by_its_own_names_and_with_exceptions():
    answer, timing = timed(Target(made("throws.cc"), 3000), "shop::Cart::total")
    assert [int(one) for one in answer] == [sum(i for i in range(3000) if i % 3), 1000]
    final = timing.finals["shop::Cart::total"]
    assert final["count"] == 2000
    assert final["cut"] == 1000  # the last call returns, so each was followed by another
    assert final["unseen"] == 0


def test_rust_by_its_own_names_and_with_panics():
    answer, timing = timed(Target(made("work.rs"), 2000), "work::shop::Cart::total")
    assert int(answer[0]) == sum(1000 if n % 4 == 3 else 1 + n for n in range(2000))
    final = timing.finals["work::shop::Cart::total"]
    assert final["count"] == 1500
    assert final["unseen"] == 0


GO = ["main.sleeps", "main.grows", "main.panics", "main.recovers"]


def go_answer(goroutines, calls):
    return goroutines * sum(i + 1 + 20 + (1000 if i % 2 else i) for i in range(calls))


def expect_go(program, goroutines=20, calls=30):
    answer, timing = timed(Target(program, goroutines, calls), *GO)
    assert int(answer[0]) == go_answer(goroutines, calls)
    wanted = {"main.sleeps": 1, "main.grows": 21, "main.panics": 0.5, "main.recovers": 1}
    for name, share in wanted.items():
        final = timing.finals[name]
        assert final["count"] == goroutines * calls * share, name
        assert final["unseen"] == 0, name
    assert timing.finals["main.sleeps"]["cut"] == timing.finals["main.grows"]["cut"] == 0
    assert timing.finals["main.sleeps"]["p50_ns"] >= 1000000 * (1 - 0.03125)


def test_go_by_goroutine_with_growing_stacks_and_panics():
    expect_go(made("work.go"))


def test_go_stripped():
    expect_go(stripped(made("work.go")))


@pytest.mark.limit(300)  # builds the library of Go anew
def test_go_position_independent():
    expect_go(stripped(made("work.go", "-buildmode=pie", name="work-go-pie")))


def test_goroutines_are_named_with_each_call():
    target = Target(made("work.go"), 5, 10)
    with target, Timing("-p", target.pid, "main.sleeps",
                        options=("--calls", "--json", "--max-cost", "0")) as timing:
        target.go()
        timing.end(stop=False)
    assert len(timing.calls) == 50
    assert all(one["pid"] == target.pid for one in timing.calls)
    counts = {}
    for one in timing.calls:
        counts[one["goroutine"]] = counts.get(one["goroutine"], 0) + 1
    assert sorted(counts.values()) == [10] * 5


def test_position_dependent_and_stripped():
    program = made("shapes.c", "-no-pie", name="shapes-fixed")
    _, timing = timed(Target(program, "returns", 100), "returns")
    assert timing.finals["returns"]["count"] == 100
    # Only what a file offers to others keeps its name.
    done = kymo("--list", f"{stripped(program)}:returns")
    assert done.returncode == 1
    assert "there is no function 'returns'" in done.stderr
    assert "hint: the file is stripped" in done.stderr


def test_a_library_in_programs_that_start_later():
    with Timing("libc.so.6:qsort", "libc.so.6:qsort_r") as timing:
        for _ in range(3):
            subprocess.run([made("shapes.c"), "sleeps", "2", "now"], check=True,
                           capture_output=True)
        timing.end()
    assert timing.finals["qsort"]["count"] >= 3


def test_a_file_by_its_path_counts_every_process():
    program = made("shapes.c")
    with Timing(f"{program}:returns") as timing:
        for _ in range(3):
            subprocess.run([program, "returns", "10", "now"], check=True, capture_output=True)
        timing.end()
    assert timing.finals["returns"]["count"] == 30


def test_a_return_probe_only_where_it_is_harmless(tmp_path):
    """strdup() calls nobody; qsort() calls who may throw."""
    source = tmp_path / "copies.c"
    source.write_text("""
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        int main(void) { char line[9]; long sum = 0; if (!fgets(line, 9, stdin)) return 2;
                for (int i = 0; i < 20000; i++) { char *copy = strdup(line); sum += copy[0] == 'g';
                        free(copy); }
                printf("%ld\\n", sum); }""")
    subprocess.run(["gcc", "-O1", "-fno-builtin", "-o", tmp_path / "copies", source], check=True)
    answer, timing = timed(Target(tmp_path / "copies"), "libc.so.6:strdup", "libc.so.6:qsort")
    assert answer == ["20000"]
    final = timing.finals["strdup"]
    assert (final["count"], final["unseen"], final["cut"]) == (20000, 0, 0)
    assert "return probe" in final["how"]
    assert "return probe" not in timing.finals["qsort"]["how"]
