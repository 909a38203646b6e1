/* SPDX-License-Identifier: MIT */
/* ability.c - the table of abilities. */
#include "collect/ability.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "collect/ability/lab.h"

struct row {
	const char *name;
	enum finding_group group;
	ability_fn *try;
	const char *purpose;
	const char *lost;
};

static const struct row rows[ABILITY_COUNT] = {
	[ABILITY_TICK] = { "tick", FINDING_SAMPLING, try_tick,
			   "samples in the timer tick that fires anyway",
			   "each sample costs an interrupt of its own" },
	[ABILITY_CPU_CLOCK] = { "cpu-clock", FINDING_SAMPLING, try_cpu_clock,
				"samples by a timer on each CPU, into a BPF program",
				"no sampling of the whole host above the rate of the tick" },
	[ABILITY_CYCLES] = { "hw-cycles", FINDING_SAMPLING, try_cycles,
			     "samples by the hardware's cycle counter",
			     "--hw; code that runs with interrupts off is not seen" },
	[ABILITY_OWN_PROCESSES] = { "own-processes", FINDING_SAMPLING, try_own_processes,
				    "an ordinary user's own processes, user stacks",
				    "profiles without any rights" },

	[ABILITY_RAW_TP] = { "raw-tp", FINDING_EVENTS, try_raw_tp, "raw tracepoints",
			     "sampling in the tick, and every event" },
	[ABILITY_TP_BTF] = { "tp-btf", FINDING_EVENTS, try_tp_btf,
			     "tracepoints with typed arguments", "every event" },
	[ABILITY_TRACEPOINT] = { "tracepoint", FINDING_EVENTS, try_tracepoint,
				 "classic tracepoints, through tracefs and perf",
				 "failed executions seen by single system calls" },
	[ABILITY_ITER_TASK] = { "iter-task", FINDING_EVENTS, try_iter_task,
				"a list of all threads at once",
				"processes that started earlier are found through /proc" },
	[ABILITY_ITER_TASK_FILE] = { "iter-task-file", FINDING_EVENTS, try_iter_task_file,
				     "a list of all open files",
				     "connections that are already open have no owner" },
	[ABILITY_ITER_TASK_VMA] = { "iter-task-vma", FINDING_EVENTS, try_iter_task_vma,
				    "a list of all mappings", "mappings are read from /proc" },
	[ABILITY_ITER_TCP] = { "iter-tcp", FINDING_EVENTS, try_iter_tcp,
			       "a list of all TCP connections",
			       "connections that are already open are not seen" },
	[ABILITY_ITER_UDP] = { "iter-udp", FINDING_EVENTS, try_iter_udp,
			       "a list of all UDP sockets",
			       "sockets that are already open are not seen" },
	[ABILITY_ITER_UNIX] = { "iter-unix", FINDING_EVENTS, try_iter_unix,
				"a list of all local sockets",
				"local sockets that are already open are not seen" },
	[ABILITY_UPROBE_MULTI] = { "uprobe-multi", FINDING_EVENTS, try_uprobe_multi,
				   "probes in user functions, many at once",
				   "probes in user functions need CAP_SYS_ADMIN and attach slowly" },
	[ABILITY_UPROBE_SESSION] = { "uprobe-session", FINDING_EVENTS, try_uprobe_session,
				     "entry and return of a user function in one probe",
				     "two probes for each function's duration" },
	[ABILITY_UPROBE_PERF] = { "uprobe-perf", FINDING_EVENTS, try_uprobe_perf,
				  "probes in user functions, through perf",
				  "nothing where uprobe-multi works" },
	[ABILITY_KPROBE] = { "kprobe", FINDING_EVENTS, try_kprobe, "probes in kernel functions",
			     "nothing: kymo uses tracepoints" },
	[ABILITY_KPROBE_MULTI] = { "kprobe-multi", FINDING_EVENTS, try_kprobe_multi,
				   "probes in many kernel functions at once",
				   "nothing: kymo uses tracepoints" },
	[ABILITY_FENTRY] = { "fentry", FINDING_EVENTS, try_fentry,
			     "entry of kernel functions, typed", "nothing: kymo uses tracepoints" },

	[ABILITY_RING_BUFFER] = { "ring-buffer", FINDING_KERNEL_SIDE, try_ring_buffer,
				  "how programs send what they see",
				  "everything that BPF collects" },
	[ABILITY_LIGHT_SKELETON] = { "light-skeleton", FINDING_KERNEL_SIDE, try_light_skeleton,
				     "programs that start in a few milliseconds",
				     "sampling in the kernel; kymo profiles by perf events" },
	[ABILITY_KERNEL_READS] = { "kernel-reads", FINDING_KERNEL_SIDE, try_kernel_reads,
				   "programs that follow any pointer of the kernel",
				   "sampling in the tick, choosing by cgroup" },
	[ABILITY_BPF_LOOP] = { "bpf-loop", FINDING_KERNEL_SIDE, try_bpf_loop,
			       "long loops, as a stack walk is",
			       "user stacks in the kernel; kymo profiles by perf events" },
	[ABILITY_ARENA] = { "arena", FINDING_KERNEL_SIDE, try_arena,
			    "memory that programs share with kymo",
			    "unwind tables go into array maps of fixed size" },
	[ABILITY_TASK_STORAGE] = { "task-storage", FINDING_KERNEL_SIDE, try_task_storage,
				   "state of each thread, kept with it",
				   "state by thread lies in slower hash tables" },
	[ABILITY_TASK_WORK] = { "task-work", FINDING_KERNEL_SIDE, try_task_work,
				"stack walks on the way back to user mode, where memory may be "
				"paged in",
				"stacks end at the first page that is not resident" },
	[ABILITY_FIND_VMA] = { "find-vma", FINDING_KERNEL_SIDE, try_find_vma,
			       "the mapping of an address, asked in task work",
			       "new mappings are found by reading /proc" },
	[ABILITY_CGROUP_FILTER] = { "cgroup-filter", FINDING_KERNEL_SIDE, try_cgroup_filter,
				    "the cgroup of a thread, as programs see it",
				    "-c with a group of cgroup v2" },

	[ABILITY_KERNEL_BTF] = { "kernel-btf", FINDING_NAMES, try_kernel_btf,
				 "the kernel's own description of its types",
				 "sampling in the tick, and every collector of events" },
	[ABILITY_KERNEL_FIELDS] = { "kernel-fields", FINDING_NAMES, try_kernel_fields,
				    "what kymo's programs expect of this kernel",
				    "the programs that name what is missing" },
	[ABILITY_KALLSYMS] = { "kallsyms", FINDING_NAMES, try_kallsyms,
			       "addresses of kernel functions", "names in kernel stacks" },
	[ABILITY_FOREIGN_MAPS] = { "foreign-maps", FINDING_NAMES, try_foreign_maps,
				   "the mappings of other users' processes",
				   "names in other users' processes that ran before the profile" },
	[ABILITY_FOREIGN_FILES] = { "foreign-files", FINDING_NAMES, try_foreign_files,
				    "the executables of other users' processes, in their own view",
				    "names in containers and in private files" },
	[ABILITY_DELETED_FILES] = { "deleted-files", FINDING_NAMES, try_deleted_files,
				    "mapped files whose name is gone",
				    "names in programs that were replaced while they ran" },

	[ABILITY_CAP_BPF] = { "CAP_BPF", FINDING_RIGHTS, try_cap_bpf, "loading BPF programs",
			      "everything but profiles of one's own processes" },
	[ABILITY_CAP_PERFMON] = { "CAP_PERFMON", FINDING_RIGHTS, try_cap_perfmon,
				  "tracing programs, and events of the whole host",
				  "everything but profiles of one's own processes" },
	[ABILITY_CAP_SYS_ADMIN] = { "CAP_SYS_ADMIN", FINDING_RIGHTS, try_cap_sys_admin,
				    "perf where perf_event_paranoid is above 2, and uprobe-perf",
				    "nothing where cpu-clock and uprobe-multi work" },
	[ABILITY_CAP_SYS_PTRACE] = { "CAP_SYS_PTRACE", FINDING_RIGHTS, try_cap_sys_ptrace,
				     "files and memory of other users' processes",
				     "foreign-files, and foreign-maps up to 6.12" },
	[ABILITY_CAP_SYSLOG] = { "CAP_SYSLOG", FINDING_RIGHTS, try_cap_syslog,
				 "addresses of kernel functions", "names in kernel stacks" },
	[ABILITY_CAP_CHECKPOINT_RESTORE] = { "CAP_CHECKPOINT_RESTORE", FINDING_RIGHTS,
					     try_cap_checkpoint_restore,
					     "mapped files whose name is gone", "deleted-files" },
	[ABILITY_CAP_DAC_READ_SEARCH] = { "CAP_DAC_READ_SEARCH", FINDING_RIGHTS,
					  try_cap_dac_read_search,
					  "files that only their owner may read, and tracefs",
					  "names in such files; classic tracepoints" },
};

const char *ability_name(enum ability ability)
{
	return rows[ability].name;
}

void ability_try(struct lab *lab, enum ability ability, struct ability_result *ret_result)
{
	struct ability_result result = { .state = ABILITY_STATE_COUNT };

	rows[ability].try(lab, &result);
	assert(result.state != ABILITY_STATE_COUNT);
	*ret_result = result;
}

bool ability_works(enum ability ability)
{
	own(lab_freep) struct lab *lab = NULL;
	struct ability_result result;

	if (lab_new(true, &lab) != 0)
		return false;
	ability_try(lab, ability, &result);
	return result.state == ABILITY_WORKS || result.state == ABILITY_DEGRADED;
}

static void describe_system(const struct lab *lab, struct diagnosis *diagnosis)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct utsname system = { 0 };

	uname(&system);
	snprintf(diagnosis->kernel, sizeof(diagnosis->kernel), "%s", system.release);
	snprintf(diagnosis->machine, sizeof(diagnosis->machine), "%s", system.machine);
	diagnosis->cpus = cpus > 0 ? (uint32_t)cpus : 0;
	diagnosis->uid = lab->uid;
	diagnosis->in_user_namespace = lab->in_user_namespace;
	diagnosis->has_seccomp = lab->has_seccomp;
	diagnosis->no_new_privs = lab->no_new_privs;
}

static int try_all(struct lab *lab, struct diagnosis *diagnosis)
{
	int err = 0;

	for (enum ability ability = 0; !err && ability < ABILITY_COUNT; ability++) {
		const struct row *row = &rows[ability];
		struct finding finding = { row->name, row->group, row->purpose, row->lost, { 0 } };

		ability_try(lab, ability, &finding.result);
		err = vec_push(&diagnosis->findings, finding);
	}
	return err;
}

/* Hands the texts that the lab has collected to the diagnosis. */
static void take_facts(struct lab *lab, struct diagnosis *diagnosis)
{
	static_assert(sizeof(lab->missing) == sizeof(diagnosis->missing), "the same vector");
	memcpy(&diagnosis->missing, &lab->missing, sizeof(lab->missing));
	memcpy(&diagnosis->unused, &lab->unused, sizeof(lab->unused));
	memset(&lab->missing, 0, sizeof(lab->missing));
	memset(&lab->unused, 0, sizeof(lab->unused));
}

int diagnose(struct diagnosis *ret_diagnosis)
{
	own(diagnosis_done) struct diagnosis diagnosis = { 0 };
	own(lab_freep) struct lab *lab = NULL;
	uint64_t start = clock_mono_ns();
	int err = lab_new(false, &lab);

	if (err)
		return err;
	describe_system(lab, &diagnosis);
	err = try_all(lab, &diagnosis) ?: system_examine(&diagnosis);
	take_facts(lab, &diagnosis);
	if (err)
		return err;
	diagnosis.tick_ns = lab->tick_ns;
	summary_write(lab, &diagnosis);
	diagnosis.elapsed_ns = clock_mono_ns() - start;
	*ret_diagnosis = diagnosis;
	memset(&diagnosis, 0, sizeof(diagnosis)); /* the caller owns it now */
	return 0;
}
