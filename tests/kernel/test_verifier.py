# SPDX-License-Identifier: MIT
"""How many instructions the kernel's verifier looks at for each program: a table, so that a change by
which one grows by half is seen.  It differs between kernels: verifier.json has a column for each that was asked.

KYMO_VERIFIER_UPDATE=1 writes what is measured instead of judging it.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
KYMO = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")) / "kymo"
BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"
TABLE = pathlib.Path(__file__).with_name("verifier.json")
SERIES = ".".join(os.uname().release.split(".")[:2])
SETTLED_SECONDS = 0.5
LIMIT_SECONDS = 30

USES = {
    "profile, tick": ["profile", "--timer", "tick", "-o", "/dev/null"],
    "profile, clock": ["profile", "--timer", "clock", "-o", "/dev/null"],
    "profile, tick, deferred": ["profile", "--timer", "tick", "--unwind", "deferred", "-o", "/dev/null"],
    "profile, waits": ["profile", "--off-cpu", "-o", "/dev/null"],
    "profile, waits, at once": ["profile", "--off-cpu", "--unwind", "interrupt", "-o", "/dev/null"],
    "run": ["run", "-p", str(os.getpid())],
    "run, all tiers": ["run", "--syscalls=latency", "--files", "-p", str(os.getpid())],
    "latency": ["latency", f"{sys.executable}:_start", "-i", "60"],
    "latency, requests": ["latency", "--http", "-i", "60"],
    **{f"watch {name}": ["watch", name, "--json", "-o", "/dev/null"] for name in
       ("container", "disk", "dns", "file", "lock", "memory", "process", "runq", "signal", "syscall", "tcp")},
}


def held(pid):
    """number -> instructions verified, of the programs that a process holds"""
    found = {}
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            fields = dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)
            if "verified_insns" in fields:
                found[int(fields["prog_id"])] = int(fields["verified_insns"])
    return found


def measured(words):
    """name -> instructions, once no further program came for a while."""
    target = subprocess.Popen([KYMO, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    try:
        end, last, since = time.monotonic() + LIMIT_SECONDS, {}, time.monotonic()
        while target.poll() is None and time.monotonic() < end:
            now = held(target.pid)
            if now != last:
                last, since = now, time.monotonic()
            if last and time.monotonic() - since > SETTLED_SECONDS:
                break
            time.sleep(0.02)
        assert target.poll() is None, target.stderr.read()
        shown = subprocess.run([BPFTOOL, "-j", "prog", "show"], capture_output=True, text=True, check=True)
        names = {one["id"]: one.get("name", "?") for one in json.loads(shown.stdout)}
    finally:
        target.send_signal(signal.SIGINT)
        target.communicate(timeout=LIMIT_SECONDS)
    found = {}
    for number, count in last.items():
        found[names[number]] = max(count, found.get(names[number], 0))
    return dict(sorted(found.items()))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may load programs here")
@pytest.mark.parametrize("use", USES)
def test_no_program_became_dearer_to_verify(use):
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    found = measured(USES[use])
    if os.environ.get("KYMO_VERIFIER_UPDATE"):
        table.setdefault(SERIES, {})[use] = found
        TABLE.write_text(json.dumps(table, indent=1) + "\n")
    if SERIES not in table:
        pytest.skip(f"verifier.json has no column for Linux {SERIES}")
    known = table[SERIES][use]
    assert set(found) <= set(known), f"not in verifier.json: {set(found) - set(known)}"
    dearer = {name: (known[name], count) for name, count in found.items() if count > 1.5 * known[name]}
    assert not dearer, f"instructions verified, before and now: {dearer}"
