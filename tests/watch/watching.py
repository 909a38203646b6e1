# SPDX-License-Identifier: MIT
"""Runs `kymo watch` beside programs whose behaviour is known, and reads what it wrote."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")).resolve()
KYMO = BUILD / "kymo"
PROGRAMS = pathlib.Path(__file__).parent / "programs"
MADE = BUILD / "watch"
PATIENCE_SECONDS = 60  # what should come at once has not come by then


def made(source, *more):
    """The program of a source file in programs/, compiled unless it is newer."""
    source = PROGRAMS / source
    program = MADE / "-".join([source.name.replace(".", "-"), *more]).replace("=", "")
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        MADE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-O2", "-g", "-Wall", "-pthread", "-o", program, source, *more],
                       check=True)
    return str(program)


class Watching:
    """`with Watching("process") as watch:` is attached from the first line of its block on.

    Afterwards, or by until(), `records` holds what was seen, `lost` what was lost, and `summary` the
    last line.
    """

    def __init__(self, *words):
        self.records, self.lost, self.summary, self.begin, self.said = [], [], None, None, ""
        self.words = [str(word) for word in words]
        self.changed = threading.Condition()

    def __enter__(self):
        if os.geteuid() != 0:
            pytest.skip("only root may load BPF programs")
        self.process = subprocess.Popen([KYMO, "watch", "--json", *self.words], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.readers = [threading.Thread(target=self.read), threading.Thread(target=self.listen)]
        for reader in self.readers:
            reader.start()
        self.wait(lambda: self.begin)
        return self

    def __exit__(self, *_):
        self.stop()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.take(json.loads(line))
                self.changed.notify_all()

    def take(self, record):
        if record["collector"] == "kymo":
            setattr(self, record["event"], record)
        elif record["event"] == "lost":
            self.lost.append(record)
        else:
            self.records.append(record)

    def listen(self):
        self.said = self.process.stderr.read()

    def wait(self, is_so):
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.changed:
            while not is_so():
                left = deadline - time.monotonic()
                assert self.process.poll() is None or self.begin, self.said
                assert left > 0, f"not within {PATIENCE_SECONDS} s: {self.records[-5:]}"
                self.changed.wait(min(left, 0.2))

    def until(self, **fields):
        """The first record with these fields; waits for it."""
        self.wait(lambda: self.all(**fields))
        return self.all(**fields)[0]

    def all(self, **fields):
        return [record for record in self.records if is_like(record, fields)]

    def one(self, **fields):
        found = self.all(**fields)
        assert len(found) == 1, (fields, found)
        return found[0]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        for reader in self.readers:
            reader.join()
        self.process.wait()
        return self


def is_like(record, fields):
    return all(key in record and record[key] == value for key, value in fields.items())


def run(*words, **more):
    """A program that must succeed: (its pid, what it printed)."""
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True,
                               **more)
    printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, words
    return process.pid, printed


def needs(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not here")
