/* SPDX-License-Identifier: MIT */
#include "collect/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/number.h"

/* A file that holds one decimal number. */
static int read_number(int folder, const char *path, uint64_t *ret_number)
{
	own(fd_closep) int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (len < 0)
		return -errno;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return number_parse(text, 0, UINT32_MAX, ret_number);
}

/* fsopen(2) and its family: a mount without a place in the tree lives as long as its descriptor. */
int fs_private_root(const char *type)
{
	own(fd_closep) int context = fsopen(type, FSOPEN_CLOEXEC);
	int root;

	if (context < 0)
		return -errno;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	root = fsmount(context, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			       MOUNT_ATTR_NOEXEC);
	return root < 0 ? -errno : root;
}

static void mounts_closep(FILE **mounts)
{
	if (*mounts)
		endmntent(*mounts);
}

/* Where tracefs is mounted, itself or inside debugfs; "" if nowhere. */
static void find_root(char *root, size_t size)
{
	own(mounts_closep) FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;

	root[0] = '\0';
	while (mounts && (mount = getmntent(mounts)) != NULL) {
		if (strcmp(mount->mnt_type, "tracefs") == 0) {
			snprintf(root, size, "%s", mount->mnt_dir);
			return;
		}
		if (strcmp(mount->mnt_type, "debugfs") == 0)
			snprintf(root, size, "%s/tracing", mount->mnt_dir);
	}
}

int tracefs_event(const char *event, uint64_t *ret_id, bool *ret_is_private)
{
	char path[256], mounted[PATH_MAX];
	own(fd_closep) int root = -1;

	find_root(mounted, sizeof(mounted));
	if (ret_is_private)
		*ret_is_private = !*mounted;
	if (*mounted) {
		root = open(mounted, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0)
			return -errno;
	} else {
		root = fs_private_root("tracefs");
		if (root == -EMFILE || root == -ENFILE || root == -ENOMEM)
			return root; /* says nothing of tracefs */
		if (root < 0)
			return -ENODEV;
	}
	snprintf(path, sizeof(path), "events/%s/id", event);
	return read_number(root, path, ret_id);
}

int perf_device_type(const char *device, uint32_t *ret_type)
{
	uint64_t type;
	char path[128];
	int err;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", device);
	err = read_number(AT_FDCWD, path, &type);
	if (!err)
		*ret_type = (uint32_t)type;
	return err;
}
