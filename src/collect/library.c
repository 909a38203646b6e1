/* SPDX-License-Identifier: MIT */
#include "collect/library.h"

#include <bpf/libbpf.h>

#define TEXT(number)         #number
#define DOTTED(major, minor) TEXT(major) "." TEXT(minor)

const char *library_built(void)
{
	return DOTTED(LIBBPF_MAJOR_VERSION, LIBBPF_MINOR_VERSION);
}

/* libbpf says "v1.1". */
const char *library_running(void)
{
	const char *version = libbpf_version_string();

	return version[0] == 'v' ? version + 1 : version;
}
