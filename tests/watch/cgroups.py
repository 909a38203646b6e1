# SPDX-License-Identifier: MIT
"""Control groups for tests: which hierarchies there are, and groups that are gone afterwards."""
import contextlib
import os
import pathlib
import uuid

import pytest

USUAL = ["memory", "cpu", "cpuacct", "pids", "blkio", "devices", "freezer", "cpuset", "perf_event"]
CONTROLLERS = ["cpuset", "cpu", "cpuacct", "blkio", "memory", "devices", "freezer", "perf_event",
               "pids"]  # in the order in which the first one names a hierarchy


class Hierarchy:
    def __init__(self, number, controllers, path):
        self.number, self.own = int(number), path
        self.controllers = controllers.split(",") if controllers else []
        self.mount = None

    @property
    def name(self):
        """As kymo calls it."""
        if not self.controllers:
            return "v2"
        if self.controllers[0].startswith("name="):
            return "named"
        return next((one for one in CONTROLLERS if one in self.controllers), "other").replace(
            "_", " ")

    def own_id(self):
        """Number of the group that this process is in."""
        return os.stat(self.mount + self.own).st_ino


def hierarchies():
    """Those that are mounted, as this process sees them."""
    found = [Hierarchy(*line.split(":", 2))
             for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()]
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options = line.split()[:4]
        for one in found:
            if one.mount or kind not in ("cgroup", "cgroup2"):
                continue
            if kind == "cgroup2" and not one.controllers or \
                    one.controllers and set(one.controllers) <= set(options.split(",")):
                one.mount = where
    return [one for one in found if one.mount]


def usual():
    """The hierarchy in which kymo tells groups: this process is in a group of it, or it is v1."""
    there = hierarchies()
    for one in there:
        if not one.controllers and one.own != "/":
            return one
    for name in USUAL:
        for one in there:
            if name in one.controllers and any(
                    entry.is_dir() for entry in os.scandir(one.mount)):
                return one
    pytest.skip("no hierarchy of control groups with groups is mounted")


@contextlib.contextmanager
def group(hierarchy, name=None):
    """A new group; its path in its hierarchy, and its folder.  Made and removed outside of the test."""
    path = name or f"/kymo-{uuid.uuid4().hex}"
    folder = pathlib.Path(hierarchy.mount + path)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        yield path, folder
    finally:
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()


def join(folder):
    """For preexec_fn: a child that begins in this group."""
    return lambda: (folder / "cgroup.procs").write_text(str(os.getpid()))
