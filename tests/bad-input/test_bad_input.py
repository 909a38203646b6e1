# SPDX-License-Identifier: MIT
"""What a user can do wrong, and what can go wrong around kymo profile.

Each ends in one line that says why and one that helps, with the documented status, or in a profile
that says what is missing; never in a crash, a hang, or an old output file destroyed.
"""
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
KYMO = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")).resolve() / "kymo"
LIMIT_SECONDS = 60
POLLS = {"x86_64": {"7", "271"}, "aarch64": {"73"}}[os.uname().machine]  # poll, ppoll
OPENS = {"x86_64": {"2", "257"}, "aarch64": {"56"}}[os.uname().machine]  # open, openat
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to sample through BPF")


def kymo(*words, **more):
    more = {"capture_output": True, "text": True, "timeout": LIMIT_SECONDS, **more}
    return subprocess.run([KYMO, "profile", *map(str, words)], **more)


def start(*words, **more):
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more}
    return subprocess.Popen([KYMO, "profile", *map(str, words)], **more)


def check_error(done, status, *words):
    assert done.returncode == status, (done.returncode, done.stderr)
    lines = done.stderr.splitlines()
    assert lines and lines[0].startswith("kymo: "), done.stderr
    assert len(lines) == 1 or len(lines) == 2 and lines[1].startswith("hint: "), done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert not done.stdout


def wait_until(condition, what):
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def waits_in(process, calls):
    try:
        return pathlib.Path(f"/proc/{process.pid}/syscall").read_text().split()[0] in calls
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_sampling(profiler):
    """Nothing else in it waits by poll()."""
    return waits_in(profiler, POLLS)


def sampling(*words, **more):
    """Of a profiler that is at work; ended with the test."""
    profiler = start(*words, **more)
    running.append(profiler)
    wait_until(lambda: is_sampling(profiler) or profiler.poll() is not None, "it does not begin")
    assert profiler.poll() is None, profiler.communicate()
    return profiler


running = []


def spin():
    """A busy process; a test that fails leaves none to those after it."""
    running.append(subprocess.Popen(["sh", "-c", "while :; do :; done"]))
    return running[-1]


@pytest.fixture(autouse=True)
def end_running():
    yield
    while running:
        child = running.pop()
        child.kill()
        child.wait()


# ---- words ----

@pytest.mark.parametrize("words, says", [
    (["-F", "0"], "1 to 10000"), (["-F", "10001"], "1 to 10000"), (["-F", "abc"], "whole number"),
    (["-F", "-5"], "whole number"), (["-F", "99.5"], "whole number"), (["-F", ""], "value"),
    (["-F"], "value"), (["-d", "0"], "0.001"), (["-d", "abc"], "time span"),
    (["-d", "-1"], "time span"), (["-d", "."], "time span"), (["-d", "nan"], "time span"), (["-d", "1e999"], "time span"),
    (["-d", "99999999999999999999"], "range"), (["-f", "nope"], "folded"),
    (["-f", "Folded"], "folded"), (["-f", "fold"], "did you mean 'folded'"), (["-o", ""], "value"),
    (["-p", "0"], "range"), (["-p", "abc"], "whole numbers"), (["-p", "1,,2"], "whole numbers"),
    (["-p", "1,"], "whole numbers"), (["-p", "-1"], "whole numbers"), (["-p", "4194305"], "range"),
    (["-p", "99999999999999999999"], ""), (["-t", "x"], "whole numbers"), (["-c", ""], "value"),
    (["-p", "1", "-a"], "together"), (["-p", "1", "-t", "1"], "together"),
    (["-a", "-c", "/"], "together"), (["-p", "1", "--", "true"], "together"),
    (["-a", "--", "true"], "together"), (["-U", "-K"], "together"), (["--hw", "--sw"], "together"),
    (["--hw", "--timer", "tick"], "together"), (["--timer", "sundial"], "tick"),
    (["--min-share", "101"], "100"), (["--min-share", "x"], "number"), (["true"], "'--'"),
    (["--"], "command"), (["--frequenzy", "9"], "--frequency"), (["-Z"], "unknown"),
    (["-hw=1"], ""), (["-freq"], "value"), (["-freq", "x"], "whole number"), (["-pid", "x"], ""),
])
def test_words(words, says):
    check_error(kymo("-d", "0.05", *words), 2, says)


def test_every_usage_error_has_a_hint():
    for words in (["-F", "0"], ["-d", "abc"], ["-f", "nope"], ["-p", "x"], ["-U", "-K"]):
        assert "\nhint: " in kymo(*words).stderr


@pytest.mark.parametrize("words", [
    ["-freq", "50", "-d", ".05"], ["-pid", str(os.getpid()), "-d", "0.05"],
    ["-freq", "50", "-pid", str(os.getpid()), "-ps", "-f", "table", "-d", "0.05"],
    ["-p", ",".join([str(os.getpid())] * 20000), "-d", "0.05"],  # 120 KB, one process
    ["-p", str(os.getpid()), "-p", str(os.getppid()), "-d", "0.05"],
])
def test_words_that_are_right(words):
    done = kymo(*words)
    assert done.returncode == 0, done.stderr


def test_hardware_counter():
    """-hw of seed 4: samples, or the one line that names what is missing."""
    for word in ("-hw", "--hw"):
        done = kymo(word, "-d", 0.05, "-f", "folded")
        if done.returncode:
            check_error(done, 69, "cycle counter", "hint: leave out '--hw'")


def test_a_rate_above_the_tick():
    check_error(kymo("--timer", "tick", "-F", 10000, "-d", 0.05), 1, "timer tick", "hint: ")


# ---- targets ----

def gone_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


@pytest.mark.parametrize("option", ["-p", "-t"])
def test_unknown_number(option):
    check_error(kymo(option, gone_pid(), "-d", 1), 1, "no ", "hint: 'ps")
    check_error(kymo(option, f"{os.getpid()},{gone_pid()}", "-d", 1), 1, "no ")


def test_zombie():
    child = subprocess.Popen(["true"])
    wait_until(lambda: ") Z " in pathlib.Path(f"/proc/{child.pid}/stat").read_text(), "no zombie")
    try:
        check_error(kymo("-p", child.pid), 1, "has ended")
    finally:
        child.wait()


def test_process_that_exits(tmp_path):
    """Sampling ends with the last one that was chosen, without -d and without Ctrl-C."""
    first, second = spin(), spin()
    profiler = sampling("-f", "folded", "-p", f"{first.pid},{second.pid}")
    first.kill()
    first.wait()
    time.sleep(0.3)
    assert profiler.poll() is None, "one is left"
    second.kill()
    second.wait()
    said = profiler.communicate(timeout=LIMIT_SECONDS)[1]
    assert profiler.returncode == 0 and " samples in " in said


def test_process_that_exits_unwaited():
    """A zombie that nobody waits for is an end, too."""
    child = spin()
    profiler = sampling("-f", "folded", "-p", child.pid)
    child.kill()
    profiler.communicate(timeout=LIMIT_SECONDS)
    assert profiler.returncode == 0
    child.wait()


def test_kernel_thread():
    kthreadd = 2
    done = kymo("-p", kthreadd, "-d", 0.1, "-f", "folded")
    assert done.returncode == 0 and "ended before" not in done.stderr


def test_process_whose_mappings_may_not_be_read(tmp_path):
    """It lives: what cannot be read for want of a right is not said to have ended."""
    child = spin()
    # A device on a file system without devices: not even root may open it.
    hide = (f"mount -t tmpfs -o nodev none {tmp_path} && mknod {tmp_path}/closed c 1 3 && "
            f'mount --bind {tmp_path}/closed /proc/{child.pid}/maps && exec "$@"')
    done = subprocess.run(["unshare", "-m", "sh", "-c", hide, "sh", KYMO, "profile", "-p",
                           str(child.pid), "-d", "0.5", "-f", "json"], capture_output=True, text=True,
                          timeout=LIMIT_SECONDS)
    assert done.returncode == 0, done.stderr
    lacks = json.loads(done.stdout.splitlines()[-1])["coverage"]["not_measured"]
    assert "names of 1 process whose mappings may not be read here" in lacks


def test_thread_of_another_process():
    """-t samples that thread alone."""
    done = threading.Event()
    worker = threading.Thread(target=lambda: done.wait(LIMIT_SECONDS))
    worker.start()
    child = spin()
    try:
        said = kymo("-t", child.pid, "-d", 1, "-F", 99, "-f", "json").stdout
        samples = [json.loads(line) for line in said.splitlines()][:-1]
        assert samples and {s["tid"] for s in samples} == {child.pid}
        quiet = kymo("-t", worker.native_id, "-d", 0.1, "-f", "folded")
        assert quiet.returncode == 0 and quiet.stdout == ""
        inner = kymo("-p", worker.native_id, "-d", 0.1)
        assert inner.returncode in (0, 1)  # a thread that is no process
        assert inner.returncode == 0 or "hint: " in inner.stderr
    finally:
        child.kill()
        child.wait()
        done.set()
        worker.join()


def test_many_processes():
    """Hundreds in one list."""
    children = [subprocess.Popen(["sleep", "60"]) for _ in range(300)]
    try:
        done = kymo("-p", ",".join(str(child.pid) for child in children), "-d", 0.1, "-f", "folded")
        assert done.returncode == 0, done.stderr
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()


@pytest.mark.parametrize("path, says", [
    ("/nonexistent", "no cgroup"), ("nonexistent/group", "no cgroup"), ("/etc/passwd", "no cgroup"),
    ("x" * 5000, "no cgroup"),
])
def test_no_such_cgroup(path, says):
    check_error(kymo("-c", path, "-d", 0.05), 1, says, "hint: ")


def cgroup_mounts():
    found = {}
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found.setdefault("v2", place)
        elif kind == "cgroup":
            found.setdefault("named" if "name=" in options else "v1", place)
    return found


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_cgroup(version):
    """A group of each hierarchy, empty and with a process in it."""
    root = cgroup_mounts().get(version)
    if not root:
        pytest.skip(f"no cgroup {version} is mounted")
    group = pathlib.Path(root, f"kymo-test-{os.getpid()}")
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made: {error}")
    child = spin()
    try:
        empty = kymo("-c", group, "-d", 0.1, "-f", "folded")
        assert empty.returncode == 0 and empty.stdout == ""
        if version == "v1" and (group / "cpuset.mems").exists():
            for name in ("cpuset.cpus", "cpuset.mems"):
                (group / name).write_text((group.parent / name).read_text())
        (group / "cgroup.procs").write_text(str(child.pid))
        full = kymo("-c", group, "-d", 1, "-f", "json")
        samples = [json.loads(line) for line in full.stdout.splitlines()][:-1]
        assert samples and {s["pid"] for s in samples} == {child.pid}
    finally:
        child.kill()
        child.wait()
        wait_until(lambda: not (group / "cgroup.procs").read_text(), "the group stays busy")
        group.rmdir()


def test_cgroup_without_a_controller():
    root = cgroup_mounts().get("named")
    if not root:
        pytest.skip("no hierarchy without a controller is mounted")
    check_error(kymo("-c", root, "-d", 0.05), 69, "without a controller", "hint: ")


# ---- output ----

OLD = "what was there before\n"


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "profile"
    path.write_text(OLD)
    return path


def check_old(old):
    assert old.read_text() == OLD
    assert [entry.name for entry in old.parent.iterdir()] == [old.name]


@pytest.mark.parametrize("path, says", [
    ("/nonexistent/profile", "No such file"), ("/tmp", "Is a directory"), ("/tmp/", "directory"),
    ("/etc/passwd/profile", "Not a directory"), ("/dev/full", "No space left"),
    ("/proc/version", "cannot write"), ("/proc/self/profile", "No such file"), ("x" * 300, "too long"),
])
def test_unwritable_output(path, says):
    done = kymo("-d", 0.05, "-f", "tree", "-o", path)  # which has something to write on an idle host
    assert done.returncode in (1, 77), done
    check_error(done, done.returncode)
    assert re.search(says, done.stderr), done.stderr
    assert "mkdir" not in done.stderr or not pathlib.Path(path).parent.exists()


def test_output_is_checked_before_the_work():
    """An hour of sampling is not thrown away for a typing error."""
    begin = time.monotonic()
    check_error(kymo("-d", 3600, "-o", "/nonexistent/profile"), 1, "hint: mkdir")
    assert time.monotonic() - begin < 30


def test_output_not_permitted(tmp_path):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        shutil.copy(KYMO, folder / "kymo")
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", folder / "kymo",
             "profile", "-o", folder / "out", "--", "true"],
            capture_output=True, text=True, timeout=LIMIT_SECONDS)
        check_error(done, 125, "Permission denied", "hint: ")


def test_full_disk():
    """A file system of 16 KB: the old file stays, nothing half-written beside it."""
    with tempfile.TemporaryDirectory() as name:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", name],
                          stderr=subprocess.DEVNULL).returncode:
            pytest.skip("no tmpfs can be mounted here")
        try:
            path = pathlib.Path(name, "profile")
            path.write_text(OLD)
            done = kymo("-d", 0.1, "-f", "svg", "-o", path)
            check_error(done, 1, "No space left", "hint: 'df")
            check_old(path)
        finally:
            subprocess.run(["umount", name], check=True)


def test_closed_stdout():
    done = subprocess.run(["sh", "-c", f"{KYMO} profile -d 0.1 -f tree >&-"], text=True,
                          capture_output=True, timeout=LIMIT_SECONDS)
    check_error(done, 1, "Bad file descriptor")


def test_closed_stdout_with_a_file(tmp_path):
    """Descriptor 1 is free for whatever is opened first: the file must not become stdout."""
    path = tmp_path / "profile"
    done = subprocess.run(["sh", "-c", f"{KYMO} profile -f folded -o {path} -- echo word <&- >&-"],
                          text=True, capture_output=True, timeout=LIMIT_SECONDS)
    assert "word" not in path.read_text()
    assert done.returncode in (0, 1)


def test_full_stdout():
    with open("/dev/full", "w") as full:
        done = kymo("-d", 0.05, "-f", "json", capture_output=False, stdout=full,
                    stderr=subprocess.PIPE)
    done.stdout = ""
    check_error(done, 1, "No space left")


def test_reader_that_leaves():
    """SIGPIPE: kymo ends without a word, as every filter does."""
    child = spin()
    try:
        profiler = start("-f", "json", "-F", 999, "-p", child.pid)
        profiler.stdout.readline()
        profiler.stdout.close()
        said = profiler.stderr.read()
        assert profiler.wait(LIMIT_SECONDS) == -signal.SIGPIPE
        assert said == ""
    finally:
        child.kill()
        child.wait()


def test_fifo(tmp_path):
    """A FIFO is written through and stays one."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    profiler = start("-d", 0.1, "-f", "json", "-o", fifo)
    assert '"kind"' in fifo.read_text()
    assert profiler.wait(LIMIT_SECONDS) == 0
    assert fifo.is_fifo()


@pytest.mark.parametrize("signal_number", SIGNALS)
def test_fifo_that_nobody_reads(tmp_path, signal_number):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    profiler = start("-d", 0.1, "-o", fifo)
    wait_until(lambda: waits_in(profiler, OPENS), "it does not wait for a reader")
    profiler.send_signal(signal_number)
    assert profiler.wait(LIMIT_SECONDS) == -signal_number


# ---- signals ----

@pytest.mark.parametrize("signal_number", SIGNALS)
def test_signal_ends_the_sampling(tmp_path, signal_number):
    """What was sampled by then is written, and that is a success."""
    path = tmp_path / "profile.jsonl"
    profiler = sampling("-f", "json", "-p", os.getpid(), "-o", path)
    profiler.send_signal(signal_number)
    profiler.communicate(timeout=LIMIT_SECONDS)
    assert profiler.returncode == 0
    assert json.loads(path.read_text().splitlines()[-1])["kind"] == "summary"


@pytest.mark.parametrize("signal_number", SIGNALS)
def test_signal_while_naming(old, signal_number):
    """Naming cannot go on for ever against the user's will; the old file stays."""
    profiler = sampling("-f", "svg", "-F", 999, "-o", old)
    time.sleep(0.3)
    profiler.send_signal(signal.SIGSTOP)  # both signals come at one instant
    wait_until(lambda: ") T " in pathlib.Path(f"/proc/{profiler.pid}/stat").read_text(), "no stop")
    profiler.send_signal(signal_number)
    profiler.send_signal(signal.SIGCONT)
    wait_until(lambda: not is_sampling(profiler) or profiler.poll() is not None, "it goes on")
    profiler.send_signal(signal_number)
    profiler.communicate(timeout=LIMIT_SECONDS)
    if profiler.returncode == 0:  # it was done before the second one came
        assert old.read_text() != OLD
    else:
        assert profiler.returncode == -signal_number
        check_old(old)


def test_killed(old):
    profiler = sampling("-p", os.getpid(), "-o", old)
    profiler.kill()
    profiler.wait()
    check_old(old)


def test_signals_with_a_command(tmp_path):
    """The first is the command's business, the second ends kymo with what there is."""
    profiler = sampling("-f", "folded", "-o", tmp_path / "out", "--", "sh", "-c",
                        f'trap "" INT TERM; touch {tmp_path}/trapped; while :; do :; done',
                        stdout=None, stderr=None)
    wait_until((tmp_path / "trapped").exists, "the command does not begin")
    children = pathlib.Path(f"/proc/{profiler.pid}/task/{profiler.pid}/children").read_text()
    try:
        profiler.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert profiler.poll() is None, "the command has not ended"
        profiler.send_signal(signal.SIGTERM)
        profiler.communicate(timeout=LIMIT_SECONDS)
        assert (tmp_path / "out").read_text()
    finally:
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)


def test_signal_reaches_the_command(tmp_path):
    profiler = sampling("-q", "-o", tmp_path / "out", "--", "sleep", "60")
    profiler.send_signal(signal.SIGTERM)
    profiler.communicate(timeout=LIMIT_SECONDS)
    assert profiler.returncode == 128 + signal.SIGTERM


# ---- commands ----

@pytest.mark.parametrize("command, status", [
    (["/nonexistent"], 127), (["kymo-no-such-command"], 127), ([""], 127),
    (["/etc/passwd"], 126), (["/tmp"], 126), (["/etc/passwd/x"], 126), (["x" * 5000], 126),
])
def test_command_that_cannot_run(command, status, old):
    check_error(kymo("-o", old, "--", *command), status)
    check_old(old)


def test_file_without_a_program(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"\x7fELF but not really")
    path.chmod(0o755)
    done = kymo("-q", "-o", tmp_path / "out", "--", path)
    assert done.returncode in (126, 127)  # execvp() gives it to the shell, as env(1) does


@pytest.mark.parametrize("script, status", [
    ("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$", 143),
    ("kill -SEGV $$", 139), ("exec <&- >&- 2>&-; exit 5", 5),
    ("(setsid sleep 2 >/dev/null 2>&1 &) ; exit 6", 6),
    ("(sleep 0.2; kill -CONT $$) & kill -STOP $$; exit 7", 7),
    ("ulimit -n 3; exit 8", 8), ("trap '' CHLD PIPE; exit 9", 9), ("cd /; exit 10", 10),
])
def test_status_of_the_command(script, status, tmp_path):
    done = kymo("-q", "-o", tmp_path / "out", "--", "sh", "-c", script)
    assert done.returncode == status, done.stderr
    assert done.stdout == "" and "kymo" not in done.stderr


def test_stdio_of_the_command(tmp_path):
    done = kymo("-q", "-o", tmp_path / "out", "--", "cat", input="through\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "through\n", "")


def test_command_that_reads_the_terminal(tmp_path):
    """It is in the foreground: reading does not stop it."""
    outer, inner = pty.openpty()
    profiler = subprocess.Popen([KYMO, "profile", "-q", "-o", tmp_path / "out", "--", "sh", "-c",
                                 "read word; test $word = hello"], stdin=inner, stdout=inner,
                                stderr=inner, start_new_session=True)
    os.close(inner)
    os.write(outer, b"hello\n")
    assert profiler.wait(LIMIT_SECONDS) == 0
    os.close(outer)


def test_duration_shorter_than_the_command(tmp_path):
    """Sampling ends, the command does not, and its status is passed on."""
    done = kymo("-q", "-d", 0.1, "-o", tmp_path / "out", "--", "sh", "-c", "sleep 0.5; exit 11")
    assert done.returncode == 11


def test_dash_output(tmp_path):
    done = kymo("-d", 0.05, "-f", "json", "-o", "-", cwd=tmp_path)
    assert done.returncode == 0 and '"kind":"summary"' in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["run", "--syscalls", "--", "true"], ["latency", "--http", "-d", "0.1"]],
                         ids=lambda words: words[0])
def test_types_of_the_kernel_that_cannot_be_read(words):
    """As in a container that hides the file: what needs it is refused by name, and libbpf prints nothing of its own."""
    hide = 'mount --bind /dev/null /sys/kernel/btf/vmlinux && exec "$@"'
    done = subprocess.run(["unshare", "-m", "sh", "-c", hide, "sh", KYMO, *words], capture_output=True, text=True,
                          timeout=LIMIT_SECONDS)
    assert done.returncode != 0
    assert "/sys/kernel/btf/vmlinux cannot be read" in done.stderr and "libbpf" not in done.stderr
