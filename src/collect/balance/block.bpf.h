/* SPDX-License-Identifier: Dual MIT/GPL */
/* block.bpf.h - requests to block devices that a member of the tree submits itself, and how long each took.
 * What is written back later is nobody's: kernel threads submit it.
 *
 * Before 6.5 no tracepoint tells when a request begins and ends.  There it begins when it is put into a queue or,
 * without one, given to the device, and ends with its last part; user space attaches the same programs to those.
 */
#ifndef COLLECT_BALANCE_BLOCK_BPF_H
#define COLLECT_BALANCE_BLOCK_BPF_H

/* include/linux/blk_types.h */
#define REQUEST_OP_MASK 0xff
#define REQUEST_DISCARD 3
#define REQUEST_ERASE   5 /* securely */

/* A request under way.  When it is done its own length has been counted down to 0. */
struct balance_request {
	u64 began;
	u64 bytes; /* without what is merged into it later */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, BALANCE_IO_MAX);
	__type(key, u64); /* address of the request */
	__type(value, struct balance_request);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);
	__uint(max_entries, BALANCE_DEVICES_MAX);
	__type(key, struct balance_device_key);
	__type(value, struct balance_device);
} devices SEC(".maps");

u64 open_requests = 0;
u64 in_parts = 0; /* set by user space: requests end in parts, and begin twice */

SEC("raw_tp/block_io_start")
int balance_io_start(struct bpf_raw_tracepoint_args *ctx)
{
	struct request *request = (struct request *)ctx->args[0];
	struct balance_request one = {};
	u64 key = (u64)request;

	if (!cell_of_current())
		return 0;
	if (in_parts && bpf_map_lookup_elem(&requests, &key))
		return 0; /* it was in a queue */
	one.began = bpf_ktime_get_ns();
	one.bytes = BPF_CORE_READ(request, __data_len);
	if (bpf_map_update_elem(&requests, &key, &one, BPF_ANY))
		__sync_fetch_and_add(&refused.requests, 1);
	else
		__sync_fetch_and_add(&open_requests, 1);
	return 0;
}

/* Whether block_rq_complete() tells of less than is left of it.  The third argument is not there where this
 * is attached to block_io_done(), which would not be permitted if it were read as such.
 */
static __always_inline bool is_part(struct bpf_raw_tracepoint_args *ctx, struct request *request)
{
	u64 bytes = 0;

	if (!in_parts)
		return false;
	bpf_probe_read_kernel(&bytes, sizeof(bytes), (void *)ctx + 2 * sizeof(u64));
	return (u32)bytes < BPF_CORE_READ(request, __data_len);
}

static __always_inline struct balance_device *device_of(struct gendisk *disk)
{
	struct balance_device_key key = { BPF_CORE_READ(disk, major),
					  BPF_CORE_READ(disk, first_minor) };
	struct balance_device *device = bpf_map_lookup_elem(&devices, &key);
	struct balance_device blank = {};

	if (device)
		return device;
	BPF_CORE_READ_STR_INTO(&blank.name, disk, disk_name);
	bpf_map_update_elem(&devices, &key, &blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&devices, &key);
}

/* What the kernel's own statistics take for its length, with what was merged into it. */
static __always_inline u64 request_bytes(struct request *request,
					 const struct balance_request *began)
{
	u64 whole = (u64)BPF_CORE_READ(request, stats_sectors) << 9;

	return whole ? whole : began->bytes;
}

SEC("raw_tp/block_io_done")
int balance_io_done(struct bpf_raw_tracepoint_args *ctx)
{
	struct request *request = (struct request *)ctx->args[0];
	u64 key = (u64)request, took, bytes;
	struct balance_request *began;
	struct balance_device *device;
	u32 slot, operation;

	if (!open_requests)
		return 0;
	began = bpf_map_lookup_elem(&requests, &key);
	if (!began || is_part(ctx, request))
		return 0;
	took = bpf_ktime_get_ns() - began->began;
	bytes = request_bytes(request, began);
	bpf_map_delete_elem(&requests, &key);
	__sync_fetch_and_add(&open_requests, -1);
	device = device_of(BPF_CORE_READ(request, q, disk));
	if (!device) {
		__sync_fetch_and_add(&refused.devices, 1);
		return 0;
	}
	operation = BPF_CORE_READ(request, cmd_flags) & REQUEST_OP_MASK;
	if (operation & 1) { /* odd operations write */
		__sync_fetch_and_add(&device->writes, 1);
		if (operation != REQUEST_DISCARD && operation != REQUEST_ERASE)
			__sync_fetch_and_add(&device->written, bytes);
	} else {
		__sync_fetch_and_add(&device->reads, 1);
		__sync_fetch_and_add(&device->read, bytes);
	}
	__sync_fetch_and_add(&device->total, took);
	if (took > device->most)
		device->most = took;
	slot = time_slot(took);
	__sync_fetch_and_add(&device->latency[slot], 1);
	return 0;
}

#endif
