/* SPDX-License-Identifier: MIT */
#include "cmd/series.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

#define SERIES_MAX_BYTES (1u << 30)

int series_load(const char *path, struct metric_series *series, struct series_host *ret_host)
{
	own(freep) char *text = NULL;
	own(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	int err = fd < 0 ? -errno : file_read_all(fd, SERIES_MAX_BYTES, &text, &len);

	if (err)
		return fail(err, "cannot read '%s': %m", path);
	err = series_read(text, len, series, ret_host);
	if (err == -EINVAL) {
		fail(err, "'%s' is no account of a run", path);
		hint("'kymo run --json=%s -- COMMAND' writes one", path);
	}
	return err;
}

void series_host(struct series_host *host)
{
	struct utsname name;

	if (uname(&name) == 0)
		snprintf(host->text, sizeof(host->text), "%s %s %s, %ld CPUs", name.sysname,
			 name.release, name.machine, sysconf(_SC_NPROCESSORS_ONLN));
}
