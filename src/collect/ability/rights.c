/* SPDX-License-Identifier: MIT */
/* rights.c - the capabilities that kymo can use, each tried by the smallest thing that needs it.
 *
 * What a capability set says is not enough: in a user namespace it is full and means nothing, and a
 * seccomp filter or a security module may refuse all the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "collect/ability/insn.h"
#include "collect/ability/lab.h"
#include "collect/ability/stranger.h"
#include "collect/perf_ring.h"

/* Fills in the result of a trial; @stands_in: another capability that also allows it, or -1. */
static void judge(const struct lab *lab, int capability, int stands_in, int err, const char *step,
		  struct ability_result *result)
{
	uint64_t bit = CAP_BIT(capability);

	if (err)
		found_refused(lab, result, err == -EACCES ? -EPERM : err, bit, step,
			      "it cannot be tried");
	else if (lab->in_user_namespace)
		found_degraded(result, "only for what belongs to this user namespace");
	else if (lab->effective & bit)
		found_works(result, "%s", "");
	else if (stands_in == CAP_SYS_ADMIN && (lab->effective & CAP_BIT(CAP_SYS_ADMIN)))
		found_works(result, "through CAP_SYS_ADMIN");
	else if (stands_in == CAP_DAC_OVERRIDE && (lab->effective & CAP_BIT(CAP_DAC_OVERRIDE)))
		found_works(result, "through CAP_DAC_OVERRIDE");
	else
		found_works(result, "what was tried works without it");
}

/* A queue is a map that CAP_BPF alone allows, whatever kernel.unprivileged_bpf_disabled says. */
static int create_queue(void)
{
	int map = bpf_map_create(BPF_MAP_TYPE_QUEUE, "queue", 0, 8, 1, NULL);

	if (map < 0)
		return map;
	close(map);
	return 0;
}

void try_cap_bpf(struct lab *lab, struct ability_result *result)
{
	judge(lab, CAP_BPF, CAP_SYS_ADMIN, create_queue(), "creating a map", result);
}

/* Where programs can be loaded at all, a tracing program shows it; else an event of the kernel. */
void try_cap_perfmon(struct lab *lab, struct ability_result *result)
{
	const struct bpf_insn code[] = { SET(BPF_REG_0, 0), EXIT };
	const struct program program = {
		.type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.code = code,
		.len = array_len(code),
	};
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};
	bool has_bpf = create_queue() == 0;
	int fd = has_bpf ? lab_load(lab, &program) : perf_open(&attr, -1, 0, -1, 0);

	judge(lab, CAP_PERFMON, CAP_SYS_ADMIN, fd < 0 ? fd : 0,
	      has_bpf ? "loading a program" : "perf_event_open", result);
	if (fd < 0 && !has_bpf && !caps_missing(lab, CAP_BIT(CAP_PERFMON)))
		found_perf_refused(lab, result, fd, CAP_BIT(CAP_PERFMON), "it cannot be tried");
	fd_closep(&fd);
}

void try_cap_sys_admin(struct lab *lab, struct ability_result *result)
{
	uint32_t ignored;
	int err = bpf_prog_get_next_id(INT32_MAX - 1, &ignored); /* none has so high a number */

	judge(lab, CAP_SYS_ADMIN, -1, err == -ENOENT ? 0 : err, "asking for the loaded programs",
	      result);
}

void try_cap_sys_ptrace(struct lab *lab, struct ability_result *result)
{
	struct stranger stranger;
	char path[32], target[256];
	int err = stranger_start(&stranger);

	if (!err) {
		snprintf(path, sizeof(path), "/proc/%d/exe", stranger.pid);
		err = readlink(path, target, sizeof(target)) < 0 ? -errno : 0;
		stranger_end(&stranger);
	}
	judge(lab, CAP_SYS_PTRACE, -1, err, "looking into another process", result);
}

void try_cap_syslog(struct lab *lab, struct ability_result *result)
{
	/* SYSLOG_ACTION_OPEN of syslog(2) does nothing but check the right. */
	int err = klogctl(1, NULL, 0) < 0 ? -errno : 0;

	judge(lab, CAP_SYSLOG, -1, err, "opening the kernel's log", result);
}

static int open_own_mapping(void)
{
	DIR *folder = opendir("/proc/self/map_files");
	struct dirent *entry;
	int fd = -1, err;

	if (!folder)
		return -errno;
	do
		entry = readdir(folder);
	while (entry && entry->d_name[0] == '.');
	if (entry)
		fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC);
	err = !entry ? -ENOENT : fd < 0 ? -errno : 0;
	fd_closep(&fd);
	closedir(folder);
	return err;
}

void try_cap_checkpoint_restore(struct lab *lab, struct ability_result *result)
{
	judge(lab, CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, open_own_mapping(),
	      "opening a mapped file", result);
}

/* Opens a file in memory that nobody is allowed to read, its owner included. */
static int open_closed_file(void)
{
	own(fd_closep) int file = memfd_create("kymo-try", MFD_CLOEXEC);
	char path[64];
	int again;

	if (file < 0 || fchmod(file, 0) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	again = open(path, O_RDONLY | O_CLOEXEC);
	if (again < 0)
		return -errno;
	close(again);
	return 0;
}

void try_cap_dac_read_search(struct lab *lab, struct ability_result *result)
{
	judge(lab, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, open_closed_file(),
	      "reading a closed file", result);
}
