# SPDX-License-Identifier: MIT
"""What --redact takes away is in no report, whatever its format."""
import subprocess

import pytest

from account import KYMO

# In arguments of the command, of what it begins, in a line for a shell, and in the name of a file.
SCRIPT = ("/bin/true --password=s3cret1 --token s3cret2; /usr/bin/env PASSWORD=s3cret3 /bin/true; "
          "cat /nowhere/token=s3cret4 2>/dev/null; exec /bin/echo done")
COMMAND = ["/bin/sh", "-c", SCRIPT, "sh", "--password", "s3cret5"]
REPORTS = ("text", "json", "svg", "html", "events", "denet")


def reports(folder, *options):
    """All reports on the same command, by name."""
    denet = [KYMO, "run", "--format", "denet", "-o", folder / "denet"]
    rest = [KYMO, "run", "--syscalls", "--files", "--timeline", "20ms", "-o", folder / "text",
            f"--json={folder}/json", "--svg", folder / "svg", "--html", folder / "html",
            f"--events={folder}/events"]
    for words in (denet, rest):
        done = subprocess.run([*words, *options, "--", *COMMAND], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
    return {name: (folder / name).read_text() for name in REPORTS}


@pytest.mark.parametrize("option", ["--redact", "--redact=s[3]cret[0-9]"])
def test_secrets_are_in_no_report(tmp_path, option):
    for name, text in reports(tmp_path, option).items():
        assert "s3cret" not in text, (name, text[max(text.find("s3cret") - 99, 0):][:150])
        if name not in ("svg",):
            assert "***" in text, name


def test_they_are_there_where_nobody_asks(tmp_path):
    found = {name: [n for n in range(1, 6) if f"s3cret{n}" in text]
             for name, text in reports(tmp_path).items()}
    assert found["json"] == found["events"] == found["denet"] == [1, 2, 3, 4, 5], found
