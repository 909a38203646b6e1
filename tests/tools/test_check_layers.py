# SPDX-License-Identifier: MIT
"""tools/check-layers on small trees: one that is right, and one for each rule that breaks it."""
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]

RULES = """
base:
model:   base
probe:
collect: base model probe   # comment
cmd:     base model collect
collect/:
<bpf/>:    collect probe
<lzma.h>:  base
printf():  cmd
stderr():  cmd
mutable: base/level.c
"""

GOOD = {
    "base/text.h": "int text_len(const char *text);",
    "base/text.c": '#include "base/text.h"\nint text_len(const char *text) { return *text; }',
    "base/level.c": "int level;",
    "base/test.h": "",
    "base/text.test.c": '#include "base/test.h"\n#include "../../tests/shared.h"',
    "model/stack.h": '#include "base/text.h"\nint stack_len(void);',
    "model/stack.c": '#include "model/stack.h"\nint stack_len(void) { return text_len(""); }',
    "probe/emit.bpf.h": "#include <bpf/bpf_helpers.h>",
    "probe/unit.h": "typedef int unit_ns;",
    "collect/ring.h": "",
    "collect/ring.c": '#include <bpf/libbpf.h>\n#include "collect/ring.h"',
    "collect/cpu/cpu.wire.h": '#include "probe/unit.h"',
    "collect/cpu/cpu.bpf.c": '#include "collect/cpu/cpu.wire.h"\n#include "probe/emit.bpf.h"',
    "collect/cpu/cpu.c": '#include "collect/ring.h"\n#include "collect/cpu/cpu.wire.h"\n'
    "int cpu_start(void);\nint cpu_start(void) { static const int ten = 10; return ten; }",
    "collect/disk/disk.c": "int disk_start(void);\nint disk_start(void) { return 0; }",
    "cmd/main.c": '#include "model/stack.h"\n#include <stdio.h>\n'
    'int main(void) { return printf("%d", stack_len()); }',
}


def make_tree(folder, files, rules=RULES):
    """Writes the project, with an object file for every source for user space."""
    (folder / "tools").mkdir()
    (folder / "tools/layers.txt").write_text(rules)
    for name, text in files.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    for name in files:
        if not name.endswith(".c") or name.endswith((".bpf.c", ".test.c")):
            continue
        target = folder / "build/src" / f"{name[:-2]}.o"
        target.parent.mkdir(parents=True, exist_ok=True)
        # Headers of libraries need not be there: includes are checked in the text.
        source = "\n".join(line for line in files[name].splitlines() if "#include <bpf" not in line
                           and "<lzma.h>" not in line)
        subprocess.run(["cc", "-w", "-x", "c", "-c", "-", "-I", folder / "src", "-o", target],
                       input=source, text=True, check=True)


def check(folder, *words):
    run = subprocess.run([TOP / "tools/check-layers", "--top", folder, *words],
                         capture_output=True, text=True)
    assert not run.stderr
    return run.returncode, run.stdout


def test_a_tree_that_keeps_the_rules(tmp_path):
    make_tree(tmp_path, GOOD)
    status, output = check(tmp_path, tmp_path / "build")
    assert status == 0, output


SOURCE_BREACHES = {
    "upward include": ({"base/up.c": '#include "model/stack.h"'},
                       "src/base/up.c:1: base may not use model"),
    "sideways include": ({"model/side.c": '#include "collect/ring.h"'},
                         "model may not use collect"),
    "sibling collector": ({"collect/disk/near.c": '#include "collect/cpu/cpu.wire.h"'},
                          "collect/disk may not use its sibling collect/cpu"),
    "fenced folder of a library": ({"model/load.c": "#include <bpf/libbpf.h>"},
                                   "<bpf/libbpf.h> belongs to collect, probe"),
    "fenced header": ({"cmd/pack.c": "#  include  <lzma.h>"}, "<lzma.h> belongs to base"),
    "kernel code reaches user space": ({"collect/cpu/far.bpf.c": '#include "collect/ring.h"'},
                                       'code for the kernel may not include "collect/ring.h"'),
    "user space reaches kernel code": ({"collect/far.c": '#include "probe/emit.bpf.h"'},
                                       'code for user space may not include "probe/emit.bpf.h"'),
    "test header in the program": ({"model/odd.c": '#include "base/test.h"'},
                                   '"base/test.h" is for tests'),
    "unknown folder": ({"misc/odd.c": ""}, "folder 'misc' is not in layers.txt"),
    "program reaches into tests": ({"model/odd.c": '#include "../../tests/shared.h"'},
                                   'is in no folder of layers.txt'),
    "include from nowhere": ({"model/odd.c": '#include "odd.h"'},
                             '"odd.h" is in no folder of layers.txt'),
}


@pytest.mark.parametrize("name", SOURCE_BREACHES)
def test_a_breach_in_the_sources(tmp_path, name):
    files, expected = SOURCE_BREACHES[name]
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/layers.txt").write_text(RULES)
    for file, text in {**GOOD, **files}.items():
        path = tmp_path / "src" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    status, output = check(tmp_path)
    assert status == 1
    assert expected in output
    assert len(output.splitlines()) == 1, output


OBJECT_BREACHES = {
    "hand-written extern": ({"base/up.c": "int stack_len(void);\nint up(void) { return stack_len(); }"},
                            "src/base/up.c: base may not use model (stack_len)"),
    "extern of a sibling": ({"collect/disk/near.c": "int cpu_start(void);\n"
                             "int near(void) { return cpu_start(); }"},
                            "collect/disk may not use its sibling collect/cpu (cpu_start)"),
    "printing": ({"model/say.c": '#include <stdio.h>\nvoid say(int n) { printf("%d", n); }'},
                 "src/model/say.c: printf belongs to cmd"),
    "checked printing": ({"model/say.c": "int __printf_chk(int, const char *, ...);\n"
                          'void say(int n) { __printf_chk(1, "%d", n); }'},
                         "src/model/say.c: printf belongs to cmd"),
    "standard error": ({"model/say.c": '#include <stdio.h>\nvoid say(int n) { fprintf(stderr, "%d", n); }'},
                       "src/model/say.c: stderr belongs to cmd"),
    "global": ({"model/state.c": "int count;"}, "src/model/state.c: 'count' outlives a call"),
    "global with a value": ({"model/state.c": "int count = 3;"}, "'count' outlives a call"),
    "static in a function": ({"model/state.c": "int next(void) { static int n; return n++; }"},
                             "outlives a call"),
    "thread-local": ({"model/state.c": "_Thread_local int count;"}, "'count' outlives a call"),
}


@pytest.mark.parametrize("name", OBJECT_BREACHES)
def test_a_breach_in_the_objects(tmp_path, name):
    files, expected = OBJECT_BREACHES[name]
    make_tree(tmp_path, {**GOOD, **files})
    assert check(tmp_path)[0] == 0, "the sources alone do not show it"
    status, output = check(tmp_path, tmp_path / "build")
    assert status == 1
    assert expected in output
    assert len(output.splitlines()) == 1, output


def test_constant_tables_with_addresses_are_no_globals(tmp_path):
    make_tree(tmp_path, {**GOOD, "model/table.c": 'const char *const names[] = { "a", "b" };'})
    assert check(tmp_path, tmp_path / "build")[0] == 0


def test_an_object_without_its_source_does_not_count(tmp_path):
    make_tree(tmp_path, {**GOOD, "base/up.c": "int stack_len(void);\nint up(void) { return stack_len(); }"})
    (tmp_path / "src/base/up.c").unlink()
    assert check(tmp_path, tmp_path / "build")[0] == 0


def test_a_cycle_cannot_be_written_down(tmp_path):
    make_tree(tmp_path, GOOD, RULES.replace("base:\n", "base: cmd\n"))
    status, output = check(tmp_path)
    assert status == 1
    assert "base names cmd before it is declared" in output


def test_a_line_without_a_colon(tmp_path):
    make_tree(tmp_path, GOOD, RULES + "show base\n")
    status, output = check(tmp_path)
    assert status == 1
    assert "no colon" in output


def test_an_empty_build_proves_nothing(tmp_path):
    make_tree(tmp_path, GOOD)
    (tmp_path / "empty").mkdir()
    status, output = check(tmp_path, tmp_path / "empty")
    assert status == 1
    assert "no object files" in output
