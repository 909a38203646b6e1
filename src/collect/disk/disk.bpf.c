/* SPDX-License-Identifier: Dual MIT/GPL */
/* disk.bpf.c - requests from when they are asked for until the device has done them.
 *
 *     block_io_start ──> block_rq_issue ──> block_rq_complete, maybe in parts
 *                              ^──  block_rq_requeue
 *
 * A request is done in an interrupt, so who asked for it is noted when it begins, in that process; the
 * device may be given it by a thread of the kernel.  Before 6.5 a request begins at block_rq_insert or
 * block_rq_issue.  Requests lie in memory that is used again: a beginning replaces what was noted there.
 *
 * A flush of the device's cache that a process waits for (fsync) is a write without data and never given
 * to the device: one flush is made for all who wait, by a request that nobody asked for.  The first is an
 * event, when it is slow; the second is what the histograms have.
 */
#include "collect/disk/disk.wire.h"
#include "probe/event.bpf.h"
#include "probe/histogram.bpf.h"
#include "probe/row.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define REQUESTS_MAX 16384 /* under way at once */
#define ROWS_MAX     256   /* devices times operations */

const volatile unit_ns slow KNOB("requests that take as long or longer are events") = 10000000;
const volatile u32
	ranges KNOB("1: also counts by powers of 2 of microseconds, as biolatency does") = 0;

/* A request under way. */
struct kept {
	struct event owner;
	u64 started; /* when it was asked for; 0: that is not known */
	u64 issued;  /* when the device was given it last; 0: it was not */
	u64 mark;    /* start_time_ns of the request, which tells it from an earlier one */
	u64 sector, bytes;
	u32 operation, requeues, error;
	bool has_owner;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, REQUESTS_MAX);
	__type(key, u64); /* address of the request */
	__type(value, struct kept);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ROWS_MAX);
	__type(key, struct disk_latency_key);
	__type(value, struct disk_requests);
} disk_latency SEC(".maps") TABLE("requests by device and operation");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, struct disk_ranges_key);
	__type(value, struct disk_range);
} disk_ranges SEC(".maps") TABLE("requests by time in the device");

static __always_inline u32 operation_of(struct request *request, u64 bytes)
{
	switch (BPF_CORE_READ(request, cmd_flags) & REQ_OP_MASK) {
	case REQ_OP_READ:
		return DISK_OPERATION_READ;
	case REQ_OP_ZONE_APPEND:
	case REQ_OP_WRITE:
		return bytes ? DISK_OPERATION_WRITE : DISK_OPERATION_FLUSH;
	case REQ_OP_FLUSH:
		return DISK_OPERATION_FLUSH;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		return DISK_OPERATION_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		return DISK_OPERATION_WRITE_ZEROES;
	case REQ_OP_DRV_IN:
	case REQ_OP_DRV_OUT:
		return DISK_OPERATION_DRIVER;
	case REQ_OP_ZONE_FIRST ... REQ_OP_ZONE_LAST:
		return DISK_OPERATION_ZONE;
	default:
		return DISK_OPERATION_OTHER;
	}
}

static __always_inline struct gendisk *disk_of(struct request *request)
{
	struct request___old *old = (void *)request;

	if (bpf_core_field_exists(old->rq_disk))
		return BPF_CORE_READ(old, rq_disk);
	return BPF_CORE_READ(request, q, disk);
}

static __always_inline void put_disk(struct gendisk *disk, u32 *device, char name[DISK_NAME])
{
	*device = (u32)BPF_CORE_READ(disk, major) << 20 | (u32)BPF_CORE_READ(disk, first_minor);
	bpf_probe_read_kernel_str(name, DISK_NAME,
				  (void *)disk + bpf_core_field_offset(struct gendisk, disk_name));
}

/* It becomes more where others are merged into it, and less by what was done of it before it was put
 * back into the queue.
 */
static __always_inline void look_at(struct request *request, struct kept *kept)
{
	u64 bytes = BPF_CORE_READ(request, __data_len);

	if (bytes < kept->bytes)
		return;
	kept->bytes = bytes;
	kept->sector = BPF_CORE_READ(request, __sector);
	kept->operation = operation_of(request, kept->bytes);
}

static __always_inline void keep(struct request *request, const struct kept *kept)
{
	u64 key = (u64)request;

	if (bpf_map_update_elem(&requests, &key, kept, BPF_ANY))
		event_lost(bpf_core_type_id_local(struct disk_latency_key));
}

static __always_inline struct kept *kept_of(struct request *request)
{
	u64 key = (u64)request;

	return bpf_map_lookup_elem(&requests, &key);
}

/* A request whose memory is used again, and whose end was not seen: some hosts do not show to programs
 * what interrupts the threads that serve them.  It may have been slow.
 */
static __always_inline void end_unseen(void)
{
	event_lost(slow ? bpf_core_type_id_local(struct disk_latency_key)
			: bpf_core_type_id_local(struct disk_io));
}

/* The current process asks for it. */
static __always_inline void begin(struct request *request)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct kept kept = { .has_owner = true };

	if (kept_of(request))
		end_unseen();
	if (!event_wants(task))
		return;
	event_head(&kept.owner, 0, task);
	kept.started = kept.owner.at;
	kept.mark = BPF_CORE_READ(request, start_time_ns);
	look_at(request, &kept);
	keep(request, &kept);
}

SEC("raw_tp/block_io_start")
int disk_on_start(struct bpf_raw_tracepoint_args *ctx)
{
	begin((void *)ctx->args[0]);
	return 0;
}

static __always_inline bool is_kept(struct request *request)
{
	struct kept *kept = kept_of(request);

	return kept && kept->mark == BPF_CORE_READ(request, start_time_ns);
}

SEC("raw_tp/block_rq_insert")
INSTEAD_OF(disk_on_start)
int disk_on_insert(struct bpf_raw_tracepoint_args *ctx)
{
	struct request *request = (void *)ctx->args[0];

	if (!is_kept(request))
		begin(request);
	return 0;
}

SEC("raw_tp/block_rq_issue")
INSTEAD_OF(disk_on_start)
int disk_on_direct_issue(struct bpf_raw_tracepoint_args *ctx)
{
	struct request *request = (void *)ctx->args[0];
	struct kept *kept;

	if (is_kept(request))
		return 0;
	begin(request);
	kept = kept_of(request);
	if (kept)
		kept->issued = kept->started;
	return 0;
}

SEC("raw_tp/block_rq_issue")
int disk_on_issue(struct bpf_raw_tracepoint_args *ctx)
{
	struct request *request = (void *)ctx->args[0];
	struct kept *kept = kept_of(request), flush = {};

	if (kept) {
		kept->issued = bpf_ktime_get_ns();
		look_at(request, kept);
		return 0;
	}
	/* One that is made for all who wait for it. */
	if ((BPF_CORE_READ(request, cmd_flags) & REQ_OP_MASK) != REQ_OP_FLUSH || event_wants_some())
		return 0;
	flush.issued = bpf_ktime_get_ns();
	flush.mark = BPF_CORE_READ(request, start_time_ns);
	flush.operation = DISK_OPERATION_FLUSH;
	keep(request, &flush);
	return 0;
}

/* Two become one; the other has no end of its own. */
SEC("raw_tp/block_rq_merge")
OPTIONAL("disk: which requests are merged; they are taken for such whose end was not seen")
int disk_on_merge(struct bpf_raw_tracepoint_args *ctx)
{
	u64 key = ctx->args[0];

	bpf_map_delete_elem(&requests, &key);
	return 0;
}

SEC("raw_tp/block_rq_requeue")
int disk_on_requeue(struct bpf_raw_tracepoint_args *ctx)
{
	struct kept *kept = kept_of((void *)ctx->args[0]);

	if (kept) {
		kept->issued = 0;
		kept->requeues++;
	}
	return 0;
}

/* A negative errno until 5.15, since then a blk_status_t; from ZONES on its numbers are not the same on
 * all kernels.
 */
static __always_inline u32 error_of(s32 status)
{
	static const u8 errors[] = {
		[BLK_STS_NOTSUPP] = 95,      [BLK_STS_TIMEOUT] = 110,
		[BLK_STS_NOSPC] = 28,        [BLK_STS_TRANSPORT] = 67,
		[BLK_STS_TARGET] = 121,      [BLK_STS_RESV_CONFLICT] = 52,
		[BLK_STS_MEDIUM] = 61,       [BLK_STS_PROTECTION] = 84,
		[BLK_STS_RESOURCE] = 12,     [BLK_STS_IOERR] = 5,
		[BLK_STS_DM_REQUEUE] = 78,   [BLK_STS_AGAIN] = 11,
		[BLK_STS_DEV_RESOURCE] = 16,
	};

	if (status <= 0)
		return -status;
	return (u32)status < sizeof(errors) ? errors[status] : 5;
}

static __always_inline void count_range(u64 service)
{
	u64 us = service / 1000, least = us ? 1ull << histogram_log2(us) : 1;
	struct disk_ranges_key key = { least > 1 ? least : 0, least * 2 - 1 };
	struct disk_range *range = row_get(&disk_ranges, &key);

	if (range)
		range->count++;
}

static __always_inline void count(struct request *request, const struct kept *kept, u64 now)
{
	struct disk_latency_key key = { .operation = kept->operation };
	struct disk_requests *row;

	put_disk(disk_of(request), &key.device, key.disk);
	row = row_get(&disk_latency, &key);
	if (!row)
		return;
	if (kept->started)
		histogram_count(&row->queue, kept->issued - kept->started);
	histogram_count(&row->service, now - kept->issued);
	row->bytes += kept->bytes;
	row->requeues += kept->requeues;
	row->errors += kept->error != 0;
	if (ranges)
		count_range(now - kept->issued);
}

static __always_inline void send(struct request *request, const struct kept *kept, u64 now)
{
	struct disk_io *io = event_new_of(disk_io, &kept->owner, now);

	if (!io)
		return;
	io->latency = now - kept->started;
	io->queue = kept->issued ? kept->issued - kept->started : NOT_MEASURED;
	io->service = kept->issued ? now - kept->issued : NOT_MEASURED;
	io->operation = kept->operation;
	put_disk(disk_of(request), &io->device, io->disk);
	io->sector = kept->sector;
	io->bytes = kept->bytes;
	io->requeues = kept->requeues;
	io->errno = kept->error;
	event_send(io);
}

static __always_inline int complete(struct bpf_raw_tracepoint_args *ctx)
{
	struct request *request = (void *)ctx->args[0];
	struct kept *kept = kept_of(request);
	u64 now = bpf_ktime_get_ns(), key = (u64)request, latency;
	u32 error = error_of((s32)ctx->args[1]);

	if (!kept)
		return 0;
	if (error)
		kept->error = error;
	if ((u32)ctx->args[2] < BPF_CORE_READ(request, __data_len))
		return 0; /* a part of it */
	if (kept->issued)
		count(request, kept, now);
	latency = now - kept->started;
	if (kept->has_owner && (latency >= slow || kept->error) && latency >= filter.min_duration)
		send(request, kept, now);
	bpf_map_delete_elem(&requests, &key);
	return 0;
}

SEC("raw_tp/block_rq_complete")
int disk_on_complete(struct bpf_raw_tracepoint_args *ctx)
{
	return complete(ctx);
}

/* The kernel skips a program that is interrupted by its own event, but not another one. */
SEC("raw_tp/block_rq_complete")
int disk_on_nested(struct bpf_raw_tracepoint_args *ctx)
{
	return complete(ctx);
}
