/* SPDX-License-Identifier: MIT */
#include "session/ladder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/trace/counters.h"

#define BIT(section) (1u << (section))
#define ALL          (BIT(SECTION_COUNT) - 1)

/* The kernel takes from a traced program the rights of another user that its file would give it. */
static bool is_setuid(const char *name)
{
	char path[PATH_MAX];
	const char *folders = getenv("PATH") ?: "/usr/bin:/bin";
	struct stat status;

	if (strchr(name, '/'))
		return stat(name, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID));
	while (*folders) {
		size_t len = strcspn(folders, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)len, folders, name);
		if (access(path, X_OK) == 0)
			return stat(path, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID));
		folders += len + (folders[len] == ':');
	}
	return false;
}

static int lack_all(struct account *account, uint32_t sections, const char *const *what)
{
	int err = 0;

	for (; !err && *what; what++)
		err = account_lack(account, sections, *what);
	return err;
}

static int fail_perf(int err)
{
	err = fail(err, "cannot take records of switches: %m");
	if (err == -EACCES)
		hint("'sysctl kernel.perf_event_paranoid=2' permits them for one's own processes");
	return err;
}

/* Stops at fork, exec and exit; with records of switches, too. */
static int open_tracer(struct ladder *ladder, bool with_switches)
{
	static const char *const lacks[] = {
		"why threads were blocked, and where their wake-ups waited: 'unknown' is all of it, with the "
		"stops of kymo",
		"peak memory of the tree, network peers, block devices, system calls",
		"what came after the exit of a thread, such as freeing its memory",
		"programs that are setuid run without the rights of their file while they are traced",
		NULL,
	};
	const char *mode = with_switches ? "perf" : "ptrace";
	int err = tracer_new(ladder->account, ladder->launch->pid, with_switches, &ladder->tracer);

	if (err && with_switches)
		return fail_perf(err);
	if (err)
		return fail(err, "cannot trace the command: %m");
	ladder->launch->is_traced = true;
	ladder->account->rung = with_switches ? ACCOUNT_PERF : ACCOUNT_PTRACE;
	err = coverage_set_mode(&ladder->account->coverage, mode);
	return err
		       ?: lack_all(ladder->account,
				   ALL & ~(BIT(SECTION_PROCESSES) | BIT(SECTION_BALANCE) |
					   BIT(SECTION_CGROUP)),
				   lacks);
}

/* What the kernel tells a parent, and what is left of the command in /proc when it has ended. */
static int open_proc(struct ladder *ladder)
{
	static const char *const lacks[] = {
		"processes other than the command, threads other than its first, and their time",
		"why the command was blocked: 'unknown' is all of it",
		"faults and switches of descendants that nobody has waited for",
		"network peers, block devices, system calls",
		NULL,
	};
	struct account *account = ladder->account;
	bool has_group = ladder->request->rung != RUN_PROC && ladder->group->folders[OWN_GROUP_V2];
	int err = 0;

	getrusage(RUSAGE_CHILDREN, &ladder->before);
	counters_read(ladder->launch->pid, &ladder->waited);
	ladder->launch->keeps_counters = true;
	account->rung = has_group ? ACCOUNT_CGROUP : ACCOUNT_PROC;
	err = coverage_set_mode(&account->coverage, has_group ? "cgroup" : "proc");
	err = err ?: lack_all(account, ALL & ~BIT(SECTION_CGROUP), lacks);
	if (!err && !has_group)
		err = account_lack(account, 0,
				   "CPU time of descendants that nobody has waited for");
	if (!err)
		err = account_lack(account, 0,
				   "peak resident memory: what a parent is told is inherited from "
				   "the parent itself");
	return err;
}

int ladder_open(struct ladder *ladder, const struct run_request *request, struct launch *launch,
		struct account *account, struct own_group *group)
{
	int err = -EPERM;

	*ladder = (struct ladder){ account, launch, request, group, NULL, { { 0 } }, { 0 } };
	if (request->rung <= RUN_PERF && !is_setuid(request->command[0]))
		err = open_tracer(ladder, true);
	if (!err || request->rung == RUN_PERF)
		return err;
	if (request->rung <= RUN_PTRACE && !is_setuid(request->command[0])) {
		if (request->rung != RUN_PTRACE && *error_text())
			err = coverage_lack(&account->coverage, error_text()) ?: err;
		error_clear();
		err = open_tracer(ladder, false);
	}
	if (!err || request->rung == RUN_PTRACE)
		return err;
	error_clear();
	if (request->rung != RUN_PROC && !group->folders[OWN_GROUP_V2]) {
		err = own_group_make(launch->pid, group);
		if (err && request->rung == RUN_CGROUP)
			return err;
		error_clear();
	}
	return open_proc(ladder);
}

int ladder_handle(struct ladder *ladder)
{
	int outcome;

	if (!ladder->tracer)
		return 0;
	outcome = tracer_handle(ladder->tracer, &ladder->launch->status);
	if (outcome > 0)
		ladder->launch->has_ended = true;
	return outcome < 0 ? outcome : 0;
}

int ladder_descriptor(const struct ladder *ladder)
{
	return ladder->tracer ? tracer_descriptor(ladder->tracer) : -1;
}

uint64_t ladder_alive(const struct ladder *ladder)
{
	return ladder->tracer ? tracer_alive(ladder->tracer) : 0;
}

uint64_t ladder_root_born(const struct ladder *ladder)
{
	if (ladder->tracer)
		return tracer_root_born(ladder->tracer);
	return ladder->account ? ladder->account->started_mono_ns : 0;
}

static uint64_t ns_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_usec * NS_PER_US;
}

/* What the kernel tells of children that have ended, and were waited for. */
static void take_usage(struct ladder *ladder)
{
	const struct rusage *before = &ladder->before;
	struct balance_times *times = &ladder->account->totals;
	struct rusage now;

	getrusage(RUSAGE_CHILDREN, &now);
	times->kernel_cpu = ns_of(&now.ru_utime) + ns_of(&now.ru_stime) - ns_of(&before->ru_utime) -
			    ns_of(&before->ru_stime);
	if (ladder->account->rung == ACCOUNT_CGROUP && ladder->account->group.has_cpu)
		times->kernel_cpu = ladder->account->group.cpu_ns;
	times->minor_faults = (uint64_t)(now.ru_minflt - before->ru_minflt);
	times->major_faults = (uint64_t)(now.ru_majflt - before->ru_majflt);
	times->kernel_voluntary = (uint64_t)(now.ru_nvcsw - before->ru_nvcsw);
	times->kernel_involuntary = (uint64_t)(now.ru_nivcsw - before->ru_nivcsw);
}

static int take_argv(struct ladder *ladder, uint32_t process, uint64_t at)
{
	char *const *command = ladder->request->command;
	vec(char) argv = { 0 };
	int err = 0;

	for (; !err && *command; command++) {
		size_t len = strlen(*command) + 1;

		err = vec_reserve(&argv, len);
		if (!err)
			memcpy(argv.data + argv.len, *command, len);
		argv.len += err ? 0 : len;
	}
	err = err
		      ?: account_exec(ladder->account, process, at, ladder->request->command[0],
				      argv.data, argv.len, argv.len);
	vec_done(&argv);
	return err;
}

/* The command itself, when it has ended. */
static int take_command(struct ladder *ladder)
{
	struct account *account = ladder->account;
	const struct launch *launch = ladder->launch;
	struct account_thread row = {
		.tid = (uint32_t)launch->pid,
		.born_mono_ns = account->started_mono_ns,
		.died_mono_ns = launch->ended_mono_ns,
		.is_cut = true,
		.times = launch->counters,
	};
	int err;

	if (!launch->has_ended || !launch->counters.kernel_cpu)
		return account_lack(account, 0, "the command itself: it had not ended");
	row.times.life = row.died_mono_ns - row.born_mono_ns;
	times_subtract(&row.times, &ladder->waited);
	counters_divide(&row.times);
	err = account_process(account, row.tid, row.born_mono_ns, &row.process);
	err = err ?: take_argv(ladder, row.process, row.born_mono_ns);
	return err ?: account_thread(account, &row);
}

int ladder_finish(struct ladder *ladder)
{
	if (ladder->tracer)
		return tracer_finish(ladder->tracer, ladder->account->ended_mono_ns);
	take_usage(ladder);
	return take_command(ladder);
}

void ladder_done(struct ladder *ladder)
{
	tracer_free(ladder->tracer);
	ladder->tracer = NULL;
}
