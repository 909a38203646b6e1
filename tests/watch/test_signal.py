# SPDX-License-Identifier: MIT
"""kymo watch signal: signals of known senders, receivers and outcome."""
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from watching import Watching, is_like

COMM = pathlib.Path("/proc/self/comm").read_text(encoding="utf-8").strip()
ME = {"sender_pid": os.getpid(), "sender_tid": os.getpid(), "sender_uid": os.geteuid(),
      "sender_comm": COMM}
NOBODY = {"sender_pid": None, "sender_tid": None, "sender_uid": None, "sender_comm": None}
SI_KERNEL, SI_TKILL, SI_QUEUE, SEGV_MAPERR, CLD_EXITED = 0x80, -6, -1, 1, 1


def sleeper():
    return subprocess.Popen(["sleep", "1000"])


def test_a_process_that_is_killed():
    with Watching("signal") as watch:
        victim = sleeper()
        before = time.time_ns()
        victim.terminate()
        after = time.time_ns()
        victim.wait()
        watch.until(event="sent", pid=victim.pid)
    sent = watch.one(event="sent", pid=victim.pid)
    assert before <= sent["at_unix_ns"] <= after
    assert is_like(sent, {**ME, "collector": "signal", "tid": victim.pid, "uid": os.geteuid(),
                          "signal": signal.SIGTERM, "result": "delivered", "code": 0,
                          "to_thread": False})


def test_results():
    # The thread that reads what kymo writes must not take the signal that is to stay pending.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    with Watching("signal", "--pid", os.getpid()) as watch:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
        old = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
        signal.signal(signal.SIGUSR1, old)
        signal.pthread_kill(threading.main_thread().ident, 0)  # sends nothing
        watch.wait(lambda: len(watch.all(event="sent", signal=signal.SIGUSR1)) >= 3)
    sent = watch.all(event="sent", signal=signal.SIGUSR1)
    assert [one["result"] for one in sent] == ["ignored", "delivered", "already pending"]
    for one in sent:
        assert is_like(one, {**ME, "pid": os.getpid(), "code": 0})
    for result in ("ignored", "delivered", "already pending"):
        rows = watch.all(event="totals", signal=signal.SIGUSR1, result=result)
        assert sum(row["count"] for row in rows) == 1


def test_a_signal_to_one_thread():
    with Watching("signal", "--pid", os.getpid()) as watch:
        old = signal.signal(signal.SIGUSR2, lambda *_: None)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR2)
        signal.signal(signal.SIGUSR2, old)
        sent = watch.until(event="sent", signal=signal.SIGUSR2)
    assert is_like(sent, {**ME, "to_thread": True, "code": SI_TKILL, "tid": os.getpid()})


def test_what_the_kernel_sends_has_no_sender():
    code = "import ctypes; ctypes.string_at(8)"
    with Watching("signal", "--set", "signal.every=1") as watch:
        faulty = subprocess.Popen([sys.executable, "-c", code])
        faulty.wait()
        fault = watch.until(event="sent", pid=faulty.pid, signal=signal.SIGSEGV)
        old = signal.signal(signal.SIGVTALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.001)
        timer = {"event": "sent", "pid": os.getpid(), "signal": signal.SIGVTALRM}
        while not watch.all(**timer):
            pass
        signal.signal(signal.SIGVTALRM, old)
    assert is_like(fault, {**NOBODY, "code": SEGV_MAPERR, "result": "delivered"})
    assert is_like(watch.one(**timer), {**NOBODY, "code": SI_KERNEL})
    child = watch.one(event="sent", pid=os.getpid(), signal=signal.SIGCHLD,
                      sender_pid=faulty.pid)
    assert child["code"] > 0


def test_usual_signals_are_counted_but_not_shown():
    with Watching("signal", "--pid", os.getpid()) as watch:
        for _ in range(5):
            subprocess.run(["true"], check=True)
        os.kill(os.getpid(), signal.SIGWINCH)
    # The last one ends the watching.
    assert {one["signal"] for one in watch.all(event="sent")} <= {signal.SIGINT}
    children = watch.all(event="totals", signal=signal.SIGCHLD)
    assert sum(row["count"] for row in children) >= 5


def test_one_signal_only():
    with Watching("signal", "--pid", os.getpid(), "--set", f"signal.only={signal.SIGCONT:d}") as watch:
        victim = sleeper()
        for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL):
            victim.send_signal(number)
        victim.wait()
        watch.until(event="sent", pid=victim.pid)
    assert {one["signal"] for one in watch.all(event="sent")} == {signal.SIGCONT}
