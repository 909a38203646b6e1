/* SPDX-License-Identifier: MIT */
#include "collect/perf_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

#define CPU_MAX 65536u

int perf_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags)
{
	int fd;

	attr->size = sizeof(*attr);
	fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, group, flags | PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int perf_ring_map(struct perf_ring *ring, int fd, uint32_t cpu, size_t data_bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *mapping = mmap(NULL, page + data_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (mapping == MAP_FAILED) {
		int err = -errno;

		close(fd);
		return err;
	}
	*ring = (struct perf_ring){ fd, cpu, mapping, data_bytes };
	return 0;
}

void perf_ring_close(struct perf_ring *ring)
{
	if (ring->mapping)
		munmap(ring->mapping, (size_t)sysconf(_SC_PAGESIZE) + ring->data_bytes);
	if (ring->mapping || ring->fd > 0)
		close(ring->fd);
	*ring = (struct perf_ring){ 0 };
}

/* Copies a record that wraps; the largest is 64 KB because its length is a u16. */
static void copy_wrapped(const struct perf_ring *ring, uint64_t from, size_t len, void *to)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), offset = from & (ring->data_bytes - 1);
	const char *data = (const char *)ring->mapping + page;
	size_t first = ring->data_bytes - offset < len ? ring->data_bytes - offset : len;

	memcpy(to, data + offset, first);
	memcpy((char *)to + first, data, len - first);
}

int perf_ring_drain(struct perf_ring *ring,
		    int (*each)(void *context, const struct perf_ring *ring,
				const struct perf_event_header *record),
		    void *context)
{
	struct perf_event_mmap_page *control = ring->mapping;
	const char *data = (const char *)ring->mapping + sysconf(_SC_PAGESIZE);
	uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = control->data_tail;
	union {
		struct perf_event_header header;
		char bytes[UINT16_MAX + 1];
	} bounce;
	int err = 0;

	while (!err && tail < head) {
		size_t offset = tail & (ring->data_bytes - 1);
		const struct perf_event_header *record = (const void *)(data + offset);
		size_t len = record->size; /* headers are 8-byte aligned: they never wrap */

		if (len < sizeof(*record) || len > head - tail || len % 8)
			break;
		if (offset + len > ring->data_bytes) {
			copy_wrapped(ring, tail, len, bounce.bytes);
			record = &bounce.header;
		}
		err = each(context, ring, record);
		tail += len;
	}
	__atomic_store_n(&control->data_tail, err ? tail : head, __ATOMIC_RELEASE);
	return err;
}

/* "0-3,8,10-11" as in /sys/devices/system/cpu/online. */
int perf_cpus(struct cpu_list *ret_cpus)
{
	own(fd_closep) int fd = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
	own(freep) char *text = NULL;
	struct cpu_list cpus = { 0 };
	size_t len;
	int err = fd < 0 ? -errno : file_read_all(fd, 65536, &text, &len);

	if (err)
		return err;
	for (char *at = text; *at >= '0' && *at <= '9'; at += *at == ',') {
		unsigned long first = strtoul(at, &at, 10), last = first;

		if (*at == '-')
			last = strtoul(at + 1, &at, 10);
		if (last >= CPU_MAX)
			err = -EINVAL;
		for (unsigned long cpu = first; !err && cpu <= last; cpu++)
			err = vec_push(&cpus.ids, (uint32_t)cpu);
		if (err) {
			vec_done(&cpus.ids);
			return err;
		}
	}
	*ret_cpus = cpus;
	return 0;
}

struct perf_cursor perf_cursor(const struct perf_event_header *record)
{
	const unsigned char *at = (const unsigned char *)record;

	return (struct perf_cursor){ at + sizeof(*record), at + record->size, false };
}

static void read_bytes(struct perf_cursor *cursor, void *to, size_t len)
{
	memset(to, 0, len);
	if ((size_t)(cursor->end - cursor->at) < len) {
		cursor->is_short = true;
		cursor->at = cursor->end;
		return;
	}
	memcpy(to, cursor->at, len);
	cursor->at += len;
}

uint32_t perf_u32(struct perf_cursor *cursor)
{
	uint32_t value;

	read_bytes(cursor, &value, sizeof(value));
	return value;
}

uint64_t perf_u64(struct perf_cursor *cursor)
{
	uint64_t value;

	read_bytes(cursor, &value, sizeof(value));
	return value;
}

const char *perf_text(struct perf_cursor *cursor)
{
	size_t room = (size_t)(cursor->end - cursor->at),
	       len = strnlen((const char *)cursor->at, room);
	const char *text = (const char *)cursor->at;

	if (len == room) {
		cursor->is_short = true;
		return "";
	}
	cursor->at += (len + 8) & ~(size_t)7; /* padded to 8 bytes, NUL included */
	if (cursor->at > cursor->end)
		cursor->at = cursor->end;
	return text;
}
