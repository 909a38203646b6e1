/* SPDX-License-Identifier: MIT */
#include "elf/inlined.h"

#include <string.h>

#include "elf/inlines_unit.h"

#define NAME_BYTES 1024

struct inlined {
	struct debuginfo *debuginfo;
	const struct image *code;
	const char *name;
	uint32_t last; /* text that was compared last */
	bool is_same;  /* and what came of it */
	uint32_t count;
};

static bool is_named(struct inlined *inlined, uint32_t text)
{
	char name[NAME_BYTES];

	if (text == DEBUGINFO_NO_TEXT)
		return false;
	if (text != inlined->last) {
		inlined->last = text;
		inlined->is_same =
			debuginfo_text(inlined->debuginfo, text, name, sizeof(name)) > 0 &&
			strcmp(name, inlined->name) == 0;
	}
	return inlined->is_same;
}

static int count_unit(struct inlined *inlined, uint32_t unit)
{
	struct inlines_unit index = { 0 };
	int err;

	debuginfo_start(inlined->debuginfo);
	err = debuginfo_check_time(inlined->debuginfo);
	err = err ?: inlines_unit_read(inlined->debuginfo, inlined->code, unit, &index);
	for (size_t i = 0; !err && i < index.nodes.len; i++)
		inlined->count += index.nodes.data[i].parent != INLINES_NO_NODE &&
				  is_named(inlined, index.nodes.data[i].name);
	debuginfo_forget(inlined->debuginfo);
	debuginfo_stop(inlined->debuginfo);
	inlines_unit_done(&index);
	return err == -EBADMSG ? 0 : err;
}

int inlined_count(const struct image *debug, const struct image *code,
		  const struct debuginfo_limits *limits, const char *name, uint32_t *ret_count)
{
	own(debuginfo_closep) struct debuginfo *debuginfo = NULL;
	struct inlined inlined = { .code = code, .name = name, .last = DEBUGINFO_NO_TEXT };
	int err = debuginfo_open(debug, limits, &debuginfo);

	inlined.debuginfo = debuginfo;
	for (uint32_t i = 0; !err && i < debuginfo->units.len; i++)
		err = count_unit(&inlined, i);
	*ret_count = inlined.count;
	return err;
}
