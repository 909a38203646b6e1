/* SPDX-License-Identifier: MIT */
/* account.h - what a command, or a tree of processes, cost: the result of one `kymo run`.
 *
 *     processes  struct account_process  every process of the tree, with the sum of its threads
 *     threads    struct account_thread   every thread
 *     execs      struct account_exec     every program that was executed, in the order of time
 *     text       argv and paths, one after the other, each closed by NUL
 *
 * Everything refers by number, so nothing moves when an array grows.  A process is known by its PID and
 * the moment of its birth: PIDs are used again.  Ceilings: ACCOUNT_MAX_*; what exceeds them is counted
 * in `coverage`, and in the sums all the same.  Not thread-safe.
 */
#ifndef MODEL_ACCOUNT_H
#define MODEL_ACCOUNT_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/vec.h"
#include "model/coverage.h"
#include "model/redact.h"
#include "probe/balance.wire.h"

#define ACCOUNT_MAX_PROCESSES  (1u << 20)
#define ACCOUNT_MAX_THREADS    (1u << 18)
#define ACCOUNT_MAX_TEXT_BYTES (64u << 20)
#define ACCOUNT_MAX_MOMENTS    (1u << 20)
#define ACCOUNT_NONE           UINT32_MAX

struct account_exec {
	uint32_t process;
	uint64_t at_mono_ns;
	uint32_t file;       /* offset in text */
	uint32_t argv;       /* offset in text: `argc` texts one behind the other */
	uint32_t argc;       /* that are there */
	uint32_t argv_bytes; /* of all, with the NUL of each */
	bool is_cut;         /* not all arguments are there */
};

struct account_thread {
	uint32_t process;
	uint32_t tid;
	uint64_t born_mono_ns, died_mono_ns;
	bool is_io_worker; /* works for io_uring */
	bool is_alive;     /* when the run ended */
	bool is_cut; /* its last switch was not seen: it is alive, or its memory is being freed */
	char comm[16];
	struct balance_times times;
};

struct account_process {
	uint32_t pid;
	uint32_t parent_pid; /* 0: from outside the tree */
	uint32_t parent;     /* number of the process, or ACCOUNT_NONE */
	uint64_t born_mono_ns, died_mono_ns;
	bool is_alive;    /* when the run ended */
	bool has_status;  /* `status` is known */
	int status;       /* as wait() has it */
	uint32_t threads; /* how many it had, io_uring's workers included */
	uint32_t execs;   /* how many programs it executed itself */
	uint32_t exec;    /* the last, or ACCOUNT_NONE: that of its parent when it was born */
	char comm[16];    /* of its first thread when that ended */
	bool has_rss;     /* the next two are measured */
	uint64_t rss_peak_bytes, rss_at_tree_peak_bytes;
	struct balance_times times; /* all its threads */
	uint32_t glance;            /* its number in `glances` + 1; 0: it has none */
};

enum account_rung {
	ACCOUNT_BPF,
	ACCOUNT_PERF,
	ACCOUNT_PTRACE,
	ACCOUNT_CGROUP,
	ACCOUNT_PROC, /* from ACCOUNT_CGROUP on only the command itself is known, and sums */
	ACCOUNT_RUNG_COUNT
};

/* What an account may lack.  Their names: account_sections. */
enum account_section {
	SECTION_PROCESSES,
	SECTION_BALANCE, /* running and waiting for a CPU, of every thread */
	SECTION_REASONS, /* to be blocked */
	SECTION_MEMORY,
	SECTION_NETWORK,
	SECTION_BLOCK,
	SECTION_CALLS, /* in which threads are blocked */
	SECTION_TICKS, /* calls that use a CPU */
	SECTION_CGROUP,
	SECTION_COUNT
};
extern const char *const account_sections[SECTION_COUNT];

/* What a control group of its own counted of the tree, everything that left its parents included. */
struct account_group {
	bool is_made;
	bool has_cpu, has_throttled, has_memory, has_io, has_tasks; /* these are measured */
	uint64_t cpu_ns, throttled_ns;
	uint64_t peak_bytes; /* memory at once, page cache included */
	uint64_t read_bytes, written_bytes;
	uint64_t tasks_peak;
};

/* Bytes that went to and came from one other end. */
struct account_peer {
	uint16_t family; /* AF_INET, AF_INET6, AF_UNIX */
	uint16_t protocol;
	uint8_t address[16]; /* of AF_UNIX none; of AF_INET the first four */
	uint16_t port, local_port;
	uint64_t sent_bytes, received_bytes;
	uint64_t outside_sent_bytes, outside_received_bytes; /* not by send and receive: splice */
	uint64_t sends, receives;
	uint64_t connects, connect_ns, connect_max_ns;
	uint64_t retransmits;
};

#define ACCOUNT_LOG2 32 /* bucket n: below 2^(n+1) ns, at least 2^n; the last is open */

struct account_device {
	uint32_t major, minor;
	char name[32];
	uint64_t reads, writes, read_bytes, written_bytes;
	uint64_t total_ns, max_ns;
	uint64_t latency[ACCOUNT_LOG2];
};

struct account_file {
	uint32_t path; /* offset in text */
	uint64_t device, inode;
	uint64_t read_bytes, written_bytes, reads, writes;
	uint64_t filled_pages, dirtied_pages;
};

/* Attempts to open what was not there, or was refused. */
struct account_miss {
	uint32_t path; /* offset in text */
	int error;
	uint64_t count;
};

/* One system call, counted at its entry and exit. */
struct account_syscall {
	uint32_t number;
	uint64_t count, errors, total_ns, max_ns;
	uint64_t latency[ACCOUNT_LOG2];
};

/* Of one process alone. */
struct account_process_call {
	uint32_t process;
	uint32_t number;
	uint64_t count, errors, total_ns;
};

struct account_error {
	uint32_t number;
	int error;
	uint64_t count;
};

/* What the tree did by then; the differences of two make a rate. */
struct account_moment {
	uint64_t at_mono_ns;
	uint64_t running_ns, runq_ns, blocked_ns[BALANCE_REASONS];
	uint64_t rss_bytes;
	uint64_t read_bytes, written_bytes, read_chars, written_chars;
	uint64_t minor_faults, major_faults;
	uint64_t net_received_bytes,
		net_sent_bytes; /* of all in the network namespace, if asked for */
	uint32_t threads, processes;
};

/* A living process at the last moment. */
struct account_glance {
	uint32_t process; /* number */
	uint32_t threads; /* alive */
	uint64_t rss_bytes, vm_bytes;
	uint32_t cpu;               /* where its first thread ran last; ACCOUNT_NONE: not known */
	struct balance_times times; /* of all its threads since the start, as if they ended now */
};

struct account {
	vec(struct account_process) processes;
	vec(struct account_thread) threads;
	vec(struct account_exec) execs;
	vec(char) text;
	struct index process_index;
	struct balance_times totals;          /* also of what has no record of its own */
	uint64_t thread_count, process_count; /* of all, also of those that are not listed */
	struct coverage coverage;
	uint32_t lacks; /* a bit for each enum account_section that is not measured */
	enum account_rung rung;
	const struct redact *redact; /* the caller's; NULL: arguments are kept as they are */

	uint32_t root; /* number of the process that was launched; ACCOUNT_NONE: attached */
	int status;    /* of the command as waitpid() gave it */
	bool has_ended;
	uint64_t started_mono_ns, started_unix_ns, ended_mono_ns;
	uint64_t wall_ns; /* execve() of the command to its end, or as long as was observed */

	bool has_calls; /* the next one is measured */
	struct balance_call calls[BALANCE_CALLS];
	uint64_t tick_ns; /* a tick in `calls` stands for so long; 0: they were not counted */

	bool has_memory; /* the next three are measured */
	uint64_t rss_peak_bytes, rss_peak_at_mono_ns, rss_bound_bytes;
	struct account_group group;

	bool has_peers, has_devices, has_files, has_syscalls, has_latency;
	vec(struct account_peer) peers;
	vec(struct account_device) devices;
	vec(struct account_file) files;
	vec(struct account_miss) misses;
	vec(struct account_syscall) syscalls;
	vec(struct account_process_call) process_calls;
	vec(struct account_error) errors;
	vec(struct account_moment) moments;
	vec(struct account_glance) glances; /* if they were asked for */

	/* What kymo itself cost. */
	uint64_t observer_cpu_ns;  /* of this process, from its start to the report */
	uint64_t observer_load_ns; /* until the command could begin */
	uint64_t observer_rss_bytes;
	uint64_t observer_bpf_ns; /* in its programs; 0: not measured */
	uint64_t observer_bpf_runs;
	uint64_t steal_ns;     /* that the host of this machine took from all CPUs meanwhile */
	uint64_t bystander_ns; /* that each system call of other processes took longer; 0: none */
};

nodiscard int account_new(struct account **ret_account);
void account_free(struct account *account);
own_define(struct account, account_free)

/**
 * account_process - the number of a process, entered when new
 *
 * Return: 0; -ENOMEM; -E2BIG at the ceiling.
 */
nodiscard int account_process(struct account *account, uint32_t pid, uint64_t born_mono_ns,
			      uint32_t *ret_process);

/**
 * account_text - keep bytes, closed by NUL, and say where
 *
 * Return: 0; -ENOMEM; -E2BIG at the ceiling.
 */
nodiscard int account_text(struct account *account, const char *bytes, size_t len,
			   uint32_t *ret_offset);

/** account_path - likewise of the path of a file, without what is secret */
nodiscard int account_path(struct account *account, const char *path, size_t len,
			   uint32_t *ret_offset);

/**
 * account_lack - note that something is not measured, and why
 * @sections: a bit for each enum account_section that this makes incomplete
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int account_lack(struct account *account, uint32_t sections, const char *what);

/**
 * account_exec - a program that a process executed
 * @argv: @argv_len bytes, each argument closed by NUL; a last one without is cut
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int account_exec(struct account *account, uint32_t process, uint64_t at_mono_ns,
			   const char *file, const char *argv, size_t argv_len, size_t argv_bytes);

/** account_thread - a thread, which joins the sums of its process.  Return: 0; -ENOMEM */
nodiscard int account_thread(struct account *account, const struct account_thread *thread);

/** account_argv - argument by number; only of those that are there */
const char *account_argv(const struct account *account, const struct account_exec *exec,
			 uint32_t number);

/** account_name - what a process is called: argv[0] of its last program, else comm */
const char *account_name(const struct account *account, const struct account_process *process);

/** account_program - the last program that was executed in a process, by it or by those it comes from */
const struct account_exec *account_program(const struct account *account,
					   const struct account_process *process);

/** times_add - all times and counts of one to another */
void times_add(struct balance_times *to, const struct balance_times *more);

/** times_subtract - what was counted before; never below 0 */
void times_subtract(struct balance_times *from, const struct balance_times *before);

/** times_blocked - over all reasons */
uint64_t times_blocked(const struct balance_times *times);

/** times_residual - what of a life is in no part of it; must be 0 */
int64_t times_residual(const struct balance_times *times);

/* A reason by name, in JSON and in tables, and the group that it belongs to. */
struct reason_name {
	const char *key;   /* "fault_disk" */
	const char *words; /* "page fault, disk" */
	const char *group; /* key of the coarser reason: itself for most */
};
extern const struct reason_name reason_names[BALANCE_REASONS];

#endif
