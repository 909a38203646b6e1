/* SPDX-License-Identifier: MIT */
#include "resolve/resolver.h"

#include <stdio.h>
#include <string.h>

#include "resolve/debugfile.h"
#include "resolve/gaps.h"
#include "resolve/jit.h"
#include "resolve/kallsyms.h"
#include "resolve/shelf.h"
#include "resolve/unnamed.h"

struct resolver {
	struct resolver_options options;
	struct opener opener;
	struct kallsyms *kallsyms;
	int kallsyms_err;
	bool kallsyms_tried;
	struct shelf shelf;
	struct gaps gaps;
};

/* Those of one kind and origin, by address. */
struct group {
	const struct unnamed *frames;
	size_t len;
	enum frame_kind kind;
	uint32_t origin;
};

struct run {
	struct resolver *resolver;
	struct profile *profile;
	struct naming *naming;
};

int resolver_new(const struct resolver_options *options, const struct opener *opener,
		 struct resolver **ret_resolver)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		return -ENOMEM;
	if (options)
		resolver->options = *options;
	if (!resolver->options.table_bytes)
		resolver->options.table_bytes = RESOLVER_TABLE_BYTES;
	resolver->opener = *opener;
	*ret_resolver = resolver;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	kallsyms_free(resolver->kallsyms);
	shelf_done(&resolver->shelf);
	gaps_done(&resolver->gaps);
	free(resolver);
}

/* "libc.so.6" of "/usr/lib/libc.so.6 (deleted)" */
static int module_text(struct profile *profile, uint32_t file, uint32_t *ret_text)
{
	const char *path = profile_text(profile, profile->files.data[file].path);
	size_t len = debugfile_path_bytes(path);
	const char *slash = memrchr(path, '/', len);
	char name[256]; /* NAME_MAX and NUL */

	if (slash) {
		len -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1),
		 path);
	return profile_add_text(profile, name, ret_text);
}

/* The frames of a group that have nothing but their address. */
static int name_addresses(struct run *run, const struct group *group, uint32_t module)
{
	int err = 0;

	for (size_t i = 0; !err && i < group->len; i++) {
		struct name name = { .module = module, .is_address = true };

		err = naming_address(run->naming, profile_text(run->profile, module),
				     group->frames[i].address, &name.function);
		err = err ?: naming_set(run->naming, group->frames[i].frame, &name);
	}
	return err;
}

static int name_file(struct run *run, const struct group *group)
{
	struct resolver *resolver = run->resolver;
	uint32_t file = group->origin, module, owner = naming_owner(run->naming);
	struct gap gap = { .kind = FRAME_USER };
	struct binary *binary;
	bool is_named;
	int err = module_text(run->profile, file, &module);

	if (err)
		return err;
	gap.err = shelf_get(&resolver->shelf, &resolver->options, &resolver->opener, run->profile,
			    file, &binary);
	if (gap.err == -ENOMEM)
		return gap.err;
	if (gap.err) {
		gap.addresses = group->len;
		err = name_addresses(run, group, module);
	}
	for (size_t i = 0; !gap.err && !err && i < group->len; i++) {
		err = binary_name(binary, run->naming, owner, group->frames[i].frame, module,
				  &is_named);
		gap.addresses += !is_named;
	}
	if (!gap.err && binary->inlines)
		gap.refused = inlines_refused(binary->inlines);
	gap.where = (char *)profile_text(run->profile, run->profile->files.data[file].path);
	if (!err && (gap.addresses || gap.refused))
		err = gaps_add(&resolver->gaps, &gap);
	if (!err && !gap.err && binary->inlines_err && binary->inlines_err != -ENOENT) {
		gap = (struct gap){ .where = gap.where, .err = binary->inlines_err };
		err = gaps_add(&resolver->gaps, &gap);
	}
	shelf_trim(&resolver->shelf, resolver->options.table_bytes);
	return err;
}

static int read_kallsyms(struct resolver *resolver)
{
	own(fd_closep) int fd = -1;

	if (resolver->kallsyms_tried)
		return 0;
	resolver->kallsyms_tried = true;
	fd = resolver->opener.open_kallsyms(resolver->opener.context);
	resolver->kallsyms_err = fd < 0 ? fd : kallsyms_new(fd, &resolver->kallsyms);
	return resolver->kallsyms_err == -ENOMEM ? -ENOMEM : 0;
}

static const char *why_no_kernel_names(const struct resolver *resolver)
{
	if (!resolver->kallsyms)
		return strerror(-resolver->kallsyms_err);
	if (resolver->kallsyms->hidden)
		return "its addresses are hidden from this user (sysctl kernel.kptr_restrict)";
	return "/proc/kallsyms has no symbol there";
}

/* Behind a BPF program there may be what is left of another, which nothing names. */
static bool is_sure(const struct resolver *resolver, const char *text, uint64_t address)
{
	return strncmp(text, "bpf_prog_", 9) != 0 || !strstr(text, " [bpf]") ||
	       !resolver->opener.is_bpf ||
	       resolver->opener.is_bpf(resolver->opener.context, address);
}

static int name_kernel(struct run *run, const struct group *group)
{
	struct resolver *resolver = run->resolver;
	struct gap gap = { .kind = FRAME_KERNEL };
	struct name name = { 0 };
	int err = read_kallsyms(resolver);

	err = err ?: profile_add_text(run->profile, "[kernel]", &name.module);
	for (size_t i = 0; !err && i < group->len; i++) {
		const struct unnamed *at = &group->frames[i];
		const struct frame *frame = &run->profile->frames.data[at->frame];
		const char *text = NULL;

		if (resolver->kallsyms)
			text = kallsyms_find(resolver->kallsyms,
					     at->address - frame->is_return_address);
		if (text && !is_sure(resolver, text, at->address))
			text = NULL;
		name.is_address = !text;
		if (!text) {
			gap.addresses++;
			err = naming_address(run->naming, "kernel", at->address, &name.function);
		} else {
			err = profile_add_text(run->profile, text, &name.function);
		}
		err = err ?: naming_set(run->naming, at->frame, &name);
	}
	if (!err && gap.addresses) {
		gap.where = (char *)why_no_kernel_names(resolver);
		err = gaps_add(&resolver->gaps, &gap);
	}
	return err;
}

/* By program: a build starts a thousand compilers. */
static int add_process_gap(struct run *run, uint32_t process, enum frame_kind kind, int why,
			   uint64_t addresses)
{
	const struct process *at = &run->profile->processes.data[process];
	struct gap gap = {
		.where = (char *)profile_text(run->profile, at->name),
		.kind = kind,
		.err = why,
		.addresses = addresses,
	};

	return addresses ? gaps_add(&run->resolver->gaps, &gap) : 0;
}

/* Fills the names in, from whichever of the two lists there is.
 * @ret_why: why the perf-map could not be read, or only in part; 0
 */
static int ask_lists(const struct resolver *resolver, const struct profile *profile,
		     uint32_t process, struct jit *jit, int *ret_why)
{
	const struct opener *opener = &resolver->opener;
	own(fd_closep) int map = -1, dump = -1;
	int err = jit_prepare(jit), dumped = 0;

	if (err)
		return err;
	map = opener->open_perf_map(opener->context, profile, process);
	*ret_why = map < 0 ? map : perf_map_read(map, jit);
	if (*ret_why == -ENOMEM)
		return -ENOMEM;
	dump = opener->open_jitdump(opener->context, profile, process);
	if (dump >= 0)
		dumped = jitdump_read(dump, jit);
	if (dumped == -E2BIG) { /* and the names of the perf-map went with its own */
		err = map < 0 ? 0 : perf_map_read(map, jit);
		*ret_why = dumped;
	}
	return err == -ENOMEM || dumped == -ENOMEM ? -ENOMEM : 0;
}

static int name_jit(struct run *run, const struct group *group)
{
	struct jit jit = { 0 };
	struct name name = { 0 };
	uint64_t unnamed = 0;
	int why = 0, err = profile_add_text(run->profile, "[jit]", &name.module);

	for (size_t i = 0; !err && i < group->len; i++) {
		const struct unnamed *at = &group->frames[i];
		const struct frame *frame = &run->profile->frames.data[at->frame];

		err = vec_push(&jit.asks, { .address = at->address - frame->is_return_address,
					    .frame = at->frame });
	}
	err = err ?: ask_lists(run->resolver, run->profile, group->origin, &jit, &why);
	vec_each(ask, &jit.asks) {
		if (err)
			break;
		name.is_address = !ask->name;
		unnamed += !ask->name;
		if (ask->name)
			err = naming_symbol(run->naming, jit.text.data + ask->name, "",
					    &name.function);
		else
			err = naming_address(run->naming, "jit",
					     run->profile->frames.data[ask->frame].address,
					     &name.function);
		err = err ?: naming_set(run->naming, ask->frame, &name);
	}
	jit_done(&jit);
	return err ?: add_process_gap(run, group->origin, FRAME_JIT, why, unnamed);
}

static int name_unknown(struct run *run, const struct group *group)
{
	struct name name = { .is_address = true };
	int err = profile_add_text(run->profile, "[unknown]", &name.function);

	for (size_t i = 0; !err && i < group->len; i++)
		err = naming_set(run->naming, group->frames[i].frame, &name);
	return err ?: add_process_gap(run, group->origin, FRAME_UNKNOWN, 0, group->len);
}

static int name_marks(struct run *run, const struct group *group)
{
	struct name name = { .function = group->origin };
	int err = 0;

	for (size_t i = 0; !err && i < group->len; i++)
		err = naming_set(run->naming, group->frames[i].frame, &name);
	return err;
}

static int name_group(struct run *run, const struct group *group)
{
	switch (group->kind) {
	case FRAME_USER:
		return name_file(run, group);
	case FRAME_KERNEL:
		return name_kernel(run, group);
	case FRAME_JIT:
		return name_jit(run, group);
	case FRAME_MARK:
		return name_marks(run, group);
	default:
		return name_unknown(run, group);
	}
}

static int list_unnamed(const struct profile *profile, struct unnamed_list *list)
{
	int err = 0;

	for (uint32_t frame = 0; !err && frame < profile->frames.len; frame++) {
		const struct frame *at = &profile->frames.data[frame];

		if (!at->name_count)
			err = vec_push(&list->frames, { (uint64_t)at->kind << 32 | at->origin,
							at->address, frame });
	}
	return err ?: unnamed_sort(list);
}

int resolver_name(struct resolver *resolver, struct profile *profile)
{
	own(freep) struct naming *naming = calloc(1, sizeof(*naming));
	struct run run = { resolver, profile, naming };
	struct unnamed_list list = { 0 };
	int err = naming ? list_unnamed(profile, &list) : -ENOMEM;

	if (naming) {
		naming->profile = profile;
		naming->mangled = resolver->options.mangled;
	}
	for (size_t i = 0; !err && i < list.frames.len;) {
		const struct unnamed *first = &list.frames.data[i];
		struct group group = { first, 1, (enum frame_kind)(first->group >> 32),
				       (uint32_t)first->group };

		while (i + group.len < list.frames.len && first[group.len].group == first->group)
			group.len++;
		err = name_group(&run, &group);
		i += group.len;
	}
	vec_done(&list.frames);
	return err;
}

int resolver_report(struct resolver *resolver, struct profile *profile)
{
	return gaps_tell(&resolver->gaps, &profile->coverage);
}
