/* SPDX-License-Identifier: MIT */
#include "collect/call/links.h"

#include <unistd.h>

#include <bpf/bpf.h>

#include "collect/perf_ring.h"
#include "collect/tracefs.h"
#include "collect/uapi.h"

#define CONFIG_RETURN    1u /* /sys/bus/event_source/devices/uprobe/format/retprobe */
#define CONFIG_SEMAPHORE 32 /* likewise, ref_ctr_offset: the first bit */

/* Return: a descriptor; -errno. */
static int link_all(const struct links *links, const char *path, const struct links_places *places,
		    uint32_t pid)
{
	return uapi_uprobe_multi(&(struct uapi_uprobe_multi){
		.prog_fd = (uint32_t)links->program,
		.attach_type = UAPI_TRACE_UPROBE_MULTI,
		.path = (uint64_t)(uintptr_t)path,
		.offsets = (uint64_t)(uintptr_t)places->offsets,
		.ref_ctr_offsets = (uint64_t)(uintptr_t)places->semaphores,
		.cookies = (uint64_t)(uintptr_t)places->cookies,
		.count = places->count,
		.multi_flags = places->hooked ? UAPI_UPROBE_MULTI_RETURN : 0,
		.pid = pid,
	});
}

/* Likewise.  The link holds the event. */
static int link_place(const struct links *links, const char *path,
		      const struct links_places *places, uint32_t number, uint32_t pid)
{
	uint64_t semaphore = places->semaphores ? places->semaphores[number] : 0;
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .perf_event.bpf_cookie = places->cookies[number]);
	struct perf_event_attr attr = {
		.config = semaphore << CONFIG_SEMAPHORE | (places->hooked ? CONFIG_RETURN : 0),
		.uprobe_path = (uint64_t)(uintptr_t)path,
		.probe_offset = places->offsets[number],
	};
	own(fd_closep) int event = -1;
	uint32_t type;
	int link, err = perf_device_type("uprobe", &type);

	if (err)
		return err;
	attr.type = type;
	event = perf_open(&attr, pid ? (pid_t)pid : -1, pid ? -1 : 0, -1, 0);
	if (event < 0)
		return event;
	link = bpf_link_create(links->program, event, BPF_PERF_EVENT, &options);
	return link < 0 ? -errno : link;
}

static void drop_behind(struct links *links, size_t count)
{
	while (links->fds.len > count)
		close(links->fds.data[--links->fds.len]);
}

static int set_one_by_one(struct links *links, const char *path, const struct links_places *places,
			  uint32_t pid)
{
	size_t before = links->fds.len;
	int err = before + places->count > LINKS_PERF_MAX ? -E2BIG : 0;

	err = err ?: vec_reserve(&links->fds, places->count);
	for (uint32_t i = 0; !err && i < places->count; i++) {
		int link = link_place(links, path, places, i, pid);

		if (link < 0)
			err = link;
		else
			links->fds.data[links->fds.len++] = link;
	}
	if (err)
		drop_behind(links, before);
	return err;
}

int links_set(struct links *links, const char *path, const struct links_places *places,
	      uint32_t pid)
{
	int link, err;

	if (!places->count)
		return 0;
	if (links->is_perf)
		return set_one_by_one(links, path, places, pid);
	link = link_all(links, path, places, pid);
	if (link < 0)
		return link;
	err = vec_push(&links->fds, link);
	if (err)
		close(link);
	return err;
}

uint64_t links_refused(const struct links *links, const char *path, struct links_places places,
		       uint32_t pid)
{
	while (places.count > 1) {
		struct links trial = { .program = links->program, .is_perf = links->is_perf };
		struct links_places half = places;

		half.count /= 2;
		if (!links_set(&trial, path, &half, pid)) {
			places.offsets += half.count;
			places.cookies += half.count;
			places.semaphores += places.semaphores ? half.count : 0;
			places.count -= half.count;
		} else {
			places.count = half.count;
		}
		links_drop(&trial);
	}
	return *places.cookies;
}

void links_drop(struct links *links)
{
	drop_behind(links, 0);
	vec_done(&links->fds);
}
