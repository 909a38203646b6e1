/* SPDX-License-Identifier: MIT */
#include "resolve/kallsyms.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	own(kallsyms_freep) struct kallsyms *kallsyms = NULL;
	own(fd_closep) int fd = memfd_create("kallsyms", MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len)
		abort();
	if (kallsyms_new(fd, &kallsyms) != 0)
		return 0;
	for (uint64_t i = 0; i < 4096; i++)
		kallsyms_find(kallsyms, kallsyms->base + i * 31);
	vec_each(symbol, &kallsyms->symbols) {
		const char *name = kallsyms_find(kallsyms, kallsyms->base + symbol->start);

		if (!name != !symbol->name)
			abort();
	}
	kallsyms_find(kallsyms, 0);
	kallsyms_find(kallsyms, UINT64_MAX);
	return 0;
}
