# SPDX-License-Identifier: MIT
"""A program to record, and its recording: one busy process."""
import hashlib
import subprocess
import sys
import time

CPU_SECONDS = 1.2
RATE_HZ = 999


def work():
    """Time in the program, in a library and in the kernel; as much CPU time on any machine."""
    with open("/dev/zero", "rb", buffering=0) as zero:
        while time.process_time() < CPU_SECONDS:
            hashlib.sha256(zero.read(1 << 16)).digest()
            sum(number * number for number in range(2000))


def record(kymo, format_name, path):
    """Profiles work() in a process of its own, until that ends."""
    target = subprocess.Popen([sys.executable, __file__])
    try:
        done = subprocess.run(
            [kymo, "profile", "-p", str(target.pid), "-F", str(RATE_HZ), "-f", format_name, "-o", path],
            capture_output=True, text=True, timeout=110, check=False)
    finally:
        target.kill()
        target.wait()
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    work()
