/* SPDX-License-Identifier: MIT */
/* events.c - hooks in the kernel: tracepoints, kprobes, fentry.
 *
 * All of them wait for the renaming of a thread, which is rare on any host and which this process
 * can cause at will: by giving itself the name that it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "collect/ability/insn.h"
#include "collect/ability/lab.h"
#include "collect/perf_ring.h"
#include "collect/tracefs.h"

#define RENAME_FUNCTION "__set_task_comm" /* fs/exec.c; called by prctl(PR_SET_NAME) */

/* Renames this thread and says whether the program that waits for it ran. */
static void watch_rename(struct lab *lab, struct ability_result *result, const char *detail)
{
	lab_rename();
	if (((volatile struct board *)lab->board)->ran)
		found_works(result, "%s", detail);
	else
		found_absent(result, 0, "the program loads and attaches, but never runs");
}

void try_raw_tp(struct lab *lab, struct ability_result *result)
{
	own(fd_closep) int program = lab_load_counter(lab, BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0);
	own(fd_closep) int link = -1;

	if (program < 0) {
		found_refused(lab, result, program, NEEDS_TRACING, "loading a program",
			      "the kernel has no raw tracepoint programs");
		return;
	}
	link = bpf_raw_tracepoint_open("task_rename", program);
	if (link < 0)
		found_refused(lab, result, link, NEEDS_TRACING, "attaching",
			      "the kernel attaches no raw tracepoint programs");
	else
		watch_rename(lab, result, "");
}

/* Counts its runs, and in value[0] those whose first argument, followed as a typed pointer, was the
 * current task.
 */
static int load_typed(struct lab *lab, int id)
{
	const struct bpf_insn code[] = {
		LOAD(BPF_REG_6, BPF_REG_1, 0), /* struct task_struct * */
		LOAD(BPF_REG_7, BPF_REG_6, 0), /* its first word, whatever that is */
		CALL(BPF_FUNC_get_current_task),
		MAP_VALUE(BPF_REG_1, lab->board_fd, 0),
		SET(BPF_REG_2, 1),
		ATOMIC_ADD(BPF_REG_1, offsetof(struct board, ran), BPF_REG_2),
		SKIP_IF_OTHER(BPF_REG_0, BPF_REG_6, 1),
		ATOMIC_ADD(BPF_REG_1, offsetof(struct board, value[0]), BPF_REG_2),
		SET(BPF_REG_0, 0),
		EXIT,
	};
	const struct program program = {
		.type = BPF_PROG_TYPE_TRACING,
		.attach = BPF_TRACE_RAW_TP,
		.btf_id = (uint32_t)id,
		.code = code,
		.len = array_len(code),
	};

	if (lab->board_error)
		return lab->board_error;
	lab->board->ran = lab->board->value[0] = 0;
	return lab_load(lab, &program);
}

void try_tp_btf(struct lab *lab, struct ability_result *result)
{
	int id = lab_btf_id(lab, "btf_trace_task_rename", BTF_KIND_TYPEDEF);
	own(fd_closep) int program = id < 0 ? -1 : load_typed(lab, id);
	own(fd_closep) int link = -1;

	if (id < 0) {
		found_refused(lab, result, id, NEEDS_TRACING, "looking into the kernel's BTF",
			      "the kernel's BTF does not describe its tracepoints");
		return;
	}
	if (program < 0) {
		found_refused(lab, result, program, NEEDS_TRACING, "loading a program",
			      "the kernel has no typed tracepoint programs");
		return;
	}
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link < 0) {
		found_refused(lab, result, link, NEEDS_TRACING, "attaching",
			      "the kernel attaches no typed tracepoint programs");
		return;
	}
	watch_rename(lab, result, "");
	if (result->state == ABILITY_WORKS && !((volatile struct board *)lab->board)->value[0])
		found_degraded(result, "the program runs, but its first argument is not the task");
}

/* An event of the perf device, switched on, with a counting program. */
static int attach_perf(struct perf_event_attr *attr, int program, int *ret_event)
{
	int event;

	attr->sample_period = 1;
	attr->disabled = 1;
	event = perf_open(attr, 0, -1, -1, 0);
	if (event < 0)
		return event;
	*ret_event = event;
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0 ||
	    ioctl(event, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -errno;
	return 0;
}

void try_tracepoint(struct lab *lab, struct ability_result *result)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT };
	own(fd_closep) int program = -1, event = -1;
	bool is_private = false;
	uint64_t id = 0;
	int err = tracefs_event("task/task_rename", &id, &is_private);

	if (err == -EACCES || err == -EPERM) {
		found_refused(lab, result, -EPERM, NEEDS_TRACING | CAP_BIT(CAP_DAC_READ_SEARCH),
			      "reading tracefs", "");
		return;
	}
	if (err && (err != -ENODEV || caps_missing(lab, NEEDS_TRACING))) {
		found_refused(lab, result, err == -ENODEV ? -EPERM : err, NEEDS_TRACING,
			      "reading tracefs", "the kernel has no tracepoint events");
		return;
	}
	if (err) {
		found_absent(result, err, "tracefs is not mounted, so events have no numbers (%s)",
			     error_name(err));
		found_remedy(result, "sudo mount -t tracefs tracefs /sys/kernel/tracing");
		return;
	}
	program = lab_load_counter(lab, BPF_PROG_TYPE_TRACEPOINT, 0, 0);
	if (program < 0) {
		found_refused(lab, result, program, NEEDS_TRACING, "loading a program",
			      "the kernel has no tracepoint programs");
		return;
	}
	attr.config = id;
	err = attach_perf(&attr, program, &event);
	if (err)
		found_perf_refused(lab, result, err, NEEDS_TRACING,
				   "perf has no tracepoint events");
	else
		watch_rename(lab, result,
			     is_private ? "tracefs is mounted nowhere: read privately" : "");
}

void try_kprobe(struct lab *lab, struct ability_result *result)
{
	struct perf_event_attr attr = { .kprobe_func = (uint64_t)(uintptr_t)RENAME_FUNCTION };
	own(fd_closep) int program = -1, event = -1;
	uint32_t type;
	int err = perf_device_type("kprobe", &type);

	if (err) {
		found_absent(result, err, "the kernel offers no kprobes (perf device: %s)",
			     error_name(err));
		return;
	}
	program = lab_load_counter(lab, BPF_PROG_TYPE_KPROBE, 0, 0);
	if (program < 0) {
		found_refused(lab, result, program, NEEDS_TRACING, "loading a program",
			      "the kernel has no kprobe programs");
		return;
	}
	attr.type = type;
	err = attach_perf(&attr, program, &event);
	if (err)
		found_perf_refused(lab, result, err, NEEDS_TRACING, "no kprobe can be set");
	else
		watch_rename(lab, result, "");
}

void try_kprobe_multi(struct lab *lab, struct ability_result *result)
{
	const char *symbol = RENAME_FUNCTION;
	LIBBPF_OPTS(bpf_link_create_opts, options, .kprobe_multi.syms = &symbol,
		    .kprobe_multi.cnt = 1);
	own(fd_closep) int program =
		lab_load_counter(lab, BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0);
	own(fd_closep) int link = -1;

	if (program < 0) {
		found_refused(lab, result, program, NEEDS_TRACING, "loading a program",
			      "the kernel has no kprobe programs");
		return;
	}
	link = bpf_link_create(program, 0, BPF_TRACE_KPROBE_MULTI, &options);
	if (link < 0)
		found_refused(lab, result, link, NEEDS_TRACING, "attaching",
			      "the kernel has no kprobe_multi links");
	else
		watch_rename(lab, result, "");
}

void try_fentry(struct lab *lab, struct ability_result *result)
{
	int id = lab_btf_id(lab, RENAME_FUNCTION, BTF_KIND_FUNC);
	own(fd_closep) int program = -1, link = -1;

	if (id < 0) {
		found_refused(lab, result, id, NEEDS_TRACING, "looking into the kernel's BTF",
			      "the kernel's BTF does not list its functions");
		return;
	}
	program = lab_load_counter(lab, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, (uint32_t)id);
	if (program < 0) {
		found_refused(lab, result, program, NEEDS_TRACING, "loading a program",
			      "the kernel has no fentry programs");
		return;
	}
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link < 0)
		found_refused(lab, result, link, NEEDS_TRACING, "attaching",
			      "the kernel loads fentry programs and cannot attach them");
	else
		watch_rename(lab, result, "");
}
