/* SPDX-License-Identifier: MIT */
/* system.c - the settings of the kernel that bear on profiling: read, shown, and not judged. */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "collect/ability/lab.h"
#include "collect/tracefs.h"

#define OWN_CGROUPS_BYTES 65536

/* Path under /proc/sys, and the name that sysctl(8) gives it. */
static const struct {
	const char *path;
	const char *name;
} settings[] = {
	{ "kernel/perf_event_paranoid", "kernel.perf_event_paranoid" },
	{ "kernel/perf_event_max_sample_rate", "kernel.perf_event_max_sample_rate" },
	{ "kernel/perf_event_max_stack", "kernel.perf_event_max_stack" },
	{ "kernel/perf_event_mlock_kb", "kernel.perf_event_mlock_kb" },
	{ "kernel/perf_cpu_time_max_percent", "kernel.perf_cpu_time_max_percent" },
	{ "kernel/kptr_restrict", "kernel.kptr_restrict" },
	{ "kernel/unprivileged_bpf_disabled", "kernel.unprivileged_bpf_disabled" },
	{ "kernel/bpf_stats_enabled", "kernel.bpf_stats_enabled" },
	{ "kernel/yama/ptrace_scope", "kernel.yama.ptrace_scope" },
	{ "net/core/bpf_jit_enable", "net.core.bpf_jit_enable" },
	{ "net/core/bpf_jit_harden", "net.core.bpf_jit_harden" },
};

static int examine_settings(struct diagnosis *diagnosis)
{
	int err = 0;

	for (size_t i = 0; !err && i < array_len(settings); i++) {
		struct setting setting = { .name = settings[i].name };

		setting.error = -lab_sysctl(settings[i].path, &setting.value);
		err = vec_push(&diagnosis->settings, setting);
	}
	return err;
}

/* "none [integrity] confidentiality": the word in brackets is in force. */
static void examine_lockdown(struct diagnosis *diagnosis)
{
	own(fd_closep) int fd = open("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);
	own(fd_closep) int root = fd < 0 ? fs_private_root("securityfs") : -1;
	char text[128], *start, *end;
	ssize_t len;

	if (fd < 0 && root >= 0)
		fd = openat(root, "lockdown", O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return;
	text[len] = '\0';
	start = strchr(text, '[');
	end = start ? strchr(start, ']') : NULL;
	if (!end)
		return;
	*end = '\0';
	snprintf(diagnosis->lockdown, sizeof(diagnosis->lockdown), "%s", start + 1);
}

static void mounts_closep(FILE **mounts)
{
	if (*mounts)
		endmntent(*mounts);
}

/* Where cgroups are mounted: the first v2 mount, and whether there are v1 mounts with controllers. */
static void find_cgroup_mounts(char *v2, size_t size, bool *ret_v1)
{
	own(mounts_closep) FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;

	v2[0] = '\0';
	*ret_v1 = false;
	while (mounts && (mount = getmntent(mounts)) != NULL) {
		if (strcmp(mount->mnt_type, "cgroup2") == 0 && !*v2)
			snprintf(v2, size, "%s", mount->mnt_dir);
		else if (strcmp(mount->mnt_type, "cgroup") == 0 && !hasmntopt(mount, "name"))
			*ret_v1 = true;
	}
}

/* The line "0::/path" of /proc/self/cgroup. */
static int own_v2_path(char *path, size_t size)
{
	own(fd_closep) int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	own(freep) char *text = NULL;
	size_t len;
	int err = fd < 0 ? -errno : file_read_all(fd, OWN_CGROUPS_BYTES, &text, &len);
	char *line;

	if (err)
		return err;
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	line = line ? strchr(line, '/') : NULL;
	if (!line)
		return -ENOENT;
	line[strcspn(line, "\n")] = '\0';
	snprintf(path, size, "%s", line);
	return 0;
}

int system_own_cgroup(uint64_t *ret_id)
{
	char mount[PATH_MAX], path[PATH_MAX], full[2 * PATH_MAX];
	struct stat status;
	bool v1;
	int err;

	find_cgroup_mounts(mount, sizeof(mount), &v1);
	if (!*mount)
		return -ENOENT;
	err = own_v2_path(path, sizeof(path));
	if (err)
		return err;
	snprintf(full, sizeof(full), "%s%s", mount, path);
	if (stat(full, &status) < 0)
		return -errno;
	*ret_id = status.st_ino;
	return 0;
}

static void examine_cgroups(struct diagnosis *diagnosis)
{
	char mount[PATH_MAX];
	const char *layout;
	bool v1;

	find_cgroup_mounts(mount, sizeof(mount), &v1);
	layout = *mount ? (v1 ? "hybrid" : "v2") : v1 ? "v1" : "none";
	snprintf(diagnosis->cgroup_layout, sizeof(diagnosis->cgroup_layout), "%s", layout);
	if (own_v2_path(diagnosis->cgroup, sizeof(diagnosis->cgroup)) != 0)
		diagnosis->cgroup[0] = '\0';
}

int system_examine(struct diagnosis *diagnosis)
{
	examine_lockdown(diagnosis);
	examine_cgroups(diagnosis);
	return examine_settings(diagnosis);
}
