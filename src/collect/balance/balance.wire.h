/* SPDX-License-Identifier: MIT */
/* balance.wire.h - what the time balance sends to user space, and what user space reads of it. */
#ifndef COLLECT_BALANCE_WIRE_H
#define COLLECT_BALANCE_WIRE_H

#include "probe/balance.wire.h"

#define BALANCE_THREADS_MAX       65536 /* alive at once; further ones are counted as not followed */
#define BALANCE_FILTER            16384 /* a power of two: processes of the tree by number, modulo this */
#define BALANCE_SPACES_MAX        16384 /* address spaces alive at once */
#define BALANCE_PEERS_MAX         4096
#define BALANCE_SOCKETS_MAX       8192 /* TCP connections at once */
#define BALANCE_IO_MAX            4096 /* requests to block devices at once */
#define BALANCE_DEVICES_MAX       64
#define BALANCE_LOG2              32
#define BALANCE_PROCESS_CALLS_MAX 65536 /* pairs of a process and a system call */
#define BALANCE_ERRORS_MAX        4096  /* pairs of a system call and an errno */
#define BALANCE_FILES_MAX         16384
#define BALANCE_MISSES_MAX        4096 /* paths that could not be opened */
#define BALANCE_MISS_BYTES        256
#define BALANCE_FILE_BYTES        256
#define BALANCE_ARGV_BYTES        4096
#define BALANCE_RSS_STEP          64 /* pages: smaller changes of an address space are left for later */

enum balance_kind {
	BALANCE_THREAD, /* struct balance_thread, when it has died */
	BALANCE_EXEC,   /* struct balance_exec */
	BALANCE_SPACE,  /* struct balance_space, when it is gone */
};

/* Flags of a thread. */
enum {
	BALANCE_IO_WORKER = 1, /* works for io_uring */
	BALANCE_LAST = 2,      /* last of its process: `exit_code` is that of the process */
	BALANCE_ALIVE = 4,     /* the end of the run cut it short */
	BALANCE_EXITED = 8,    /* `exited` and `exit_code` are known */
	BALANCE_CUT = 16,      /* its last switch was not seen */
};

/* A process is known by its number and the moment in which its first thread was born. */
struct balance_thread {
	u32 kind; /* enum balance_kind */
	u32 flags;
	id_tid tid;
	id_pid pid, parent;
	s32 exit_code; /* as wait() has it */
	unit_mono_ns process, parent_process;
	unit_mono_ns born, exited, died;
	u64 rss_pages; /* most of its process since the last execve(), at the end; 0: not known */
	char comm[16];
	struct balance_times times;
};

struct balance_exec {
	u32 kind;
	id_pid pid;
	unit_mono_ns process;
	unit_mono_ns at;
	u32 argv_bytes; /* all of it */
	u32 argv_len;   /* what is here */
	char file[BALANCE_FILE_BYTES];
	char argv[BALANCE_ARGV_BYTES]; /* each closed by NUL */
};

/* One address space and what was resident in it. */
struct balance_space {
	u32 kind;
	id_pid pid;
	unit_mono_ns process;
	s64 pages, peak_pages;
	s64 pages_at_peak; /* when the tree as a whole had most, as of `peak` */
	u64 peak;          /* number of that maximum */
};

/* Where a thread is. */
enum balance_state {
	BALANCE_NOWHERE,
	BALANCE_RUNNING,
	BALANCE_QUEUED,
	BALANCE_BLOCKED,
	BALANCE_UNKNOWN, /* since it was marked; the next event tells */
};

/* A thread that lives.  The key is the address of its task. */
struct balance_cell {
	unit_mono_ns stamp; /* begin of the interval that it is in */
	unit_mono_ns woken; /* 0: not yet */
	unit_ns delay,
		ran;     /* sched_info.run_delay and se.sum_exec_runtime at the last switch-out */
	u32 state;       /* enum balance_state */
	u32 reason;      /* enum block_reason */
	u32 call_reason; /* of the call that restart_syscall() goes on with */
	u32 cpu;
	s32 call;        /* system call that it waits in, -1: none */
	u32 kernel_tgid; /* number in the initial PID namespace */
	u32 is_midway; /* it was running when it was taken up, and has not been switched out yet */
	u32 unleft;    /* switch-outs that the kernel counts and did not tell of */
	unit_mono_ns called_at; /* tier of system calls: since when it is in one; 0: in none */
	u32 called;             /* which */
	u32 voluntary;          /* nvcsw at the last switch-out, the lower half */
	struct balance_thread thread;
};

/* The other end of a socket, and our own port; a port above 32767 is 0 where the other is not: it was
 * given by chance.
 */
struct balance_peer_key {
	u16 family, protocol;
	u16 port, local_port;
	u8 address[16];
};

struct balance_peer {
	unit_bytes sent, received, outside_received;
	unit_count sends, receives;
	unit_count connects, retransmits;
	unit_ns connect, connect_most;
};

/* A TCP connection that lives. */
struct balance_socket {
	struct balance_peer_key key;
	u32 pad;
	u64 received; /* by receive calls */
	u64 taken;    /* out of it, whichever way */
	u64 retransmits;
	unit_mono_ns connecting; /* since; 0: it does not */
};

struct balance_device_key {
	u32 major, minor;
};

struct balance_device {
	char name[32];
	unit_count reads, writes;
	unit_bytes read, written;
	unit_ns total, most;
	unit_count latency[BALANCE_LOG2];
};

/* Of one system call, counted at its entry, or with its time at its exit. */
struct balance_syscall {
	unit_count count, errors;
	unit_ns total, most;
	u32 latency[BALANCE_LOG2];
};

/* Of one process alone. */
struct balance_process_call_key {
	unit_mono_ns process;
	id_pid pid;
	u32 number;
};

struct balance_process_call {
	unit_count count, errors;
	unit_ns total;
};

struct balance_error_key {
	u32 number;
	u32 error;
};

/* Of one file, whatever its names. */
struct balance_file_key {
	u64 inode;
	u32 device, pad;
};

struct balance_file {
	unit_count reads, writes;
	unit_bytes read, written;
	unit_count filled, dirtied; /* pages: read from disk into memory; changed */
	u64 is_named;               /* its path was sent */
};

/* The path of a file, sent once: its components, closed by NUL each, the last one first. */
struct balance_path {
	struct balance_file_key key;
	u32 at, bytes; /* of the components, from the beginning of the record */
};

/* What could not be opened or looked at, as the call was given it; and how often. */
struct balance_miss_key {
	u32 error;
	char path[BALANCE_MISS_BYTES - sizeof(u32)];
};

/* What has a ceiling and reached it. */
struct balance_refused {
	unit_count threads, records, spaces, peers, sockets, requests, devices;
	unit_count
		ended; /* threads that another has taken the place of, and nobody told of their end */
};

/* Resident memory of the tree. */
struct balance_memory {
	s64 pages, peak_pages;
	unit_mono_ns peak_at;
	u64 peak; /* number of the last maximum */
};

struct balance_options {
	u32 launch_pid;    /* joins when it executes; 0: nobody */
	u32 pid_namespace; /* inode number of that in which PIDs are told; 0: the initial one */
	u32 attached;      /* sockets may be older than the run */
	u32 pad;
};

/* One task as the iterator tells it. */
struct balance_task {
	u64 task, parent; /* addresses */
	id_tid tid;
	id_pid pid;
	u32 kernel_tgid;
	u32 state; /* as in task_struct */
	u32 on_cpu;
	u32 reason; /* enum block_reason, of one that is blocked */
	s32 call;
	u32 flags;
	unit_mono_ns at;
	struct balance_times counters; /* those that the kernel keeps by itself */
	u64 mm;
	s64 pages;
	char comm[16];
};

#endif
