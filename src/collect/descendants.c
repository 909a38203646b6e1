/* SPDX-License-Identifier: MIT */
#include "collect/descendants.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/vec.h"

#define CHILDREN_BYTES (1u << 20)

struct pids {
	uint32_t *data;
	size_t len, cap;
};

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* The children of one thread: numbers with blanks between. */
static int add_children(struct pids *pids, const char *path)
{
	own(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	own(freep) char *text = NULL;
	size_t len;
	int err = 0;

	if (fd < 0)
		err = errno == ENOENT || errno == ESRCH ? 0 : -errno;
	else
		err = file_read_all(fd, CHILDREN_BYTES, &text, &len);
	if (err && err != -ENOENT && err != -ESRCH)
		return fail(err, "cannot read '%s': %m", path);
	if (!text) /* it has ended */
		return 0;
	err = 0;
	for (char *at = text; !err && *at;) {
		char *end;
		unsigned long pid = strtoul(at, &end, 10);

		if (end == at)
			break;
		at = end + (*end == ' ');
		if (pids->len >= DESCENDANTS_MAX)
			return fail(-E2BIG, "more than %d processes belong to this one",
				    DESCENDANTS_MAX);
		err = vec_push(pids, (uint32_t)pid);
	}
	return err;
}

static int add_of_threads(struct pids *pids, uint32_t pid)
{
	char path[64];
	struct dirent *entry;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	own(close_folder) DIR *threads = opendir(path);

	if (!threads && errno != ENOENT)
		return fail(-errno, "cannot read '%s': %m", path);
	while (!err && threads && (entry = readdir(threads)) != NULL) {
		char children[128];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(children, sizeof(children), "%s/%.20s/children", path, entry->d_name);
		err = add_children(pids, children);
	}
	return err;
}

int descendants_each(uint32_t pid, int (*each)(void *context, uint32_t pid), void *context)
{
	struct pids pids = { 0 };
	int err = vec_push(&pids, pid);

	for (size_t i = 0; !err && i < pids.len; i++) {
		err = each(context, pids.data[i]);
		err = err ?: add_of_threads(&pids, pids.data[i]);
	}
	vec_done(&pids);
	return err;
}
