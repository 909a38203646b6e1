# SPDX-License-Identifier: MIT
"""What can be wrong ends in a clear line and the documented status, and the target goes on unharmed."""
import os
import shutil
import signal
import subprocess

import pytest

from timing import KYMO, MADE, Target, Timing, kymo, made, stripped

SHAPES = "shapes.c"


def refused(done, status, *texts):
    assert done.returncode == status, done.stderr
    for text in texts:
        assert text in done.stderr
    assert done.stderr.startswith("kymo: ")


def source(folder, name, text, *more):
    path = folder / f"{name}.c"
    path.write_text(text)
    subprocess.run(["gcc", "-O2", "-g", "-o", folder / name, path, *more], check=True)
    return folder / name


def test_no_such_function_offers_the_nearest():
    refused(kymo("--list", f"{made(SHAPES)}:retruns"), 1, "there is no function 'retruns'",
            "did you mean 'returns'?")


def test_no_such_file_process_or_word():
    refused(kymo("/no/such/file:f"), 1, "there is no file '/no/such/file'")
    refused(kymo("no-such-program:f"), 1, "there is no program and no library 'no-such-program'")
    refused(kymo("-p", 4194304, "f"), 1, "there is no process 4194304")
    refused(kymo("f"), 2, "'f' names no function of a file", "hint:")
    refused(kymo(), 2, "no function is named", "hint:")
    refused(kymo("/etc/passwd:f"), 1, "'/etc/passwd' is no ELF file")


def test_a_damaged_file(tmp_path):
    damaged = tmp_path / "damaged"
    damaged.write_bytes(made(SHAPES).read_bytes()[:5000])
    refused(kymo("--list", f"{damaged}:*"), 1, "is damaged")


def test_without_the_right_to_probe():
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    folder = MADE / "for-all"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(KYMO, folder / "kymo")
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           folder / "kymo", "latency", "libc.so.6:malloc", "-d", "1"], text=True,
                          capture_output=True, check=False, cwd="/")
    if "setpriv" in done.stderr or "Permission denied" in done.stderr:
        pytest.skip("the folder of the build is closed to others")
    refused(done, 77, "not permitted to load BPF programs", "hint:")


def test_a_function_that_was_inlined_away(tmp_path):
    program = source(tmp_path, "inlined", """
        static inline __attribute__((always_inline)) int tiny(int x) { return x * 7 % 13; }
        int main(int argc, char **argv) { return tiny(argc) + tiny(argc + (int)(long)argv); }""")
    refused(kymo("--list", f"{program}:tiny"), 1, "was inlined wherever it is called, at 2 places")


def test_copies_that_were_inlined_are_told(tmp_path):
    program = source(tmp_path, "partly", """
        int tiny(int x) { return x * 7 % 13; }
        int main(int argc, char **argv) { int (*volatile f)(int) = tiny; return tiny(argc) + f(2); }""")
    done = kymo("--list", f"{program}:tiny")
    assert done.returncode == 0
    assert "not seen: calls of 'tiny' at 1 places where it was inlined" in done.stdout


def test_what_the_kernel_does_not_probe_is_refused_by_name(tmp_path):
    program = source(tmp_path, "odd", r"""
        __asm__(".globl locked\n.type locked, @function\nlocked: lock addl $1, -8(%rsp)\nret\n"
                ".size locked, . - locked\n"
                ".globl loops\n.type loops, @function\nloops: dec %edi\njnz loops\nret\n"
                ".size loops, . - loops\n");
        int main(void) { return 0; }""")
    refused(kymo(f"{program}:locked"), 69, "not probed: 'locked': the kernel probes no 'add'",
            "none of these functions can be probed")
    refused(kymo(f"{program}:loops"), 69, "not probed: 'loops': it begins with a loop")


def test_an_unharmed_red_zone(tmp_path):
    program = source(tmp_path, "zone", r"""
        #include <stdio.h>
        __asm__(".globl keep\n.type keep, @function\nkeep: movq $0x1234, -8(%rsp)\n"
                ".byte 0x0f, 0x1f, 0x44, 0, 0\nmovq -8(%rsp), %rax\nret\n.size keep, . - keep\n");
        long keep(void);
        int main(void) { char line[9]; long wrong = 0; if (!fgets(line, 9, stdin)) return 2;
                for (int i = 0; i < 10000; i++) wrong += keep() != 0x1234;
                printf("%ld\n", wrong); }""")
    with Target(program) as target, Timing("-p", target.pid, "keep") as timing:
        assert target.go() == ["0"]
        assert timing.end(stop=False).finals["keep"]["count"] == 10000


def test_too_many_functions_are_asked_for(tmp_path):
    count = 1100
    program = source(tmp_path, "many", "#include <stdio.h>\n" + "".join(
        f"__attribute__((noinline)) int f{i}(int x) {{ __asm__ volatile(\"\"); return x + {i}; }}\n"
        for i in range(count)) + "int main(void) { char line[9]; int sum = 0;\n"
        "if (!fgets(line, 9, stdin)) return 2;\n" + "".join(f"sum += f{i}(1);\n" for i in range(count)) +
        'printf("%d\\n", sum); }', "-fno-ipa-icf")
    refused(kymo(f"{program}:f[0-9]*"), 1, f"that is {count} functions", "--yes")
    with Target(program) as target, Timing("--yes", "-p", target.pid, "f[0-9]*") as timing:
        assert target.go() == [str(sum(range(count)) + count)]
        finals = timing.end(stop=False).finals
    assert len(finals) == count
    assert all(one["count"] == 1 for one in finals.values())


def test_above_the_cost_the_probes_are_taken_off():
    calls = 3000000
    with Target(made(SHAPES), "jumps", calls) as target:
        with Timing("-p", target.pid, "jumps", options=("--json", "--max-cost", "1")) as timing:
            answer = target.go()
            timing.end(stop=False)
    assert int(answer[0]) == sum(3 * i for i in range(calls))
    assert timing.status == 3
    assert "the probes were taken off" in timing.said and "'jumps' the most" in timing.said
    assert 0 < timing.finals["jumps"]["count"] < calls


def test_a_target_that_ends_or_is_killed():
    for end in (signal.SIGKILL, signal.SIGABRT):
        with Target(made(SHAPES), "returns", 10) as target:
            with Timing("-p", target.pid, "returns") as timing:
                os.kill(target.pid, end)
                target.process.wait()
                timing.end(stop=False)
        assert timing.status == 0
        assert "the process has ended" in timing.said
        assert timing.finals["returns"]["count"] == 0


def test_fork_without_exec(tmp_path):
    program = source(tmp_path, "forks", r"""
        #include <stdio.h>
        #include <sys/wait.h>
        #include <unistd.h>
        __attribute__((noinline)) int work(int x) { __asm__ volatile(""); return x + 1; }
        int main(void) { char line[9]; int sum = 0, status; if (!fgets(line, 9, stdin)) return 2;
                pid_t child = fork();
                for (int i = 0; i < 1000; i++) sum += work(i);
                if (!child) _exit(sum == 500500 ? 7 : 1);
                waitpid(child, &status, 0);
                printf("%d %d\n", sum, WEXITSTATUS(status)); }""")
    with Target(program) as target, Timing("-p", target.pid, "work") as timing:
        assert target.go() == ["500500", "7"]
        assert timing.end(stop=False).finals["work"]["count"] == 1000


def test_a_file_that_is_written_to(tmp_path):
    copy = tmp_path / "copy"
    shutil.copy(made(SHAPES), copy)
    with Timing(f"{copy}:returns") as timing:
        with open(copy, "ab") as file:
            file.write(b"more")
        timing.end(stop=False)
    assert timing.status == 1
    assert f"'{copy}' was written to while it was probed" in timing.said


def test_a_file_that_is_replaced(tmp_path):
    copy = tmp_path / "copy"
    shutil.copy(made(SHAPES), copy)
    with Timing(f"{copy}:returns") as timing:
        subprocess.run([copy, "returns", "5", "now"], check=True, capture_output=True)
        shutil.copy(made(SHAPES), tmp_path / "new")
        os.replace(tmp_path / "new", copy)
        subprocess.run([copy, "returns", "5", "now"], check=True, capture_output=True)
        timing.end()
    assert timing.finals["returns"]["count"] == 5
    assert any("was replaced" in one for one in timing.finals["returns"]["not_measured"])


def test_the_same_answers_with_probes_set_and_taken_off_at_random():
    """Under load, with stacks that grow, garbage collection, exceptions and coroutines."""
    alone = {}
    targets = [("work.go", ("8", "500"), ["main.sleeps", "main.grows", "main.panics"]),
               ("throws.cc", ("1000000",), ["shop::Cart::total"]),
               (SHAPES, ("yields", "1500000"), ["yields", "coroutine"])]
    for name, words, _ in targets:
        with Target(made(name), *words) as target:
            alone[name] = target.go()
    running = [Target(made(name), *words) for name, words, _ in targets]
    try:
        for target in running:
            target.process.stdin.write("go\n")
            target.process.stdin.flush()
        while any(target.process.poll() is None for target in running):
            for target, (_, _, functions) in zip(running, targets):
                if target.process.poll() is None:
                    kymo("-q", "-p", target.pid, *functions, "-d", "0.05", "--max-cost", "0",
                         timeout=60)
        for target, (name, _, _) in zip(running, targets):
            out, _ = target.process.communicate()
            assert target.process.returncode == 0, name
            if name == SHAPES:  # which coroutine is done first does not change its sum
                assert out.split()[0] == alone[name][0]
            else:
                assert out.split() == alone[name]
    finally:
        for target in running:
            target.__exit__()
