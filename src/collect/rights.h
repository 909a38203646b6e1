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

/** rights_paranoid - whether perf events are refused to all without CAP_SYS_ADMIN, as Debian and Ubuntu set it */
bool rights_paranoid(long *ret_level);

/**
 * rights_shed_admin - a user other than root gives up CAP_SYS_ADMIN where CAP_BPF and CAP_PERFMON do
 *
 * They do where kernel.perf_event_paranoid is at most 2 and user probes need no perf event.  Before there is a
 * second thread.
 *
 * Return: 1 it is still held, since they do not; 0; -errno.
 */
int rights_shed_admin(void);

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
