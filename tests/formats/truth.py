# SPDX-License-Identifier: MIT
"""What sample-profile.c puts into the profile `small`."""
NS = 10_000_000  # each sample stands for
STARTED_UNIX_NS = 1753000000000000000

SMALL = {  # stacks and their samples, by thread
    "app (pid 100, tid 100)": {
        "_start main parse": 30,
        "_start main parse next_char peek": 25,
        "_start main read do_syscall_64 ksys_read vfs_read": 15,
        "_start main log": 1,
    },
    "app-worker (pid 100, tid 101)": {
        "clone3 run Array.map [app+0x1234]": 12,
        "clone3 run hash hash hash": 8,
    },
    "cat (pid 200, tid 200)": {"[truncated] read": 6, "[unknown]": 3},
}
