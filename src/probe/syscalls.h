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

static inline enum syscall_class syscall_class(long number)
{
	switch (number) {
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
	case 0:
	case 1:
	case 17:
	case 18:
	case 19:
	case 20: /* read, write, pread64, pwrite64, readv, writev */
	case 40:
	case 295:
	case 296:
	case 327:
	case 328: /* sendfile, preadv(2), pwritev(2) */
	case 275:
	case 276:
	case 278: /* splice, tee, vmsplice */
		return SYSCALL_ON_FILE;
	case 42:
	case 43:
	case 44:
	case 45:
	case 46:
	case 47: /* connect, accept, sendto, recvfrom, sendmsg, recvmsg */
	case 288:
	case 299:
	case 307: /* accept4, recvmmsg, sendmmsg */
		return SYSCALL_ON_SOCKET;
	case 202:
	case 73: /* futex, flock */
		return SYSCALL_ON_LOCK;
	case 72:
		return SYSCALL_FCNTL;
	case 35:
	case 230:
	case 34:
	case 130:
	case 128: /* nanosleep, clock_nanosleep, pause, rt_sigsuspend, rt_sigtimedwait */
		return SYSCALL_ON_TIME;
	case 219: /* restart_syscall */
		return SYSCALL_RESTARTED;
	case 7:
	case 271:
	case 23:
	case 270:
	case 232:
	case 281: /* poll, ppoll, select, pselect6, epoll_wait, epoll_pwait */
		return SYSCALL_ON_EVENTS;
	case 61:
	case 247:
	case 58:
	case 56: /* wait4, waitid, vfork, clone with CLONE_VFORK */
		return SYSCALL_ON_CHILD;
	case 74:
	case 75:
	case 162:
	case 306:
	case 277:
	case 26: /* fsync, fdatasync, sync, syncfs, sync_file_range, msync */
		return SYSCALL_ON_DISK;
	case 65:
	case 220:
	case 69:
	case 70:
	case 242:
	case 243: /* semop, semtimedop, msgsnd, msgrcv, mq_timedsend, mq_timedreceive */
		return SYSCALL_ON_IPC;
	case 60:
	case 231: /* exit, exit_group */
		return SYSCALL_ON_EXIT;
#else
	case 63:
	case 64:
	case 65:
	case 66:
	case 67:
	case 68:
	case 69:
	case 70:
	case 71:
	case 75:
	case 76:
	case 77:
	case 286:
	case 287:
		return SYSCALL_ON_FILE;
	case 202:
	case 203:
	case 206:
	case 207:
	case 211:
	case 212:
	case 242:
	case 243:
	case 269:
		return SYSCALL_ON_SOCKET;
	case 98:
	case 32:
		return SYSCALL_ON_LOCK;
	case 25:
		return SYSCALL_FCNTL;
	case 101:
	case 115:
	case 133:
	case 137:
		return SYSCALL_ON_TIME;
	case 128:
		return SYSCALL_RESTARTED;
	case 72:
	case 73:
	case 22:
		return SYSCALL_ON_EVENTS;
	case 260:
	case 95:
	case 220:
		return SYSCALL_ON_CHILD;
	case 82:
	case 83:
	case 81:
	case 267:
	case 84:
	case 227:
		return SYSCALL_ON_DISK;
	case 182:
	case 183:
	case 188:
	case 189:
	case 192:
	case 193:
		return SYSCALL_ON_IPC;
	case 93:
	case 94:
		return SYSCALL_ON_EXIT;
#endif
	case 449:
	case 455:
	case 456: /* futex_waitv, futex_wait, futex_requeue */
		return SYSCALL_ON_LOCK;
	case 441: /* epoll_pwait2 */
		return SYSCALL_ON_EVENTS;
	case 435: /* clone3 with CLONE_VFORK */
		return SYSCALL_ON_CHILD;
	default:
		return SYSCALL_ON_OTHER;
	}
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
