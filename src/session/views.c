/* SPDX-License-Identifier: MIT */
#include "session/views.h"

static int push_schemas(struct views *views, const struct object *object)
{
	int err = 0;

	for (const struct schema *const *one = object->schemas; !err && *one; one++)
		err = vec_push(&views->schemas, *one);
	for (size_t i = 0; !err && i < object->table_count; i++)
		err = vec_push(&views->schemas, object->tables[i].schema);
	return err;
}

static int add_view(struct views *views, const struct collector *collector, bool syscalls,
		    bool standing)
{
	struct record_view view = {
		.collector = collector->name,
		.columns = collector->columns,
		.group = collector->group,
	};
	int err = push_schemas(views, collector->object);

	if (!err && collector->syscalls && syscalls)
		err = push_schemas(views, collector->syscalls);
	if (!err && collector->standing && (!collector->know || standing))
		err = push_schemas(views, collector->standing);
	err = err ?: vec_push(&views->schemas, NULL);
	return err ?: vec_push(&views->list, view);
}

/* They point into one array, which has its final place only when all are in it. */
int views_of(const struct collector *const *chosen, bool syscalls, bool standing,
	     struct views *views)
{
	const struct schema *const *at;
	int err = 0;

	for (const struct collector *const *one = chosen; !err && *one; one++)
		err = add_view(views, *one, syscalls, standing);
	at = views->schemas.data;
	vec_each(view, &views->list) {
		view->schemas = at;
		while (!err && *at++)
			;
	}
	return err;
}

int views_of_host(struct views *views)
{
	return views_of(collectors, true, true, views);
}

void views_done(struct views *views)
{
	vec_done(&views->list);
	vec_done(&views->schemas);
}
