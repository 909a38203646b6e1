# SPDX-License-Identifier: MIT
"""How many instructions the kernel's verifier looks at for each program that kymo loads.

Used by test_verifier.py on this kernel, and inside the machines of the lab on theirs; verifier.json has a column
for each kernel.
"""
import contextlib
import ctypes
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

SETTLED_SECONDS, SETTLED_EMULATED_SECONDS = 0.5, 3
PATIENCE_SECONDS = 20  # for a program that does not come
LIMIT_SECONDS = 300
MOST = 1.5  # times what is known: more is seen

COLLECTORS = ["container", "disk", "dns", "file", "lock", "memory", "process", "runq", "signal", "syscall", "tcp"]
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
    "latency, requests in packets": ["latency", "--http", "--packets", "-i", "60"],
    **{f"watch {name}": ["watch", name, "--json", "-o", "/dev/null"] for name in COLLECTORS},
}

# Of these as few as have every program: under emulation each takes seconds.
LAB_USES = {
    **{name: USES[name] for name in ("profile, tick", "profile, clock", "profile, tick, deferred", "profile, waits",
                                     "run, all tiers", "latency", "latency, requests")},
    "watch": ["watch", *COLLECTORS, "--json", "-o", "/dev/null"],
}

# From include/uapi/linux/bpf.h, and the numbers of bpf() on either processor.
BPF = {"x86_64": 321, "aarch64": 280}
PROG_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD = 13, 15
NAME_AT, NAME_BYTES, INFO_BYTES = 64, 16, 80  # of struct bpf_prog_info; names are cut to 15 there
ATTR_BYTES = 32


class Refused(Exception):
    """kymo does not do that here, and says why."""


def bpf(command, attributes):
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, ATTR_BYTES)
    found = libc.syscall(BPF[os.uname().machine], command, buffer, ATTR_BYTES)
    if found < 0:
        raise OSError(ctypes.get_errno(), "bpf()")
    return found


def name_of(number):
    program = bpf(PROG_GET_FD_BY_ID, struct.pack("I", number))
    try:
        info = ctypes.create_string_buffer(INFO_BYTES)
        bpf(OBJ_GET_INFO_BY_FD, struct.pack("IIQ", program, INFO_BYTES, ctypes.addressof(info)))
        return info.raw[NAME_AT:NAME_AT + NAME_BYTES].partition(b"\0")[0].decode()
    finally:
        os.close(program)


def held(pid):
    """number -> (name, instructions verified), of the programs that a process holds"""
    found = {}
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            fields = dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)
            if "verified_insns" in fields:
                number = int(fields["prog_id"])
                found[number] = name_of(number), int(fields["verified_insns"])
    return found


def measured(words, wanted=(), settled_seconds=SETTLED_SECONDS):
    """name -> instructions, once those that are wanted are there and no further program came for a while."""
    target = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    try:
        end, last, since = time.monotonic() + LIMIT_SECONDS, {}, time.monotonic()
        while target.poll() is None and time.monotonic() < end:
            now = held(target.pid)
            if now != last:
                last, since = now, time.monotonic()
            if not last and time.monotonic() - since > PATIENCE_SECONDS:
                break  # it has none, or the kernel does not tell
            if last and time.monotonic() - since > settled_seconds and \
                    (set(wanted) <= {name for name, _ in last.values()} or time.monotonic() - since > PATIENCE_SECONDS):
                break
            time.sleep(0.02)
        if target.poll() is not None:
            raise Refused(target.stderr.read())
        found = {}
        for name, count in last.values():
            found[name] = max(count, found.get(name, 0))
    finally:
        target.send_signal(signal.SIGINT)
        target.communicate(timeout=LIMIT_SECONDS)
    return dict(sorted(found.items()))


def dearer(known, found):
    """name -> (before, now) of what grew too much."""
    return {name: (known[name], count) for name, count in found.items()
            if name in known and count > MOST * known[name]}


def measured_in_lab(tell):
    """use -> what measured() says; what does not run is told, and left out."""
    found = {}
    for use, words in LAB_USES.items():
        try:
            found[use] = measured(["kymo", *words], settled_seconds=SETTLED_EMULATED_SECONDS)
        except Refused as error:
            tell(f"{use}: {error}")
    return found
