/* SPDX-License-Identifier: MIT */
#include "collect/trace/tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "collect/trace/counters.h"
#include "collect/trace/switches.h"

#define OPTIONS                                                                                \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | \
	 PTRACE_O_TRACEEXIT)
#define ARGV_MAX_BYTES 4096

/* A thread that lives. */
struct tracee {
	pid_t tid, pid; /* pid 0: not known yet */
	uint32_t process;
	uint64_t born;
};

struct tracer {
	struct account *account;
	vec(struct tracee) tracees;
	pid_t root;
	uint64_t root_born;
	struct balance_times root_before; /* what our child did before it executed the command */
	bool root_over;
	int root_status;
	bool has_switches; /* they are told of, too */
	struct switches switches;
};

static struct tracee *find(struct tracer *tracer, pid_t tid)
{
	vec_each(tracee, &tracer->tracees)
		if (tracee->tid == tid)
			return tracee;
	return NULL;
}

/* Its process: that of a living thread of the same number, or a new one. */
static int enter_process(struct tracer *tracer, struct tracee *tracee)
{
	own(freep) char *status = proc_read_task(tracee->tid, "status");

	tracee->pid = status ? (pid_t)proc_field(status, "Tgid") : tracee->tid;
	vec_each(other, &tracer->tracees)
		if (other != tracee && other->pid == tracee->pid) {
			tracee->process = other->process;
			return 0;
		}
	return account_process(tracer->account, (uint32_t)tracee->pid, tracee->born,
			       &tracee->process);
}

/* A thread is heard of for the first time. */
static int enter(struct tracer *tracer, pid_t tid)
{
	struct tracee tracee = { .tid = tid, .born = clock_mono_ns() };
	const struct switched *switched;
	int err = 0;

	if (find(tracer, tid))
		return 0;
	if (tracer->has_switches) {
		err = switches_drain(&tracer->switches);
		switched = switches_of(&tracer->switches, (uint32_t)tid);
		if (switched && switched->born)
			tracee.born = switched->born;
	}
	err = err ?: vec_push(&tracer->tracees, tracee);
	return err ?: enter_process(tracer, &tracer->tracees.data[tracer->tracees.len - 1]);
}

static int made(struct tracer *tracer, pid_t maker)
{
	struct account *account = tracer->account;
	struct tracee *parent, *child;
	unsigned long tid = 0;
	int err;

	if (ptrace(PTRACE_GETEVENTMSG, maker, NULL, &tid) < 0)
		return 0;
	err = enter(tracer, (pid_t)tid);
	parent = find(tracer, maker);
	child = find(tracer, (pid_t)tid);
	if (err || !parent || !child || child->process == parent->process)
		return err;
	account->processes.data[child->process].parent = parent->process;
	account->processes.data[child->process].parent_pid = (uint32_t)parent->pid;
	return 0;
}

static void forget(struct tracer *tracer, struct tracee *tracee)
{
	switches_forget(&tracer->switches, (uint32_t)tracee->tid);
	*tracee = tracer->tracees.data[--tracer->tracees.len];
}

static void take_memory(pid_t tid, struct account_process *process, char comm[16])
{
	own(freep) char *status = proc_read_task(tid, "status");
	uint64_t peak;

	if (!status)
		return;
	peak = proc_field(status, "VmHWM") * 1024;
	process->has_rss = true;
	if (peak > process->rss_peak_bytes)
		process->rss_peak_bytes = peak;
	sscanf(status, "Name:\t%15s", comm);
}

/* Its life by its switches; when it wanted to wait, the kernel's count says how long it then waited for
 * a CPU.
 */
static void divide_by_switches(const struct switched *switched, struct balance_times *times)
{
	uint64_t left = times->life, queued = switched->queued;

	if (times->kernel_delay > queued)
		queued = times->kernel_delay;
	if (queued > switched->queued + switched->waited)
		queued = switched->queued + switched->waited;
	times->running = switched->running < left ? switched->running : left;
	left -= times->running;
	times->runq = queued < left ? queued : left;
	times->blocked[BLOCK_UNSEEN] = left - times->runq;
	times->voluntary = switched->outs - switched->preemptions;
	times->involuntary = switched->preemptions;
}

/* Return: 0; -ENOMEM; -errno */
static int divide(struct tracer *tracer, const struct tracee *tracee, uint64_t at,
		  struct balance_times *times)
{
	struct switched *switched;
	int err;

	counters_divide(times);
	if (!tracer->has_switches)
		return 0;
	err = switches_drain(&tracer->switches);
	switched = switches_of(&tracer->switches, (uint32_t)tracee->tid);
	if (err || !switched || tracer->switches.lost)
		return err; /* what is lost would be missing in one of its parts */
	switched_take(switched, &(struct switch_record){ at, switched->tid, SWITCH_END });
	divide_by_switches(switched, times);
	return 0;
}

/* What the kernel has counted of a thread, and the rest of its life as unknown. */
static int account_for(struct tracer *tracer, const struct tracee *tracee, uint64_t at, bool alive)
{
	struct account_thread row = {
		.process = tracee->process,
		.tid = (uint32_t)tracee->tid,
		.born_mono_ns = tracee->born,
		.died_mono_ns = at,
		.is_alive = alive,
		.is_cut = true,
	};
	int err;

	row.times.life = at > tracee->born ? at - tracee->born : 0;
	counters_read(tracee->tid, &row.times);
	if (tracee->tid == tracer->root)
		times_subtract(&row.times, &tracer->root_before);
	err = divide(tracer, tracee, at, &row.times);
	if (err)
		return err;
	take_memory(tracee->tid, &tracer->account->processes.data[tracee->process], row.comm);
	times_add(&tracer->account->totals, &row.times);
	tracer->account->thread_count++;
	return account_thread(tracer->account, &row);
}

/* A thread that counts from now on: it is not on a CPU. */
static int restart(struct tracer *tracer, pid_t tid, uint64_t now)
{
	struct switched *switched;
	int err = switches_drain(&tracer->switches);

	switched = switches_of(&tracer->switches, (uint32_t)tid);
	if (switched)
		*switched = (struct switched){ .tid = (uint32_t)tid, .born = now, .since = now };
	return err;
}

static int executed(struct tracer *tracer, pid_t tid)
{
	unsigned long former = 0;
	struct tracee *tracee = find(tracer, tid), *taker;
	own(freep) char *argv = NULL;
	char path[64], file[4096];
	size_t len = 0;
	ssize_t got;
	int err = 0;

	ptrace(PTRACE_GETEVENTMSG, tid, NULL, &former);
	taker = find(tracer, (pid_t)former);
	if (former && (pid_t)former != tid && taker) {
		/* Another thread than the first: it goes on under the number of the first. */
		if (tracee)
			forget(tracer, tracee);
		taker = find(tracer, (pid_t)former);
		taker->tid = tid;
		tracee = taker;
		switches_rename(&tracer->switches, (uint32_t)former, (uint32_t)tid);
		if (tid == tracer->root)
			tracer->root_before = (struct balance_times){ 0 };
	}
	if (!tracee)
		return 0;
	if (tid == tracer->root && !tracer->root_born) {
		/* The account begins here; what the child of ours did before is not the command's. */
		counters_read(tid, &tracer->root_before);
		tracer->root_born = tracee->born = clock_mono_ns();
		if (tracer->has_switches)
			err = restart(tracer, tid, tracee->born);
		tracer->account->processes.data[tracee->process].born_mono_ns = tracee->born;
	}
	if (err)
		return err;
	argv = proc_read(tid, "cmdline", &len);
	snprintf(path, sizeof(path), "/proc/%d/exe", tid);
	got = readlink(path, file, sizeof(file) - 1);
	file[got > 0 ? got : 0] = '\0';
	return account_exec(tracer->account, tracee->process, clock_mono_ns(), file, argv ?: "",
			    len < ARGV_MAX_BYTES ? len : ARGV_MAX_BYTES, len);
}

/* It is about to end: everything of it is still there. */
static int exits(struct tracer *tracer, pid_t tid)
{
	struct tracee *tracee = find(tracer, tid);
	struct account_process *process;
	unsigned long status = 0;
	bool has_status;
	int err;

	if (!tracee)
		return 0;
	/* The kernel answers when its last time slice is over, and counted. */
	has_status = ptrace(PTRACE_GETEVENTMSG, tid, NULL, &status) == 0 && tid == tracee->pid;
	err = account_for(tracer, tracee, clock_mono_ns(), false);
	if (has_status) {
		process = &tracer->account->processes.data[tracee->process];
		process->has_status = true;
		process->status = (int)status;
	}
	forget(tracer, tracee);
	return err;
}

static void go_on(pid_t tid, int signal)
{
	ptrace(PTRACE_CONT, tid, NULL, signal);
}

static int stopped(struct tracer *tracer, pid_t tid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16, err = enter(tracer, tid);

	switch (event) {
	case 0:
		go_on(tid, signal);
		return err;
	case PTRACE_EVENT_STOP:
		if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
		    signal == SIGTTOU)
			ptrace(PTRACE_LISTEN, tid, NULL, NULL); /* it stays stopped */
		else
			go_on(tid, 0);
		return err;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		err = err ?: made(tracer, tid);
		break;
	case PTRACE_EVENT_EXEC:
		err = err ?: executed(tracer, tid);
		break;
	case PTRACE_EVENT_EXIT:
		err = err ?: exits(tracer, tid);
		break;
	}
	go_on(tid, 0);
	return err;
}

int tracer_new(struct account *account, pid_t root, bool with_switches, struct tracer **ret_tracer)
{
	own(tracer_freep) struct tracer *tracer = calloc(1, sizeof(*tracer));
	int err;

	if (!tracer)
		return -ENOMEM;
	tracer->account = account;
	tracer->root = root;
	if (with_switches) {
		err = switches_open(root, &tracer->switches);
		if (err)
			return err;
		tracer->has_switches = true;
	}
	if (ptrace(PTRACE_SEIZE, root, NULL, OPTIONS) < 0)
		return -errno;
	err = enter(tracer, root);
	if (err)
		return err;
	*ret_tracer = take(tracer);
	return 0;
}

int tracer_handle(struct tracer *tracer, int *ret_status)
{
	int status, err = 0;
	pid_t tid;

	if (tracer->has_switches)
		err = switches_drain(&tracer->switches);
	while (!err && (tid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			err = stopped(tracer, tid, status);
			continue;
		}
		if (find(tracer, tid)) /* killed without a stop */
			forget(tracer, find(tracer, tid));
		if (tid == tracer->root) {
			tracer->root_over = true;
			*ret_status = tracer->root_status = status;
		}
	}
	return err ?: tracer->root_over;
}

int tracer_descriptor(const struct tracer *tracer)
{
	return tracer->has_switches ? tracer->switches.epoll : -1;
}

size_t tracer_alive(const struct tracer *tracer)
{
	return tracer->tracees.len;
}

uint64_t tracer_root_born(const struct tracer *tracer)
{
	return tracer->root_born;
}

int tracer_finish(struct tracer *tracer, uint64_t at_mono_ns)
{
	int err = 0;

	vec_each(tracee, &tracer->tracees)
		err = err ?: account_for(tracer, tracee, at_mono_ns, true);
	/* A tracee can only be let go while it is stopped; the others go on when we end. */
	tracer->account->process_count = tracer->account->processes.len;
	return err
		       ?: coverage_lose(
				  &tracer->account->coverage,
				  "switches: ring buffer full, so lives are divided by counters",
				  tracer->switches.lost, at_mono_ns);
}

void tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	vec_done(&tracer->tracees);
	switches_close(&tracer->switches);
	free(tracer);
}
