# SPDX-License-Identifier: MIT
"""Files that vanish, change or lie while their code runs: right names, or addresses and a sentence
that says why; never a wrong name, a crash or a hang."""
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import KYMO, TOP, compile_source

CODE = bytes([0x55, 0x48, 0x89, 0xe5, 0xb9, 0xa0, 0x86, 1, 0, 0xff, 0xc9, 0x75, 0xfc, 0x5d, 0xc3])
PAGE = 4096
LIBRARY = """
__attribute__((noinline)) static void %s(void) { for (volatile int i = 0; i < 100000; i++); }
%s
void spin(void) { %s(); __asm__ volatile(""); }
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or os.uname().machine != "x86_64",
                                reason="needs root on x86-64")


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    return tmp_path_factory.mktemp("host")


@pytest.fixture(scope="session")
def host(programs):
    source = (pathlib.Path(__file__).parent / "host.c").read_text()
    return compile_source(programs, "host", source, "-O1", "-fno-omit-frame-pointer", "-ldl")


@pytest.fixture(scope="session")
def static_host(programs):
    text = "int main(void) { puts(\"ready\"); fflush(stdout); for (;;) in_the_root(); }"
    source = "#include <stdio.h>\n" + LIBRARY % ("in_the_root", "", "in_the_root") + text
    return compile_source(programs, "static-host", source, "-O1", "-static",
                          "-fno-omit-frame-pointer")


def library(folder, name, function, before=0):
    """A library whose spin() spends its time in `function`, behind some other functions."""
    others = "".join(f"void other{i}(void) {{ __asm__ volatile(\"nop\"); }}\n" for i in range(before))
    return compile_source(folder, name, others + LIBRARY % (function, "", function), "-O1", "-g0",
                          "-shared", "-fPIC", "-fno-omit-frame-pointer", "-Wl,-z,noseparate-code")


@pytest.fixture
def start():
    """start(WORD...): a process that has said "ready"; ended with the test."""
    running = []

    def run(*words):
        process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE,
                                   start_new_session=True)
        running.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield run
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def for_a_second(program):
    """For a shell: a second of CPU time, however long that takes, and silence."""
    return f"ulimit -c 0 && ulimit -t 1 && exec >/dev/null && exec {program}"


def profile(*words, seconds=1, comm=None):
    """kymo's profile: how often each function was on a stack, the files' sentences, all samples.  comm:
    those of such threads only."""
    done = subprocess.run([KYMO, "profile", "-q", "-U", "-F", "999", "-f", "json", "-d", str(seconds),
                           *map(str, words)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    functions = collections.Counter()
    samples = [line for line in lines[:-1] if comm in (None, line["comm"])]
    for line in samples:
        functions.update({frame["function"] for frame in line["user"]})
    assert len(samples) > 20, lines[-1]  # the machine may be busy with other things
    return functions, lines[-1]["coverage"]["not_measured"], len(samples)


def of_pid(process, **more):
    return profile("-p", process.pid, **more)


def mostly(functions, name, samples):
    return functions[name] > 0.9 * samples


def test_a_deleted_file_keeps_its_names(start, host, tmp_path):
    path = library(tmp_path, "lib.so", "in_the_old")
    process = start(host, "library", path)
    path.unlink()
    functions, _, samples = of_pid(process)
    assert mostly(functions, "in_the_old", samples)


def test_a_replaced_file_does_not_lend_its_names(start, host, tmp_path):
    path = library(tmp_path, "lib.so", "in_the_old")
    process = start(host, "library", path)
    os.replace(library(tmp_path, "new.so", "in_the_new", before=40), path)
    functions, _, samples = of_pid(process)
    assert mostly(functions, "in_the_old", samples)
    assert not functions["in_the_new"] and not any(name.startswith("other") for name in functions)


def test_two_versions_of_one_path_have_their_own_names(start, host, tmp_path):
    path = library(tmp_path, "lib.so", "in_the_old")
    old = start(host, "library", path)
    os.replace(library(tmp_path, "new.so", "in_the_new", before=40), path)
    new = start(host, "library", path)
    functions, _, samples = profile("-p", f"{old.pid},{new.pid}")
    assert functions["in_the_old"] > 0.1 * samples and functions["in_the_new"] > 0.1 * samples
    assert functions["in_the_old"] + functions["in_the_new"] > 0.9 * samples
    assert not any(name.startswith("other") for name in functions)


def test_files_that_claim_one_build_id_have_their_own_names(start, host, tmp_path):
    """A build-id can be chosen by whoever links the file."""
    made = []
    for name, before in (("one", 0), ("two", 40)):
        path = library(tmp_path, f"{name}.so", f"in_{name}", before)
        source = tmp_path / f"{name}.so.c"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-fno-omit-frame-pointer",
                        "-Wl,--build-id=0xfeed", "-o", path, source], check=True)
        made.append(start(host, "library", path))
    functions, _, samples = profile("-p", ",".join(str(process.pid) for process in made))
    assert functions["in_one"] > 0.1 * samples and functions["in_two"] > 0.1 * samples
    assert functions["in_one"] + functions["in_two"] > 0.9 * samples


def truncate(path):
    sections = subprocess.run(["readelf", "-WS", path], capture_output=True, text=True, check=True)
    found = re.search(r" \.text\s+PROGBITS\s+\w+ (\w+) (\w+)", sections.stdout)
    os.truncate(path, int(found[1], 16) + int(found[2], 16) + 16)


def overwrite(path):
    with open(path, "r+b") as file:
        file.write(b"#!/bin/sh\n")


def scramble(path):
    """Sections of symbols that lie beyond the file."""
    data = bytearray(path.read_bytes())
    table = int.from_bytes(data[0x28:0x30], "little")
    for at in range(table, len(data) - 63, 64):
        if data[at + 4] in (2, 11):  # SHT_SYMTAB, SHT_DYNSYM
            data[at + 0x28:at + 0x2c] = (60000).to_bytes(4, "little")  # sh_link
    with open(path, "r+b") as file:
        file.write(data)


@pytest.mark.parametrize("damage, words", [(truncate, "damaged or truncated"),
                                           (overwrite, "no ELF file"),
                                           (scramble, "damaged or truncated")])
def test_a_file_damaged_while_it_runs_gives_addresses(start, host, tmp_path, damage, words):
    path = library(tmp_path, "lib.so", "in_the_library")
    process = start(host, "library", path)
    damage(path)
    functions, lacks, samples = of_pid(process)
    inside = sum(count for name, count in functions.items()
                 if re.fullmatch(r"\[lib\.so\+0x[0-9a-f]+\]", name))
    assert inside > 0.9 * samples, functions.most_common(5)
    assert not functions["in_the_library"] and not functions["spin"]
    assert any(words in lack and str(path) in lack for lack in lacks), lacks


@pytest.mark.parametrize("seed", [None, *sorted(
    path.name for path in (TOP / "tests/fuzz/elf-image").iterdir())])
def test_hostile_files_that_are_mapped(start, host, tmp_path, seed):
    """A page of anything in front of code that runs: the inputs that once broke a parser, too."""
    content = b"not ELF" if seed is None else (TOP / "tests/fuzz/elf-image" / seed).read_bytes()
    path = tmp_path / "hostile"
    path.write_bytes(content[:PAGE].ljust(PAGE, b"\0") + CODE.ljust(PAGE, b"\0") + content[PAGE:])
    functions, lacks, samples = of_pid(start(host, "map", path), seconds=0.5)
    inside = sum(count for name, count in functions.items() if name.startswith("[hostile+0x"))
    assert inside > 0.9 * samples, functions.most_common(5)
    assert any(str(path) in lack for lack in lacks), lacks


@pytest.fixture
def open_folder():
    """One that an ordinary user can reach."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


def test_an_ordinary_user_sees_no_names_of_a_replaced_file(start, host, open_folder):
    """Without root the mapped file itself cannot be opened, only its path: which now is another."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    shutil.copy(host, open_folder / "host")
    shutil.copy(KYMO, open_folder / "kymo")
    path = library(open_folder, "lib.so", "in_the_old")
    process = start(*nobody, open_folder / "host", "library", path)

    def run():
        done = subprocess.run([*nobody, open_folder / "kymo", "profile", "-p", str(process.pid), "-d",
                               "1", "-F", "999", "-f", "folded"], capture_output=True, text=True,
                              check=False)
        if "perf_event_paranoid" in done.stderr:
            pytest.skip("this kernel lets no ordinary user sample")
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    assert "in_the_old" in run()[0]
    os.replace(library(open_folder, "new.so", "in_the_new", before=40), path)
    stacks, said = run()
    assert "[lib.so+0x" in stacks
    assert "in_the" not in stacks and "other" not in stacks and "spin" not in stacks
    assert f"in {path}" in said


def test_a_32_bit_program(tmp_path):
    source = LIBRARY % ("in_32_bits", "", "in_32_bits") + "void _start(void) { for (;;) spin(); }"
    try:
        path = compile_source(tmp_path, "small", source, "-m32", "-O1", "-nostdlib", "-static",
                              "-fno-omit-frame-pointer")
        process = subprocess.Popen([path])
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("32-bit programs cannot be made or run here")
    try:
        functions, _, samples = of_pid(process)
    finally:
        process.kill()
        process.wait()
    assert mostly(functions, "in_32_bits", samples)


def test_another_mount_namespace(start, host, tmp_path):
    path = library(tmp_path, "lib.so", "outside")
    inner = library(tmp_path, "inner.so", "inside", before=40)
    process = start("unshare", "-m", "sh", "-c",
                    f"mount --bind {inner} {path} && exec {host} library {path}")
    functions, _, samples = of_pid(process)
    assert mostly(functions, "inside", samples)
    assert not functions["outside"]


@pytest.mark.parametrize("option", ["xino=off", "xino=on"])
def test_a_file_in_an_overlay(start, host, tmp_path, option):
    """As containers have them; inodes there read differently in maps, in events and by stat()."""
    made = library(tmp_path, "made.so", "in_a_layer")
    lower, upper, work, root = (tmp_path / name for name in ("lower", "upper", "work", "root"))
    for folder in (lower, upper, work, root):
        folder.mkdir()
    script = (f"mount -t tmpfs none {lower} && cp {made} {lower}/lib.so && mount -t overlay none -o "
              f"lowerdir={lower},upperdir={upper},workdir={work},{option} {root}")
    if subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, check=False).returncode:
        pytest.skip("this kernel mounts no overlay here")
    functions, _, samples = of_pid(start("unshare", "-m", "sh", "-c",
                                         f"{script} && exec {host} library {root}/lib.so"))
    assert mostly(functions, "in_a_layer", samples)
    functions, _, samples = profile(
        "--", "unshare", "-m", "sh", "-c",
        f"{script} && ({for_a_second(host)} library {root}/lib.so); true", seconds=9, comm="host")
    assert functions["in_a_layer"] > 0.5 * samples


def test_programs_that_take_each_others_place(tmp_path):
    """Each runs for 20 ms at the same addresses as the other, and executes it."""
    for name, other, before in (("one", "two", 0), ("two", "one", 60)):
        more = "".join(f"void other{i}(void) {{ __asm__ volatile(\"nop\"); }}\n"
                       for i in range(before))
        source = more + LIBRARY % (f"in_{name}", "#include <time.h>\n#include <unistd.h>",
                                   f"in_{name}") + f"""
int main(int argc, char **argv) {{
    for (clock_t start = clock(); clock() - start < CLOCKS_PER_SEC / 50;) spin();
    execl("{tmp_path / other}", "{other}", (char *)0);
}}"""
        compile_source(tmp_path, name, source, "-O1", "-static", "-no-pie",
                       "-fno-omit-frame-pointer")
    process = subprocess.Popen([tmp_path / "one"])
    try:
        functions, _, samples = profile("-p", process.pid)
    finally:
        process.kill()
        process.wait()
    assert functions["in_one"] > 0.1 * samples and functions["in_two"] > 0.1 * samples
    assert not any(name.startswith("other") for name in functions), functions
    both = functions["in_one"] + functions["in_two"]
    addresses = sum(count for name, count in functions.items()
                    if name.startswith(("[one+", "[two+")))
    assert both + addresses > 0.5 * samples and both > 9 * addresses, functions


def test_a_chroot(start, static_host, tmp_path):
    shutil.copy(static_host, tmp_path / "program")
    process = start("chroot", tmp_path, "/program")
    functions, _, samples = of_pid(process)
    assert mostly(functions, "in_the_root", samples)


def test_a_program_that_has_ended_and_is_gone(static_host, tmp_path):
    path = tmp_path / "short"
    shutil.copy(static_host, path)
    functions, _, samples = profile("--", "sh", "-c",
                                    f"({for_a_second(path)}); rm {path}; sleep 0.2", seconds=9,
                                    comm="short")
    assert functions["in_the_root"] > 0.5 * samples


def perf_map(process):
    return pathlib.Path(f"/tmp/perf-{process.pid}.map")


@pytest.fixture
def jit(start, host):
    process = start(host, "jit")
    yield process
    perf_map(process).unlink(missing_ok=True)


def address_of_code(process):
    """Where the process has memory that it may write and run."""
    maps = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
    return int(re.search(r"^(\w+)-\w+ rwxp ", maps, re.MULTILINE)[1], 16)


def line_for(process, name="made_at_run_time"):
    return f"{address_of_code(process):x} 1000 {name}\n"


def expect_addresses(process, words):
    functions, lacks, samples = of_pid(process)
    inside = sum(count for name, count in functions.items() if name.startswith("[jit+0x"))
    assert inside > 0.9 * samples, functions.most_common(5)
    assert any(words in lack for lack in lacks), lacks


def test_a_perf_map(jit):
    perf_map(jit).write_text(line_for(jit, "old") + line_for(jit) + line_for(jit, "half")[:-1])
    functions, _, samples = of_pid(jit)
    assert mostly(functions, "made_at_run_time", samples)


def test_no_perf_map(jit):
    expect_addresses(jit, "neither /tmp/perf-PID.map nor a jitdump")


def test_a_perf_map_that_is_a_symbolic_link(jit, tmp_path):
    (tmp_path / "secret").write_text(line_for(jit))
    perf_map(jit).symlink_to(tmp_path / "secret")
    expect_addresses(jit, "no regular file")


def test_a_perf_map_that_is_a_fifo(jit):
    os.mkfifo(perf_map(jit))
    expect_addresses(jit, "no regular file")


def test_a_perf_map_of_somebody_else(jit):
    perf_map(jit).write_text(line_for(jit))
    os.chown(perf_map(jit), 65534, 65534)
    expect_addresses(jit, "belongs to another user")


def test_a_perf_map_of_1_gb(jit):
    with open(perf_map(jit), "wb") as file:
        file.write(line_for(jit, "old").encode())
        file.truncate(1 << 30)
    expect_addresses(jit, "only the end of its /tmp/perf-PID.map was read")
    with open(perf_map(jit), "ab") as file:
        file.write(b"\n" + line_for(jit).encode())
    functions, _, samples = of_pid(jit)
    assert mostly(functions, "made_at_run_time", samples)


def test_a_perf_map_in_another_pid_and_mount_namespace(start, host):
    process = start("unshare", "-mpf", "--mount-proc", "sh", "-c",
                    f"mkdir -p /dev/shm/kymo-test && cp {host} /dev/shm/kymo-test/host && "
                    "mount -t tmpfs none /tmp && "
                    "exec /dev/shm/kymo-test/host jit /tmp/perf-1.map")
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    shutil.rmtree("/dev/shm/kymo-test")
    functions, _, samples = profile("-p", children[0])
    assert mostly(functions, "made_at_run_time", samples)


def test_a_jitdump_mapped_before_and_while_sampling(start, host, tmp_path):
    functions, _, samples = of_pid(start(host, "dump", tmp_path))
    assert mostly(functions, "told_by_a_jitdump", samples)
    functions, _, samples = profile("--", "sh", "-c", f"({for_a_second(host)} dump {tmp_path}); true",
                                    seconds=9, comm="host")
    assert functions["told_by_a_jitdump"] > 0.5 * samples
