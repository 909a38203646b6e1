# SPDX-License-Identifier: MIT
"""The rule of every tried address equals what readelf states: CFA, return address, rbp, and rbx where it
is followed.

What may differ, and is counted: padding of up to 15 bytes behind a function keeps the function's last
rule, since a call that ends a function returns there; and short code of crti.o and crtbegin.o has rules
that are read from its instructions.  (llvm-dwarfdump-14 is no reader to compare with: it forgets to
restore the CFA at DW_CFA_restore_state.)
"""
import bisect
import glob
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest
from conftest import compile_source, make

ADDRESSES = 5000
FEW_FAILURES = 10

ENTRY = re.compile(r"^[0-9a-f]{8,16} [0-9a-f]+ [0-9a-f]+ (CIE|FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+))")
PLAIN = re.compile(r"^(r[a-z]{2}|r\d+)([+-]\d+)$")
DEREF = re.compile(r"^DW_OP_breg[67] \((rsp|rbp)\): (-?\d+); DW_OP_deref(?:; DW_OP_plus_uconst: (\d+))?$")
PLT = re.compile(r"^DW_OP_breg7 \(rsp\): 8; DW_OP_breg16 \(rip\): 0; DW_OP_lit15; DW_OP_and; "
                 r"DW_OP_lit(\d+); DW_OP_ge; DW_OP_lit3; DW_OP_shl; DW_OP_plus$")
BY_RBP = re.compile(r"DW_CFA_expression: r6 \(rbp\) \(DW_OP_breg6 \(rbp\): (-?\d+)\)$")
SAVED = re.compile(r"^c([+-]\d+)$")
MOVED = re.compile(r"^r\d+ \((r\w+)\)$")
BARE_MAX = 512


def saved(text):
    """Offset from the CFA as text; "-" for unchanged; None for what is not followed."""
    if text in (None, "u", "s"):
        return "-"
    if text.startswith("rbp:"):
        return text
    match = SAVED.match(text)
    return str(int(match[1])) if match else None


def expression(text):
    """Kind and offset of a CFA that is an expression."""
    if text == "DW_OP_breg7 (rsp): 160; DW_OP_deref":
        return "signal", 0
    if plt := PLT.match(text):
        return "plt", int(plt[1])
    if deref := DEREF.match(text):
        before, after = int(deref[2]), int(deref[3] or "0")
        if before % 8 == 0 and -128 <= before // 8 < 128 and after < 256:
            return {"rsp": "deref-sp", "rbp": "deref-fp"}[deref[1]], before // 8 * 256 + after
    return "hard", 0


def expected(columns):
    """The line of unwind-rows for a row of readelf, unless its CFA is an expression."""
    cfa, rbp, ra = columns["CFA"], saved(columns.get("rbp")), saved(columns["ra"])
    if moved := MOVED.match(columns["ra"]):
        ra = moved[1]
    if columns["ra"] == "u":
        return "root 0 - -"
    if cfa == "exp":
        return None if ra != "-" else "hard 0 - -"
    plain = PLAIN.match(cfa)
    if not plain or abs(int(plain[2])) > 32767 or rbp is None or ra in (None, "-") or \
            columns.get("rsp", "u") != "u":
        return "hard 0 - -"
    kind = {"rsp": "sp", "rbp": "fp"}.get(plain[1], plain[1])
    return f"{kind} {int(plain[2])} {rbp} {ra} {saved(columns.get('rbx'))}"


def columns_of(names, line):
    words = []
    for word in line.split()[1:]:
        if word.startswith("("):
            words[-1] += " " + word
        else:
            words.append(word)
    return dict(zip(names, words))


def entries(path, form):
    """The lines of each entry behind its first: (match of ENTRY, [line]).

    Of .eh_frame, where there is one: kymo reads .debug_frame only where it is all there is.
    """
    with subprocess.Popen(["readelf", "--wide", f"--debug-dump={form}", str(path)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as dump:
        head, lines = None, []
        sections = 0
        for line in dump.stdout:
            sections += line.startswith("Contents of the ")
            if sections > 1:
                continue
            if match := ENTRY.match(line):
                if head:
                    yield head, lines
                head, lines = match, []
            else:
                lines.append(line)
        if head:
            yield head, lines


def read_expressions(path):
    """By start of a function: the expressions that are its CFA, and where rbp is from rbp."""
    found, by_rbp = {}, {}
    for head, lines in entries(path, "frames"):
        texts = [line.strip()[len("DW_CFA_def_cfa_expression ("):-1] for line in lines
                 if "DW_CFA_def_cfa_expression" in line]
        if texts and head[3]:
            found[int(head[3], 16)] = texts
        for match in filter(None, (BY_RBP.search(line.rstrip()) for line in lines)):
            by_rbp[int(head[3], 16)] = "rbp:" + match[1]
    return found, by_rbp


def rows_of(lines, start, initial, texts, by_rbp):
    """[(address, line)] of one function."""
    names, rows, at = [], [], 0
    for line in lines:
        if line.startswith("   LOC"):
            names = line.split()[1:]
        elif re.match(r"^[0-9a-f]{16} ", line):
            columns = columns_of(names, line)
            if columns.get("rbp") == "exp" and by_rbp:
                columns["rbp"] = by_rbp
            text = expected(columns)
            if text is None:
                kind, offset = expression(texts[min(at, len(texts) - 1)])
                at += 1
                rbp, ra = saved(columns.get("rbp")), saved(columns["ra"])
                bad = kind != "signal" and (rbp is None or ra is None)
                text = f"{kind} 0 - -" if kind in ("signal", "hard") else \
                    f"{kind} {offset} {rbp} {ra} {saved(columns.get('rbx'))}"
                text = "hard 0 - -" if bad else text
            rows.append((int(line.split()[0], 16), text))
    return rows or [(start, initial)]


def read_dump(path):
    """[(address, line)] by address, with "none" where a function ends and the next does not begin."""
    rows, ends, initial = {}, [], {}
    expressions, by_rbp = read_expressions(path)
    for head, lines in entries(path, "frames-interp"):
        if head[1] == "CIE":
            initial[int(head[0].split()[0], 16)] = rows_of(lines, 0, "hard 0 - -", [], None)[-1][1]
            continue
        start, end = int(head[3], 16), int(head[4], 16)
        rows.update(rows_of(lines, start, initial.get(int(head[2], 16)),
                            expressions.get(start, []), by_rbp.get(start)))
        ends.append(end)
    for end in ends:
        rows.setdefault(end, "none 0 - -")
    return sorted(rows.items())


def find(name):
    paths = sorted(glob.glob(name))
    if not paths:
        pytest.skip(f"no {name} here")
    return pathlib.Path(os.path.realpath(paths[-1]))


def compare(path):
    rows = read_dump(path)
    starts = [address for address, _ in rows]
    assert len(rows) > 5
    picks = random.Random(1)
    addresses = [starts[picks.randrange(len(starts))] + picks.choice([0, 0, 1, 3, 7])
                 for _ in range(ADDRESSES // 2)]
    addresses += [picks.randrange(starts[0], starts[-1]) for _ in range(ADDRESSES // 2)]
    done = subprocess.run([make("tests/unwind/unwind-rows"), path], capture_output=True, text=True,
                          input="".join(f"{address:x}\n" for address in addresses), check=False)
    assert done.returncode == 0, done.stderr
    wrong, padding, bare, follows_rbx = [], 0, 0, 0
    for address, line in zip(addresses, done.stdout.splitlines()):
        at = bisect.bisect_right(starts, address) - 1
        got, got_rbx = line.split()[:4], line.split()[4]
        want, rbx = rows[at][1].split()[:4], rows[at][1].split()[4:]
        follows_rbx += got_rbx != "?"
        if got == want and (got_rbx == "?" or [got_rbx] == rbx):
            continue
        gap = (starts[at + 1] if at + 1 < len(rows) else address + 16) - starts[at]
        gap = gap if want[0] == "none" else 0
        if 0 < gap <= 15 and got == rows[at - 1][1].split()[:4]:
            padding += 1
            continue
        if 15 < gap <= BARE_MAX and (got[0] == "root" or got[0] == "sp" and got[3] == "-8"):
            bare += 1
            continue
        wrong.append(f"{address:x}: {line}, not {rows[at][1]}")
    assert not wrong, f"{len(wrong)} of {ADDRESSES}: " + "; ".join(wrong[:FEW_FAILURES])
    print(f"{path}: {len(addresses)} addresses equal, {padding} of them in padding, {bare} not described, "
          f"{follows_rbx} with rbx")
    return follows_rbx


needs_dump = pytest.mark.skipif(not shutil.which("readelf"), reason="readelf is not installed")


@needs_dump
@pytest.mark.limit(300)
@pytest.mark.parametrize("name", [
    "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "/usr/bin/node",
    "/usr/bin/python3", "/usr/lib/llvm-14/bin/clang", "/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1",
    "/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
    "/usr/lib/gcc/x86_64-linux-gnu/*/cc1", "/usr/lib/chromium/chromium",
])
def test_debian_binaries(name):
    assert (compare(find(name)) > ADDRESSES // 2) == ("ld-linux" in name)


CXX = r"""
#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>
#include <immintrin.h>
template <class T> T twice(const std::vector<T> &of) {
    T sum{};
    for (auto each : of) { alignas(64) T wide[16]; wide[0] = each; asm volatile("" :: "r"(wide)); sum += wide[0]; }
    if (sum == T{}) throw std::runtime_error("none");
    return sum;
}
int main(int argc, char **argv) {
    std::vector<std::string> words(argv, argv + argc);
    std::vector<double> numbers(argc, 2.5);
    char *many = (char *)__builtin_alloca(argc * 100);
    std::sort(words.begin(), words.end());
    try { std::printf("%s %f %p\n", twice(words).c_str(), twice(numbers), many); }
    catch (std::exception &e) { std::puts(e.what()); }
}
"""

RUST = """
use std::collections::HashMap;
fn main() {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for word in std::env::args() { *counts.entry(word).or_default() += 1; }
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort();
    println!("{:?}", sorted);
}
"""


@needs_dump
@pytest.mark.parametrize("words", [["-O0"], ["-O2", "-mavx2"], ["-O3", "-fno-plt", "-static"],
                                   ["-Os", "-Wl,--no-eh-frame-hdr"]])
def test_a_cxx_program(tmp_path, words):
    compare(compile_source(tmp_path, "program", CXX, *words, compiler="g++"))


@needs_dump
@pytest.mark.skipif(not shutil.which("rustc"), reason="rustc is not installed")
def test_a_rust_program(tmp_path):
    compare(compile_source(tmp_path, "program", RUST, "-O", compiler="rustc"))
