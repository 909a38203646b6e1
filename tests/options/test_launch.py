# SPDX-License-Identifier: MIT
"""What `kymo profile -- COMMAND` says and returns when the command never runs, and when it does."""
import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
KYMO = os.environ.get("KYMO", str(TOP / "build/kymo"))


def profile(*command, **more):
    return subprocess.run([KYMO, "profile", "--quiet", "--output", "/dev/null", "--", *command],
                          capture_output=True, text=True, **more)


@pytest.fixture
def script(tmp_path):
    """A text file that names an interpreter which does not exist."""
    path = tmp_path / "script"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    return path


def says(done, status, error, hint):
    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr == f"kymo: {error}\nhint: {hint}\n"


def test_no_such_command():
    says(profile("no-such-command-here"), 127,
         "cannot run 'no-such-command-here': No such file or directory",
         "install it, or give its path: no folder in PATH holds it")


def test_no_such_path():
    says(profile("/no/such/program"), 127,
         "cannot run '/no/such/program': No such file or directory",
         "'ls /no/such/program' shows whether the path is right")


def test_missing_interpreter(script):
    says(profile(script), 127,
         f"cannot run '{script}': No such file or directory",
         f"'head -n 1 {script}' shows the interpreter, which is missing")


def test_no_program():
    says(profile("/etc/passwd"), 126,
         "cannot run '/etc/passwd': Permission denied",
         "'chmod +x /etc/passwd' if it is a program")


def test_an_old_file_stays_when_the_command_never_runs(tmp_path):
    old = tmp_path / "old.folded"
    old.write_text("kept\n")
    done = subprocess.run([KYMO, "profile", "-o", old, "--", "no-such-command-here"],
                          capture_output=True, text=True)
    assert done.returncode == 127
    assert old.read_text() == "kept\n"
    assert [path.name for path in tmp_path.iterdir()] == ["old.folded"]


@pytest.mark.parametrize("status", [0, 1, 2, 77, 125, 126, 127, 255])
def test_status_of_the_command_without_a_word_of_ours(status):
    done = profile("sh", "-c", f"echo out; echo err >&2; exit {status}")
    assert (done.returncode, done.stdout, done.stderr) == (status, "out\n", "err\n")


def test_signal_of_the_command():
    assert profile("sh", "-c", "kill -9 $$").returncode == 128 + 9
