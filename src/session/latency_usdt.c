/* SPDX-License-Identifier: MIT */
#include "session/latency_usdt.h"

#include <fnmatch.h>
#include <string.h>

#include "base/error.h"
#include "elf/usdt.h"

#define NAME_BYTES 256
#define NOP        0x90

struct wanted {
	char provider[NAME_BYTES], name[NAME_BYTES];
	char end[NAME_BYTES]; /* of a span; "": points are counted */
};

struct adding {
	struct latency_plan *plan;
	uint32_t file;
	const struct wanted *wanted;
	size_t first; /* the first function that was added */
	bool has_begin, has_end;
};

static bool read_pattern(const char *pattern, struct wanted *wanted)
{
	const char *colon = strchr(pattern, ':'), *dots = colon ? strstr(colon, "..") : NULL;
	int name_len;

	if (!colon || colon == pattern || (dots && !dots[2]) || strlen(pattern) >= NAME_BYTES)
		return false;
	name_len = dots ? (int)(dots - colon - 1) : (int)strlen(colon + 1);
	snprintf(wanted->provider, NAME_BYTES, "%.*s", (int)(colon - pattern), pattern);
	snprintf(wanted->name, NAME_BYTES, "%.*s", name_len, colon + 1);
	snprintf(wanted->end, NAME_BYTES, "%s", dots ? dots + 2 : "");
	return name_len > 0;
}

/* The function of a name, entered when new.  Return: its number; -errno. */
static int function_of(struct adding *adding, const char *name)
{
	struct latency_plan *plan = adding->plan;
	struct latency_function function = {
		.file = plan->files.data[adding->file]->path,
		.is_counted = !adding->wanted->end[0],
	};
	int err;

	for (size_t i = adding->first; i < plan->functions.len; i++)
		if (strcmp(plan->functions.data[i].name, name) == 0)
			return (int)i;
	if (plan->functions.len == CALL_FUNCTIONS_MAX)
		return fail(-E2BIG, "at most %d functions can be timed at once",
			    CALL_FUNCTIONS_MAX);
	function.name = latency_plan_text(plan, "%s", name);
	function.how = function.is_counted ? "probe point, hits are counted"
					   : "from one probe point to the other, by thread";
	err = function.name ? vec_push(&plan->file_of, adding->file) : -ENOMEM;
	err = err ?: vec_push(&plan->functions, function);
	return err ?: (int)plan->functions.len - 1;
}

static int refuse_point(struct adding *adding, const struct usdt_point *point)
{
	char *why;
	int err;

	/* A longer one can become a call (Linux 6.18), which harms what lies below the stack. */
	if (asprintf(&why, "'%s:%s': there is no nop of one byte at 0x%lx", point->provider,
		     point->name, (unsigned long)point->address) < 0)
		return -ENOMEM;
	err = vec_push(&adding->plan->refused, why);
	if (err)
		free(why);
	return err;
}

static int push_point(struct adding *adding, const struct usdt_point *point, const char *name,
		      enum call_kind kind)
{
	const struct latency_file *file = adding->plan->files.data[adding->file];
	struct call_site site = {
		.address = point->address,
		.kind = (uint8_t)kind,
		.is_if = adding->wanted->end[0] != 0,
		.cost = CALL_EMULATED,
	};
	uint64_t offset;
	uint8_t code;
	int function;

	if (!image_offset(file->image, point->address, &offset) ||
	    source_read(&file->image->source, &code, 1, offset))
		return fail(-EBADMSG, "the probe points of '%s' are damaged", file->path);
	if (code != NOP)
		return refuse_point(adding, point);
	function = function_of(adding, name);
	site.function = (uint32_t)function;
	return function < 0
		       ? function
		       : latency_plan_push(adding->plan, &site, offset, point->semaphore_offset);
}

static int see_point(void *context, const struct usdt_point *point)
{
	struct adding *adding = context;
	const struct wanted *wanted = adding->wanted;
	bool begins = fnmatch(wanted->name, point->name, 0) == 0;
	bool ends = wanted->end[0] && strcmp(wanted->end, point->name) == 0;
	char name[3 * NAME_BYTES];

	if (fnmatch(wanted->provider, point->provider, 0) != 0 || (!begins && !ends))
		return 0;
	if (wanted->end[0])
		snprintf(name, sizeof(name), "usdt:%s:%s..%s", point->provider, wanted->name,
			 wanted->end);
	else
		snprintf(name, sizeof(name), "usdt:%s:%s", point->provider, point->name);
	adding->has_begin |= begins;
	adding->has_end |= ends;
	return push_point(adding, point, name, ends ? CALL_SPAN : CALL_POINT);
}

int latency_plan_add_usdt(struct latency_plan *plan, uint32_t file, const char *pattern)
{
	const char *path = plan->files.data[file]->path;
	struct wanted wanted;
	struct adding adding = { .plan = plan, .file = file, .wanted = &wanted };
	int err;

	if (!read_pattern(pattern, &wanted)) {
		err = fail(-ERROR_USAGE, "'%s' names no probe point", pattern);
		hint("write usdt:PROVIDER:NAME, or usdt:PROVIDER:BEGIN..END for the time between two");
		return err;
	}
	if (plan->arg_count)
		return fail(-ENOTSUP, "the arguments of probe points are not read");
	adding.first = plan->functions.len;
	err = usdt_each(plan->files.data[file]->image, see_point, &adding);
	if (err == -EBADMSG || err == -E2BIG)
		return fail(-EBADMSG, "the probe points of '%s' are damaged", path);
	if (!err && wanted.end[0] && adding.has_begin != adding.has_end)
		return fail(-ENOENT, "there is no probe point '%s:%s' in '%s'", wanted.provider,
			    adding.has_begin ? wanted.end : wanted.name, path);
	return err ?: adding.has_begin || adding.has_end;
}
