/* SPDX-License-Identifier: MIT */
#include "collect/own_group.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "collect/cgroup.h"
#include "probe/target.wire.h"

#define FILE_MAX_BYTES (1u << 20)
#define REMOVE_PASSES  100 /* each moves who is there; new ones are made meanwhile */

static const struct {
	uint32_t hierarchy;
	const char *controller; /* as /proc/self/cgroup has it; "": v2 */
} kinds[OWN_GROUP_KINDS] = {
	[OWN_GROUP_V2] = { HIERARCHY_V2, "" },
	[OWN_GROUP_MEMORY] = { HIERARCHY_MEMORY, "memory" },
	[OWN_GROUP_CPUACCT] = { HIERARCHY_CPUACCT, "cpuacct" },
	[OWN_GROUP_IO] = { HIERARCHY_IO, "blkio" },
};

static char *read_in(const char *folder, const char *name)
{
	own(freep) char *path = NULL;
	own(fd_closep) int fd = -1;
	char *text = NULL;
	size_t len;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_read_all(fd, FILE_MAX_BYTES, &text, &len))
		return NULL;
	return text;
}

/* Whether one of the words of a text is this one. */
static bool has_word(const char *text, const char *word, const char *separators)
{
	size_t len = strlen(word);

	while (text && *text) {
		size_t part = strcspn(text, separators);

		if (part == len && strncmp(text, word, len) == 0)
			return true;
		text += part;
		text += strspn(text, separators);
	}
	return false;
}

/* Where this process is in a hierarchy; NULL: not in it, or it cannot be told. */
static char *own_path(enum own_group_kind kind)
{
	own(freep) char *all = read_in("/proc/self", "cgroup");
	char *line, *rest = all;

	while (rest && (line = strsep(&rest, "\n")) != NULL) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		controllers++;
		if (kind == OWN_GROUP_V2 ? !*controllers
					 : has_word(controllers, kinds[kind].controller, ","))
			return strdup(path);
	}
	return NULL;
}

static bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The folder of the group that this process is in.  In a container the mount may begin with it. */
static char *own_folder(enum own_group_kind kind, const char *top)
{
	own(freep) char *path = own_path(kind);
	char *folder;

	if (!path)
		return NULL;
	if (asprintf(&folder, "%s%s", top, strcmp(path, "/") == 0 ? "" : path) < 0)
		return NULL;
	if (is_folder(folder))
		return folder;
	free(folder);
	return strdup(top);
}

static bool is_without(const char *folder, const char *name)
{
	own(freep) char *limit = read_in(folder, name);

	return !limit || strncmp(limit, "max", 3) == 0;
}

char *own_group_choose(const char *top, const char *own)
{
	char *folder = strdup(own), *end;

	while (folder && strlen(folder) >= strlen(top)) {
		own(freep) char *controllers = read_in(folder, "cgroup.subtree_control");

		if (has_word(controllers, "memory", " \n"))
			return folder;
		if (!is_without(folder, "memory.max") || !is_without(folder, "memory.high") ||
		    !is_without(folder, "cpu.max") || !is_without(folder, "pids.max"))
			break;
		end = strrchr(folder, '/');
		if (!end || end == folder)
			break;
		*end = '\0';
	}
	free(folder);
	return strdup(own);
}

static int move(const char *folder, const char *pid)
{
	own(freep) char *path = NULL;
	own(fd_closep) int fd = -1;

	if (asprintf(&path, "%s/cgroup.procs", folder) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, pid, strlen(pid)) < 0 ? -errno : 0;
}

static int make_in(struct own_group *group, enum own_group_kind kind, pid_t pid)
{
	own(freep) char *top = cgroup_mount(kinds[kind].hierarchy);
	own(freep) char *own = top ? own_folder(kind, top) : NULL;
	own(freep) char *parent = NULL, *folder = NULL;
	char number[16];
	int err;

	if (!own)
		return -ENOENT;
	parent = kind == OWN_GROUP_V2 ? own_group_choose(top, own) : take(own);
	if (!parent || asprintf(&folder, "%s/kymo-run-%d", parent, pid) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	if (mkdir(folder, 0755) < 0)
		return -errno;
	snprintf(number, sizeof(number), "%d", pid);
	err = move(folder, number);
	if (err) {
		rmdir(folder);
		return err;
	}
	group->folders[kind] = take(folder);
	group->parents[kind] = take(parent);
	return 0;
}

int own_group_make(pid_t pid, struct own_group *ret_group)
{
	struct own_group group = { 0 };
	int err = -ENOENT;
	bool is_made = false;

	for (unsigned i = 0; i < OWN_GROUP_KINDS; i++) {
		int made = make_in(&group, (enum own_group_kind)i, pid);

		is_made |= made == 0;
		if (made == -EACCES || made == -EPERM || made == -EROFS)
			err = -EACCES;
	}
	if (is_made) {
		*ret_group = group;
		return 0;
	}
	fail(err, "cannot make a control group for the command: %m");
	hint("run with sudo, or within 'systemd-run --user --scope -p Delegate=yes'");
	return err;
}

/* The number behind a word at the beginning of a line. */
static bool find_number(const char *text, const char *word, uint64_t *ret_number)
{
	size_t len = strlen(word);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, len) == 0 && line[len] == ' ') {
			*ret_number = strtoull(line + len + 1, NULL, 10);
			return true;
		}
	}
	return false;
}

static bool read_number(const char *folder, const char *name, uint64_t *ret_number)
{
	own(freep) char *text = folder ? read_in(folder, name) : NULL;

	if (!text || *text < '0' || *text > '9')
		return false;
	*ret_number = strtoull(text, NULL, 10);
	return true;
}

static void read_cpu(const struct own_group *group, struct account_group *sums)
{
	own(freep) char *stat = group->folders[OWN_GROUP_V2]
					? read_in(group->folders[OWN_GROUP_V2], "cpu.stat")
					: NULL;
	uint64_t us;

	sums->has_cpu = find_number(stat, "usage_usec", &us);
	if (sums->has_cpu)
		sums->cpu_ns = us * NS_PER_US;
	else
		sums->has_cpu = read_number(group->folders[OWN_GROUP_CPUACCT], "cpuacct.usage",
					    &sums->cpu_ns);
	sums->has_throttled = find_number(stat, "throttled_usec", &us);
	if (sums->has_throttled)
		sums->throttled_ns = us * NS_PER_US;
}

/* "8:0 rbytes=N wbytes=N ..." of each device. */
static void add_io_v2(const char *text, struct account_group *sums)
{
	const char *at = text;

	while ((at = strchr(at, '=')) != NULL) {
		uint64_t number = strtoull(at + 1, NULL, 10);

		if (at - text >= 6 && strncmp(at - 6, "rbytes", 6) == 0)
			sums->read_bytes += number;
		if (at - text >= 6 && strncmp(at - 6, "wbytes", 6) == 0)
			sums->written_bytes += number;
		at++;
	}
}

/* "8:0 Read N" and "8:0 Write N" of each device. */
static void add_io_v1(const char *text, struct account_group *sums)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		char word[16];
		uint64_t number;

		line += *line == '\n';
		if (sscanf(line, "%*u:%*u %15s %" SCNu64, word, &number) != 2)
			continue;
		if (strcmp(word, "Read") == 0)
			sums->read_bytes += number;
		if (strcmp(word, "Write") == 0)
			sums->written_bytes += number;
	}
}

static void read_io(const struct own_group *group, struct account_group *sums)
{
	const char *v2 = group->folders[OWN_GROUP_V2], *v1 = group->folders[OWN_GROUP_IO];
	own(freep) char *stat = v2 ? read_in(v2, "io.stat") : NULL;
	own(freep) char *bytes =
		v1 && !stat ? read_in(v1, "blkio.throttle.io_service_bytes") : NULL;

	sums->has_io = stat || bytes;
	if (stat)
		add_io_v2(stat, sums);
	add_io_v1(bytes, sums);
}

void own_group_read(const struct own_group *group, struct account_group *ret_sums)
{
	*ret_sums = (struct account_group){ .is_made = true };
	read_cpu(group, ret_sums);
	ret_sums->has_memory =
		read_number(group->folders[OWN_GROUP_V2], "memory.peak", &ret_sums->peak_bytes) ||
		read_number(group->folders[OWN_GROUP_MEMORY], "memory.max_usage_in_bytes",
			    &ret_sums->peak_bytes);
	ret_sums->has_tasks =
		read_number(group->folders[OWN_GROUP_V2], "pids.peak", &ret_sums->tasks_peak);
	read_io(group, ret_sums);
}

/* One after the other, as the kernel takes one number at a time. */
static void move_all(const char *folder, const char *parent)
{
	own(freep) char *pids = read_in(folder, "cgroup.procs");
	char *pid, *rest = pids;

	while (rest && (pid = strsep(&rest, "\n")) != NULL)
		if (*pid && move(parent, pid))
			continue;
}

void own_group_done(struct own_group *group)
{
	for (unsigned i = 0; i < OWN_GROUP_KINDS; i++) {
		for (int pass = 0; group->folders[i] && pass < REMOVE_PASSES; pass++) {
			if (rmdir(group->folders[i]) == 0 || errno != EBUSY)
				break;
			move_all(group->folders[i], group->parents[i]);
		}
		free(group->folders[i]);
		free(group->parents[i]);
	}
	*group = (struct own_group){ 0 };
}
