/* SPDX-License-Identifier: MIT */
/* tracefs.h - numbers that the kernel gives to its perf events. */
#ifndef COLLECT_TRACEFS_H
#define COLLECT_TRACEFS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"

/**
 * tracefs_event - the number of a classic tracepoint, for perf_event_attr.config
 * @event: "group/name"
 * @ret_is_private: set when tracefs is mounted nowhere and was read through a mount of its own that
 *                  no other process sees and that is gone again; may be NULL
 *
 * Return: 0; -ENOENT no such event; -EACCES; -ENODEV tracefs is not to be had; -EMFILE, -ENFILE
 * or -ENOMEM it could not be tried; -errno.
 */
nodiscard int tracefs_event(const char *event, uint64_t *ret_id, bool *ret_is_private);

/** perf_device_type - the number of a perf device ("uprobe"), for perf_event_attr.type */
nodiscard int perf_device_type(const char *device, uint32_t *ret_type);

/**
 * fs_private_root - the root of a virtual file system that is mounted nowhere
 * @type: "tracefs", "securityfs"
 *
 * Return: an O_PATH descriptor; -EPERM without CAP_SYS_ADMIN; -ENODEV; -errno.
 */
nodiscard int fs_private_root(const char *type);

#endif
