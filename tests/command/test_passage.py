# SPDX-License-Identifier: MIT
"""The command is untouched: its input, output, status and signals; and the report is never lost."""
import json
import os
import resource
import signal
import subprocess
import time

import pytest

from account import KYMO, Account, program, run


def kymo(*words, **more):
    return subprocess.run([KYMO, *map(str, words)], capture_output=True, timeout=60, **more)


@pytest.mark.parametrize("script, status, code, number", [
    ("exit 0", 0, 0, None), ("exit 7", 7, 7, None), ("kill -9 $$", 137, None, 9),
    ("kill -TERM $$", 143, None, 15),
])
def test_the_status_of_the_command(tmp_path, script, status, code, number):
    account = run(tmp_path, "/bin/sh", "-c", script)
    assert account.status == status
    assert (account.json["exit_status"], account.json["exit_signal"]) == (code, number)
    shell, = account.processes
    assert (shell["exit_status"], shell["exit_signal"]) == (code, number)


def test_a_core_that_is_dumped_is_told(tmp_path):
    limit = resource.RLIM_INFINITY
    account = run(tmp_path, "/bin/sh", "-c", "kill -QUIT $$", cwd=tmp_path,
                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (limit, limit)))
    assert account.status == 131
    assert account.json["exit_signal"] == signal.SIGQUIT
    bare = os.fork()
    if bare == 0:
        os.chdir(tmp_path)
        resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
        os.execv("/bin/sh", ["/bin/sh", "-c", "kill -QUIT $$"])
    status = os.waitpid(bare, 0)[1]
    assert os.WTERMSIG(status) == signal.SIGQUIT
    assert account.json["core_dumped"] == os.WCOREDUMP(status)
    assert ("core dumped" in account.said) == os.WCOREDUMP(status)


@pytest.mark.parametrize("words, status, says", [
    (["/nowhere/at-all"], 127, b"'/nowhere/at-all'"), (["no-such-command-here"], 127, b"PATH"),
    (["/etc/passwd"], 126, b"'/etc/passwd'"), (["/etc"], 126, b"'/etc'"),
])
def test_what_cannot_be_executed(words, status, says):
    done = kymo("run", "--", *words)
    assert done.returncode == status
    assert says in done.stderr and b"hint: " in done.stderr


def test_nothing_to_do_is_a_mistake():
    done = kymo("run")
    assert done.returncode == 2 and b"kymo run -- COMMAND" in done.stderr
    assert kymo("run", "-p", "1", "--", "true").returncode == 2
    assert kymo("run", "-p", 2 ** 22 - 1, "-d", "0.1").returncode == 1


def test_input_and_output_are_the_same_to_the_byte():
    text = os.urandom(200000)
    for command in (["cat"], ["/bin/sh", "-c", "cat; echo aside >&2; exit 3"]):
        bare = subprocess.run(command, input=text, capture_output=True)
        done = kymo("run", "-q", "--", *command, input=text)
        assert (done.stdout, done.stderr, done.returncode) == \
            (bare.stdout, bare.stderr, bare.returncode)


def test_the_report_goes_where_it_is_told(tmp_path):
    done = kymo("run", "--", "echo", "x")
    assert done.stdout == b"x\n" and b"WHERE THE TIME WENT" in done.stderr
    done = kymo("run", "-o", tmp_path / "report", "--", "echo", "x")
    assert done.stdout == b"x\n" and done.stderr == b""
    assert "WHERE THE TIME WENT" in (tmp_path / "report").read_text()
    done = kymo("run", "--json", "--", "true")
    assert json.loads(done.stderr)["schema_version"] == 1 and done.stdout == b""
    done = kymo("run", "--json=-", "-q", "--", "true")
    assert json.loads(done.stdout)["schema"] == "kymo.run/1" and done.stderr == b""


def test_what_others_were_told_is_for_the_owner_alone(tmp_path):
    """Arguments may hold secrets; the mode of a file that is there already is its owner's choice."""
    names = ("report", "run.json", "run.svg", "run.html", "events")
    (tmp_path / "run.json").touch(mode=0o644)
    done = kymo("run", "-o", tmp_path / "report", f"--json={tmp_path}/run.json", "--svg",
                tmp_path / "run.svg", "--html", tmp_path / "run.html",
                f"--events={tmp_path}/events", "--", "true")
    assert done.returncode == 0, done.stderr
    modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in names}
    assert modes == {**dict.fromkeys(names, 0o600), "run.json": 0o644}
    assert sorted(os.listdir(tmp_path)) == sorted(names)


def test_a_report_that_cannot_be_written_is_said_before(tmp_path):
    mark = tmp_path / "ran"
    done = kymo("run", "-o", tmp_path / "no" / "where", "--", "touch", mark)
    assert done.returncode == 125 and b"kymo: cannot" in done.stderr
    assert not mark.exists()


def test_a_report_that_finds_no_room_is_not_lost():
    done = kymo("run", "--json=/dev/full", "-q", "--", "true")
    assert done.returncode == 125
    assert b"WHERE THE TIME WENT" in done.stderr and b"kymo: cannot write" in done.stderr


def test_descriptors_limits_and_mask_are_those_of_kymo(tmp_path):
    script = "ls -l /proc/self/fd | wc -l; ulimit -n; ulimit -l; nice; " \
             "grep -E 'Sig(Blk|Ign)' /proc/self/status"
    bare = subprocess.run(["/bin/sh", "-c", script], capture_output=True)
    done = kymo("run", "-q", "--", "/bin/sh", "-c", script)
    assert done.stdout == bare.stdout


def test_one_that_closes_all_descriptors(tmp_path):
    code = "import os; os.closerange(0, 1000); os._exit(6)"
    account = run(tmp_path, "/usr/bin/python3", "-c", code)
    assert account.status == 6


def started(*words, **more):
    """kymo run in its own process group, and the first line that its command prints."""
    process = subprocess.Popen([KYMO, "run", *map(str, words)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True, **more)
    return process, process.stdout.readline().strip()


def until_taken(pid, number):
    """A second signal of the same number would be one with the first."""
    deadline = time.monotonic() + 20
    while True:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            pending = [line.split()[1] for line in status if line.startswith("ShdPnd")][0]
        if not int(pending, 16) & 1 << number - 1:
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


TRAPS = "trap 'echo got; exit 9' INT TERM; echo $$; while :; do sleep 0.05; done"


def test_a_signal_to_kymo_is_passed_on(tmp_path):
    out = tmp_path / "account.json"
    process, _ = started(f"--json={out}", "--", "/bin/sh", "-c", TRAPS)
    process.send_signal(signal.SIGTERM)
    printed, said = process.communicate(timeout=30)
    assert process.returncode == 9 and printed == "got\n"
    Account(out.read_text(), subprocess.CompletedProcess([], 9, printed, said))


def test_a_signal_of_the_terminal_reaches_it_once(tmp_path):
    """Ctrl-C goes to the whole group; kymo says its report afterwards."""
    script = "trap 'echo got; done=1' INT; echo $$; i=0; " \
             "while [ -z \"$done\" ] && [ $i -lt 400 ]; do sleep 0.05; i=$((i+1)); done"
    process, _ = started("--", "/bin/sh", "-c", script)
    # As a terminal does: not from a process, so kymo does not pass it on a second time.
    os.killpg(process.pid, signal.SIGWINCH)
    pid = [c for c in children_of(process.pid)][0]
    os.kill(pid, signal.SIGINT)
    printed, said = process.communicate(timeout=30)
    assert printed == "got\n" and process.returncode == 0
    assert "WHERE THE TIME WENT" in said


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return [int(child) for child in children.read().split()]


def test_the_second_signal_ends_kymo_with_what_it_has(tmp_path):
    out = tmp_path / "account.json"
    process, pid = started(f"--json={out}", "--", "/bin/sh", "-c",
                           "trap '' INT TERM; echo $$; exec sleep 30 >/dev/null 2>&1")
    try:
        process.send_signal(signal.SIGINT)
        until_taken(process.pid, signal.SIGINT)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=30)
        assert process.returncode == 130
        found = json.loads(out.read_text())
        assert found["exit_status"] is None and found["exit_signal"] is None
        assert "still running" in said
        os.kill(int(pid), 0)  # it goes on
    finally:
        os.killpg(process.pid, signal.SIGKILL)


def test_a_command_outlives_kymo_that_is_killed(tmp_path):
    process, pid = started("--", "/bin/sh", "-c", f"echo $$; sleep 0.4; echo on > {tmp_path}/on")
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while not (tmp_path / "on").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_arguments_that_are_long_and_strange(tmp_path):
    strange = ["\x1b[31m red", "a\nb", "\u202e", "x" * 9000]
    account = run(tmp_path, "/bin/true", *strange)
    process, = account.processes
    assert process["argv"][:4] == ["/bin/true", *strange[:3]]
    assert process["exec"][0]["argv_truncated"]
    assert process["exec"][0]["argv_bytes"] == len("/bin/true") + 1 + sum(
        len(s.encode()) + 1 for s in strange)
    assert "\x1b" not in account.said and "\u202e" not in account.said


def test_the_file_that_was_executed_is_told(tmp_path):
    script = "/bin/true; exec /usr/bin/env --version"
    account = run(tmp_path, "/bin/sh", "-c", script)
    files = {e["argv"][0]: e["file"] for p in account.processes for e in p.get("exec", [])}
    assert files == {name: name for name in ("/bin/sh", "/bin/true", "/usr/bin/env")}


@pytest.mark.parametrize("how", ["threads", "crowd"])
def test_many_threads(tmp_path, how):
    """One after the other, and all at once."""
    account = run(tmp_path, program("truth"), how, 1000)
    assert account.json["threads_count"] == 1001 == len(account.processes[0]["threads"])


def test_ten_thousand_processes(tmp_path):
    account = run(tmp_path, program("truth"), "processes", 10000)
    assert account.json["processes_count"] == 10001
    if not account.json["coverage"]["lost"]:
        assert len(account.processes) == 10001
        assert len({p["pid"] for p in account.processes} | {p["id"] for p in account.processes})
        parent, = [p for p in account.processes if "parent_id" not in p]
        assert all(p["parent_id"] == parent["id"] and p["exit_status"] == 0
                   for p in account.processes if p is not parent)
    assert account.json["observer"]["rss_bytes"] <= 40e6


def test_own_memory_is_not_that_of_whoever_began_kymo(tmp_path):
    """A child begins with all of its parent's memory, and the kernel's usage keeps that as its peak."""
    memory = b"x" * (200 << 20)
    account = run(tmp_path, "/bin/true", preexec_fn=lambda: None)
    assert account.json["observer"]["rss_bytes"] < len(memory) / 2


@pytest.mark.parametrize("pattern, shown", [
    ("", ["--password=***", "--token", "***", "plain"]),
    ("p[la]+", ["--***ssword=x1", "--token", "y2", "***in"]),
])
def test_secrets_are_left_out(tmp_path, pattern, shown):
    account = run(tmp_path, "/bin/sh", "-c", 'exec "$@"', "sh", "/bin/true", "--password=x1",
                  "--token", "y2", "plain",
                  options=["--redact" + ("=" + pattern if pattern else "")])
    assert account.processes[0]["argv"][1:] == shown
    assert account.json["command"][-4:] == shown
    assert "x1" not in json.dumps(account.json["processes"]) or "x1" in "".join(shown)
    assert shown[0] in account.said


def test_no_expression_of_secrets():
    done = kymo("run", "--redact=(", "--", "true")
    assert done.returncode == 125 and b"is no regular expression" in done.stderr


def test_what_is_required(tmp_path):
    mark = tmp_path / "ran"
    done = kymo("run", "-q", "--require", "processes,balance,reasons,memory", "--", "touch", mark)
    assert done.returncode == 0 and mark.exists()
    mark.unlink()
    done = kymo("run", "-q", "--rung=ptrace", "--require", "processes,reasons", "--", "touch", mark)
    assert done.returncode == 125 and b"cannot measure 'reasons'" in done.stderr
    done = kymo("run", "-q", "--require=cgroup", "--", "touch", mark)
    assert done.returncode == 125 and b"cannot measure 'cgroup'" in done.stderr
    done = kymo("run", "--require=mem", "--", "touch", mark)
    assert done.returncode == 2 and b"'mem' is no section" in done.stderr
    assert not mark.exists()


def test_a_reader_who_leaves_takes_no_other_report_along(tmp_path):
    """As `kymo run ... 2>&1 | head` does."""
    end, report = os.pipe()
    os.close(end)
    files = {name: tmp_path / name for name in ("json", "svg", "html")}
    process = subprocess.Popen([KYMO, "run", *(f"--{name}={path}" for name, path in files.items()), "--",
                                "true"], stderr=report, restore_signals=True)
    os.close(report)
    process.wait(60)
    assert json.loads(files["json"].read_text())["exit_status"] == 0
    assert files["svg"].read_text().rstrip().endswith("</svg>")
    assert files["html"].read_text().rstrip().endswith("</html>")
