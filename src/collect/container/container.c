/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include "collect/container/container-standing.object.h"
#include "collect/container/container.object.h"

static const char *const columns[] = { "hierarchy", "by", "duration", "lingering", "group", NULL };
static const char *const group[] = { "group", NULL };

/* The name of a group while it is there: it may be gone before anybody asks. */
static int learn(struct cgroup_names *names, const struct record *record)
{
	const struct field *is_usual = schema_field(record->schema, "is_usual");
	const struct field *id = schema_field(record->schema, "group_id");
	const struct field *path = schema_field(record->schema, "group");
	own(freep) char *text = NULL;

	if (!is_usual || !record_u64(record, is_usual) || !record_has(record, path))
		return 0;
	text = malloc(RECORD_TEXT_BYTES);
	if (!text)
		return -ENOMEM;
	record_text(record, path, text);
	return cgroup_names_learn(names, record_u64(record, id), text);
}

const struct collector collector_container = {
	.name = "container",
	.help = "control groups made and removed, and the processes in them",
	.by_default = true,
	.object = &object_container,
	.standing = &object_container_standing,
	.learn = learn,
	.columns = columns,
	.group = group,
};
