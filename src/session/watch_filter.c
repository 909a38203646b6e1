/* SPDX-License-Identifier: MIT */
#include "session/watch_filter.h"

#include <string.h>

/* Whether a field of this unit has this value. */
static bool has_number(const struct record *record, enum unit unit, uint64_t number)
{
	const struct schema *schema = record->schema;

	for (size_t i = 0; i < schema->field_count; i++)
		if (schema->fields[i].unit == unit && schema->fields[i].kind == FIELD_UNSIGNED &&
		    record_u64(record, &schema->fields[i]) == number)
			return true;
	return false;
}

static bool has_address(const struct record *record, const struct net_address *address)
{
	const struct schema *schema = record->schema;

	for (size_t i = 0; i < schema->field_count; i++)
		if (schema->fields[i].kind == FIELD_ADDRESS &&
		    memcmp(record->bytes + schema->fields[i].offset, address, sizeof(*address)) ==
			    0)
			return true;
	return false;
}

/* By the first duration that a record has; one without any takes no time. */
static bool lasts(const struct record *record, uint64_t least_ns)
{
	const struct schema *schema = record->schema;

	for (size_t i = 0; i < schema->field_count; i++)
		if (schema->fields[i].unit == UNIT_NS && schema->fields[i].kind == FIELD_UNSIGNED)
			return record_has(record, &schema->fields[i]) &&
			       record_u64(record, &schema->fields[i]) >= least_ns;
	return false;
}

bool watch_filter_wants(const struct watch_request *request, const struct record *record)
{
	if (request->port && !has_number(record, UNIT_PORT, request->port))
		return false;
	if (request->error && !has_number(record, UNIT_ERRNO, request->error))
		return false;
	if (request->has_address && !has_address(record, &request->address))
		return false;
	return !request->min_duration_ns || record->schema->shape == SCHEMA_TABLE ||
	       lasts(record, request->min_duration_ns);
}
