/* SPDX-License-Identifier: MIT */
/* uprobes.c - probes in user code, tried on a function of this program and on nobody else. */
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "collect/ability/insn.h"
#include "collect/ability/lab.h"
#include "collect/own_code.h"
#include "collect/perf_ring.h"
#include "collect/tracefs.h"
#include "collect/uapi.h"

/* What is probed: the empty statement keeps it from being taken for one without effect. */
static __attribute__((noinline)) void probed(void)
{
	__asm__ volatile("nop" ::: "memory");
}

/* A link of one of the multi kinds, and how often one call of the function runs its program. */
static void try_multi(struct lab *lab, uint32_t kind, uint64_t expected, const char *absent,
		      struct ability_result *result)
{
	own(fd_closep) int program = lab_load_counter(lab, BPF_PROG_TYPE_KPROBE, kind, 0);
	own(fd_closep) int link = -1;
	uint64_t offset = own_code_offset(probed), ran;

	if (program < 0) {
		found_refused(lab, result, program, NEEDS_TRACING, "loading a program", absent);
		return;
	}
	link = uapi_uprobe_multi(&(struct uapi_uprobe_multi){
		.prog_fd = (uint32_t)program,
		.attach_type = kind,
		.path = (uint64_t)(uintptr_t)own_code_file(),
		.offsets = (uint64_t)(uintptr_t)&offset,
		.count = 1,
		.pid = (uint32_t)getpid(),
	});
	if (link < 0) {
		found_refused(lab, result, link, NEEDS_TRACING, "creating the link", absent);
		return;
	}
	probed();
	ran = ((volatile struct board *)lab->board)->ran;
	if (ran == expected)
		found_works(result, "%s", "");
	else
		found_absent(result, 0,
			     "the link is there, but one call ran the program %llu times",
			     (unsigned long long)ran);
}

void try_uprobe_multi(struct lab *lab, struct ability_result *result)
{
	try_multi(lab, UAPI_TRACE_UPROBE_MULTI, 1, "the kernel has no uprobe_multi links", result);
}

void try_uprobe_session(struct lab *lab, struct ability_result *result)
{
	try_multi(lab, UAPI_TRACE_UPROBE_SESSION, 2, "the kernel has no uprobe sessions", result);
}

void try_uprobe_perf(struct lab *lab, struct ability_result *result)
{
	struct perf_event_attr attr = {
		.uprobe_path = (uint64_t)(uintptr_t)own_code_file(),
		.probe_offset = own_code_offset(probed),
	};
	own(fd_closep) int program = -1, event = -1;
	uint32_t type;
	int err = perf_device_type("uprobe", &type);

	if (err) {
		found_absent(result, err, "the kernel offers no uprobes (perf device: %s)",
			     error_name(err));
		return;
	}
	program = lab_load_counter(lab, BPF_PROG_TYPE_KPROBE, 0, 0);
	if (program < 0) {
		found_refused(lab, result, program, NEEDS_TRACING | CAP_BIT(CAP_SYS_ADMIN),
			      "loading a program", "the kernel has no uprobe programs");
		return;
	}
	attr.type = type;
	event = perf_open(&attr, 0, -1, -1, 0);
	if (event < 0 || ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0) {
		err = event < 0 ? event : -errno;
		/* Since the fix of CVE-2025-38466 (July 2025) CAP_PERFMON is not enough. */
		found_refused(lab, result, err == -EACCES ? -EPERM : err, CAP_BIT(CAP_SYS_ADMIN),
			      "perf_event_open", "no uprobe can be set through perf");
		return;
	}
	probed();
	if (((volatile struct board *)lab->board)->ran)
		found_works(result, "%s", "");
	else
		found_absent(result, 0, "the probe is set, but never runs");
}
