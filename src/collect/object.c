/* SPDX-License-Identifier: MIT */
#include "collect/object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/skel_internal.h>

#include "base/error.h"
#include "collect/rights.h"
#include "collect/skeleton.h"

#define READ_BYTES 65536 /* the kernel hands out at most half of that at once */

static void *at_offset(const struct loaded *loaded, size_t offset)
{
	return (char *)loaded->skeleton + offset;
}

static char *constants(const struct loaded *loaded)
{
	char *rodata;

	memcpy(&rodata, at_offset(loaded, loaded->object->rodata), sizeof(rodata));
	return rodata;
}

int object_map(const struct loaded *loaded, size_t offset)
{
	return ((const struct bpf_map_desc *)at_offset(loaded, offset))->map_fd;
}

const struct schema *object_schema(const struct object *object, uint32_t type)
{
	for (const struct schema *const *schema = object->schemas; *schema; schema++)
		if ((*schema)->type == type)
			return *schema;
	return NULL;
}

static void set_knobs(struct loaded *loaded, const char *collector, const struct knob_value *values,
		      size_t count)
{
	const struct object *object = loaded->object;

	for (size_t i = 0; i < object->knob_count; i++)
		for (size_t j = 0; j < count; j++)
			if (strcmp(values[j].collector, collector) == 0 &&
			    strcmp(values[j].name, object->knobs[i].name) == 0)
				memcpy(constants(loaded) + object->knobs[i].offset,
				       &values[j].value, object->knobs[i].size);
}

static int fail_load(const struct object *object, int err)
{
	char what[96];

	snprintf(what, sizeof(what), "the program '%s'", object->name);
	return rights_fail_load(err, what);
}

int object_load(struct loaded *loaded, const struct object *object,
		const struct event_filter *filter, uint32_t ring_bytes, uint32_t room,
		const struct knob_value *knobs, size_t knob_count)
{
	int err;

	loaded->object = object;
	loaded->skeleton = object->open();
	if (!loaded->skeleton)
		return fail_load(object, -ENOMEM);
	memcpy(constants(loaded) + object->filter, filter, sizeof(*filter));
	set_knobs(loaded, object->schemas[0] ? object->schemas[0]->collector : object->name, knobs,
		  knob_count);
	if (ring_bytes)
		((struct bpf_map_desc *)at_offset(loaded, object->ring))->max_entries = ring_bytes;
	for (size_t i = 0; room && i < object->room_count; i++)
		((struct bpf_map_desc *)at_offset(loaded, object->rooms[i]))->max_entries = room;
	((struct bpf_loader_ctx *)loaded->skeleton)->flags |= SKELETON_IN_PARTS;
	err = object->load(loaded->skeleton);
	return err ? fail_load(object, err) : 0;
}

/* 0: the kernel did not load it. */
static int program_fd(const struct loaded *loaded, const struct object_program *program)
{
	return ((const struct bpf_prog_desc *)at_offset(loaded, program->program))->prog_fd;
}

uint64_t object_missed(const struct loaded *loaded)
{
	uint64_t missed = 0;

	for (size_t i = 0; i < loaded->object->program_count; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(program_fd(loaded, &loaded->object->programs[i]), &info,
					    &len))
			missed += info.recursion_misses;
	}
	return missed;
}

static bool is_attached(const struct object *object, const bool *attached, const char *name)
{
	for (size_t i = 0; i < object->program_count; i++)
		if (strcmp(object->programs[i].name, name) == 0)
			return attached[i];
	return false;
}

/* Return: a descriptor of the link; -errno. */
static int attach(const struct loaded *loaded, const struct object_program *program)
{
	bool is_typed = strcmp(program->kind, "tp_btf") == 0;
	int fd = program_fd(loaded, program);

	return fd ? bpf_raw_tracepoint_open(is_typed ? NULL : program->where, fd) : -ENOENT;
}

/* What is lost without a program is said; or else nothing works. */
static int note_refused(const struct object_program *program, struct coverage *coverage)
{
	if (program->lacks)
		return coverage_lack(coverage, program->lacks);
	return fail(-ENOTSUP, "this kernel does not load '%s'%s", program->name,
		    rights_read_kernel() ? "" : ": " RIGHTS_NO_READING);
}

/* Return: 0 attached, or noted as lacking; -errno with fail() said. */
static int attach_or_note(struct loaded *loaded, const struct object_program *program,
			  bool has_substitute, struct coverage *coverage, bool *ret_attached)
{
	int fd = attach(loaded, program), err;

	if (fd >= 0) {
		err = vec_push(&loaded->links, fd);
		*ret_attached = !err;
		if (err)
			close(fd);
		return err;
	}
	/* ENOENT: no such tracepoint, or not loaded; EINVAL: it has fewer arguments than are read. */
	if (fd != -ENOENT && fd != -EINVAL)
		return fail(fd, "cannot attach to tracepoint '%s': %m", program->where);
	if (has_substitute)
		return 0;
	if (program->lacks || !program_fd(loaded, program))
		return note_refused(program, coverage);
	return fail(-ENOTSUP, "this kernel has no tracepoint '%s' as '%s' needs it", program->where,
		    program->name);
}

static bool has_substitute(const struct object *object, const char *name)
{
	for (size_t i = 0; i < object->program_count; i++)
		if (object->programs[i].instead && strcmp(object->programs[i].instead, name) == 0)
			return true;
	return false;
}

static bool is_set(const struct loaded *loaded, const char *knob)
{
	const struct object *object = loaded->object;
	uint64_t value = 0;

	for (size_t i = 0; i < object->knob_count; i++)
		if (strcmp(object->knobs[i].name, knob) == 0)
			memcpy(&value, constants(loaded) + object->knobs[i].offset,
			       object->knobs[i].size);
	return value != 0;
}

/* Iterators and periodic programs are run. */
static bool is_attached_by_itself(const struct object_program *program)
{
	return strncmp(program->kind, "iter", 4) != 0 && strcmp(program->kind, "periodic") != 0;
}

/* Those that attach by themselves, or those that stand in for one that did not. */
static int attach_some(struct loaded *loaded, bool substitutes, struct coverage *coverage,
		       bool *attached)
{
	const struct object *object = loaded->object;
	int err = 0;

	for (size_t i = 0; !err && i < object->program_count; i++) {
		const struct object_program *program = &object->programs[i];

		if (!!program->instead != substitutes)
			continue;
		if (!is_attached_by_itself(program)) {
			err = program_fd(loaded, program) ? 0 : note_refused(program, coverage);
			continue;
		}
		if (program->when && !is_set(loaded, program->when))
			continue;
		if (program->instead && is_attached(object, attached, program->instead))
			continue;
		err = attach_or_note(loaded, program, has_substitute(object, program->name),
				     coverage, &attached[i]);
	}
	return err;
}

int object_attach(struct loaded *loaded, struct coverage *coverage)
{
	own(freep) bool *attached = calloc(loaded->object->program_count + 1, sizeof(*attached));
	int err = attached ? 0 : -ENOMEM;

	err = err ?: attach_some(loaded, false, coverage, attached);
	return err ?: attach_some(loaded, true, coverage, attached);
}

void object_detach(struct loaded *loaded)
{
	vec_each(fd, &loaded->links)
		close(*fd);
	loaded->links.len = 0;
}

void object_unload(struct loaded *loaded)
{
	object_detach(loaded);
	vec_done(&loaded->links);
	if (loaded->skeleton)
		loaded->object->close(loaded->skeleton);
	loaded->skeleton = NULL;
}

int object_run(const struct loaded *loaded, bool is_last)
{
	const struct object *object = loaded->object;
	uint64_t context[1] = { is_last };
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context, .ctx_size_in = sizeof(context));

	for (size_t i = 0; i < object->program_count; i++) {
		const struct object_program *program = &object->programs[i];
		int err;

		if (strcmp(program->kind, "periodic") != 0 || !program_fd(loaded, program))
			continue;
		err = bpf_prog_test_run_opts(program_fd(loaded, program), &options);
		if (err)
			return fail(err, "cannot run the program '%s': %m", program->name);
	}
	return 0;
}

/* Records stand one behind the other, each with its length in front. */
static int take_all(const struct object *object, const uint8_t *bytes, size_t len,
		    int (*each)(void *context, const struct record *record), void *context)
{
	int err = 0;

	for (size_t at = 0; !err && at + sizeof(uint64_t) <= len;) {
		uint64_t size;
		struct record record;
		struct event head;

		memcpy(&size, bytes + at, sizeof(size));
		at += sizeof(size);
		if (size > len - at || size < sizeof(head))
			break;
		memcpy(&head, bytes + at, sizeof(head));
		record = (struct record){ object_schema(object, head.type), bytes + at, size };
		if (record.schema && record_is_whole(&record))
			err = each(context, &record);
		at += size;
	}
	return err;
}

static int read_all(const struct object *object, int iterator,
		    int (*each)(void *context, const struct record *record), void *context)
{
	own(freep) uint8_t *bytes = malloc(READ_BYTES);
	int err = bytes ? 0 : -ENOMEM;

	while (!err) {
		ssize_t len = read(iterator, bytes, READ_BYTES);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* after a million of tasks it wants to be asked again */
		if (len < 0)
			return fail(-errno, "cannot look at what is there already: %m");
		if (len == 0)
			break;
		err = take_all(object, bytes, (size_t)len, each, context);
	}
	return err;
}

int object_iterate(const struct loaded *loaded,
		   int (*each)(void *context, const struct record *record), void *context)
{
	const struct object *object = loaded->object;
	int err = 0;

	for (size_t i = 0; !err && i < object->program_count; i++) {
		int program = program_fd(loaded, &object->programs[i]);
		own(fd_closep) int link = -1, iterator = -1;

		if (strncmp(object->programs[i].kind, "iter", 4) != 0)
			continue;
		if (!program)
			return fail(-ENOTSUP, "this kernel does not load '%s'",
				    object->programs[i].name);
		link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
		iterator = link < 0 ? link : bpf_iter_create(link);
		if (iterator < 0)
			return fail(iterator, "cannot look at what is there already: %m");
		err = read_all(object, iterator, each, context);
	}
	return err;
}
