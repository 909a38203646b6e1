# SPDX-License-Identifier: MIT
"""The same addresses named by kymo and by readers that share no code with it: nm, addr2line."""
import bisect
import collections
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, compile_source

COUNT = 2000
SUFFIX = re.compile(r"\.(cold|part|isra|constprop|lto_priv|llvm)\b.*$")

CPP = """
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>
struct Shape { virtual ~Shape() = default; virtual double area() const = 0; };
struct Square : Shape { double s; Square(double v) : s(v) {} double area() const override { return s * s; } };
struct Circle : Shape { double r; Circle(double v) : r(v) {} double area() const override { return r * r * 3.14; } };
template <class T> T sum(const std::vector<T> &all) { T t{}; for (auto &x : all) t += x; return t; }
static std::map<std::string, std::vector<int>> table;
void fill(int n) { for (int i = 0; i < n; i++) table[std::to_string(i % 97)].push_back(i); }
int work(int n) {
    std::vector<std::unique_ptr<Shape>> shapes;
    for (int i = 0; i < n; i++)
        if (i % 2) shapes.push_back(std::make_unique<Square>(i)); else shapes.push_back(std::make_unique<Circle>(i));
    std::sort(shapes.begin(), shapes.end(), [](auto &a, auto &b) { return a->area() < b->area(); });
    std::vector<double> areas;
    std::transform(shapes.begin(), shapes.end(), std::back_inserter(areas), [](auto &s) { return s->area(); });
    std::unordered_map<std::string, int> counts;
    for (auto &entry : table) counts[entry.first] += sum(entry.second);
    return (int)sum(areas) + (int)counts.size();
}
int main(int argc, char **) { fill(argc * 1000); return work(argc * 1000); }
"""

RUST = """
use std::collections::HashMap;
trait Shape { fn area(&self) -> f64; }
struct Square(f64);
impl Shape for Square { fn area(&self) -> f64 { self.0 * self.0 } }
fn sum<T: Copy + std::ops::Add<Output = T> + Default>(all: &[T]) -> T { all.iter().fold(T::default(), |a, b| a + *b) }
fn main() {
    let mut counts: HashMap<String, Vec<usize>> = HashMap::new();
    for i in 0..1000usize { counts.entry((i % 7).to_string()).or_default().push(i); }
    let shapes: Vec<Box<dyn Shape>> = (0..10).map(|i| Box::new(Square(i as f64)) as Box<dyn Shape>).collect();
    let mut areas: Vec<f64> = shapes.iter().map(|s| s.area()).collect();
    areas.sort_by(|a, b| b.partial_cmp(a).unwrap());
    println!("{} {}", sum(&areas), counts.values().map(|v| sum(v)).sum::<usize>());
}
"""


def rustc():
    home = pathlib.Path.home() / ".cargo/bin/rustc"
    return shutil.which("rustc") or (str(home) if home.exists() else None)


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """programs(NAME): a program compiled with debug information, or an installed one."""
    folder = tmp_path_factory.mktemp("programs")
    made = {}

    def build(name):
        if name == "c++":
            return compile_source(folder, "shapes", CPP, "-O2", "-g", compiler="g++")
        if name == "c++ dwarf 4":
            return compile_source(folder, "shapes4", CPP, "-O2", "-gdwarf-4", compiler="g++")
        if name == "c++ by clang":
            if not shutil.which("clang++-14"):
                pytest.skip("clang++-14 is not installed")
            return compile_source(folder, "shapesc", CPP, "-O2", "-g", compiler="clang++-14")
        if name == "kymo":
            return BUILD / "kymo"
        if name == "rust":
            if not rustc():
                pytest.skip("rustc is not installed")
            (folder / "shapes.rs").write_text(RUST)
            subprocess.run([rustc(), "-O", "-g", "-C", "symbol-mangling-version=v0", "-o",
                            folder / "rusty", folder / "shapes.rs"], check=True, cwd=folder)
            return folder / "rusty"
        if name == "libc":
            line = subprocess.run(["ldd", "/bin/true"], capture_output=True, text=True, check=True)
            return pathlib.Path(re.search(r"=> (\S*libc\.so\S*)", line.stdout)[1]).resolve()
        if not pathlib.Path(name).exists():
            pytest.skip(f"{name} is not installed")
        return pathlib.Path(name).resolve()

    def get(name):
        if name not in made:
            made[name] = build(name)
        return made[name]

    return get


def code_ranges(path):
    """Executable sections of a file, by readelf: (start, end)."""
    out = subprocess.run(["readelf", "-WS", path], capture_output=True, text=True, check=True).stdout
    ranges = []
    for line in out.splitlines():
        fields = re.match(r"\s*\[\s*\d+\]\s+(\S+)\s+PROGBITS\s+(\w+) (\w+) (\w+) \w+\s+(\w+)", line)
        if fields and "X" in fields[5] and not fields[1].startswith((".plt", ".iplt")):
            ranges.append((int(fields[2], 16), int(fields[2], 16) + int(fields[4], 16)))
    return ranges


def random_addresses(path, count=COUNT):
    ranges = code_ranges(path)
    pick = random.Random(4)
    return [pick.randrange(*pick.choices(ranges, [end - start for start, end in ranges])[0])
            for _ in range(count)]


class Symbols:
    """What nm lists, and a plain reading of it: which symbols hold an address."""

    def __init__(self, path):
        objects = self.objects(path)
        self.unsized = collections.defaultdict(set)
        rows = set()
        for more in ([], ["-D"]):
            out = subprocess.run(["nm", "-S", "--defined-only", *more, path], capture_output=True,
                                 text=True, check=False).stdout
            for line in out.splitlines():
                fields = line.split(" ", 3)
                if len(fields) == 4 and fields[2] in "tTwWiu":
                    name = fields[3].split("@")[0]
                    if (int(fields[0], 16), name) not in objects:
                        rows.add((int(fields[0], 16), int(fields[1], 16), name))
                elif len(fields) == 3 and fields[1] in "tTwWi":
                    self.unsized[int(fields[0], 16)].add(fields[2].split("@")[0])
        self.sized = sorted(rows)
        self.starts = [row[0] for row in self.sized]
        self.longest = max((row[1] for row in self.sized), default=0)
        self.labels = sorted(self.unsized)

    @staticmethod
    def objects(path):
        """Tables of numbers between the functions: nm does not tell them from functions."""
        out = subprocess.run(["readelf", "-Ws", path], capture_output=True, text=True,
                             check=False).stdout
        rows = (line.split() for line in out.splitlines() if " OBJECT " in line)
        return {(int(row[1], 16), row[7].split("@")[0]) for row in rows if len(row) > 7}

    def covering(self, address):
        """Names of the symbols that hold the address and start last."""
        at = bisect.bisect_right(self.starts, address)
        best, names = None, set()
        while at > 0 and self.starts[at - 1] + self.longest > address:
            at -= 1
            start, size, name = self.sized[at]
            if best is not None and start < best:
                break
            if start + size > address:
                best = start
                names.add(name)
        return names

    def before(self, address):
        at = bisect.bisect_right(self.labels, address)
        return self.unsized[self.labels[at - 1]] if at else set()


@pytest.mark.parametrize("name", ["libc", "/usr/bin/node", "/usr/bin/python3",
                                  "/usr/lib/llvm-14/bin/clang",
                                  "/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1", "c++", "rust",
                                  "kymo"])
def test_symbols_are_those_of_nm(programs, name_addresses, name):
    path = programs(name)
    symbols = Symbols(path)
    addresses = random_addresses(path)
    named, _ = name_addresses(path, addresses, "mangled", "no-inline", "root=/nonexistent")
    wrong = []
    count = 0
    for address, names in zip(addresses, named):
        function = names[0][0]
        expected = symbols.covering(address)
        if function.startswith("["):
            if expected:
                wrong.append((hex(address), function, expected))
            continue
        count += 1
        if function not in expected and (expected or function not in symbols.before(address)):
            wrong.append((hex(address), function, expected))
    assert not wrong, (len(wrong), wrong[:10])
    assert count > COUNT / 20 or len(symbols.sized) < 1000


def test_plt_names_are_those_of_objdump(programs, name_addresses):
    path = programs("c++")
    out = subprocess.run(["objdump", "-d", "-j", ".plt", "-j", ".plt.got", "-j", ".plt.sec", path],
                         capture_output=True, text=True, check=False).stdout
    stubs = re.findall(r"^([0-9a-f]{16}) <(\S+@plt)>:$", out, re.MULTILINE)
    assert len(stubs) > 20
    named, _ = name_addresses(path, [int(address, 16) + 1 for address, _ in stubs], "mangled")
    assert [names[-1][0] for names in named] == [name for _, name in stubs]


def test_a_debug_file_is_found_by_build_id_and_by_debuglink(tmp_path, name_addresses):
    source = "static __attribute__((noinline)) int hidden(int x) { return x + 1; }\n" \
             "int main(int argc, char **argv) { return hidden(argc); }\n"
    program = compile_source(tmp_path, "program", source, "-O1", "-g", "-Wl,--build-id")
    other = compile_source(tmp_path, "other", source.replace("hidden", "wrong"), "-O1", "-g",
                           "-Wl,--build-id")
    address = next(int(line.split()[0], 16) for line in subprocess.run(
        ["nm", program], capture_output=True, text=True, check=True).stdout.splitlines()
        if line.endswith(" hidden"))
    notes = subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True)
    build_id = re.search(r"Build ID: (\w+)", notes.stdout)[1]
    stripped, bare = tmp_path / "bin" / "stripped", tmp_path / "bin" / "bare"
    stripped.parent.mkdir()
    debug = tmp_path / "program.debug"

    def run(*words):
        subprocess.run([str(word) for word in words], check=True, cwd=tmp_path)

    run("objcopy", "--only-keep-debug", program, debug)
    run("strip", "-o", stripped, program)
    root = tmp_path / "root"
    by_id = root / f"usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
    by_id.parent.mkdir(parents=True)

    def names(path):
        named, lacks = name_addresses(path, [address], f"root={root}")
        return named[0], lacks

    # Nothing there: an address and a sentence, no name.
    found, lacks = names(stripped)
    assert found == [(f"[stripped+0x{address:x}]", "?")]
    assert lacks and str(stripped) in lacks[0]
    # Another program's debug file under the right name: not used.
    run("objcopy", "--only-keep-debug", other, by_id)
    assert names(stripped)[0] == [(f"[stripped+0x{address:x}]", "?")]
    # The right one.
    shutil.copy(debug, by_id)
    assert names(stripped)[0][0][0] == "hidden"
    assert names(stripped)[0][0][1].endswith("program.c:1")
    by_id.unlink()
    # By debuglink, without any build-id: the checksum decides.
    run("objcopy", "--remove-section=.note.gnu.build-id", program, "noid")
    run("objcopy", "--only-keep-debug", "noid", debug)
    run("strip", "-o", bare, "noid")
    run("objcopy", f"--add-gnu-debuglink={debug}", bare)
    for folder in (bare.parent, bare.parent / ".debug", f"/usr/lib/debug{bare.parent}"):
        place = root / str(folder).lstrip("/") / "program.debug"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(debug, place)
        assert names(bare)[0][0][0] == "hidden"
        damaged = bytearray(debug.read_bytes())
        damaged[-1] ^= 1
        place.write_bytes(damaged)
        assert names(bare)[0] == [(f"[bare+0x{address:x}]", "?")]
        place.unlink()


def by_addr2line(path, addresses):
    """For each address the chain of (function, source:line), outermost first."""
    text = "".join(f"{address:x}\n" for address in addresses)
    out = subprocess.run(["addr2line", "-afi", "-e", path], input=text, capture_output=True,
                         text=True, check=True).stdout
    chains = []
    lines = iter(out.splitlines())
    for line in lines:
        if line.startswith("0x") and re.fullmatch(r"0x[0-9a-f]{16}", line):
            chains.append([])
            continue
        source = re.sub(r" \(discriminator \d+\)$", "", next(lines))
        chains[-1].insert(0, (line, source))
    return chains


def by_llvm(path, addresses):
    """The same by llvm-symbolizer."""
    program = shutil.which("llvm-symbolizer-14") or shutil.which("llvm-symbolizer")
    if not program:
        return None
    text = "".join(f"0x{address:x}\n" for address in addresses)
    out = subprocess.run([program, f"--obj={path}", "--functions=linkage", "--no-demangle",
                          "--inlines"], input=text, capture_output=True, text=True, check=True)
    chains = []
    for block in out.stdout.split("\n\n"):
        lines = block.strip("\n").split("\n")
        if len(lines) >= 2:
            pairs = list(zip(lines[::2], [line.rpartition(":")[0] for line in lines[1::2]]))
            chains.append(pairs[::-1])
    return chains


def plain(function):
    """Without what compilers put behind a name, and without the marks of aliases."""
    return SUFFIX.sub("", function)


def same_source(ours, theirs):
    if theirs.startswith("??") or theirs.endswith((":0", ":?")):
        return ours == "?" or ours.endswith(":0")
    if ours == "?":
        return False
    path, _, line = ours.rpartition(":")
    other, _, other_line = theirs.rpartition(":")
    return line == other_line and os.path.normpath(path) == os.path.normpath(other)


def classify(ours, theirs):
    """"same", or in which way two chains differ."""
    if [name for name, _ in theirs] == ["??"]:
        return "same" if len(ours) == 1 and ours[0][1] == "?" else "theirs none"
    if len(ours) != len(theirs):
        return "depth"
    for (name, _), (other, _) in list(zip(ours, theirs))[1:]:
        if plain(name) != plain(other):
            return "inlined name"
    for (_, source), (_, other) in zip(ours, theirs):
        if not same_source(source, other):
            return "line"
    return "same"


@pytest.mark.parametrize("name", ["c++", "c++ dwarf 4", "c++ by clang", "kymo", "rust"])
@pytest.mark.limit(300)
def test_inline_chains_are_those_of_other_tools(programs, name_addresses, name):
    """Where addr2line and llvm-symbolizer differ, one of them is right: addr2line puts the symbol's
    name in the place of the innermost function's, and neither names all of what the other does."""
    path = programs(name)
    addresses = random_addresses(path)
    ours, _ = name_addresses(path, addresses, "mangled")
    peers = [by_addr2line(path, addresses), by_llvm(path, addresses)]
    peers = [chains for chains in peers if chains is not None]
    assert [len(chains) for chains in peers] == [len(addresses)] * len(peers)
    classes = collections.defaultdict(list)
    for at, (address, names) in enumerate(zip(addresses, ours)):
        kinds = [classify(names, chains[at]) for chains in peers]
        kind = "same" if "same" in kinds else kinds[-1]
        classes[kind].append((hex(address), names, [chains[at] for chains in peers]))
    for kind, rows in classes.items():
        print(kind, len(rows), rows[:3] if kind != "same" else "")
    assert sum(len(names) > 1 for names in ours) > COUNT / 20  # libraries in kymo have no debug information
    assert len(classes["same"]) >= COUNT * 0.999 if len(peers) == 2 else COUNT * 0.75
