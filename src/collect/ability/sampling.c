/* SPDX-License-Identifier: MIT */
/* sampling.c - the ways to interrupt running code: the tick, the clock, the cycle counter. */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/skel_internal.h>

#include "base/clock.h"
#include "collect/ability/insn.h"
#include "collect/ability/lab.h"
#include "collect/kernel_btf.h"
#include "collect/perf_ring.h"

#include "collect/ability/tick.lskel.h"

#define CLOCK_PERIOD_NS (1 * NS_PER_MS)
#define WAIT_NS         (250 * NS_PER_MS) /* for something that comes every millisecond */
#define VISIT_NS        (50 * NS_PER_MS)
#define AFFINITY_CPUS   65536
#define TICKS_WAITED    6 /* a stolen CPU may miss some */
#define CYCLES_PERIOD   100000

static void own_tick(struct collect_ability_tick **skel)
{
	if (*skel)
		collect_ability_tick__destroy(*skel);
}

/* Keeps this CPU busy, so that its tick is not switched off, until *counter moves. */
static void spin_until(const volatile u64 *counter, uint64_t limit_ns)
{
	uint64_t end = clock_mono_ns() + limit_ns;

	while (!*counter && clock_mono_ns() < end)
		;
}

static void judge_tick(struct lab *lab, const struct collect_ability_tick *skel, uint64_t tick_ns,
		       struct ability_result *result)
{
	if (!skel->bss->timers) {
		found_absent(result, 0, "no high-resolution timer expired in %d ticks of %.1f ms",
			     TICKS_WAITED, (double)tick_ns / NS_PER_MS);
	} else if (!skel->bss->known) {
		found_forbidden(result, -EPERM,
				"the kernel does not tell where the tick's function is (kallsyms)");
		caps_remedy(lab, CAP_BIT(CAP_SYSLOG), result);
	} else if (!skel->bss->ticks) {
		found_absent(result, 0,
			     "the tick of this CPU does not come from a timer that can be traced");
	} else if (!skel->bss->registers) {
		found_absent(result, 0, "the tick comes without the registers that it interrupted");
	} else {
		lab->tick_ns = tick_ns;
		found_works(result, "%.0f Hz", (double)NS_PER_S / (double)tick_ns);
	}
}

void try_tick(struct lab *lab, struct ability_result *result)
{
	static const char *const names[] = { "tick_cpu_sched", "__irq_regs" };
	own(own_tick) struct collect_ability_tick *skel = collect_ability_tick__open();
	struct timespec tick = { 0 };
	uint32_t offsets[2];
	int err = skel ? kernel_btf_percpu(names, array_len(names), offsets) : -ENOMEM;

	if (err) {
		found_absent(result, err,
			     "the kernel's BTF does not tell where the interrupted registers "
			     "are (%s)",
			     error_name(err));
		return;
	}
	skel->rodata->irq_regs_offset = (s64)offsets[1] - offsets[0];
	err = collect_ability_tick__load(skel);
	if (err) {
		/* CAP_SYSLOG, because the address of the tick's function is asked for. */
		found_skeleton_refused(lab, result, err, NEEDS_TRACING | CAP_BIT(CAP_SYSLOG),
				       "loading a program", "the kernel cannot load the program");
		return;
	}
	if (collect_ability_tick__attach(skel) < 0) {
		found_refused(lab, result, -errno, NEEDS_TRACING, "attaching",
			      "there is no raw tracepoint hrtimer_expire_entry");
		return;
	}
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick); /* that clock moves once a tick */
	spin_until(&skel->bss->ticks, TICKS_WAITED * (uint64_t)tick.tv_nsec);
	judge_tick(lab, skel, (uint64_t)tick.tv_nsec, result);
}

/* Counts its runs by CPU. */
static int load_sampler(struct lab *lab)
{
	const struct bpf_insn code[] = {
		CALL(BPF_FUNC_get_smp_processor_id),
		AND(BPF_REG_0, BOARD_CPUS - 1),
		SHIFT_LEFT(BPF_REG_0, 3),
		MAP_VALUE(BPF_REG_1, lab->board_fd, offsetof(struct board, by_cpu)),
		ADD_REG(BPF_REG_1, BPF_REG_0),
		SET(BPF_REG_2, 1),
		ATOMIC_ADD(BPF_REG_1, 0, BPF_REG_2),
		SET(BPF_REG_0, 0),
		EXIT,
	};
	const struct program program = {
		.type = BPF_PROG_TYPE_PERF_EVENT,
		.code = code,
		.len = array_len(code),
	};

	if (lab->board_error)
		return lab->board_error;
	memset(lab->board->by_cpu, 0, sizeof(lab->board->by_cpu));
	return lab_load(lab, &program);
}

/* One event per CPU; `program` < 0: without one. */
static int open_clocks(const struct cpu_list *cpus, int program, int *fds)
{
	for (size_t i = 0; i < cpus->ids.len; i++) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_SOFTWARE,
			.config = PERF_COUNT_SW_CPU_CLOCK,
			.sample_period = CLOCK_PERIOD_NS,
			.disabled = 1,
		};

		fds[i] = perf_open(&attr, -1, (int)cpus->ids.data[i], -1, 0);
		if (fds[i] < 0 && fds[i] != -ENODEV) /* went offline meanwhile */
			return fds[i];
		if (fds[i] >= 0 && program >= 0 &&
		    ioctl(fds[i], PERF_EVENT_IOC_SET_BPF, program) < 0)
			return -errno;
	}
	return 0;
}

/* CPUs that should have given a sample and have not. */
static size_t count_silent(const struct lab *lab, const struct cpu_list *cpus, const int *fds,
			   uint32_t *ret_first)
{
	size_t silent = 0;

	for (size_t i = cpus->ids.len; i-- > 0;) {
		const volatile uint64_t *ran =
			&lab->board->by_cpu[cpus->ids.data[i] & (BOARD_CPUS - 1)];

		if (fds[i] >= 0 && !*ran) {
			silent++;
			*ret_first = cpus->ids.data[i];
		}
	}
	return silent;
}

/* An idle CPU may give none (measured: a guest's second CPU, for seconds): gives it work. */
static void visit_cpu(const struct lab *lab, uint32_t cpu)
{
	size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
	cpu_set_t *one = CPU_ALLOC(cpu + 1);

	if (!one)
		return;
	CPU_ZERO_S(bytes, one);
	CPU_SET_S(cpu, bytes, one);
	if (sched_setaffinity(0, bytes, one) == 0)
		spin_until(&lab->board->by_cpu[cpu & (BOARD_CPUS - 1)], VISIT_NS);
	CPU_FREE(one);
}

static void visit_silent(const struct lab *lab, const struct cpu_list *cpus)
{
	size_t bytes = CPU_ALLOC_SIZE(AFFINITY_CPUS);
	cpu_set_t *before = CPU_ALLOC(AFFINITY_CPUS);

	if (before && sched_getaffinity(0, bytes, before) == 0) {
		vec_each(cpu, &cpus->ids)
			if (!*(volatile uint64_t *)&lab->board->by_cpu[*cpu & (BOARD_CPUS - 1)])
				visit_cpu(lab, *cpu);
		sched_setaffinity(0, bytes, before);
	}
	CPU_FREE(before);
}

static void watch_clocks(struct lab *lab, const struct cpu_list *cpus, const int *fds,
			 struct ability_result *result)
{
	const struct timespec moment = { 0, 3 * CLOCK_PERIOD_NS };
	uint32_t first = 0;
	size_t silent;

	for (size_t i = 0; i < cpus->ids.len; i++)
		if (fds[i] >= 0)
			ioctl(fds[i], PERF_EVENT_IOC_ENABLE, 0);
	nanosleep(&moment, NULL);
	visit_silent(lab, cpus);
	silent = count_silent(lab, cpus, fds, &first);
	if (!silent)
		found_works(result, "%zu CPU%s", cpus->ids.len, cpus->ids.len == 1 ? "" : "s");
	else if (silent < cpus->ids.len)
		found_degraded(result, "%zu of %zu CPUs gave no sample, the first of them CPU %u",
			       silent, cpus->ids.len, first);
	else
		found_absent(result, 0, "the events open, but no CPU gave a sample");
}

void try_cpu_clock(struct lab *lab, struct ability_result *result)
{
	struct cpu_list cpus = { 0 };
	int err = perf_cpus(&cpus), program = load_sampler(lab);
	int *fds = err ? NULL : calloc(cpus.ids.len, sizeof(*fds));

	if (!fds) {
		found_absent(result, err ?: -ENOMEM, "the list of CPUs cannot be read (%s)",
			     error_name(err ?: -ENOMEM));
	} else {
		memset(fds, 0xff, cpus.ids.len * sizeof(*fds));
		/* An event that had a program takes 80 ms to close: the kernel waits for readers. */
		err = open_clocks(&cpus, lab->quick ? -1 : program, fds);
		if (err)
			found_perf_refused(lab, result, err, NEEDS_TRACING,
					   "there is no CPU clock event");
		else if (program < 0)
			found_refused(lab, result, program, NEEDS_TRACING, "loading a program",
				      "the events open, but the kernel takes no program for them");
		else if (lab->quick)
			found_works(result, "%s", "");
		else
			watch_clocks(lab, &cpus, fds, result);
		for (size_t i = 0; i < cpus.ids.len; i++)
			fd_closep(&fds[i]);
	}
	free(fds);
	fd_closep(&program);
	vec_done(&cpus.ids);
}

/* What the first sample of a ring says. */
struct first_sample {
	bool seen;
	bool has_user_frame;
};

static int look_at_record(void *context, const struct perf_ring *ring,
			  const struct perf_event_header *record)
{
	struct first_sample *sample = context;
	struct perf_cursor cursor = perf_cursor(record);
	bool in_user = false;

	(void)ring;
	if (record->type != PERF_RECORD_SAMPLE)
		return 0;
	sample->seen = true;
	for (uint64_t left = perf_u64(&cursor); left > 0 && !cursor.is_short; left--) {
		uint64_t frame = perf_u64(&cursor);

		if (frame >= (uint64_t)PERF_CONTEXT_MAX)
			in_user = frame == (uint64_t)PERF_CONTEXT_USER;
		else if (in_user && frame)
			sample->has_user_frame = true;
	}
	return 0;
}

/* Samples this thread's own work until the first sample is there. */
static int sample_self(struct perf_event_attr *attr, struct first_sample *ret_sample)
{
	uint64_t end = clock_mono_ns() + WAIT_NS;
	struct first_sample sample = { 0 };
	struct perf_ring ring;
	int fd = perf_open(attr, 0, -1, -1, 0);
	int err = fd < 0 ? fd : perf_ring_map(&ring, fd, 0, (size_t)sysconf(_SC_PAGESIZE));

	if (err)
		return err;
	while (!err && !sample.seen && clock_mono_ns() < end)
		err = perf_ring_drain(&ring, look_at_record, &sample);
	perf_ring_close(&ring);
	*ret_sample = sample;
	return err;
}

void try_cycles(struct lab *lab, struct ability_result *result)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.sample_period = CYCLES_PERIOD,
		.sample_type = PERF_SAMPLE_CALLCHAIN,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.exclude_callchain_kernel = 1,
	};
	struct first_sample sample;
	int err = sample_self(&attr, &sample);

	if (err == -EOPNOTSUPP)
		found_absent(result, err,
			     "the counter cannot interrupt, so it counts but takes no samples "
			     "(perf_event_open: EOPNOTSUPP)");
	else if (err)
		found_perf_refused(lab, result, err, 0,
				   "this machine shows no cycle counter to its kernel");
	else if (!sample.seen)
		found_absent(result, 0, "the counter opens, but gave no sample in %llu ms",
			     WAIT_NS / NS_PER_MS);
	else
		found_works(result, "%s", "");
}

static void sample_own_stack(struct lab *lab, struct ability_result *result)
{
	/* Without exclude_callchain_kernel kernels from 6.12 on refuse (measured). */
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = CLOCK_PERIOD_NS,
		.sample_type = PERF_SAMPLE_CALLCHAIN,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.exclude_callchain_kernel = 1,
	};
	struct first_sample sample;
	int err = sample_self(&attr, &sample);

	if (err)
		found_perf_refused(lab, result, err, 0, "there is no CPU clock event");
	else if (!sample.seen)
		found_absent(result, 0, "the event opens, but gave no sample in %llu ms",
			     WAIT_NS / NS_PER_MS);
	else if (!sample.has_user_frame)
		found_degraded(result, "samples come without the user stack");
	else
		found_works(result, "%s", "");
}

/* In a child: gives up every capability, tries, and writes the result into the pipe. */
static void try_without_rights(struct lab *lab, int out)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	struct ability_result result = { 0 };

	if (syscall(SYS_capset, &header, none) < 0)
		_exit(1);
	lab->effective = lab->permitted = 0;
	sample_own_stack(lab, &result);
	_exit(write(out, &result, sizeof(result)) == sizeof(result) ? 0 : 1);
}

void try_own_processes(struct lab *lab, struct ability_result *result)
{
	struct ability_result answer;
	ssize_t got = -1;
	pid_t child;
	int fds[2];

	if (!lab->permitted) {
		sample_own_stack(lab, result);
		return;
	}
	if (pipe2(fds, O_CLOEXEC) < 0) {
		found_absent(result, -errno, "cannot try: pipe: %s", error_name(errno));
		return;
	}
	child = fork();
	if (child == 0)
		try_without_rights(lab, fds[1]);
	close(fds[1]);
	if (child > 0) {
		got = read(fds[0], &answer, sizeof(answer));
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
	if (got == sizeof(answer))
		*result = answer;
	else
		found_absent(result, 0, "cannot try: no process without rights could be made");
}
