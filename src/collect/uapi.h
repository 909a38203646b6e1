/* SPDX-License-Identifier: MIT */
/* uapi.h - what the kernel's user interface has gained since the headers of Debian 12 (Linux 6.1).
 *
 * Numbers and layouts of include/uapi/linux/bpf.h, which never change once released.  Names differ
 * from the kernel's, so that newer headers do no harm.
 */
#ifndef COLLECT_UAPI_H
#define COLLECT_UAPI_H

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* enum bpf_map_type */
#define UAPI_MAP_TYPE_ARENA       33 /* since 6.9 */

/* enum bpf_attach_type */
#define UAPI_TRACE_UPROBE_MULTI   48 /* since 6.6 */
#define UAPI_TRACE_UPROBE_SESSION 57 /* since 6.13 */

/* bpf_attr.link_create.uprobe_multi.flags */
#define UAPI_UPROBE_MULTI_RETURN  (1u << 0) /* since 6.6 */

/* An errno of the kernel that is in no user header: include/linux/errno.h. */
#define UAPI_ENOTSUPP             524

/* bpf_attr.link_create with its uprobe_multi arm. */
struct uapi_uprobe_multi {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path;            /* const char * */
	uint64_t offsets;         /* const uint64_t *: bytes into the file */
	uint64_t ref_ctr_offsets; /* const uint64_t *, 0: none */
	uint64_t cookies;         /* const uint64_t *, 0: none */
	uint32_t count;           /* of all three */
	uint32_t multi_flags;
	uint32_t pid; /* 0: every process */
	uint32_t pad;
};

/* Returns the descriptor of the link, or -errno; closing it detaches. */
static inline int uapi_uprobe_multi(const struct uapi_uprobe_multi *link)
{
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, link, sizeof(*link));

	return fd < 0 ? -errno : fd;
}

#endif
