/* SPDX-License-Identifier: MIT */
/* cpu.c - chooses the source by trying, best first, and hides which one it was. */
#include "collect/cpu/cpu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/alive.h"
#include "collect/cgroup.h"
#include "collect/cpu/source.h"
#include "collect/namespace.h"

struct cpu {
	struct cpu_source *source;
	struct cpu_source *second; /* CPU_TIME_WALL: of waits; else NULL */
	struct cpu_list cpus;
};

/* CLOCK_MONOTONIC_COARSE moves once a tick, and its resolution says how long that is. */
uint64_t cpu_tick_ns(void)
{
	struct timespec tick;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return (uint64_t)tick.tv_sec * NS_PER_S + (uint64_t)tick.tv_nsec;
}

static int check_targets(const struct cpu_request *request)
{
	for (size_t i = 0; i < request->id_count; i++) {
		bool is_thread = request->kind == TARGET_THREAD;
		uint32_t id = request->ids[i];
		int err;

		if (kill((pid_t)id, 0) < 0 && errno == ESRCH) {
			err = fail(-ESRCH, "no %s with the number %u",
				   is_thread ? "thread" : "process", id);
			hint("'ps -e%s' lists what is running", is_thread ? "L" : "");
			return err;
		}
		if (!is_thread && alive_process(id) == 0)
			return fail(-ESRCH, "process %u has ended: only its parent still knows it",
				    id);
	}
	return 0;
}

/* Whether nothing else will do than BPF by call frame information. */
static bool is_forced(const struct cpu_request *request)
{
	return request->unwind == CPU_UNWIND_INTERRUPT || request->unwind == CPU_UNWIND_DEFERRED;
}

/* The counter's interrupt may come in the midst of a walk that was put off. */
static int check_unwind(const struct cpu_request *request)
{
	int err;

	if (request->unwind != CPU_UNWIND_DEFERRED || request->timer != CPU_TIMER_HARDWARE)
		return 0;
	err = fail(-EINVAL, "'--unwind deferred' does not go with the hardware cycle counter");
	hint("leave out '--hw', or '--unwind deferred'");
	return err;
}

static int open_bpf(struct cpu_plan *plan, struct cpu_source **ret_source)
{
	const struct cpu_request *request = plan->request;
	uint64_t tick_hz = NS_PER_S / plan->tick_ns;
	int err;

	if (request->timer == CPU_TIMER_TICK && request->rate_hz > tick_hz) {
		err = fail(-EINVAL,
			   "cannot take %u samples a second in the timer tick: it comes %u times",
			   request->rate_hz, (unsigned)tick_hz);
		hint("leave out '--timer tick', or lower -F");
		return err;
	}
	plan->timer = request->timer;
	if (request->timer != CPU_TIMER_BEST)
		return cpu_bpf_open(plan, ret_source);
	if (request->rate_hz <= tick_hz) {
		plan->timer = CPU_TIMER_TICK;
		err = cpu_bpf_open(plan, ret_source);
		if (err != -ENOTSUP && err != -EPERM) /* the tick takes CAP_SYSLOG as well */
			return err;
	}
	plan->timer = CPU_TIMER_CLOCK;
	return cpu_bpf_open(plan, ret_source);
}

/* Waits are told by BPF alone. */
static int open_waits(struct cpu_plan *plan, const struct cpu_source *first,
		      struct cpu_source **ret_source)
{
	int err;

	plan->timer = CPU_TIMER_SWITCH;
	plan->first = first;
	err = plan->request->without_bpf ? -EPERM : cpu_bpf_open(plan, ret_source);
	if (err == -ENOTSUP)
		hint("'kymo doctor' tells what this kernel lacks for it");
	return err;
}

static int open_source(struct cpu_plan *plan, struct cpu_source **ret_source)
{
	const struct cpu_request *request = plan->request;
	int err = -EPERM;

	if (!request->without_bpf) {
		err = open_bpf(plan, ret_source);
		/* A kernel that loads no BPF; or a machine without the counter, and then for perf, too. */
		if (err == -ENOTSUP && request->timer == CPU_TIMER_HARDWARE)
			return err;
		if (err != -EPERM && err != -EACCES && err != -ENOTSUP)
			return err;
	}
	if (request->timer == CPU_TIMER_TICK || is_forced(request))
		return err;
	plan->timer = request->timer == CPU_TIMER_HARDWARE ? CPU_TIMER_HARDWARE : CPU_TIMER_CLOCK;
	return cpu_perf_open(plan, ret_source);
}

int cpu_open(const struct cpu_request *request, struct cpu **ret_cpu)
{
	own(cpu_closep) struct cpu *cpu = calloc(1, sizeof(*cpu));
	struct cpu_plan plan = { .request = request, .tick_ns = cpu_tick_ns() };
	int err;

	if (!cpu)
		return -ENOMEM;
	err = check_unwind(request);
	err = err ?: namespace_of_pids(&plan.pid_namespace);
	err = err ?: check_targets(request);
	if (!err && request->kind == TARGET_CGROUP)
		err = cgroup_find(request->cgroup, &plan.hierarchy, &plan.cgroup_id);
	if (err)
		return err;
	err = perf_cpus(&cpu->cpus);
	if (err)
		return fail(err, "cannot tell which processors are online: %m");
	plan.cpus = &cpu->cpus;
	err = request->time == CPU_TIME_OFF ? open_waits(&plan, NULL, &cpu->source)
					    : open_source(&plan, &cpu->source);
	if (!err && request->time == CPU_TIME_WALL)
		err = open_waits(&plan, cpu->source, &cpu->second);
	if (err)
		return err;
	*ret_cpu = take(cpu);
	return 0;
}

int cpu_start(struct cpu *cpu)
{
	int err = cpu->source->type->start(cpu->source);

	if (!err && cpu->second)
		err = cpu->second->type->start(cpu->second);
	return err;
}

void cpu_stop(struct cpu *cpu)
{
	cpu->source->type->stop(cpu->source);
	if (cpu->second)
		cpu->second->type->stop(cpu->second);
}

void cpu_close(struct cpu *cpu)
{
	if (!cpu)
		return;
	if (cpu->second)
		cpu->second->type->close(cpu->second);
	if (cpu->source)
		cpu->source->type->close(cpu->source);
	vec_done(&cpu->cpus.ids);
	free(cpu);
}

int cpu_drain(struct cpu *cpu, struct batch *batch)
{
	int err = cpu->second ? cpu->second->type->drain(cpu->second, batch) : 0;

	return err ?: cpu->source->type->drain(cpu->source, batch);
}

int cpu_drain_counts(struct cpu *cpu, struct batch *batch)
{
	int err = cpu->second ? cpu->second->type->drain_counts(cpu->second, batch) : 0;

	return err ?: cpu->source->type->drain_counts(cpu->source, batch);
}

int cpu_descriptor(const struct cpu *cpu)
{
	return cpu->source->type->descriptor(cpu->source);
}

bool cpu_is_over(const struct cpu *cpu)
{
	const struct cpu_source *source = cpu->source;

	return source->type->is_over && source->type->is_over(source);
}

int cpu_describe(const struct cpu *cpu, struct coverage *coverage)
{
	int err = cpu->second ? cpu->second->type->describe(cpu->second, coverage) : 0;
	char mode[128];

	err = err ?: cpu->source->type->describe(cpu->source, coverage);
	if (err || !cpu->second)
		return err;
	snprintf(mode, sizeof(mode), "%s, and at context switches", coverage->mode);
	return coverage_set_mode(coverage, mode);
}

uint32_t cpu_count(const struct cpu *cpu)
{
	return (uint32_t)cpu->cpus.ids.len;
}

struct unwind_tables *cpu_unwind_tables(const struct cpu *cpu)
{
	return cpu->source->type->unwind_tables ? cpu->source->type->unwind_tables(cpu->source)
						: NULL;
}
