/* SPDX-License-Identifier: MIT */
#include "model/life.h"

#include <string.h>

static const struct field ended = {
	.name = "ended",
	.key = "ended_unix_ns",
	.help = "its end; where exit_code is null: when it was known to be there last",
	.kind = FIELD_UNSIGNED,
	.unit = UNIT_MONO_NS,
	.size = 8,
};

static const struct field is_over = {
	.name = "is_over",
	.key = "is_over",
	.help = "it has ended, or is not known to be there",
	.kind = FIELD_BOOL,
	.size = 1,
};

static int add_fields(struct life *life, const struct schema *schema)
{
	int err = 0;

	for (size_t i = 0; !err && i < schema->field_count; i++) {
		const struct field *field = &schema->fields[i];
		bool is_new = field->unit != UNIT_TID;

		vec_each(have, &life->fields)
			is_new = is_new && strcmp(have->key, field->key) != 0;
		if (is_new)
			err = vec_push(&life->fields, *field);
	}
	return err;
}

int life_init(struct life *life, const struct record_view *views, size_t view_count)
{
	static const char *const events[] = { "fork", "exec", "exit" };
	int err = 0;

	*life = (struct life){ 0 };
	for (size_t event = 0; event < array_len(events); event++)
		for (size_t i = 0; i < view_count; i++)
			for (const struct schema *const *one = views[i].schemas; !err && *one;
			     one++)
				if (strcmp((*one)->collector, "process") == 0 &&
				    strcmp((*one)->event, events[event]) == 0)
					err = add_fields(life, *one);
	if (!err && life->fields.len) {
		err = vec_push(&life->fields, ended);
		err = err ?: vec_push(&life->fields, is_over);
	}
	life->schema = (struct schema){
		.collector = "process",
		.event = "life",
		.help = "a process from its fork to its exit",
		.shape = SCHEMA_JOINED,
		.fields = life->fields.data,
		.field_count = life->fields.len,
	};
	life->list[0] = life->fields.len ? &life->schema : NULL;
	life->view = (struct record_view){ .collector = "process", .schemas = life->list };
	if (err)
		life_done(life);
	return err;
}

void life_done(struct life *life)
{
	vec_done(&life->fields);
}
