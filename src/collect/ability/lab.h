/* SPDX-License-Identifier: MIT */
/* lab.h - the tools with which abilities are tried; for the files of this folder only. */
#ifndef COLLECT_ABILITY_LAB_H
#define COLLECT_ABILITY_LAB_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stddef.h>

#include "collect/ability.h"
#include "collect/rights.h"

#define BOARD_CPUS 1024 /* CPUs beyond share the places of the first ones */
#define BOARD_NAME 64   /* longest name that can be looked up in the kernel's BTF, NUL included */

/* Where the programs write what they saw: the value of a one-element array map, shared by mmap. */
struct board {
	uint64_t ran;      /* how often the program ran */
	uint64_t value[3]; /* whatever it is about */
	char name[BOARD_NAME];
	uint64_t by_cpu[BOARD_CPUS];
};

#define NEEDS_TRACING (CAP_BIT(CAP_BPF) | CAP_BIT(CAP_PERFMON))
#define NEEDS_PROFILING                                                  \
	(NEEDS_TRACING | CAP_BIT(CAP_SYSLOG) | CAP_BIT(CAP_SYS_PTRACE) | \
	 CAP_BIT(CAP_CHECKPOINT_RESTORE) | CAP_BIT(CAP_DAC_READ_SEARCH))

struct lab {
	bool quick;
	uint32_t uid;
	uint64_t effective; /* capabilities of this process */
	uint64_t permitted;
	uint64_t bounding;
	bool in_user_namespace;
	bool has_seccomp;
	bool no_new_privs;
	char program[256]; /* the running executable, for remedies */

	int board_fd; /* -1: `board_error` says why */
	int board_error;
	struct board *board;

	struct btf *btf; /* the kernel's, from the file; lab_btf() fills it in */
	int btf_error;
	int finder_fd; /* a program that finds types inside the kernel; -errno; 0: not tried */

	uint64_t tick_ns;            /* found by ABILITY_TICK */
	vec(char *) missing, unused; /* found by ABILITY_KERNEL_FIELDS; owned */

	char log[4096]; /* of the verifier, from the last lab_load() */
};

/* A program to load. */
struct program {
	enum bpf_prog_type type;
	uint32_t attach; /* enum bpf_attach_type, or a number of collect/uapi.h */
	uint32_t btf_id; /* of the kernel function or typedef; 0: none */
	uint32_t flags;
	const struct bpf_insn *code;
	size_t len; /* instructions */
};

/** lab_load - load a program; its descriptor or -errno, and lab->log on refusal */
int lab_load(struct lab *lab, const struct program *program);

/** lab_load_counter - load a program that does nothing but count its runs in board->ran */
int lab_load_counter(struct lab *lab, enum bpf_prog_type type, uint32_t attach, uint32_t btf_id);

/** lab_run - run a raw tracepoint program once, here and now; 0 or -errno */
int lab_run(int program_fd, uint32_t *ret_value);

/**
 * lab_btf_id - number of a type in the kernel's BTF
 *
 * Asks the kernel by a program first: that needs neither the file nor the time to parse it.
 * Return: above 0; -ENOENT; -errno.
 */
int lab_btf_id(struct lab *lab, const char *name, uint32_t kind);

/** lab_kernel_tid - number of this thread in the initial PID namespace; -errno */
int lab_kernel_tid(struct lab *lab);

/** lab_knows_btf - whether the kernel itself answers questions about its BTF; 0 or -errno */
int lab_knows_btf(struct lab *lab);

/** lab_btf - the kernel's BTF from /sys/kernel/btf/vmlinux, kept; 0 or -errno */
int lab_btf(struct lab *lab);

/** lab_forget_facts - empty `missing` and `unused` */
void lab_forget_facts(struct lab *lab);

/** lab_rename - cause the tracepoint task:task_rename and the function __set_task_comm to run */
void lab_rename(void);

/** lab_sysctl - a number under /proc/sys, "kernel/kptr_restrict"; 0 or -errno */
int lab_sysctl(const char *path, int64_t *ret_value);

/* ---- words for what was found (explain.c) ---- */

void found_works(struct ability_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void found_degraded(struct ability_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void found_absent(struct ability_result *result, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void found_forbidden(struct ability_result *result, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void found_remedy(struct ability_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * found_refused - the kernel refused a step: for want of rights, or because it lacks the thing
 * @err:    negative errno of the step
 * @needs:  capabilities that the step needs
 * @step:   what was done: "loading the program"
 * @absent: a clause for every errno that is not about rights: "the kernel has no ..."
 */
void found_refused(const struct lab *lab, struct ability_result *result, int err, uint64_t needs,
		   const char *step, const char *absent);

/** found_skeleton_refused - likewise for a light skeleton, whose loader the kernel refuses with EINVAL
 * where CAP_PERFMON is missing
 */
void found_skeleton_refused(const struct lab *lab, struct ability_result *result, int err,
			    uint64_t needs, const char *step, const char *absent);

/** found_perf_refused - likewise for perf_event_open(), where a sysctl decides as well; @needs may
 * be 0: for one's own processes
 */
void found_perf_refused(const struct lab *lab, struct ability_result *result, int err,
			uint64_t needs, const char *absent);

/** caps_missing - which of @needs this process does not have in effect */
uint64_t caps_missing(const struct lab *lab, uint64_t needs);

/** caps_remedy - the command that gives this program @needs; "" if none does */
void caps_remedy(const struct lab *lab, uint64_t needs, struct ability_result *result);

/** caps_names - "CAP_BPF and CAP_PERFMON" */
void caps_names(uint64_t caps, char *text, size_t size);

/** error_name - "EPERM" */
const char *error_name(int err);

/* ---- the tries, by file; rows of the table in ability.c ---- */

typedef void ability_fn(struct lab *lab, struct ability_result *result);

ability_fn try_tick, try_cpu_clock, try_cycles, try_own_processes;
ability_fn try_raw_tp, try_tp_btf, try_tracepoint, try_kprobe, try_kprobe_multi, try_fentry;
ability_fn try_iter_task, try_iter_task_file, try_iter_task_vma, try_iter_tcp, try_iter_udp,
	try_iter_unix;
ability_fn try_uprobe_multi, try_uprobe_session, try_uprobe_perf;
ability_fn try_ring_buffer, try_light_skeleton, try_kernel_reads, try_bpf_loop, try_arena,
	try_task_storage, try_task_work, try_find_vma, try_cgroup_filter;
ability_fn try_kernel_btf, try_kernel_fields, try_kallsyms, try_foreign_maps, try_foreign_files,
	try_deleted_files;
ability_fn try_cap_bpf, try_cap_perfmon, try_cap_sys_admin, try_cap_sys_ptrace, try_cap_syslog,
	try_cap_checkpoint_restore, try_cap_dac_read_search;

/**
 * system_own_cgroup - number of the v2 group of this process
 *
 * Return: 0; -ENOENT no v2 tree is mounted; -errno.
 */
nodiscard int system_own_cgroup(uint64_t *ret_id);

/** system_examine - the settings, lockdown and cgroups of a diagnosis */
nodiscard int system_examine(struct diagnosis *diagnosis);

/** summary_write - what the findings mean together: reach, remedy and summary */
void summary_write(const struct lab *lab, struct diagnosis *diagnosis);

#endif
