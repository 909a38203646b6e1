# SPDX-License-Identifier: MIT
"""Runs `kymo serve` on a port of its own, with curl and sqlite3 as its clients."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")).resolve()
KYMO = BUILD / "kymo"
PATIENCE_SECONDS = 60  # what should come at once has not come by then


def until(ask, what):
    """What `ask` returns as soon as it is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.05)


def curl(*words):
    if not shutil.which("curl"):
        pytest.skip("curl is not here")
    return subprocess.run(["curl", "-sS", "--max-time", "30", *map(str, words)],
                          capture_output=True, text=True, check=False)


def links_of(pid):
    """What a process has open; a descriptor may be closed while one looks."""
    found = []
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(link))
    return found


class Serving:
    """`with Serving(folder) as serve:` records and answers from the first line of its block on."""

    def __init__(self, folder, *words, wait=True, **settings):
        self.folder = pathlib.Path(folder)
        self.store = self.folder / "kymo.db"
        settings = {"http.port": 0, "server.port": 0, "store.path": self.store, "tables.interval_s": 1,
                    "profile.slice_s": 1, "store.min_free_bytes": 0, "budget.cpu_percent": 100.0,
                    "triggers.enabled": "false",
                    **settings}
        self.words = [KYMO, "serve", *map(str, words)]
        for key, value in settings.items():
            self.words += ["--set", f"{key}={value}"]
        self.wait = wait

    def __enter__(self):
        if os.geteuid() != 0:
            pytest.skip("only root may load BPF programs")
        self.said = open(self.folder / "said", "w+")
        self.process = subprocess.Popen(self.words, text=True, stdout=subprocess.PIPE,
                                        stderr=self.said)
        self.url = self.process.stdout.readline().strip().rstrip("/")
        assert self.url, self.log()
        if self.wait:
            until(lambda: self.status("/readyz") == 200 or self.process.poll() is not None,
                  lambda: self.get("/readyz"))
        return self

    def __exit__(self, *_):
        self.end()
        self.said.close()
        self.process.stdout.close()

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=PATIENCE_SECONDS)

    def log(self):
        return (self.folder / "said").read_text()

    def status(self, path, *words):
        answer = curl("-o", "/dev/null", "-w", "%{http_code}", *words, self.url + path)
        return int(answer.stdout or 0)

    def text(self, path, *words):
        return curl(*words, self.url + path).stdout

    def get(self, path, *words):
        text = self.text(path, *words)
        try:
            return json.loads(text)
        except ValueError as error:
            raise AssertionError(f"{path}: {text!r}") from error

    def part(self, name):
        parts = self.get("/api/v1/status")["collectors"]
        return next(part for part in parts if part["name"] == name)

    def switch(self, name, on):
        return self.status(f"/api/v1/collectors/{name}", "-X", "PUT", "-H",
                           "Content-Type: application/json", "-d", json.dumps({"on": on}))

    def post(self, path, **body):
        """The status, and what was answered."""
        answer = curl("-w", "\n%{http_code}", "-X", "POST", "-H", "Content-Type: application/json",
                      "-d", json.dumps(body), self.url + path).stdout
        text, status = answer.rsplit("\n", 1)
        return int(status), json.loads(text)

    def session(self, **body):
        status, session = self.post("/api/v1/sessions", **body)
        assert status == 202, session
        return session

    def session_over(self, number):
        """A session as it is when it is over."""
        def ask():
            session = self.get(f"/api/v1/sessions/{number}")
            return session if session["state"] in ("done", "failed", "cancelled") else None
        return until(ask, f"session {number}")

    def rows(self, sql, *values):
        database = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)
        database.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in database.execute(sql, values)]
        finally:
            database.close()

    def row(self, sql, *values):
        """The first row, as soon as there is one."""
        return until(lambda: self.rows(sql, *values), sql)[0]


def sampled(serving, *program):
    """Runs a program until more than 200 samples of it are stored, and all that were taken.  Its PID."""
    with subprocess.Popen(program) as burner:
        try:
            until(lambda: (serving.rows("SELECT sum(samples) AS n FROM sample WHERE pid = ?",
                                        burner.pid)[0]["n"] or 0) > 200, "samples")
        finally:
            burner.kill()
    # All that was sampled of it has been written once a later slice is there.
    mark = serving.rows("SELECT max(to_unix_ns) AS at FROM profile")[0]["at"]
    until(lambda: serving.rows("SELECT count(*) AS n FROM profile WHERE from_unix_ns > ?",
                               mark)[0]["n"], "slice")
    return burner.pid
