# SPDX-License-Identifier: MIT
"""Arguments of single calls, against what the callers passed."""
import csv
import json

import pytest

from timing import Target, Timing, kymo, made

CALLS = 40
LONG = "a text that is longer than what is told of one, which is sixty-four bytes and no more"
C_WORDS = ["--arg", "1", "--arg", "2:int32", "--arg", "3:str", "--arg", "4:str"]


def calls_of(program, name, *words, format="--json"):
    with Target(made(program), CALLS) as target, \
            Timing("-p", target.pid, name,
                   options=("--calls", format, "--max-cost", "0", *words)) as timing:
        target.go()
        if format == "--json":
            return timing.end(stop=False).calls
        return timing.process.communicate()[0]


def values(call):
    return [one["value"] for one in call["args"]]


def test_numbers_and_texts_of_c():
    calls = calls_of("args.c", "told", *C_WORDS)
    assert len(calls) == CALLS
    for i, call in enumerate(calls):
        assert [one["arg"] for one in call["args"]] == [1, 2, 3, 4]
        number, small, text, bad = values(call)
        assert (number, small, bad) == (i << 40, -i, None)
        if i % 4 < 3:
            assert text == ["plain", "", LONG[:63]][i % 4]
            assert call["args"][2]["cut"] == (i % 4 == 2)
        else:
            assert text.startswith("\033[31mred\n")
        assert [one.get("lacks") for one in call["args"]] == [None, None, None, "unreadable"]


def test_a_pointer_and_a_length():
    calls = calls_of("args.c", "told", "--arg", "5:gostr")
    assert [values(one) for one in calls] == [["counted"[:i % 8]] for i in range(CALLS)]


def test_an_argument_that_the_beginning_spoils():
    calls = calls_of("args.c", "spoils", "--arg", "1:int")
    assert [values(one) for one in calls] == [[i] for i in range(CALLS)]


def test_go_by_registers_on_stacks_that_grow():
    calls = calls_of("args.go", "main.(*shop).told", "--arg", "2", "--arg", "3:gostr", "--arg", "5:int",
                     "--arg", "6:int32")
    assert len(calls) == CALLS
    for i, call in enumerate(calls):
        number, text, flag, last = values(call)
        assert (number, text, flag & 255, last) == (i, ("ab" * i)[:64], 1, -i)
        assert call["args"][1]["cut"] == (i > 32)


def test_a_person_and_a_table_get_them_harmless():
    out = calls_of("args.c", "told", *C_WORDS, format="--max-cost=0")
    lines = out.splitlines()
    assert len(lines) == CALLS
    assert lines[0].endswith(' arg1=0 arg2=0 arg3="plain" arg4=?')
    assert f'arg3="{LONG[:63]}"...' in lines[2]
    assert r'arg3="\x1b[31mred\x0a\xff"' in lines[3]
    rows = list(csv.DictReader(calls_of("args.c", "told", *C_WORDS, format="--csv").splitlines()))
    assert (rows[4]["arg1"], rows[4]["arg2"], rows[4]["arg3"], rows[4]["arg4"]) == \
        (str(4 << 40), "-4", "plain", "")


def test_slow_calls_have_them():
    with Target(made("clock.c"), 20) as target, \
            Timing("-p", target.pid, "timed_work",
                   options=("--json", "--slower", "1", "--arg", "1", "--max-cost", "0")) as timing:
        target.go()
        out, _ = timing.process.communicate()
    slow = [one for one in map(json.loads, out.splitlines()) if "slow" in one]
    least = {n for n in range(80) if n * 7919 % 3000 >= 1000}
    assert least <= {values(one)[0] for one in slow}


def test_what_was_forgotten_is_no_unreadable_argument(tmp_path):
    """Of more calls that are inside of each other than are kept the oldest lose theirs, and none gets another's."""
    depth, out = 20000, tmp_path / "calls"
    with Target(made("nested.c"), 0, 0, depth) as target, \
            Timing("-p", target.pid, "deep",
                   options=("--calls", "--json", "--max-cost", "0", "--arg", "1:int32", "-o", out)) as timing:
        target.go()
        timing.end(stop=False)
    *told, final = map(json.loads, out.read_text().splitlines())
    lost = {one["kind"]: one["count"] for one in final["lost"]}
    args = [one["args"][0] for one in told if "call" in one]  # the innermost one ends first
    forgotten = [one for one in args if one.get("lacks") == "forgotten"]
    assert final["count"] == depth + 1
    assert lost["arguments: of calls when too many were under way"] >= depth - 16384
    if "calls: the ring was full" not in lost:
        assert len(forgotten) == lost["arguments: of calls when too many were under way"]
        assert all(one["value"] == i for i, one in enumerate(args) if "lacks" not in one)
    assert all(one["value"] is None for one in forgotten)


@pytest.mark.parametrize("words, said", [
    (("--calls", "--arg", "0"), "'0' is no argument"),
    (("--calls", "--arg", "10"), "'10' is no argument"),
    (("--calls", "--arg", "9:gostr"), "'9:gostr' is no argument"),
    (("--calls", "--arg", "1:float"), "'1:float' is no argument"),
    (("--calls", *["--arg", "1"] * 5), "at most 4 arguments"),
    (("--arg", "1"), "'--arg' is of single calls"),
    (("--http", "--calls", "--arg", "1"), "'--arg' is of single calls"),
])
def test_what_is_no_argument(words, said):
    done = kymo(*words, *([] if "--http" in words else [f"{made('args.c')}:told"]))
    assert done.returncode == 2 and said in done.stderr


def test_c_has_six_in_registers():
    done = kymo("--calls", "--arg", "7", f"{made('args.c')}:told")
    assert done.returncode == 69 and "argument 7 of 'told' is in no register" in done.stderr
    assert "are not read" in kymo("--calls", "--arg", "1", f"{made('points.c')}:usdt:*:*").stderr
