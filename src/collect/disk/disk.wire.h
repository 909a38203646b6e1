/* SPDX-License-Identifier: MIT */
/* disk.wire.h - requests to disks: how long they waited, and how long the device took.
 *
 *     asked for ──── queue ────> given to the device ──── service ────> done
 *
 * A request is what a device gets: several reads or writes of a program may become one, and one may
 * become several.  Devices that only hand on what they get (dm, md, zram) have no requests; the disks
 * below them do.
 */
#ifndef COLLECT_DISK_WIRE_H
#define COLLECT_DISK_WIRE_H

#include "probe/event.wire.h"

#define DISK_NAME 32 /* DISK_NAME_LEN of the kernel */

enum disk_operation {
	DISK_OPERATION_READ,
	DISK_OPERATION_WRITE,
	DISK_OPERATION_FLUSH, /* of the device's own cache */
	DISK_OPERATION_DISCARD,
	DISK_OPERATION_WRITE_ZEROES,
	DISK_OPERATION_ZONE,   /* open, close, reset ... of zoned devices */
	DISK_OPERATION_DRIVER, /* commands that only the driver knows */
	DISK_OPERATION_OTHER,
	DISK_OPERATION_COUNT
};

struct disk_io {
	struct event event; /* of who asked for it; at its end */
	unit_ns latency HELP("from when it was asked for until it was done");
	unit_ns queue HELP("until the device had it; null of a flush that others made for it");
	unit_ns service HELP("in the device; likewise");
	enum disk_operation operation HELP("what was asked for");
	char disk[DISK_NAME] HELP("name of the device");
	id_device device HELP("number of the device, major << 20 | minor");
	u64 sector HELP("the first one, of 512 bytes, from the beginning of the disk");
	unit_bytes bytes HELP("of the request");
	unit_count requeues HELP("how often the device did not take it");
	id_errno errno HELP("0: none");
};

struct disk_latency_key {
	id_device device HELP("number of the device, major << 20 | minor");
	enum disk_operation operation HELP("what was asked for");
	char disk[DISK_NAME] HELP("name of the device");
};

struct disk_requests {
	struct histogram queue HELP("from when it was asked for until the device had it");
	struct histogram service HELP("in the device");
	unit_bytes bytes HELP("of all requests");
	unit_count requeues HELP("how often the device did not take one");
	unit_count errors HELP("requests that failed");
};

struct disk_ranges_key {
	u64 range_min_us HELP("microseconds in the device, at least");
	u64 range_max_us HELP("and at most");
};

struct disk_range {
	unit_count count HELP("requests, of all devices");
};

#endif
