/* SPDX-License-Identifier: MIT */
#include "show/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define SCHEMA_VERSION 1
#define STATE_COLUMN   2
#define NAME_COLUMN    8
#define CAUSE_COLUMN   2  /* of why something does not work */
#define CHANGE_COLUMN  4  /* of what stands under that */
#define VALUE_COLUMN   44 /* of a setting */

static const struct {
	const char *tick;   /* in the report */
	const char *word;   /* in JSON */
	const char *colour; /* SGR parameter */
} states[ABILITY_STATE_COUNT] = {
	[ABILITY_WORKS] = { "ok", "works", "32" },
	[ABILITY_DEGRADED] = { "part", "degraded", "33" },
	[ABILITY_ABSENT] = { "no", "absent", "31" },
	[ABILITY_FORBIDDEN] = { "no", "not_permitted", "31" },
};

static const struct {
	const char *heading;
	const char *word; /* in JSON */
} groups[FINDING_GROUP_COUNT] = {
	[FINDING_SAMPLING] = { "Sampling", "sampling" },
	[FINDING_STACKS] = { "User stacks", "stacks" },
	[FINDING_EVENTS] = { "Events and probes", "events" },
	[FINDING_KERNEL_SIDE] = { "Programs in the kernel", "kernel_side" },
	[FINDING_NAMES] = { "Names", "names" },
	[FINDING_RIGHTS] = { "Rights", "rights" },
};

static const char *const reaches[REACH_COUNT] = {
	[REACH_HOST] = "host",
	[REACH_OWN] = "own",
	[REACH_NOTHING] = "nothing",
	[REACH_REFUSED] = "nothing",
};

/* Where the report is being written. */
struct page {
	FILE *out;
	unsigned width;
	unsigned column; /* of the next character */
	unsigned text;   /* column behind the names of this group */
	bool colour;
};

static void page_colour(struct page *page, const char *parameter)
{
	if (page->colour)
		fprintf(page->out, "\033[%sm", parameter);
}

static void page_end_line(struct page *page)
{
	putc('\n', page->out);
	page->column = 0;
}

/* Blanks up to a column; one at least if something stands there already. */
static void page_move(struct page *page, unsigned column)
{
	do {
		putc(' ', page->out);
		page->column++;
	} while (page->column < column);
}

static void page_put(struct page *page, const char *text)
{
	text_put_plain(page->out, text);
	page->column += (unsigned)text_columns(text);
}

/* Words, broken so that they stay between `left` and the page's width. */
static void page_wrap(struct page *page, unsigned left, const char *text)
{
	bool first = true;

	while (*text) {
		size_t len = strcspn(text, " ");
		char word[512];

		snprintf(word, sizeof(word), "%.*s", (int)len, text);
		if (!first && page->column + 1 + text_columns(word) > page->width) {
			page_end_line(page);
			if (left)
				page_move(page, left);
		} else if (!first) {
			page_move(page, 0);
		}
		page_put(page, word);
		first = false;
		text += len;
		text += strspn(text, " ");
	}
}

static void put_state(struct page *page, enum ability_state state)
{
	page_move(page, STATE_COLUMN);
	page_colour(page, states[state].colour);
	page_put(page, states[state].tick);
	page_colour(page, "0");
	page_move(page, NAME_COLUMN);
}

static void put_finding(struct page *page, const struct finding *finding)
{
	const struct ability_result *result = &finding->result;
	bool has_note = result->state == ABILITY_WORKS && *result->reason;
	char line[640];

	snprintf(line, sizeof(line), "%s%s%s", finding->purpose, has_note ? ": " : "",
		 has_note ? result->reason : "");
	put_state(page, result->state);
	page_put(page, finding->name);
	page_move(page, page->text);
	page_wrap(page, page->text, line);
	page_end_line(page);
}

static void put_heading(struct page *page, const char *heading)
{
	page_end_line(page);
	page_colour(page, "1");
	page_put(page, heading);
	page_colour(page, "0");
	page_end_line(page);
}

static unsigned name_width(const struct diagnosis *diagnosis,
			   bool (*is_shown)(const struct finding *finding, const void *context),
			   const void *context)
{
	unsigned width = 0;

	vec_each(finding, &diagnosis->findings)
		if (is_shown(finding, context) && strlen(finding->name) > width)
			width = (unsigned)strlen(finding->name);
	return width;
}

static bool is_of_group(const struct finding *finding, const void *context)
{
	return finding->group == *(const enum finding_group *)context;
}

static void put_group(struct page *page, const struct diagnosis *diagnosis,
		      enum finding_group group)
{
	put_heading(page, groups[group].heading);
	page->text = NAME_COLUMN + 2 + name_width(diagnosis, is_of_group, &group);
	vec_each(finding, &diagnosis->findings)
		if (finding->group == group)
			put_finding(page, finding);
}

/* A capability that is missing has been named with what it would be needed for. */
static bool has_cause(const struct finding *finding)
{
	return finding->result.state != ABILITY_WORKS &&
	       (finding->group != FINDING_RIGHTS || finding->result.state != ABILITY_FORBIDDEN);
}

/* Findings that one command changes, or that fail for one reason where none does. */
static bool is_same_cause(const struct finding *finding, const void *context)
{
	const struct ability_result *a = &finding->result;
	const struct ability_result *b = &((const struct finding *)context)->result;

	return has_cause(finding) && strcmp(a->reason, b->reason) == 0 &&
	       strcmp(a->remedy, b->remedy) == 0;
}

static void put_cause(struct page *page, const struct diagnosis *diagnosis,
		      const struct finding *first)
{
	const char *remedy = first->result.remedy;

	page_end_line(page);
	page_move(page, CAUSE_COLUMN);
	page_wrap(page, CAUSE_COLUMN, first->result.reason);
	page_end_line(page);
	page_move(page, CHANGE_COLUMN);
	if (*remedy) { /* to be copied: never broken */
		page_colour(page, "36");
		page_put(page, remedy);
		page_colour(page, "0");
	} else {
		page_put(page, "nothing from here changes it");
	}
	page_end_line(page);
	page->text = CHANGE_COLUMN + 2 + name_width(diagnosis, is_same_cause, first);
	vec_each(finding, &diagnosis->findings) {
		if (!is_same_cause(finding, first))
			continue;
		page_move(page, CHANGE_COLUMN);
		page_put(page, finding->name);
		page_move(page, page->text);
		page_wrap(page, page->text, finding->lost);
		page_end_line(page);
	}
}

/* Each cause once, where its first finding stands. */
static void put_causes(struct page *page, const struct diagnosis *diagnosis)
{
	bool is_first_cause = true;

	vec_each(finding, &diagnosis->findings) {
		const struct finding *earlier = diagnosis->findings.data;

		if (!has_cause(finding))
			continue;
		while (!is_same_cause(earlier, finding))
			earlier++;
		if (earlier != finding)
			continue;
		if (is_first_cause)
			put_heading(page, "What is lost here, why, and what changes it");
		is_first_cause = false;
		put_cause(page, diagnosis, finding);
	}
	vec_each(text, &diagnosis->missing) {
		page_move(page, CHANGE_COLUMN);
		page_put(page, "missing: ");
		page_put(page, *text);
		page_end_line(page);
	}
	if (!*diagnosis->remedy)
		return;
	page_end_line(page);
	page_move(page, CAUSE_COLUMN);
	page_wrap(page, CAUSE_COLUMN,
		  "All capabilities at once (setcap replaces what a file had, and counts for "
		  "everybody who may run it):");
	page_end_line(page);
	page_move(page, CHANGE_COLUMN);
	page_put(page, diagnosis->remedy);
	page_end_line(page);
}

static void put_settings(struct page *page, const struct diagnosis *diagnosis)
{
	put_heading(page, "Settings");
	vec_each(setting, &diagnosis->settings) {
		page_move(page, NAME_COLUMN);
		page_put(page, setting->name);
		page_move(page, VALUE_COLUMN);
		if (!setting->error)
			fprintf(page->out, "%" PRId64, setting->value);
		else
			page_put(page, setting->error == ENOENT ? "not there" : "cannot be read");
		page_end_line(page);
	}
	page_move(page, NAME_COLUMN);
	page_put(page, "lockdown");
	page_move(page, VALUE_COLUMN);
	page_put(page, *diagnosis->lockdown ? diagnosis->lockdown : "cannot be read");
	page_end_line(page);
	page_move(page, NAME_COLUMN);
	page_put(page, "cgroups");
	page_move(page, VALUE_COLUMN);
	page_put(page, diagnosis->cgroup_layout);
	page_end_line(page);
}

static void put_confinement(struct page *page, const struct diagnosis *diagnosis)
{
	if (diagnosis->in_user_namespace)
		page_put(page, ", in a user namespace");
	if (diagnosis->has_seccomp)
		page_put(page, ", under seccomp");
	if (diagnosis->no_new_privs)
		page_put(page, ", no_new_privs");
}

void doctor_put_text(FILE *out, const struct diagnosis *diagnosis, unsigned width, bool colour)
{
	struct page page = { .out = out, .width = width, .colour = colour };
	char line[256];

	snprintf(line, sizeof(line), "kymo " KYMO_VERSION " on Linux %s, %s, %u CPU%s, uid %u",
		 diagnosis->kernel, diagnosis->machine, diagnosis->cpus,
		 diagnosis->cpus == 1 ? "" : "s", diagnosis->uid);
	page_put(&page, line);
	put_confinement(&page, diagnosis);
	page_end_line(&page);
	page_end_line(&page);
	page_wrap(&page, 0, diagnosis->summary);
	page_end_line(&page);
	for (enum finding_group group = 0; group < FINDING_GROUP_COUNT; group++)
		put_group(&page, diagnosis, group);
	put_settings(&page, diagnosis);
	put_causes(&page, diagnosis);
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static void put_json_finding(struct json *json, const struct finding *finding)
{
	const struct ability_result *result = &finding->result;

	json_object(json, NULL);
	json_text(json, "name", finding->name);
	json_text(json, "group", groups[finding->group].word);
	json_text(json, "purpose", finding->purpose);
	json_text(json, "state", states[result->state].word);
	json_text(json, "errno", result->error ? strerrorname_np(result->error) : NULL);
	json_text(json, "step", or_null(result->step));
	json_text(json, "reason", or_null(result->reason));
	json_text(json, "lost", result->state == ABILITY_WORKS ? NULL : finding->lost);
	json_text(json, "remedy", or_null(result->remedy));
	json_object_end(json);
}

static void put_json_system(struct json *json, const struct diagnosis *diagnosis)
{
	json_u64(json, "schema_version", SCHEMA_VERSION);
	json_text(json, "version", KYMO_VERSION);
	json_text(json, "kernel", diagnosis->kernel);
	json_text(json, "arch", diagnosis->machine);
	json_u64(json, "uid", diagnosis->uid);
	json_u64(json, "cpus", diagnosis->cpus);
	json_text(json, "user_namespace", diagnosis->in_user_namespace ? "nested" : "initial");
	json_bool(json, "seccomp", diagnosis->has_seccomp);
	json_bool(json, "no_new_privs", diagnosis->no_new_privs);
	json_text(json, "lockdown", or_null(diagnosis->lockdown));
	json_object(json, "cgroup");
	json_text(json, "layout", diagnosis->cgroup_layout);
	json_text(json, "own", or_null(diagnosis->cgroup));
	json_object_end(json);
	if (diagnosis->tick_ns)
		json_u64(json, "tick_ns", diagnosis->tick_ns);
	else
		json_null(json, "tick_ns");
	json_text(json, "reach", reaches[diagnosis->reach]);
	json_text(json, "summary", diagnosis->summary);
	json_text(json, "remedy", or_null(diagnosis->remedy));
}

void doctor_put_json(FILE *out, const struct diagnosis *diagnosis)
{
	struct json json;

	json_begin(&json, out, true);
	json_object(&json, NULL);
	put_json_system(&json, diagnosis);
	json_array(&json, "abilities");
	vec_each(finding, &diagnosis->findings)
		put_json_finding(&json, finding);
	json_array_end(&json);
	json_object(&json, "sysctls");
	vec_each(setting, &diagnosis->settings) {
		if (!setting->error)
			json_i64(&json, setting->name, setting->value);
		else
			json_null(&json, setting->name);
	}
	json_object_end(&json);
	json_array(&json, "missing_kernel_facts");
	vec_each(text, &diagnosis->missing)
		json_text(&json, NULL, *text);
	json_array_end(&json);
	json_array(&json, "unused_kernel_facts");
	vec_each(text, &diagnosis->unused)
		json_text(&json, NULL, *text);
	json_array_end(&json);
	json_u64(&json, "elapsed_ns", diagnosis->elapsed_ns);
	json_object_end(&json);
	putc('\n', out);
}
