/* SPDX-License-Identifier: MIT */
/* syscalls.h - what system calls wait for, by number.
 *
 * Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
 */
#ifndef PROBE_SYSCALLS_H
#define PROBE_SYSCALLS_H

enum syscall_class {
	SYSCALL_ON_OTHER,
	SYSCALL_ON_FILE, /* the first argument is a descriptor */
	SYSCALL_ON_SOCKET,
	SYSCALL_ON_LOCK,
	SYSCALL_ON_TIME,
	SYSCALL_ON_EVENTS,
	SYSCALL_ON_CHILD,
	SYSCALL_ON_DISK,
	SYSCALL_ON_IPC,
	SYSCALL_ON_EXIT,
	SYSCALL_FCNTL,    /* waits for a lock with two of its commands */
	SYSCALL_RESTARTED /* goes on with the call before: a sleep, a poll, a lock with a time limit */
};

#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
#define SYSCALL_EXECVE       59
#define SYSCALL_EXECVEAT     322
#define SYSCALL_RT_SIGRETURN 15
#define SYSCALL_CLONE        56
#define SYSCALL_FORK         57
#define SYSCALL_VFORK        58
#define SYSCALL_OPEN         2
#define SYSCALL_CREAT        85
#define SYSCALL_OPENAT       257
#define SYSCALL_FUTEX        202
#define SYSCALL_CONNECT      42
#else
#define SYSCALL_EXECVE       221
#define SYSCALL_EXECVEAT     281
#define SYSCALL_RT_SIGRETURN 139
#define SYSCALL_CLONE        220
#define SYSCALL_FORK         SYSCALL_CLONE /* there is none */
#define SYSCALL_VFORK        SYSCALL_CLONE
#define SYSCALL_OPENAT       56
#define SYSCALL_OPEN         SYSCALL_OPENAT
#define SYSCALL_CREAT        SYSCALL_OPENAT
#define SYSCALL_FUTEX        98
#define SYSCALL_CONNECT      203
#endif
#define SYSCALL_IO_URING_ENTER 426
#define SYSCALL_CLONE3         435
#define SYSCALL_OPENAT2        437
#define FCNTL_SETLKW           7 /* include/uapi/asm-generic/fcntl.h */
#define FCNTL_OFD_SETLKW       38
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
#define SYSCALL_EXIT       60
#define SYSCALL_EXIT_GROUP 231
#else
#define SYSCALL_EXIT       93
#define SYSCALL_EXIT_GROUP 94
#endif

/* By number; what is not here is SYSCALL_ON_OTHER. */
static const unsigned char syscall_classes[] = {
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
	[0 ... 1] = SYSCALL_ON_FILE,     /* read, write */
	[17 ... 20] = SYSCALL_ON_FILE,   /* pread64, pwrite64, readv, writev */
	[40] = SYSCALL_ON_FILE,          /* sendfile */
	[275 ... 276] = SYSCALL_ON_FILE, /* splice, tee */
	[278] = SYSCALL_ON_FILE,         /* vmsplice */
	[295 ... 296] = SYSCALL_ON_FILE, /* preadv, pwritev */
	[327 ... 328] = SYSCALL_ON_FILE, /* preadv2, pwritev2 */
	[42 ... 47] = SYSCALL_ON_SOCKET, /* connect, accept, sendto, recvfrom, sendmsg, recvmsg */
	[288] = SYSCALL_ON_SOCKET,       /* accept4 */
	[299] = SYSCALL_ON_SOCKET,       /* recvmmsg */
	[307] = SYSCALL_ON_SOCKET,       /* sendmmsg */
	[73] = SYSCALL_ON_LOCK,          /* flock */
	[202] = SYSCALL_ON_LOCK,         /* futex */
	[72] = SYSCALL_FCNTL,
	[34 ... 35] = SYSCALL_ON_TIME,     /* pause, nanosleep */
	[128] = SYSCALL_ON_TIME,           /* rt_sigtimedwait */
	[130] = SYSCALL_ON_TIME,           /* rt_sigsuspend */
	[230] = SYSCALL_ON_TIME,           /* clock_nanosleep */
	[219] = SYSCALL_RESTARTED,         /* restart_syscall */
	[7] = SYSCALL_ON_EVENTS,           /* poll */
	[23] = SYSCALL_ON_EVENTS,          /* select */
	[232] = SYSCALL_ON_EVENTS,         /* epoll_wait */
	[270 ... 271] = SYSCALL_ON_EVENTS, /* pselect6, ppoll */
	[281] = SYSCALL_ON_EVENTS,         /* epoll_pwait */
	[56] = SYSCALL_ON_CHILD,           /* clone with CLONE_VFORK */
	[58] = SYSCALL_ON_CHILD,           /* vfork */
	[61] = SYSCALL_ON_CHILD,           /* wait4 */
	[247] = SYSCALL_ON_CHILD,          /* waitid */
	[26] = SYSCALL_ON_DISK,            /* msync */
	[74 ... 75] = SYSCALL_ON_DISK,     /* fsync, fdatasync */
	[162] = SYSCALL_ON_DISK,           /* sync */
	[277] = SYSCALL_ON_DISK,           /* sync_file_range */
	[306] = SYSCALL_ON_DISK,           /* syncfs */
	[65] = SYSCALL_ON_IPC,             /* semop */
	[69 ... 70] = SYSCALL_ON_IPC,      /* msgsnd, msgrcv */
	[220] = SYSCALL_ON_IPC,            /* semtimedop */
	[242 ... 243] = SYSCALL_ON_IPC,    /* mq_timedsend, mq_timedreceive */
	[60] = SYSCALL_ON_EXIT,            /* exit */
	[231] = SYSCALL_ON_EXIT,           /* exit_group */
#else
	[63 ... 71] = SYSCALL_ON_FILE,     /* read ... pwritev, sendfile */
	[75 ... 77] = SYSCALL_ON_FILE,     /* vmsplice, splice, tee */
	[286 ... 287] = SYSCALL_ON_FILE,   /* preadv2, pwritev2 */
	[202 ... 203] = SYSCALL_ON_SOCKET, /* accept, connect */
	[206 ... 207] = SYSCALL_ON_SOCKET, /* sendto, recvfrom */
	[211 ... 212] = SYSCALL_ON_SOCKET, /* sendmsg, recvmsg */
	[242 ... 243] = SYSCALL_ON_SOCKET, /* accept4, recvmmsg */
	[269] = SYSCALL_ON_SOCKET,         /* sendmmsg */
	[32] = SYSCALL_ON_LOCK,            /* flock */
	[98] = SYSCALL_ON_LOCK,            /* futex */
	[25] = SYSCALL_FCNTL,
	[101] = SYSCALL_ON_TIME,         /* nanosleep */
	[115] = SYSCALL_ON_TIME,         /* clock_nanosleep */
	[133] = SYSCALL_ON_TIME,         /* rt_sigsuspend */
	[137] = SYSCALL_ON_TIME,         /* rt_sigtimedwait */
	[128] = SYSCALL_RESTARTED,       /* restart_syscall */
	[22] = SYSCALL_ON_EVENTS,        /* epoll_pwait */
	[72 ... 73] = SYSCALL_ON_EVENTS, /* pselect6, ppoll */
	[95] = SYSCALL_ON_CHILD,         /* waitid */
	[220] = SYSCALL_ON_CHILD,        /* clone with CLONE_VFORK */
	[260] = SYSCALL_ON_CHILD,        /* wait4 */
	[81 ... 84] = SYSCALL_ON_DISK,   /* sync, fsync, fdatasync, sync_file_range */
	[227] = SYSCALL_ON_DISK,         /* msync */
	[267] = SYSCALL_ON_DISK,         /* syncfs */
	[182 ... 183] = SYSCALL_ON_IPC,  /* mq_timedsend, mq_timedreceive */
	[188 ... 189] = SYSCALL_ON_IPC,  /* msgrcv, msgsnd */
	[192 ... 193] = SYSCALL_ON_IPC,  /* semtimedop, semop */
	[93 ... 94] = SYSCALL_ON_EXIT,   /* exit, exit_group */
#endif
	[435] = SYSCALL_ON_CHILD,        /* clone3 with CLONE_VFORK */
	[441] = SYSCALL_ON_EVENTS,       /* epoll_pwait2 */
	[449] = SYSCALL_ON_LOCK,         /* futex_waitv */
	[455 ... 456] = SYSCALL_ON_LOCK, /* futex_wait, futex_requeue */
};

static inline enum syscall_class syscall_class(unsigned long number)
{
	return number < sizeof(syscall_classes) ? (enum syscall_class)syscall_classes[number]
						: SYSCALL_ON_OTHER;
}

/* What a call does to files, for who counts bytes and what could not be found. */
enum syscall_file_use {
	SYSCALL_USES_NONE,
	SYSCALL_READS,    /* of the descriptor in the first argument */
	SYSCALL_WRITES,   /* likewise */
	SYSCALL_SENDS,    /* sendfile: reads the second, writes to the first */
	SYSCALL_COPIES,   /* copy_file_range: reads the first, writes to the third */
	SYSCALL_OPENS,    /* a path in the first argument */
	SYSCALL_OPENS_AT, /* in the second */
	SYSCALL_LOOKS,    /* at a path in the first, and opens nothing */
	SYSCALL_LOOKS_AT  /* in the second */
};

static inline enum syscall_file_use syscall_file_use(long number)
{
	switch (number) {
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
	case 0:
	case 17:
	case 19:
	case 295:
	case 327: /* read, pread64, readv, preadv, preadv2 */
		return SYSCALL_READS;
	case 1:
	case 18:
	case 20:
	case 296:
	case 328: /* write, pwrite64, writev, pwritev, pwritev2 */
		return SYSCALL_WRITES;
	case 40:
		return SYSCALL_SENDS;
	case 326:
		return SYSCALL_COPIES;
	case 2:
	case 85: /* open, creat */
		return SYSCALL_OPENS;
	case 257: /* openat */
		return SYSCALL_OPENS_AT;
	case 4:
	case 6:
	case 21:
	case 59:
	case 89: /* stat, lstat, access, execve, readlink */
		return SYSCALL_LOOKS;
	case 262:
	case 267:
	case 269:
	case 332: /* newfstatat, readlinkat, faccessat, statx */
		return SYSCALL_LOOKS_AT;
#else
	case 63:
	case 65:
	case 67:
	case 69:
	case 286:
		return SYSCALL_READS;
	case 64:
	case 66:
	case 68:
	case 70:
	case 287:
		return SYSCALL_WRITES;
	case 71:
		return SYSCALL_SENDS;
	case 285:
		return SYSCALL_COPIES;
	case 56:
		return SYSCALL_OPENS_AT;
	case 221:
		return SYSCALL_LOOKS;
	case 79:
	case 78:
	case 48:
	case 291:
		return SYSCALL_LOOKS_AT;
#endif
	case 437: /* openat2 */
		return SYSCALL_OPENS_AT;
	case 439: /* faccessat2 */
		return SYSCALL_LOOKS_AT;
	default:
		return SYSCALL_USES_NONE;
	}
}

#endif
