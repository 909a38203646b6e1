# SPDX-License-Identifier: MIT
"""`kymo watch process`: processes whose life is known, field by field."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from watching import KYMO, Watching, is_like, made, run

MS = 1e6
HOSTILE = ["/bin/true", "two words", "new\nline", "\x1b[31mred", "<b>;", "", "\u202egnirts", "end"]


@pytest.fixture
def family():
    return made("family.c")


def ended(watch, pid):
    return watch.until(event="exit", pid=pid)


def wait(process):
    """(status of wait(), what the process used)"""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return status, used


def test_a_program_from_fork_to_exit(tmp_path):
    with Watching("process") as watch:
        before = time.time_ns()
        process = subprocess.Popen(HOSTILE, cwd=tmp_path)
        process.wait()
        after = time.time_ns()
        exit_ = ended(watch, process.pid)
    fork, exec_ = watch.one(event="fork", pid=process.pid), watch.one(event="exec", pid=process.pid)
    for record in (fork, exec_, exit_):
        assert before <= record["at_unix_ns"] <= after
        assert is_like(record, {"collector": "process", "ppid": os.getpid(), "tid": process.pid,
                                "uid": os.getuid()})
    assert fork["at_unix_ns"] < exec_["at_unix_ns"] < exit_["at_unix_ns"]
    length = sum(len(word.encode()) + 1 for word in HOSTILE)
    assert is_like(exec_, {"argv": HOSTILE, "argv_cut": False, "argv_length_bytes": length,
                           "file": "/bin/true", "is_script": False, "comm": "true",
                           "cwd": str(tmp_path.resolve())})
    assert is_like(exit_, {"argv": HOSTILE, "argv_cut": False, "argv_length_bytes": length,
                           "exit_code": 0, "exit_signal": 0, "core_dumped": False, "comm": "true"})
    lived = exit_["at_unix_ns"] - fork["at_unix_ns"]
    assert abs(exit_["duration_ns"] - lived) < 5 * MS  # the kernel notes the start before it tells


def test_what_a_process_has_used(tmp_path, family):
    with Watching("process") as watch:
        process = subprocess.Popen([family, "use", "48", "512", "60"], cwd=tmp_path)
        _, used = wait(process)
        exit_ = ended(watch, process.pid)
    ran = (used.ru_utime + used.ru_stime) * 1e9
    assert 0.95 * ran - 2 * MS <= exit_["cpu_ns"] <= ran  # its teardown comes after
    assert exit_["cpu_ns"] >= 2 * 60 * MS
    assert 48 << 20 <= exit_["max_rss_bytes"] <= 64 << 20
    assert used.ru_minflt - 8 <= exit_["minor_faults"] <= used.ru_minflt
    assert exit_["major_faults"] == used.ru_majflt
    assert 0 <= used.ru_nvcsw - exit_["voluntary_switches"] <= 3
    assert 0 <= used.ru_nivcsw - exit_["involuntary_switches"] <= 3
    assert exit_["write_calls_bytes"] == 512 << 10
    assert exit_["written_bytes"] >= 512 << 10
    assert exit_["read_calls_bytes"] >= 832  # the dynamic linker reads a library's header
    assert exit_["duration_ns"] >= exit_["runq_ns"]


def test_a_large_launcher_is_not_the_memory_of_what_it_starts():
    """wait4() inherits the peak of whoever forked."""
    ballast = bytearray(os.urandom(1 << 20)) * 150
    with Watching("process") as watch:
        process = subprocess.Popen(["/bin/true"])
        wait(process)
        exit_ = ended(watch, process.pid)
    assert len(ballast) > 8 * exit_["max_rss_bytes"] > 0


@pytest.mark.parametrize("end, code, number", [
    ("exit 41", 41, 0), ("kill -9 $$", 0, 9), ("kill -TERM $$", 0, 15), ("kill -SEGV $$", 0, 11)])
def test_how_it_ended(end, code, number):
    with Watching("process", "--comm", "sh") as watch:
        process = subprocess.Popen(["/bin/sh", "-c", end])
        status, _ = wait(process)
        exit_ = ended(watch, process.pid)
    assert (exit_["exit_code"], exit_["exit_signal"]) == (code, number)
    assert exit_["core_dumped"] == os.WCOREDUMP(status)


def test_one_that_began_before(tmp_path):
    process = subprocess.Popen(["sleep", "1000"], cwd=tmp_path)
    began = time.monotonic()
    with Watching("process") as watch:
        process.send_signal(signal.SIGTERM)
        process.wait()
        exit_ = ended(watch, process.pid)
    assert exit_["argv"] == ["sleep", "1000"] and exit_["exit_signal"] == signal.SIGTERM
    assert 0 < exit_["duration_ns"] <= (time.monotonic() - began + 1) * 1e9


def test_what_is_there_already():
    process = subprocess.Popen(["sleep", "1000"])
    try:
        with Watching("process", "--standing") as watch:
            alive = watch.until(event="alive", pid=process.pid)
    finally:
        process.kill()
        process.wait()
    assert alive["ppid"] == os.getpid() and alive["comm"] in ("sleep", "python3", "pytest")
    assert {record["pid"] for record in watch.all(event="alive")} >= {2, os.getpid()}


def test_images_without_a_path_and_from_another_thread(family):
    with Watching("process") as watch:
        memory, _ = run(family, "image")
        thread, _ = run(family, "thread")
        ended(watch, memory)
        ended(watch, thread)
    image = [r for r in watch.all(event="exec", pid=memory) if r["argv"] == ["from memory", "one\ntwo"]]
    assert len(image) == 1 and image[0]["file"].startswith("/dev/fd/")
    execs = [r["argv"] for r in watch.all(event="exec", pid=thread)]
    assert execs == [[family, "thread"], ["true", "from a thread"]]
    assert len(watch.all(event="exit", pid=thread)) == 1


def test_a_leader_that_ends_first(family):
    """Neither its status nor the CPU time of the others is lost."""
    with Watching("process") as watch:
        process = subprocess.Popen([family, "leader", "50"])
        _, used = wait(process)
        exit_ = ended(watch, process.pid)
    assert process.returncode == 7 and exit_["exit_code"] == 7
    assert 50 * MS <= exit_["cpu_ns"] <= (used.ru_utime + used.ru_stime) * 1e9
    assert exit_["tid"] == process.pid and len(watch.all(event="exit", pid=process.pid)) == 1


def test_long_arguments_are_cut_and_said(tmp_path):
    words = ["/bin/true", *(f"{i:06}" for i in range(20000))]
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    with Watching("process") as watch:
        long, _ = run(*words)
        short, _ = run(script, "x")
        ended(watch, long)
        ended(watch, short)
    exec_ = watch.one(event="exec", pid=long)
    assert exec_["argv_cut"] and exec_["argv_length_bytes"] == 10 + 7 * 20000
    assert len(exec_["argv"]) > 500
    assert exec_["argv"][:-1] == words[:len(exec_["argv"]) - 1]
    exec_ = watch.one(event="exec", pid=short)
    assert exec_["is_script"] and exec_["file"] == str(script)
    assert exec_["argv"] == ["/bin/sh", str(script), "x"]


def test_a_storm_is_seen_whole():
    with Watching("process") as watch:
        shell, _ = run("/bin/sh", "-c", "for i in $(seq 200); do /bin/true $i; done")
        ended(watch, shell)
    assert not watch.lost
    execs = watch.all(event="exec", ppid=shell, comm="true")
    assert sorted(int(record["argv"][1]) for record in execs) == list(range(1, 201))
    exits = watch.all(event="exit", ppid=shell, comm="true")
    assert {r["pid"] for r in exits} == {r["pid"] for r in execs} and len(exits) == 200


def test_what_is_lost_is_counted(family):
    """Nobody reads for as long as the storm lasts."""
    with Watching("process", "--comm", "family-c") as watch:
        watch.process.send_signal(signal.SIGSTOP)
        storm, _ = run(family, "storm", "800", "x" * 4000)
        watch.process.send_signal(signal.SIGCONT)
        run(family, "storm", "1", "")
        watch.wait(lambda: any(r["ppid"] != storm for r in watch.all(event="fork")))
    forks = [r for r in watch.all(event="fork") if r["ppid"] == storm]
    exits = [r for r in watch.all(event="exit") if r["ppid"] == storm]
    lost = {kind: sum(r["count"] for r in watch.lost if r["of"] == kind) for kind in ("fork", "exit")}
    assert lost["fork"] and len(forks) + lost["fork"] == 800
    # The exit of the storm itself, or of its exec, may be among what was lost.
    assert 800 <= len(exits) + lost["exit"] <= 801
    for record in watch.lost:
        assert record["from_unix_ns"] < record["to_unix_ns"]
    assert watch.summary["lost"] == sum(r["count"] for r in watch.lost)
    assert "lost" in watch.said


def test_filters_in_the_kernel(family):
    with Watching("process", "-u", 12345) as watch:
        run("/bin/true")
        pid, _ = run("/bin/true", user=12345)
        ended(watch, pid)
    assert {record["uid"] for record in watch.records} == {12345}
    with Watching("process", "--pid", 4194303, "--count", 1, "-d", 0.2) as watch:
        run("/bin/true")
        watch.process.wait(timeout=60)
    assert not watch.records
    with Watching("process", "--count", 3) as watch:
        run("/bin/sh", "-c", "/bin/true; /bin/true")
        watch.process.wait(timeout=60)
    assert len(watch.records) == 3


def watched(*words, command):
    """Runs a command again and again until it is in what kymo writes."""
    process = subprocess.Popen([KYMO, "watch", *words, "-o", "/dev/stdout"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    os.set_blocking(process.stdout.fileno(), False)
    text = b""
    while b"sentinel" not in text:
        assert time.monotonic() < deadline and process.poll() is None, text
        run(*command)
        text += process.stdout.read() or b""
    process.send_signal(signal.SIGINT)
    os.set_blocking(process.stdout.fileno(), True)
    text += process.communicate(timeout=60)[0]
    assert process.returncode == 0
    return text.decode()


def test_the_table_is_harmless_and_aligned():
    text = watched("process", "--comm", "true", command=["/bin/true", "\x1b[31m\u202e\nx", "sentinel"])
    lines = text.splitlines()
    assert lines[0].split()[:4] == ["TIME", "EVENT", "PID", "COMM"]
    assert "\x1b" not in text and "\u202e" not in text
    exits = [line for line in lines if " exit " in line and "sentinel" in line]
    assert exits and all(len(line) > 60 and line[26:28] == "  " for line in exits)
    assert "\\x1b[31m\\u202e\\x0ax sentinel" in exits[0]


def test_comma_separated_values_have_one_header():
    import csv
    text = watched("process", "--csv", "--comm", "true", command=["/bin/true", 'a,"b"\nc', "sentinel"])
    rows = list(csv.DictReader(text.splitlines(keepends=True)))
    exits = [row for row in rows if row["event"] == "exit" and "sentinel" in row["argv"]]
    assert exits[0]["argv"] == '/bin/true a,"b"\nc sentinel' and exits[0]["exit_code"] == "0"
    assert all(None not in row and None not in row.values() for row in rows)
    assert int(exits[0]["duration_ns"]) > 0 and exits[0]["cwd"] == ""


def test_a_summary_adds_up():
    process = subprocess.Popen([KYMO, "watch", "process", "--summary", "--comm", "true", "--count", "10"],
                               text=True, stdout=subprocess.PIPE)
    while process.poll() is None:
        run("/bin/true")
    text, _ = process.communicate(timeout=60)
    counts = []
    for kind in ("process exec", "process exit"):
        section = text.split(kind)[1].split("\n\n")[0].splitlines()
        row = dict(zip(section[1].split(), section[2].split()))
        assert row["comm"] == "true"
        counts.append(int(row["COUNT"]))
    assert sum(counts) == 10 and abs(counts[0] - counts[1]) <= 1


def test_bad_words_are_told(tmp_path):
    for words, text in [
            (["proces"], "there is no collector 'proces'\nhint: did you mean 'process'"),
            (["process", "--set", "process.none=1"], "names nothing that can be set"),
            (["process", "--errno", "ENOWHERE"], "'ENOWHERE' is no error"),
            (["process", "--address", "1.2.3"], "'1.2.3' is no address"),
            (["process", "--json", "--csv"], "--csv"),
            (["process", "-c", "/nowhere"], "no cgroup '/nowhere'")]:
        done = subprocess.run([KYMO, "watch", *words], capture_output=True, text=True, timeout=30)
        assert done.returncode in (1, 2) and text in done.stderr, done.stderr
        assert not done.stdout
    done = subprocess.run([KYMO, "watch", "process", "-d", "0.1", "-o", tmp_path / "no" / "file"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "no/file" in done.stderr


@pytest.fixture
def anybody():
    """A copy of kymo that any user may execute, whatever folder it was built in."""
    with tempfile.TemporaryDirectory(prefix="kymo-watch-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        yield shutil.copy(KYMO, folder)


def test_the_list_of_collectors_needs_no_rights(anybody):
    done = subprocess.run([anybody, "watch"], capture_output=True, text=True, user=65534)
    assert done.returncode == 0, done.stderr
    assert "process exit" in done.stdout and "max_rss_bytes" in done.stdout
    refused = subprocess.run([anybody, "watch", "process", "-d", "1"], capture_output=True, text=True,
                             user=65534)
    assert refused.returncode == 77 and "CAP_BPF" in refused.stderr


def test_two_capabilities_are_enough(anybody):
    two = "-all,+bpf,+perfmon"
    process = subprocess.Popen(
        ["setpriv", "--reuid=65534", "--clear-groups", f"--inh-caps={two}", f"--ambient-caps={two}",
         f"--bounding-set={two}", anybody, "watch", "process", "--comm", "true", "--json", "--count", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        run("/bin/true")
    text, said = process.communicate()
    assert process.returncode == 0, said
    assert {json.loads(line)["event"] for line in text.splitlines()[1:-1]} <= {"exec", "exit"}
