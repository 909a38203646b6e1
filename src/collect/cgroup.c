/* SPDX-License-Identifier: MIT */
#include "collect/cgroup.h"

#include <dirent.h>
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

char *cgroup_mount(uint32_t hierarchy)
{
	own(mounts_closep) FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;

	while (mounts && (mount = getmntent(mounts)) != NULL) {
		bool is_v2 = strcmp(mount->mnt_type, "cgroup2") == 0;

		if (!is_v2 && strcmp(mount->mnt_type, "cgroup") != 0)
			continue;
		if (is_v2 ? hierarchy == HIERARCHY_V2
			  : hierarchy != HIERARCHY_V2 && hasmntopt(mount, controllers[hierarchy]))
			return strdup(mount->mnt_dir);
	}
	return NULL;
}

/* Whether any process is in a group of v2, or below it; the root has no such file. */
static bool is_populated(const char *folder, const char *name)
{
	char path[PATH_MAX], line[64];
	bool is_so = false;

	if (snprintf(path, sizeof(path), "%s/%s/cgroup.events", folder, name) >= (int)sizeof(path))
		return false;
	own(file_closep) FILE *events = fopen(path, "re");
	while (events && fgets(line, sizeof(line), events))
		is_so |= strcmp(line, "populated 1\n") == 0;
	return is_so;
}

static void folder_closep(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* Whether a hierarchy has groups besides its root; of v2, with processes in them. */
static bool is_used(const char *folder, bool v2)
{
	own(folder_closep) DIR *entries = opendir(folder);
	struct dirent *entry;

	if (v2 && is_populated(folder, ".")) /* the mount of a cgroup namespace */
		return true;
	while (entries && (entry = readdir(entries)) != NULL)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    (!v2 || is_populated(folder, entry->d_name)))
			return true;
	return false;
}

uint32_t cgroup_choose(void)
{
	static const uint32_t order[] = { HIERARCHY_V2,        HIERARCHY_MEMORY,  HIERARCHY_CPU,
					  HIERARCHY_CPUACCT,   HIERARCHY_PIDS,    HIERARCHY_IO,
					  HIERARCHY_DEVICES,   HIERARCHY_FREEZER, HIERARCHY_CPUSET,
					  HIERARCHY_PERF_EVENT };
	uint32_t mounted = HIERARCHY_V2;

	for (size_t i = 0; i < array_len(order); i++) {
		own(freep) char *folder = cgroup_mount(order[i]);

		if (folder && is_used(folder, order[i] == HIERARCHY_V2))
			return order[i];
		if (folder && mounted == HIERARCHY_V2)
			mounted = order[i];
	}
	return mounted;
}
