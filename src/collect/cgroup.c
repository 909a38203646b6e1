/* SPDX-License-Identifier: MIT */
#include "collect/cgroup.h"

#include <errno.h>
#include <linux/limits.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "probe/target.wire.h"

static const char *const controllers[HIERARCHY_COUNT] = {
	[HIERARCHY_CPUSET] = "cpuset",   [HIERARCHY_CPU] = "cpu",
	[HIERARCHY_CPUACCT] = "cpuacct", [HIERARCHY_IO] = "blkio",
	[HIERARCHY_MEMORY] = "memory",   [HIERARCHY_DEVICES] = "devices",
	[HIERARCHY_FREEZER] = "freezer", [HIERARCHY_PERF_EVENT] = "perf_event",
	[HIERARCHY_PIDS] = "pids",
};

static void mounts_closep(FILE **mounts)
{
	if (*mounts)
		endmntent(*mounts);
}

/* The hierarchy of a cgroup mount, HIERARCHY_COUNT for a v1 mount without a known controller. */
static uint32_t mount_hierarchy(const struct mntent *mount)
{
	if (strcmp(mount->mnt_type, "cgroup2") == 0)
		return HIERARCHY_V2;
	for (uint32_t i = HIERARCHY_V2 + 1; i < HIERARCHY_COUNT; i++)
		if (hasmntopt(mount, controllers[i]))
			return i;
	return HIERARCHY_COUNT;
}

/* Whether `path` names a directory of this mount, and its inode number. */
static bool find_in(const struct mntent *mount, const char *path, uint64_t *ret_id)
{
	size_t len = strlen(mount->mnt_dir);
	char full[PATH_MAX];
	struct stat status;
	int written;

	if (strncmp(path, mount->mnt_dir, len) == 0 && (path[len] == '/' || path[len] == '\0'))
		written = snprintf(full, sizeof(full), "%s", path);
	else
		written = snprintf(full, sizeof(full), "%s/%s", mount->mnt_dir, path);
	if (written >= (int)sizeof(full) || stat(full, &status) != 0 || !S_ISDIR(status.st_mode))
		return false;
	*ret_id = status.st_ino;
	return true;
}

/* One pass over the mounts: those of v2, or those of v1. */
static uint32_t search(const char *path, bool v2, uint64_t *ret_id)
{
	own(mounts_closep) FILE *mounts = setmntent("/proc/self/mounts", "re");
	uint32_t found = UINT32_MAX;
	struct mntent *mount;

	while (mounts && found == UINT32_MAX && (mount = getmntent(mounts)) != NULL) {
		bool is_v2 = strcmp(mount->mnt_type, "cgroup2") == 0;

		if ((is_v2 || strcmp(mount->mnt_type, "cgroup") == 0) && is_v2 == v2 &&
		    find_in(mount, path, ret_id))
			found = mount_hierarchy(mount);
	}
	return found;
}

int cgroup_find(const char *path, uint32_t *ret_hierarchy, uint64_t *ret_id)
{
	uint32_t hierarchy = search(path, true, ret_id);
	int err;

	if (hierarchy == UINT32_MAX)
		hierarchy = search(path, false, ret_id);
	if (hierarchy == UINT32_MAX) {
		err = fail(-ENOENT, "no cgroup '%s' in any hierarchy", path);
		hint("'cat /proc/PID/cgroup' shows the cgroups of a process");
		return err;
	}
	if (hierarchy == HIERARCHY_COUNT) {
		err = fail(-ENOTSUP, "cgroup '%s' belongs to a hierarchy without a controller",
			   path);
		hint("name the same cgroup under another mount in /sys/fs/cgroup");
		return err;
	}
	*ret_hierarchy = hierarchy;
	return 0;
}
