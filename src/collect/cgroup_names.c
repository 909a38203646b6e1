/* SPDX-License-Identifier: MIT */
#include "collect/cgroup_names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/vec.h"
#include "collect/cgroup.h"
#include "collect/rights.h"

#define HANDLE_KERNFS 0xfe /* FILEID_KERNFS, include/linux/exportfs.h */
#define WALK_SHARE    50   /* after a walk, so many times its length without another */

struct cgroup_name {
	uint64_t id;
	char *path; /* NULL: was looked for in vain */
};

struct cgroup_names {
	char *folder; /* where the hierarchy is mounted; NULL: nowhere */
	int mount;    /* a descriptor of it */
	bool by_handle;
	uint64_t walk_due_ns;
	vec(struct cgroup_name) names;
	struct index by_id;
};

int cgroup_names_new(uint32_t hierarchy, struct cgroup_names **ret_names)
{
	struct cgroup_names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->folder = cgroup_mount(hierarchy);
	names->mount = names->folder ? open(names->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	names->by_handle = rights_read().effective & CAP_BIT(CAP_DAC_READ_SEARCH);
	*ret_names = names;
	return 0;
}

static void forget_all(struct cgroup_names *names)
{
	vec_each(name, &names->names)
		free(name->path);
	names->names.len = 0;
	index_clear(&names->by_id);
}

void cgroup_names_free(struct cgroup_names *names)
{
	if (!names)
		return;
	forget_all(names);
	vec_done(&names->names);
	index_done(&names->by_id);
	fd_closep(&names->mount);
	free(names->folder);
	free(names);
}

static bool same_id(const void *owner, uint32_t entry, const void *key)
{
	return ((const struct cgroup_names *)owner)->names.data[entry].id == *(const uint64_t *)key;
}

static struct cgroup_name *find(const struct cgroup_names *names, uint64_t id)
{
	uint32_t entry = index_find(&names->by_id, hash_mix(0, id), same_id, names, &id);

	return entry == INDEX_NONE ? NULL : &names->names.data[entry];
}

/* Takes over @path, also when it fails. */
static int keep(struct cgroup_names *names, uint64_t id, char *path)
{
	struct cgroup_name *known = find(names, id);
	int err = 0;

	if (known) {
		free(known->path);
		known->path = path;
		return 0;
	}
	if (names->names.len >= CGROUP_NAMES_MAX)
		forget_all(names);
	err = vec_reserve(&names->names, 1);
	err = err ?: index_add(&names->by_id, hash_mix(0, id), (uint32_t)names->names.len);
	if (err)
		free(path);
	else
		names->names.data[names->names.len++] = (struct cgroup_name){ id, path };
	return err;
}

int cgroup_names_learn(struct cgroup_names *names, uint64_t id, const char *path)
{
	char *copy = strdup(path);

	return copy ? keep(names, id, copy) : -ENOMEM;
}

/* The part of a path below the mount; NULL: it is not below. */
static const char *inside(const struct cgroup_names *names, const char *path)
{
	size_t len = strlen(names->folder);

	if (strncmp(path, names->folder, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path[len] ? path + len : "/";
}

/* To be freed; NULL: the group is gone, or lies outside of what is mounted. */
static char *path_by_handle(const struct cgroup_names *names, uint64_t id)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = { { sizeof(id), HANDLE_KERNFS }, id };
	char link[64], path[PATH_MAX];
	own(fd_closep) int fd = open_by_handle_at(names->mount, &handle.head, O_PATH | O_CLOEXEC);
	const char *below;
	ssize_t len;

	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return NULL;
	path[len] = '\0';
	below = inside(names, path);
	return below ? strdup(below) : NULL;
}

/* Folders that are still to be entered, and the numbers of theirs. */
struct walk {
	vec(char *) folders;
	size_t next;
};

static void walk_done(struct walk *walk)
{
	vec_each(folder, &walk->folders)
		free(*folder);
	vec_done(&walk->folders);
}

/* Keeps the name of a folder and has it entered; takes over @path. */
static int visit(struct cgroup_names *names, struct walk *walk, char *path)
{
	struct stat status;
	int err;

	if (!path)
		return -ENOMEM;
	err = walk->folders.len < CGROUP_NAMES_MAX ? vec_push(&walk->folders, path) : -E2BIG;
	if (err) {
		free(path);
		return err == -E2BIG ? 0 : err;
	}
	if (stat(path, &status) != 0)
		return 0;
	return cgroup_names_learn(names, status.st_ino, inside(names, path));
}

static int walk_folder(struct cgroup_names *names, struct walk *walk, const char *folder)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	int err = 0;

	while (!err && entries && (entry = readdir(entries)) != NULL) {
		char *path = NULL;

		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			path = NULL;
		err = visit(names, walk, path);
	}
	if (entries)
		closedir(entries);
	return err;
}

/* At most so often; what does not fit into memory is not known. */
static void walk_all(struct cgroup_names *names, uint64_t now)
{
	own(walk_done) struct walk walk = { 0 };
	int err = visit(names, &walk, strdup(names->folder));

	for (size_t i = 0; !err && i < walk.folders.len; i++)
		err = walk_folder(names, &walk, walk.folders.data[i]);
	names->walk_due_ns = now + (clock_mono_ns() - now) * WALK_SHARE;
}

static const char *look_up(struct cgroup_names *names, uint64_t id)
{
	const struct cgroup_name *name;
	uint64_t now;

	if (names->by_handle) {
		if (keep(names, id, path_by_handle(names, id)))
			return NULL;
	} else {
		now = clock_mono_ns();
		if (now < names->walk_due_ns)
			return NULL;
		walk_all(names, now);
		if (!find(names, id) && keep(names, id, NULL))
			return NULL;
	}
	name = find(names, id);
	return name ? name->path : NULL;
}

const char *cgroup_names_path(struct cgroup_names *names, uint64_t id)
{
	const struct cgroup_name *name = id ? find(names, id) : NULL;

	if (name || !id)
		return name ? name->path : NULL;
	return names->mount < 0 ? NULL : look_up(names, id);
}
