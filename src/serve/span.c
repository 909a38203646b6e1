/* SPDX-License-Identifier: MIT */
#include "serve/span.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "serve/profiles.h"
#include "serve/question.h"

int span_check_parameters(const struct request *request, const struct query_parameter *known)
{
	vec_each(parameter, &request->parameters) {
		const char *name = parameter->name, *nearest = NULL;
		size_t least = strlen(name) / 2 + 1, distance;
		bool is_known = false;
		int err;

		for (const struct query_parameter *one = known; one && one->name; one++) {
			is_known |= strcmp(one->name, name) == 0;
			if ((distance = text_distance(name, one->name)) < least) {
				least = distance;
				nearest = one->name;
			}
		}
		if (is_known)
			continue;
		err = fail(-EINVAL, "there is no parameter '%s' here", name);
		if (nearest)
			hint("did you mean '%s'?", nearest);
		return err;
	}
	return 0;
}

int span_read(const struct request *request, const char *prefix, uint64_t now_unix_ns,
	      uint64_t *ret_start_unix_ns, uint64_t *ret_end_unix_ns)
{
	char names[2][24];
	const char *start, *end;
	int err = 0;

	snprintf(names[0], sizeof(names[0]), "%sstart", prefix);
	snprintf(names[1], sizeof(names[1]), "%send", prefix);
	start = request_parameter(request, names[0]);
	end = request_parameter(request, names[1]);
	*ret_end_unix_ns = now_unix_ns;
	if (end)
		err = question_time(end, now_unix_ns, ret_end_unix_ns);
	*ret_start_unix_ns =
		*ret_end_unix_ns > SPAN_DEFAULT_NS ? *ret_end_unix_ns - SPAN_DEFAULT_NS : 0;
	if (!err && start)
		err = question_time(start, now_unix_ns, ret_start_unix_ns);
	if (!err && *ret_end_unix_ns <= *ret_start_unix_ns)
		err = fail(-EINVAL, "'%s' does not lie behind '%s'", names[1], names[0]);
	return err;
}

int span_number(const struct request *request, const char *name, uint64_t min, uint64_t max,
		uint64_t *number)
{
	const char *text = request_parameter(request, name);

	if (text && number_parse(text, min, max, number))
		return fail(-EINVAL, "'%s' is %lu to %lu", name, (unsigned long)min,
			    (unsigned long)max);
	return 0;
}

int span_read_pids(const char *text, struct profile_query *query)
{
	own(freep) char *copy = strdup(text);
	char *rest = copy;
	int err = copy ? 0 : -ENOMEM;

	query->pid_count = 0;
	for (char *word; !err && (word = strsep(&rest, ",")) != NULL;) {
		uint64_t pid;

		if (query->pid_count == PROFILE_READ_PIDS)
			err = fail(-EINVAL, "at most %d processes", PROFILE_READ_PIDS);
		else if (number_parse(word, 0, UINT32_MAX, &pid))
			err = fail(-EINVAL, "'%s' is no process", word);
		else
			query->pids[query->pid_count++] = (uint32_t)pid;
	}
	return err;
}

static int read_kind(const struct request *request, enum profile_time *ret_time)
{
	const char *kind = request_parameter(request, "kind") ?: "cpu";

	if (strcmp(kind, "offcpu") == 0)
		kind = profile_kinds[PROFILE_WAITING];
	for (int i = 0; i < PROFILE_KINDS; i++)
		if (strcmp(kind, profile_kinds[i]) == 0) {
			*ret_time = (enum profile_time)i;
			return 0;
		}
	return fail(-EINVAL, "'kind' is cpu, off-cpu or wall");
}

int span_read_samples(const struct request *request, struct profile_query *query)
{
	const char *pids = request_parameter(request, "pid");
	int err =
		span_read(request, "", clock_unix_ns(), &query->start_unix_ns, &query->end_unix_ns);

	err = err ?: read_kind(request, &query->time);
	query->comm = request_parameter(request, "comm");
	query->container = request_parameter(request, "container");
	if (!err && query->container && strspn(query->container, "0123456789abcdef") < 12)
		err = fail(-EINVAL, "'container' is the id of one, or its first 12 digits or more");
	return err ?: pids ? span_read_pids(pids, query) : 0;
}

int span_min_share(const struct request *request, double *min_share)
{
	const char *share = request_parameter(request, "min_share");

	if (share && number_parse_decimal(share, 0, 100, min_share))
		return fail(-EINVAL, "'min_share' is 0 to 100");
	return 0;
}

int span_read_tree(const struct request *request, bool *by_comm, double *min_share)
{
	const char *group = request_parameter(request, "group") ?: "comm";

	*by_comm = strcmp(group, "comm") == 0;
	if (!*by_comm && strcmp(group, "none") != 0)
		return fail(-EINVAL, "'group' is comm or none");
	return span_min_share(request, min_share);
}
