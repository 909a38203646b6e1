/* SPDX-License-Identifier: MIT */
/* bpf.c - samples and waits by BPF: loads the programs, switches them on, drains their ring. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <bpf/skel_internal.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/alive.h"
#include "collect/cpu/cpu.wire.h"
#include "collect/cpu/programs.h"
#include "collect/cpu/records.h"
#include "collect/cpu/samplers.h"
#include "collect/cpu/waits.h"
#include "collect/rights.h"
#include "collect/ring.h"

#define COUNTS_PER_CALL    1024u
#define OVER_LOOKS         64 /* at ended processes, before the next drain */
#define SETTLE_STEPS       50 /* waits for a program still running on another CPU: 5 ms at most */
#define SETTLE_STACK_STEPS 20 /* of 1 ms, for user stacks that are put off */

struct bpf_source {
	struct cpu_source base;
	struct sampler sampler;
	struct waits *waits; /* CPU_TIMER_SWITCH; else NULL */
	struct programs programs;
	struct ring ring;
	struct unwind_tables *tables; /* NULL: by frame pointers */
	struct sideband sideband;
	vec(int) links;  /* raw tracepoints */
	vec(int) events; /* perf events, one per CPU, in clock mode */
	struct records records;
	int drain_err;
	uint64_t counted;           /* samples that came as counts */
	struct cpu_statistics said; /* already reported */
	uint64_t refused_said;
	uint32_t rate_hz;
	enum cpu_timer timer;
	bool follows; /* forks of chosen processes */
	enum target_kind
		chosen;      /* TARGET_PROCESS, TARGET_THREAD; else nothing is chosen by number */
	bool sees_outsiders; /* may sample processes that this PID namespace does not see */
	bool every_sample;
	bool is_stopped;
	bool is_second; /* another source has the events */
};

static struct bpf_source *bpf_source(const struct cpu_source *source)
{
	return (struct bpf_source *)source;
}

/* One event per CPU, switched off, with the program attached. */
static int open_events(struct bpf_source *source, const struct cpu_plan *plan)
{
	bool hardware = plan->timer == CPU_TIMER_HARDWARE;

	vec_each(cpu, &plan->cpus->ids) {
		struct perf_event_attr attr = {
			.type = hardware ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE,
			.config = hardware ? PERF_COUNT_HW_CPU_CYCLES : PERF_COUNT_SW_CPU_CLOCK,
			.freq = 1,
			.sample_freq = plan->request->rate_hz,
			.disabled = 1,
			.exclude_idle = hardware, /* the program wants every time of a clock */
		};
		int fd = perf_open(&attr, -1, (int)*cpu, -1, 0);

		if (fd == -ENODEV && !hardware)
			continue;
		if (fd < 0)
			return fd;
		if (vec_push(&source->events, fd)) {
			close(fd);
			return -ENOMEM;
		}
		if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, source->programs.sample) < 0)
			return -errno;
	}
	return 0;
}

static int fail_events(const struct cpu_plan *plan, int err)
{
	if (plan->timer == CPU_TIMER_HARDWARE &&
	    (err == -ENOENT || err == -EOPNOTSUPP || err == -ENODEV)) {
		err = fail(-ENOTSUP, "this machine has no hardware cycle counter that can sample");
		hint("leave out '--hw': cpu-clock, the timer of the kernel, works without one");
		return err;
	}
	if (err == -EINVAL) {
		err = fail(err, "the kernel refuses %u samples a second", plan->request->rate_hz);
		hint("'sysctl kernel.perf_event_max_sample_rate' is its limit");
		return err;
	}
	return fail(err, "cannot open a timer on every processor: %m");
}

static int fail_load(const struct cpu_plan *plan, int err)
{
	bool is_later = plan->request->unwind == CPU_UNWIND_DEFERRED;

	/* The light skeleton finds no such function in the kernel's BTF. */
	if (err == -ENOENT && is_later && rights_load_tracing())
		err = fail(-ENOTSUP,
			   "this kernel has no task work, in which stacks are walked later");
	else
		err = rights_fail_load(err, plan->timer == CPU_TIMER_SWITCH
						    ? "the program that measures waits"
						    : "the program that takes samples");
	if (err == -ENOTSUP && is_later)
		hint("'--unwind deferred' needs Linux 6.18; leave it out to walk at once");
	return err;
}

static int attach_raw(struct bpf_source *source, const char *name, int program)
{
	int fd = bpf_raw_tracepoint_open(name, program);

	if (fd < 0)
		return fail(fd == -ENOENT ? -ENOTSUP : fd, "cannot attach to tracepoint '%s': %m",
			    name);
	if (vec_push(&source->links, fd)) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

static int choose_targets(struct bpf_source *source, const struct cpu_request *request)
{
	u8 one = 1;

	for (size_t i = 0; i < request->id_count; i++)
		if (bpf_map_update_elem(source->programs.targets, &request->ids[i], &one, BPF_ANY))
			return fail(-errno, "cannot choose %zu processes: %m", request->id_count);
	return 0;
}

static int on_sample(void *context, const void *data, size_t len);

static struct unwind_tables *bpf_unwind_tables(const struct cpu_source *base);

/* Follows forks before the targets are entered, so that no child is missed in between. */
static int prepare(struct bpf_source *source, const struct cpu_plan *plan)
{
	int err;

	if (plan->timer == CPU_TIMER_CLOCK || plan->timer == CPU_TIMER_HARDWARE) {
		err = open_events(source, plan);
		if (err)
			return fail_events(plan, err);
	}
	if (programs_have_tables(plan->request) && plan->first) {
		unwind_tables_mirror(bpf_unwind_tables(plan->first), source->programs.unwind_blocks,
				     source->programs.unwind_mappings);
	} else if (programs_have_tables(plan->request)) {
		err = unwind_tables_new(
			source->programs.unwind_blocks, source->programs.unwind_mappings,
			plan->request->unwind_bytes ?: CPU_UNWIND_BYTES, &source->tables);
		if (err)
			return err;
	}
	err = ring_open(&source->ring, source->programs.ring);
	if (err)
		return err;
	err = plan->first ? 0 : sideband_open(&source->sideband, plan->cpus);
	if (err)
		return fail(err, "cannot follow the mappings of processes: %m");
	if (source->programs.exit)
		err = attach_raw(source, "sched_process_exit", source->programs.exit);
	if (!err && source->follows) {
		err = attach_raw(source, "sched_process_fork", source->programs.fork);
		err = err ?: attach_raw(source, "sched_process_exec", source->programs.exec);
		err = err ?: attach_raw(source, "sched_process_free", source->programs.free);
	}
	return err ?: choose_targets(source, plan->request);
}

static void bpf_close(struct cpu_source *base)
{
	struct bpf_source *source = bpf_source(base);

	vec_each(fd, &source->links)
		close(*fd);
	vec_each(fd, &source->events)
		close(*fd);
	vec_done(&source->links);
	vec_done(&source->events);
	records_done(&source->records);
	ring_close(&source->ring);
	unwind_tables_free(source->tables);
	sideband_close(&source->sideband);
	sampler_done(&source->sampler);
	waits_free(source->waits);
	free(source);
}

static int bpf_start(struct cpu_source *base)
{
	struct bpf_source *source = bpf_source(base);

	if (source->timer == CPU_TIMER_SWITCH)
		return waits_start(source->waits);
	if (source->timer == CPU_TIMER_TICK)
		return attach_raw(source, "hrtimer_expire_entry", source->programs.sample);
	vec_each(fd, &source->events)
		if (ioctl(*fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
			return fail(-errno, "cannot start a timer: %m");
	return 0;
}

static void bpf_stop(struct cpu_source *base)
{
	struct bpf_source *source = bpf_source(base);

	vec_each(fd, &source->events)
		ioctl(*fd, PERF_EVENT_IOC_DISABLE, 0);
	vec_each(fd, &source->links)
		close(*fd);
	source->links.len = 0;
	if (source->waits)
		waits_stop(source->waits);
	source->is_stopped = true;
}

static int on_sample(void *context, const void *data, size_t len)
{
	struct bpf_source *source = context;

	source->drain_err = records_take(&source->records, data, len);
	return source->drain_err;
}

/* Sums the statistics of all possible CPUs. */
static int read_statistics(const struct bpf_source *source, struct cpu_statistics *ret_sum)
{
	int cpus = libbpf_num_possible_cpus();
	own(freep) struct cpu_statistics *each =
		cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;
	struct cpu_statistics sum = { 0 };
	u32 zero = 0;

	if (!each)
		return -ENOMEM;
	if (bpf_map_lookup_elem(source->programs.statistics, &zero, each))
		return -errno;
	for (int i = 0; i < cpus; i++) {
		sum.taken += each[i].taken;
		sum.lost += each[i].lost;
		sum.counts_full += each[i].counts_full;
		sum.irq_regs_bad += each[i].irq_regs_bad;
		sum.waits_refused += each[i].waits_refused;
		sum.waits_torn += each[i].waits_torn;
		sum.stacks_refused += each[i].stacks_refused;
	}
	*ret_sum = sum;
	return 0;
}

static int report_loss(struct batch *batch, const char *kind, uint64_t now, uint64_t said)
{
	return now > said ? vec_push(&batch->losses, { kind, now - said }) : 0;
}

static int report_losses(struct bpf_source *source, struct batch *batch)
{
	const struct cpu_statistics *said = &source->said;
	struct cpu_statistics now;
	uint64_t refused = __atomic_load_n(source->programs.targets_refused, __ATOMIC_RELAXED);
	int err = read_statistics(source, &now);

	if (err)
		return err;
	err = report_loss(batch, "samples: ring buffer full", now.lost, said->lost);
	err = err
		      ?: report_loss(batch, "samples: interrupted registers not found",
				     now.irq_regs_bad, said->irq_regs_bad);
	err = err
		      ?: report_loss(batch, "waits: no memory to follow their thread",
				     now.waits_refused, said->waits_refused);
	err = err
		      ?: report_loss(batch, "stacks of waits: the kernel did not tell of their end",
				     now.waits_torn, said->waits_torn);
	err = err
		      ?: report_loss(batch, "waits: no memory for their user stack",
				     now.stacks_refused, said->stacks_refused);
	err = err
		      ?: report_loss(batch, "child processes: too many to follow", refused,
				     source->refused_said);
	source->said = now;
	source->refused_said = refused;
	return err;
}

static int bpf_drain(struct cpu_source *base, struct batch *batch)
{
	struct bpf_source *source = bpf_source(base);
	bool is_whole;
	int err;

	records_begin(&source->records, batch);
	source->drain_err = 0;
	err = ring_read(&source->ring, on_sample, source, &is_whole);
	if (err || source->drain_err)
		return err ?: source->drain_err;
	err = source->is_second ? 0 : sideband_drain(&source->sideband, batch);
	return err ?: report_losses(source, batch);
}

static int push_counts(struct bpf_source *source, struct batch *batch, const u64 *keys,
		       const struct cpu_count *counts, u32 len)
{
	int err = vec_reserve(&batch->counts, len);

	for (u32 i = 0; !err && i < len; i++) {
		if (!counts[i].samples)
			continue;
		source->counted += counts[i].samples;
		batch->counts.data[batch->counts.len++] =
			(struct sample_count){ keys[i], counts[i].samples, counts[i].weight };
	}
	return err;
}

static int read_counts(struct bpf_source *source, struct batch *batch)
{
	own(freep) u64 *keys = calloc(COUNTS_PER_CALL, sizeof(*keys));
	own(freep) struct cpu_count *counts = calloc(COUNTS_PER_CALL, sizeof(*counts));
	u32 cursor = 0, len;
	bool first = true;
	int err;

	if (!keys || !counts)
		return -ENOMEM;
	do {
		len = COUNTS_PER_CALL;
		err = bpf_map_lookup_and_delete_batch(source->programs.counts,
						      first ? NULL : &cursor, &cursor, keys, counts,
						      &len, NULL);
		if (err && err != -ENOENT)
			return fail(err, "cannot read the counts of samples: %m");
		first = false;
		if (push_counts(source, batch, keys, counts, len))
			return -ENOMEM;
	} while (!err);
	return 0;
}

/* After a stop a program may still run on another processor; its sample is on the way.  What has
 * not come by then was counted in the moment in which its count was read and cleared.
 */
static int settle(struct bpf_source *source, struct batch *batch)
{
	struct cpu_statistics now = { 0 };

	for (int i = 0; i < SETTLE_STEPS; i++) {
		struct timespec step = { .tv_nsec = 100 * NS_PER_US };
		int err = read_statistics(source, &now);

		if (err || source->records.received + source->counted + now.lost >= now.taken)
			return err;
		nanosleep(&step, NULL);
		err = bpf_drain(&source->base, batch);
		if (!err && !source->every_sample)
			err = read_counts(source, batch);
		if (err)
			return err;
	}
	return vec_push(&batch->losses,
			{ "samples: counted while the counts were read",
			  now.taken - now.lost - source->records.received - source->counted });
}

/* User stacks of threads that are on their way back to user mode. */
static int settle_stacks(struct bpf_source *source, struct batch *batch)
{
	int err = 0;

	for (int i = 0; !err && source->records.waiting.len && i < SETTLE_STACK_STEPS; i++) {
		struct timespec step = { .tv_nsec = NS_PER_MS };

		nanosleep(&step, NULL);
		err = bpf_drain(&source->base, batch);
	}
	return err ?: records_flush(&source->records);
}

static int bpf_drain_counts(struct cpu_source *base, struct batch *batch)
{
	struct bpf_source *source = bpf_source(base);
	int err = source->every_sample ? 0 : read_counts(source, batch);

	if (!err && source->is_stopped)
		err = settle(source, batch);
	if (!err && source->is_stopped)
		err = settle_stacks(source, batch);
	if (!err && source->is_stopped && source->waits)
		err = waits_finish(source->waits, &source->records, batch);
	return err;
}

static int bpf_descriptor(const struct cpu_source *source)
{
	return bpf_source(source)->programs.ring;
}

/* A process that nobody has waited for stays in `targets`. */
static bool bpf_is_over(const struct cpu_source *base)
{
	const struct bpf_source *source = bpf_source(base);
	u32 id, *last = NULL;

	if (!source->chosen)
		return false;
	for (int looked = 0; looked < OVER_LOOKS; looked++) {
		if (bpf_map_get_next_key(source->programs.targets, last, &id))
			return true;
		if (source->chosen == TARGET_THREAD ? alive_thread(id) : alive_process(id) != 0)
			return false;
		last = &id;
	}
	return false;
}

/* For the mode, where it is not the usual way. */
static const char *how_unwound(const struct bpf_source *source)
{
	if (source->waits)
		return waits_are_put_off(source->waits) ? "" : ", user stacks walked at each";
	return source->programs.exit ? ", user stacks walked before the return to user mode" : "";
}

static int bpf_describe(const struct cpu_source *base, struct coverage *coverage)
{
	static const char *const modes[] = {
		[CPU_TIMER_TICK] = "BPF in the timer tick",
		[CPU_TIMER_CLOCK] = "BPF on the cpu-clock timer",
		[CPU_TIMER_HARDWARE] = "BPF on the hardware cycle counter",
		[CPU_TIMER_SWITCH] = "BPF at context switches",
	};
	const struct bpf_source *source = bpf_source(base);
	char mode[128];
	int err;

	snprintf(mode, sizeof(mode), "%s%s", modes[source->timer], how_unwound(source));
	err = coverage_set_mode(coverage, mode);

	if (!err && source->sees_outsiders)
		err = coverage_lack(coverage, "PIDs and user functions of processes outside this "
					      "PID namespace: run kymo outside of it");
	if (!err && (source->timer == CPU_TIMER_TICK || source->timer == CPU_TIMER_CLOCK))
		err = coverage_lack(
			coverage,
			"kernel code that runs with interrupts off: its time appears where they are switched on again");
	return err;
}

static struct unwind_tables *bpf_unwind_tables(const struct cpu_source *base)
{
	return bpf_source(base)->tables;
}

static const struct cpu_source_type bpf_source_type = {
	.start = bpf_start,
	.stop = bpf_stop,
	.drain = bpf_drain,
	.drain_counts = bpf_drain_counts,
	.descriptor = bpf_descriptor,
	.is_over = bpf_is_over,
	.describe = bpf_describe,
	.unwind_tables = bpf_unwind_tables,
	.close = bpf_close,
};

int cpu_bpf_open(const struct cpu_plan *plan, struct cpu_source **ret_source)
{
	struct bpf_source *source = calloc(1, sizeof(*source));
	int err;

	if (!source)
		return -ENOMEM;
	source->base.type = &bpf_source_type;
	source->timer = plan->timer;
	source->rate_hz = plan->request->rate_hz;
	source->is_second = plan->first != NULL;
	source->every_sample = plan->request->every_sample;
	source->follows = plan->request->kind == TARGET_PROCESS;
	if (plan->request->id_count)
		source->chosen = plan->request->kind;
	source->sees_outsiders = plan->pid_namespace && (plan->request->kind == TARGET_HOST ||
							 plan->request->kind == TARGET_CGROUP);
	error_clear();
	if (plan->timer == CPU_TIMER_SWITCH)
		err = waits_load(plan, &source->waits, &source->programs);
	else
		err = sampler_load(plan, &source->sampler, &source->programs);
	if (err)
		err = *error_text() ? err : fail_load(plan, err);
	else
		err = prepare(source, plan);
	if (err) {
		bpf_close(&source->base);
		return err;
	}
	*ret_source = &source->base;
	return 0;
}
