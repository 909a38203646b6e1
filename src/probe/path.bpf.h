/* SPDX-License-Identifier: Dual MIT/GPL */
/* path.bpf.h - the path of a file from its directory entries, leaf first, across mounts.
 *
 * bpf_d_path() may be called from few hooks only.  The root that a process sees is not looked at: the
 * path is that of the mount namespace, up to the root of its topmost mount.
 */
#ifndef PROBE_PATH_BPF_H
#define PROBE_PATH_BPF_H

#include "probe/event.bpf.h"

#define PATH_DEPTH      32  /* components; of a longer path the first ones are missing */
#define PATH_PART_BYTES 256 /* NAME_MAX and the closing NUL */
#define PATH_BYTES      2048

/* Appends a path; one that had to be cut begins with an empty component. */
static __always_inline void path_put(struct event_buffer *buffer, struct tail_path *path,
				     struct dentry *entry, struct vfsmount *vfs)
{
	struct mount *mount = (void *)vfs - bpf_core_field_offset(struct mount, mnt);
	u32 begin = buffer->used;

	for (int i = 0; i < PATH_DEPTH; i++) {
		struct dentry *above = BPF_CORE_READ(entry, d_parent);
		long len;

		if (entry == BPF_CORE_READ(vfs, mnt_root)) {
			struct mount *outer = BPF_CORE_READ(mount, mnt_parent);

			if (outer == mount)
				break;
			entry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = outer;
			vfs = (void *)mount + bpf_core_field_offset(struct mount, mnt);
			continue;
		}
		if (entry == above || buffer->used - begin > PATH_BYTES)
			break;
		len = bpf_probe_read_kernel_str(event_place(buffer), PATH_PART_BYTES,
						BPF_CORE_READ(entry, d_name.name));
		if (len <= 0 || len > PATH_PART_BYTES)
			break;
		buffer->used += len;
		entry = above;
	}
	path->at = begin;
	path->bytes = buffer->used - begin;
}

#endif
