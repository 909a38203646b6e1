# SPDX-License-Identifier: MIT
"""What a kernel is started with that has the drivers of the lab's disks as modules: those, and a first process
that loads them, mounts the root and goes on there (initramfs.c).

Which modules need which is read from the modules themselves: the list of it is made where they are installed.
"""
import lzma
import pathlib
import re
import struct
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
DRIVERS = ["nvme", "ext4"]
FILE, FOLDER = 0o100755, 0o040755


def module_bytes(path):
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def wanted_by(content):
    """Names in .modinfo: what a module depends on, and what should be there before it."""
    names = b",".join(re.findall(rb"\0depends=([^\0]*)", content))
    soft = b" ".join(re.findall(rb"\0softdep=pre: ([^\0]*)", content))
    return [name.replace("-", "_") for name in re.split(r"[,\s]+", (names + b" " + soft).decode()) if name]


def others_of(name, found):
    """Modules that say that they are this, too: "crypto-crc32c" is what each that can reckon it is called."""
    part = name.rpartition("_")[2]
    spelled = re.compile(rb"\0alias=" + name.replace("_", "[-_]").encode() + rb"\0")
    return [other for other, path in sorted(found.items())
            if part in other and spelled.search(module_bytes(path))]


def needed(root):
    """(name, bytes) of the modules, each behind what it depends on; [] where the kernel has all in it."""
    found = {re.sub(r"\.ko.*", "", path.name).replace("-", "_"): path
             for path in pathlib.Path(root).rglob("*.ko*")}
    ordered = {}

    def add(name):
        if name in found and name not in ordered:
            content = module_bytes(found[name])
            for other in wanted_by(content):
                for one in [other] if other in found else others_of(other, found):
                    add(one)
            ordered.setdefault(name, content)

    for driver in DRIVERS:
        add(driver)
    return list(ordered.items())


def entry(name, mode, content=b""):
    """One file of a cpio archive, of the form `newc`: numbers in hexadecimal, all padded to four bytes."""
    fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


def first_process():
    with tempfile.TemporaryDirectory() as scratch:
        program = pathlib.Path(scratch, "init")
        subprocess.run(["gcc", "-O2", "-Wall", "-static", "-o", program, HERE / "initramfs.c"], check=True)
        return program.read_bytes()


def archive(modules):
    """Modules are loaded in the order of their file names."""
    parts = [entry(name, FOLDER) for name in ("dev", "modules", "root")]
    parts += [entry(f"modules/{number:02}-{name}.ko", FILE, content)
              for number, (name, content) in enumerate(modules)]
    return b"".join([*parts, entry("init", FILE, first_process()), entry("TRAILER!!!", 0)])
