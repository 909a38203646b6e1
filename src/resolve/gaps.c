/* SPDX-License-Identifier: MIT */
#include "resolve/gaps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int gaps_add(struct gaps *gaps, const struct gap *gap)
{
	struct gap copy = *gap;
	int err;

	vec_each(known, &gaps->gaps)
		if (known->kind == gap->kind && known->err == gap->err &&
		    strcmp(known->where, gap->where) == 0) {
			known->addresses += gap->addresses;
			known->refused = gap->refused;
			return 0;
		}
	copy.where = strdup(gap->where);
	err = copy.where ? vec_push(&gaps->gaps, copy) : -ENOMEM;
	if (err)
		free(copy.where);
	return err;
}

static int compare_gaps(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;

	if (x->addresses != y->addresses)
		return x->addresses < y->addresses ? 1 : -1;
	return strcmp(x->where, y->where);
}

/* Why a file gave no names, for its reader. */
static const char *reason(int err)
{
	switch (-err) {
	case ENOENT:
		return "the file is gone";
	case ESTALE:
		return "the file was replaced since";
	case EACCES:
	case EPERM:
		return "not permitted to read it; run kymo as root";
	case ENOEXEC:
		return "no ELF file";
	case EBADMSG:
	case ENODATA:
		return "the file is damaged or truncated";
	case E2BIG:
		return "the file is beyond the limits of kymo";
	case ENOTSUP:
		return "compressed or ordered in a way that kymo does not read";
	default:
		return strerror(-err);
	}
}

/* The same for the list of a JIT compiler. */
static const char *list_reason(int err)
{
	switch (-err) {
	case 0:
	case ENOENT:
		return "neither /tmp/perf-PID.map nor a jitdump names them (node writes one with "
		       "--perf-basic-prof)";
	case EINVAL:
	case ELOOP:
		return "its /tmp/perf-PID.map is no regular file";
	case EACCES:
	case EPERM:
		return "its /tmp/perf-PID.map belongs to another user";
	case EFBIG:
		return "only the end of its /tmp/perf-PID.map was read, which is too long";
	case E2BIG:
		return "its list of names is beyond the limits of kymo";
	default:
		return strerror(-err);
	}
}

static char *sentence(const struct gap *gap)
{
	const char *plural = gap->addresses == 1 ? "" : "es";
	char *text = NULL;
	int len;

	if (gap->kind == FRAME_JIT)
		len = asprintf(&text,
			       "names of %" PRIu64 " address%s of code made at run time by %s: %s",
			       gap->addresses, plural, gap->where, list_reason(gap->err));
	else if (gap->kind == FRAME_KERNEL)
		len = asprintf(&text, "names of %" PRIu64 " address%s of the kernel: %s",
			       gap->addresses, plural, gap->where);
	else if (gap->kind == FRAME_UNKNOWN)
		len = asprintf(&text,
			       "names of %" PRIu64 " address%s of %s where no code is known to be "
			       "mapped: torn stacks, or the process ended too soon",
			       gap->addresses, plural, gap->where);
	else if (gap->err && gap->addresses)
		len = asprintf(&text, "names of %" PRIu64 " address%s in %s: %s", gap->addresses,
			       plural, gap->where, reason(gap->err));
	else if (gap->err)
		len = asprintf(&text, "inlined calls and source lines of %s: %s", gap->where,
			       reason(gap->err));
	else
		len = asprintf(&text,
			       "names of %" PRIu64 " address%s in %s: no symbol is there; a "
			       "package of its debug symbols would name them",
			       gap->addresses, plural, gap->where);
	return len < 0 ? NULL : text;
}

static char *refused_sentence(const struct gap *gap)
{
	char *text = NULL;
	int len = asprintf(&text,
			   "inlined calls of %" PRIu64 " compile unit%s of %s: too much debug "
			   "information for the limits",
			   gap->refused, gap->refused == 1 ? "" : "s", gap->where);

	return len < 0 ? NULL : text;
}

static int tell(const struct gap *gap, struct coverage *coverage)
{
	own(freep) char *text = gap->addresses || gap->err ? sentence(gap) : NULL;
	own(freep) char *refused = gap->refused ? refused_sentence(gap) : NULL;
	int err = 0;

	if (gap->addresses || gap->err)
		err = text ? coverage_lack(coverage, text) : -ENOMEM;
	if (!err && gap->refused)
		err = refused ? coverage_lack(coverage, refused) : -ENOMEM;
	return err;
}

int gaps_tell(struct gaps *gaps, struct coverage *coverage)
{
	uint64_t rest = 0;
	int err = 0;

	if (gaps->gaps.len)
		qsort(gaps->gaps.data, gaps->gaps.len, sizeof(*gaps->gaps.data), compare_gaps);
	for (size_t i = 0; !err && i < gaps->gaps.len; i++) {
		const struct gap *gap = &gaps->gaps.data[i];

		if (i >= GAPS_MAX_TOLD) {
			rest += gap->addresses;
			continue;
		}
		err = tell(gap, coverage);
	}
	if (!err && rest) {
		size_t places = gaps->gaps.len - GAPS_MAX_TOLD;
		char text[96];

		snprintf(text, sizeof(text),
			 "names of %" PRIu64 " address%s in %zu further place%s", rest,
			 rest == 1 ? "" : "es", places, places == 1 ? "" : "s");
		err = coverage_lack(coverage, text);
	}
	return err;
}

void gaps_done(struct gaps *gaps)
{
	vec_each(gap, &gaps->gaps)
		free(gap->where);
	vec_done(&gaps->gaps);
}
