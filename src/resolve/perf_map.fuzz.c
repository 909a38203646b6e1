/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "resolve/jit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	own(fd_closep) int fd = memfd_create("list", MFD_CLOEXEC);
	struct jit jit = { 0 };

	if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len)
		abort();
	for (uint64_t i = 0; i < 64; i++)
		if (vec_push(&jit.asks, { .address = i << i % 64 | i }) != 0)
			abort();
	if (jit_prepare(&jit) == 0 && perf_map_read(fd, &jit) == 0)
		vec_each(ask, &jit.asks)
			if (ask->name >= jit.text.len ||
			    !memchr(jit.text.data + ask->name, 0, jit.text.len - ask->name))
				abort();
	jit_done(&jit);
	return 0;
}
