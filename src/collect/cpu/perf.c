/* SPDX-License-Identifier: MIT */
/* perf.c - samples by perf_event_open() alone, for users who may not load BPF.
 *
 * An ordinary user may sample their own processes in user mode (kernel.perf_event_paranoid up to
 * 2).  One event per thread and CPU, because an event that children inherit can only have a ring
 * if it is bound to a CPU; all events of a CPU share one ring.  Samples and process events come
 * through the same rings.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "collect/alive.h"
#include "collect/cpu/source.h"
#include "collect/rights.h"
#include "probe/stack.wire.h"

#define RING_BYTES (128u * 1024) /* kernel.perf_event_mlock_kb is 516 by default, per CPU */
#define RING_TAKEN ENOBUFS       /* this user's share of memory for rings is used up */
#define SAMPLE_TYPE                                                                  \
	(PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD | \
	 PERF_SAMPLE_CALLCHAIN)
#define TRAILER_BYTES 24 /* sample_id of the other records: pid, tid; time; cpu */

struct perf_source {
	struct cpu_source base;
	vec(struct perf_ring) rings; /* one per CPU, of the first event there */
	vec(int) events;             /* the others */
	int epoll;
	struct batch *batch;
	uint64_t period_ns;
	size_t ring_bytes;
	bool kernel; /* kernel samples and stacks come too */
	bool hardware;
	bool starts_on_exec;
};

static struct perf_source *perf_source(const struct cpu_source *source)
{
	return (struct perf_source *)source;
}

/* Every event may need a descriptor of its own: threads times CPUs. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static struct perf_event_attr event_attr(const struct perf_source *source,
					 const struct cpu_plan *plan)
{
	struct perf_event_attr attr = {
		.type = source->hardware ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE,
		.config = source->hardware ? PERF_COUNT_HW_CPU_CYCLES : PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = plan->request->rate_hz,
		.sample_type = SAMPLE_TYPE,
		.sample_max_stack = STACK_MAX_KERNEL,
		.disabled = 1,
		.inherit = plan->request->kind == TARGET_PROCESS,
		.enable_on_exec = source->starts_on_exec,
		.exclude_idle = 1,
		.exclude_hv = 1,
		.exclude_kernel = !source->kernel,
		.exclude_callchain_kernel = !source->kernel || !plan->request->want_kernel,
		.exclude_callchain_user = !plan->request->want_user,
		.watermark = 1,
		.wakeup_watermark = (uint32_t)source->ring_bytes / 4,
	};

	sideband_attr(&attr);
	return attr;
}

/* The first event of a CPU gets the ring, the others write into it. */
static int add_event(struct perf_source *source, int fd, uint32_t cpu)
{
	struct perf_ring ring;
	int err;

	vec_each(have, &source->rings) {
		if (have->cpu != cpu)
			continue;
		err = ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, have->fd) < 0 ? -errno : 0;
		err = err ?: vec_push(&source->events, fd);
		if (err)
			close(fd);
		return err;
	}
	err = perf_ring_map(&ring, fd, cpu, source->ring_bytes);
	if (err == -EPERM)
		return -RING_TAKEN;
	return err ?: vec_push(&source->rings, ring);
}

/* One thread on every CPU.  Without the right to see the kernel, user mode alone. */
static int open_thread(struct perf_source *source, const struct cpu_plan *plan, pid_t tid)
{
	vec_each(cpu, &plan->cpus->ids) {
		struct perf_event_attr attr = event_attr(source, plan);
		int fd = perf_open(&attr, tid, (int)*cpu, -1, 0), err;

		if ((fd == -EACCES || fd == -EPERM) && source->kernel) {
			source->kernel = false;
			attr = event_attr(source, plan);
			fd = perf_open(&attr, tid, (int)*cpu, -1, 0);
		}
		if (fd == -ENODEV)
			continue;
		err = fd < 0 ? fd : add_event(source, fd, *cpu);
		if (err)
			return err;
	}
	return 0;
}

/* All threads of a process; new ones are inherited by whichever creates them.  A thread made by one
 * that has no event yet while this list is read is missed: user space cannot tell it from one that
 * has inherited, and sampling it twice would be worse.
 */
static int open_process(struct perf_source *source, const struct cpu_plan *plan, uint32_t pid)
{
	struct dirent *entry;
	size_t opened = 0;
	char path[64];
	DIR *tasks;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	tasks = opendir(path);
	if (!tasks && alive_process(pid) == 1) /* /proc mounted with hidepid */
		return -EACCES;
	while (tasks && !err && (entry = readdir(tasks)) != NULL) {
		uint64_t tid;

		if (number_parse(entry->d_name, 1, INT32_MAX, &tid))
			continue;
		err = open_thread(source, plan, (pid_t)tid);
		opened += !err;
		if (err == -ESRCH) /* ended meanwhile */
			err = 0;
	}
	if (tasks)
		closedir(tasks);
	if (!err && !opened)
		err = -ESRCH;
	return err;
}

static int fail_not_permitted(int err, const char *what)
{
	long level;

	if (rights_paranoid(&level)) {
		err = fail(err, "not permitted to sample%s: kernel.perf_event_paranoid is %ld",
			   what, level);
		hint("run with sudo, or 'sudo sysctl kernel.perf_event_paranoid=2' for your own "
		     "processes");
		return err;
	}
	err = fail(err, "not permitted to sample%s", what);
	hint("run with sudo; without it only your own processes can be sampled");
	return err;
}

static int fail_target(const struct cpu_request *request, uint32_t id, int err)
{
	const char *kind = request->kind == TARGET_THREAD ? "thread" : "process";
	char what[32];

	snprintf(what, sizeof(what), " %s %u", kind, id);
	if (err == -EACCES || err == -EPERM)
		return fail_not_permitted(err, what);
	if (err == -ESRCH)
		return fail(err, "%s %u has ended", kind, id);
	return err;
}

static int open_targets(struct perf_source *source, const struct cpu_plan *plan)
{
	const struct cpu_request *request = plan->request;
	int err = 0;

	if (request->launch)
		return open_thread(source, plan, request->launch);
	for (size_t i = 0; !err && i < request->id_count; i++) {
		if (request->kind == TARGET_THREAD)
			err = open_thread(source, plan, (pid_t)request->ids[i]);
		else
			err = open_process(source, plan, request->ids[i]);
		if (err)
			err = fail_target(request, request->ids[i], err);
	}
	return err;
}

static void close_events(struct perf_source *source)
{
	vec_each(ring, &source->rings)
		perf_ring_close(ring);
	vec_each(fd, &source->events)
		close(*fd);
	source->rings.len = source->events.len = 0;
}

static void perf_close(struct cpu_source *base)
{
	struct perf_source *source = perf_source(base);

	close_events(source);
	vec_done(&source->rings);
	vec_done(&source->events);
	if (source->epoll >= 0)
		close(source->epoll);
	free(source);
}

static void each_event(struct perf_source *source, unsigned long request)
{
	vec_each(ring, &source->rings)
		ioctl(ring->fd, request, 0);
	vec_each(fd, &source->events)
		ioctl(*fd, request, 0);
}

static int perf_start(struct cpu_source *base)
{
	struct perf_source *source = perf_source(base);

	if (!source->starts_on_exec)
		each_event(source, PERF_EVENT_IOC_ENABLE);
	return 0;
}

static void perf_stop(struct cpu_source *base)
{
	each_event(perf_source(base), PERF_EVENT_IOC_DISABLE);
}

/* Addresses of a call chain, kernel and user part each behind their own mark. */
static int push_chain(struct batch *batch, struct perf_cursor *cursor, struct sample *sample)
{
	uint64_t left = perf_u64(cursor);
	uint16_t *count = &sample->user_frames;
	int err = 0;

	for (; left && !cursor->is_short && !err; left--) {
		uint64_t address = perf_u64(cursor);

		if (address == (uint64_t)PERF_CONTEXT_KERNEL) {
			sample->first_kernel = (uint32_t)batch->frames.len;
			count = &sample->kernel_frames;
		} else if (address == (uint64_t)PERF_CONTEXT_USER) {
			sample->first_user = (uint32_t)batch->frames.len;
			count = &sample->user_frames;
		} else if (address < (uint64_t)PERF_CONTEXT_MAX && *count < STACK_MAX_USER) {
			err = vec_push(&batch->frames, address);
			(*count)++;
		}
	}
	return err;
}

static int push_sample(struct batch *batch, const struct perf_event_header *record,
		       uint64_t weight_ns)
{
	struct perf_cursor cursor = perf_cursor(record);
	struct sample sample = { .count = 1 };
	int err;

	sample.pid = perf_u32(&cursor);
	sample.tid = perf_u32(&cursor);
	sample.at_mono_ns = perf_u64(&cursor);
	sample.cpu = perf_u32(&cursor);
	perf_u32(&cursor); /* reserved */
	sample.weight_ns = perf_u64(&cursor);
	if (weight_ns) /* a period in cycles: the time is that of the rate */
		sample.weight_ns = weight_ns;
	err = push_chain(batch, &cursor, &sample);
	if (err || cursor.is_short)
		return err;
	return vec_push(&batch->samples, sample);
}

/* Samples and process events share the ring. */
static int push_lost(struct batch *batch, const struct perf_event_header *record)
{
	struct perf_cursor cursor = perf_cursor(record);
	uint64_t lost;

	perf_u64(&cursor); /* number of the event */
	lost = perf_u64(&cursor);
	batch->lost_events = true;
	return vec_push(&batch->losses, { "samples or process events: perf buffer full", lost });
}

static int each_record(void *context, const struct perf_ring *ring,
		       const struct perf_event_header *record)
{
	struct perf_source *source = context;

	(void)ring;
	if (record->type == PERF_RECORD_SAMPLE)
		return push_sample(source->batch, record, source->hardware ? source->period_ns : 0);
	if (record->type == PERF_RECORD_LOST)
		return push_lost(source->batch, record);
	return sideband_record(source->batch, record, TRAILER_BYTES);
}

static int perf_drain(struct cpu_source *base, struct batch *batch)
{
	struct perf_source *source = perf_source(base);
	int err = 0;

	source->batch = batch;
	vec_each(ring, &source->rings)
		err = err ?: perf_ring_drain(ring, each_record, source);
	source->batch = NULL;
	return err;
}

static int perf_drain_counts(struct cpu_source *base, struct batch *batch)
{
	(void)base;
	(void)batch;
	return 0;
}

static int perf_descriptor(const struct cpu_source *base)
{
	return perf_source(base)->epoll;
}

/* The kernel hangs up an event when its thread and all that inherited it are gone. */
static bool has_hung_up(int fd)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };

	return poll(&event, 1, 0) == 1 && (event.revents & POLLHUP);
}

static bool perf_is_over(const struct cpu_source *base)
{
	const struct perf_source *source = perf_source(base);

	vec_each(ring, &source->rings)
		if (!has_hung_up(ring->fd))
			return false;
	vec_each(fd, &source->events)
		if (!has_hung_up(*fd))
			return false;
	return true;
}

static int perf_describe(const struct cpu_source *base, struct coverage *coverage)
{
	const struct perf_source *source = perf_source(base);
	char mode[128];
	int err;

	snprintf(mode, sizeof(mode), "perf events on the %s%s, without BPF",
		 source->hardware ? "hardware cycle counter" : "cpu-clock timer",
		 source->kernel ? "" : ", user mode only");
	err = coverage_set_mode(coverage, mode);
	if (!err && !source->kernel)
		err = coverage_lack(
			coverage, "time in the kernel: not permitted to this user (run with sudo)");
	return err ?: coverage_lack(coverage, "user stacks deeper than 127 frames");
}

static const struct cpu_source_type perf_source_type = {
	.start = perf_start,
	.stop = perf_stop,
	.drain = perf_drain,
	.drain_counts = perf_drain_counts,
	.descriptor = perf_descriptor,
	.is_over = perf_is_over,
	.describe = perf_describe,
	.close = perf_close,
};

static int watch_rings(struct perf_source *source)
{
	source->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (source->epoll < 0)
		return -errno;
	vec_each(ring, &source->rings) {
		/* Edges, because an event that has hung up would be ready for ever. */
		struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = ring->fd };

		if (epoll_ctl(source->epoll, EPOLL_CTL_ADD, ring->fd, &event) < 0)
			return -errno;
	}
	return 0;
}

static int fail_open(const struct cpu_plan *plan, int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return fail_not_permitted(err, "");
	case -RING_TAKEN:
		err = fail(err, "no memory for sample buffers: this user's share is used up");
		hint("end other profilers, or 'sudo sysctl kernel.perf_event_mlock_kb=2064'");
		return err;
	case -ENOENT:
	case -ENODEV:
	case -EOPNOTSUPP:
		err = fail(-ENOTSUP, "this machine has no %s that can sample",
			   plan->timer == CPU_TIMER_HARDWARE ? "hardware cycle counter"
							     : "cpu-clock timer");
		if (plan->timer == CPU_TIMER_HARDWARE)
			hint("leave out '--hw': cpu-clock, the timer of the kernel, works without one");
		return err;
	case -EMFILE:
		err = fail(err, "too many threads to sample: the limit of open files is reached");
		hint("'ulimit -n' raises it; one descriptor for each thread and processor is needed");
		return err;
	default:
		return fail(err, "cannot sample by perf events: %m");
	}
}

/* Smaller rings where others of this user hold rings too, down to one page. */
static int open_with_rings(struct perf_source *source, const struct cpu_plan *plan)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int err;

	for (source->ring_bytes = RING_BYTES;; source->ring_bytes /= 2) {
		err = open_targets(source, plan);
		if (err != -RING_TAKEN || source->ring_bytes <= page)
			return err;
		close_events(source);
	}
}

/* Samples of user mode say nothing about the kernel. */
static int check_wishes(const struct perf_source *source, const struct cpu_plan *plan)
{
	int err;

	if (source->kernel || plan->request->want_user)
		return 0;
	err = fail(-EPERM, "not permitted to sample the kernel");
	hint("run with sudo, or leave out '-K'");
	return err;
}

/* Without BPF only processes can be sampled. */
static int fail_not_all(const char *what)
{
	int err;
	long level;

	if (rights_paranoid(&level) && rights_load_tracing() &&
	    !(rights_read().effective & CAP_BIT(CAP_SYS_ADMIN))) {
		err = fail(-EPERM,
			   "not permitted to sample %s: kernel.perf_event_paranoid is %ld, and "
			   "CAP_SYS_ADMIN is missing",
			   what, level);
		hint("run with sudo, or 'sudo sysctl kernel.perf_event_paranoid=2'");
		return err;
	}
	err = fail(-EPERM, "not permitted to sample %s", what);
	hint("run with sudo; your own processes can be sampled with -p PID or -- COMMAND");
	return err;
}

int cpu_perf_open(const struct cpu_plan *plan, struct cpu_source **ret_source)
{
	const struct cpu_request *request = plan->request;
	struct perf_source *source;
	int err;

	if (request->kind == TARGET_HOST || request->kind == TARGET_CGROUP) {
		return fail_not_all(request->kind == TARGET_HOST ? "the whole host" : "a cgroup");
	}
	source = calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;
	source->base.type = &perf_source_type;
	source->epoll = -1;
	source->kernel = true;
	source->hardware = plan->timer == CPU_TIMER_HARDWARE;
	source->starts_on_exec = request->launch != 0;
	source->period_ns = NS_PER_S / request->rate_hz;
	raise_descriptor_limit();
	error_clear();
	err = open_with_rings(source, plan);
	err = err ?: check_wishes(source, plan);
	err = err ?: watch_rings(source);
	if (err) {
		if (!*error_text())
			err = fail_open(plan, err);
		perf_close(&source->base);
		return err;
	}
	*ret_source = &source->base;
	return 0;
}
