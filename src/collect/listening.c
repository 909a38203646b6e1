/* SPDX-License-Identifier: MIT */
#include "collect/listening.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/vec.h"

#define STATE_LISTEN 0x0a /* include/net/tcp_states.h */

struct namespaces {
	uint64_t *data; /* inode numbers */
	size_t len, cap;
};

struct walk {
	int (*each)(void *context, uint16_t port);
	void *context;
	struct namespaces seen;
};

/*   sl  local_address rem_address   st ...
 *    0: 0100007F:1F90 00000000:0000 0A ...
 */
uint16_t listening_line(const char *line)
{
	unsigned port, state;

	if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*4x %2x", &port, &state) != 2 ||
	    state != STATE_LISTEN)
		return 0;
	return (uint16_t)port;
}

static int read_ports(struct walk *walk, const char *path)
{
	own(file_closep) FILE *file = fopen(path, "re");
	char line[512];
	int err = 0;

	if (!file && errno == ENOENT) /* the process has ended; or there is no IPv6 */
		return 0;
	if (!file)
		return fail(-errno, "cannot read '%s': %m", path);
	while (!err && fgets(line, sizeof(line), file)) {
		uint16_t port = listening_line(line);

		if (port)
			err = walk->each(walk->context, port);
	}
	if (!err && ferror(file) && errno != ESRCH && errno != EINVAL) /* it has ended meanwhile */
		err = fail(-errno, "cannot read '%s': %m", path);
	return err;
}

static bool is_seen(const struct walk *walk, uint64_t inode)
{
	vec_each(one, &walk->seen)
		if (*one == inode)
			return true;
	return false;
}

/* What a process sees of the network, unless another one of its namespace came before. */
static int read_process(struct walk *walk, const char *pid)
{
	char path[64];
	struct stat status;
	int err;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	if (stat(path, &status) || is_seen(walk, status.st_ino))
		return 0;
	if (walk->seen.len >= LISTENING_NAMESPACES_MAX)
		return fail(-E2BIG, "more than %d network namespaces", LISTENING_NAMESPACES_MAX);
	err = vec_push(&walk->seen, status.st_ino);
	snprintf(path, sizeof(path), "/proc/%.20s/net/tcp", pid);
	err = err ?: read_ports(walk, path);
	snprintf(path, sizeof(path), "/proc/%.20s/net/tcp6", pid);
	return err ?: read_ports(walk, path);
}

int listening_each(int (*each)(void *context, uint16_t port), void *context)
{
	struct walk walk = { .each = each, .context = context };
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	int err = processes ? 0 : fail(-errno, "cannot read '/proc': %m");

	while (!err && (entry = readdir(processes)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			err = read_process(&walk, entry->d_name);
	if (processes)
		closedir(processes);
	vec_done(&walk.seen);
	return err;
}
