/* SPDX-License-Identifier: MIT */
/* rights.h - the capabilities of this process. */
#ifndef COLLECT_RIGHTS_H
#define COLLECT_RIGHTS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

/* A set of capabilities, one bit each. */
#define CAP_BIT(capability) (1ull << (capability))

#define RIGHTS_NO_READING   "it lets no program read its memory, as under lockdown=confidentiality"

struct rights {
	uint64_t effective;
	uint64_t permitted;
};

/** rights_read - both 0 when the kernel does not tell */
struct rights rights_read(void);

/** rights_load_tracing - whether CAP_BPF and CAP_PERFMON are held, or CAP_SYS_ADMIN for them */
bool rights_load_tracing(void);

/** rights_read_kernel - false: it lets no program read its memory, as under lockdown=confidentiality */
bool rights_read_kernel(void);

/**
 * rights_fail_load - why BPF programs did not load, by fail() and hint()
 * @err:  the negative errno of loading
 * @what: as in "this kernel does not load @what"
 *
 * Return: -ENOMEM, -EMFILE or -ENFILE as they came; -ENOTSUP: this kernel cannot; -EPERM: we may not.
 */
int rights_fail_load(int err, const char *what);

#endif
