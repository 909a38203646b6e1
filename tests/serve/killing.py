# SPDX-License-Identifier: MIT
"""Kills a daemon while it records, and looks at what it left."""
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time

from serving import Serving, until

LOAD = 4  # programs that begin and end all the time, while a daemon lives


class Processes:
    """Short programs, one after another; `ended` has the PID and the time of each that is over."""

    def __enter__(self):
        self.ended, self.stop = [], threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(LOAD)]
        for thread in self.threads:
            thread.start()
        return self

    def run(self):
        while not self.stop.is_set():
            process = subprocess.Popen(["/bin/true"])
            process.wait()
            self.ended.append((process.pid, time.time_ns()))

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def committed(serving):
    """What a reader sees: the last row, and the ends of processes."""
    return serving.rows("SELECT (SELECT value FROM meta WHERE key = 'seq') AS seq, count(*) AS n FROM "
                        "process_exit")[0]


def check(path):
    database = sqlite3.connect(path)
    try:
        return database.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        database.close()


def kill_once(folder, **settings):
    """One daemon on a store that may be there already.  What was seen before, what is there, and what is missing."""
    with Serving(folder, **settings) as serving, Processes() as load:
        first = committed(serving)["n"]
        until(lambda: committed(serving)["n"] > first + 20, "ends of processes")
        time.sleep(random.random() * 1.2)  # anywhere between two commits
        seen = committed(serving)
        killed = time.time_ns()
        serving.process.send_signal(signal.SIGKILL)
        serving.process.wait()
        ended = [pid for pid, at in load.ended if at < killed]
    result = {"integrity": check(serving.store), "seen": seen, "killed": killed, "after": committed(serving)}
    result["newest"] = serving.rows("SELECT max(at_unix_ns) AS at FROM process_exit")[0]["at"]
    result["committed"] = serving.rows("SELECT value AS at FROM meta WHERE key = 'committed_unix_ns'")[0]["at"]
    result["ended"] = len(ended)
    # Each series counts the rows that are there, whatever moment it was.
    result["rolled"] = serving.rows("SELECT ifnull(sum(sum), 0) AS n FROM rollup WHERE step_s = 3600 AND labels = "
                                    "'collector=\"process\",event=\"exit\"'")[0]["n"]
    result["bytes"] = os.path.getsize(serving.store)
    return result
