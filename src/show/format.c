/* SPDX-License-Identifier: MIT */
#include "show/format.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define ELLIPSIS "\xe2\x80\xa6"

struct formatted format_count(uint64_t count)
{
	struct formatted result = { "" };
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, count), at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			result.text[at++] = ',';
		result.text[at++] = digits[i];
	}
	return result;
}

struct formatted format_ns(uint64_t ns)
{
	static const char *const units[] = { "ns", "\xc2\xb5s", "ms", "s" };
	struct formatted result;
	uint64_t seconds = (ns + NS_PER_S / 2) / NS_PER_S;
	double value = (double)ns;
	size_t unit = 0;

	if (seconds >= 3600) {
		snprintf(result.text, sizeof(result.text), "%" PRIu64 " h %02" PRIu64 " m",
			 seconds / 3600, seconds % 3600 / 60);
		return result;
	}
	if (seconds >= 100) {
		snprintf(result.text, sizeof(result.text), "%" PRIu64 " m %02" PRIu64 " s",
			 seconds / 60, seconds % 60);
		return result;
	}
	/* 999.5 of a unit would print as 1000. */
	for (; value >= 999.5 && unit + 1 < array_len(units); unit++)
		value /= 1000;
	snprintf(result.text, sizeof(result.text), "%.*f %s",
		 unit == 0 || value >= 99.95 ? 0
		 : value >= 9.995            ? 1
					     : 2,
		 value, units[unit]);
	return result;
}

struct formatted format_bytes(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	struct formatted result;
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 999.5 && unit + 1 < array_len(units); unit++)
		value /= 1024;
	snprintf(result.text, sizeof(result.text), "%.*f %s",
		 unit == 0 || value >= 99.95 ? 0
		 : value >= 9.995            ? 1
					     : 2,
		 value, units[unit]);
	return result;
}

struct formatted format_pct(double pct)
{
	struct formatted result;

	if (pct > 0 && pct < 0.05)
		snprintf(result.text, sizeof(result.text), "< 0.1 %%");
	else
		snprintf(result.text, sizeof(result.text), "%.*f %%",
			 pct >= 99.95 || pct <= 0 ? 0 : 1, pct);
	return result;
}

struct range {
	uint32_t first, last;
};

static bool is_in(uint32_t code, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* The blocks of Unicode Standard Annex #11 that are wide, and the common ones of no width; a rare
 * script outside them only shifts what stands behind it on its line.
 */
static size_t code_columns(uint32_t code)
{
	static const struct range wide[] = {
		{ 0x1100, 0x115f },   { 0x2e80, 0xa4cf },   { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
		{ 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
	};
	static const struct range none[] = {
		{ 0x300, 0x36f },   { 0x483, 0x489 },   { 0x591, 0x5bd },     { 0x610, 0x61a },
		{ 0x64b, 0x65f },   { 0x200b, 0x200d }, { 0x20d0, 0x20f0 },   { 0xfe00, 0xfe0f },
		{ 0xfe20, 0xfe2f }, { 0x1ab0, 0x1aff }, { 0xe0100, 0xe01ef },
	};

	if (code < 0x300)
		return 1;
	return is_in(code, none, array_len(none)) ? 0 : is_in(code, wide, array_len(wide)) ? 2 : 1;
}

size_t format_columns(const char *text)
{
	size_t columns = 0;
	uint32_t code;

	while ((code = text_next(&text)) != 0)
		columns += code_columns(code);
	return columns;
}

/* Where the bracket that opens at `from` closes, NULL if it does not.  "->" and ">=" close nothing;
 * "operator<" and its kin are left to chance: what is cut is marked either way.
 */
static char *closing(char *from, char open, char close)
{
	size_t depth = 0;

	for (char *at = from; *at; at++) {
		if (*at == open)
			depth++;
		else if (*at == close && !(close == '>' && at > from && at[-1] == '-') &&
			 --depth == 0)
			return at;
	}
	return NULL;
}

/* Puts an ellipsis in place of what stands between the outermost brackets of one kind. */
static void empty_brackets(char *text, char open, char close)
{
	const size_t mark = strlen(ELLIPSIS);

	for (char *at = strchr(text, open); at; at = strchr(at, open)) {
		char *end = closing(at, open, close);

		at++;
		if (!end || at == text + 1)
			continue; /* "<impl as Trait>::f" and "(anonymous)" say all there is */
		if ((size_t)(end - at) <= mark)
			continue;
		memcpy(at, ELLIPSIS, mark);
		memmove(at + mark, end, strlen(end) + 1);
		at += mark;
	}
}

static void cut_end(char *text, size_t max)
{
	const char *at = text, *last = text;
	size_t columns = 0;
	uint32_t code;

	while ((code = text_next(&at)) != 0) {
		columns += code_columns(code);
		if (columns + 1 > max)
			break;
		last = at;
	}
	/* There is room: what goes is at least one character, and callers leave room for a mark. */
	strcpy(text + (last - text), ELLIPSIS);
}

int format_label(const char *name, size_t max, char **ret_label)
{
	own(freep) char *label = NULL;
	size_t len;
	FILE *out = open_memstream(&label, &len);

	if (!out)
		return -ENOMEM;
	text_put_plain(out, name);
	fputs("   ", out); /* room for cut_end() */
	if (fclose(out) != 0)
		return -ENOMEM;
	label[len - 3] = '\0';
	if (max && format_columns(label) > max)
		empty_brackets(label, '(', ')');
	if (max && format_columns(label) > max)
		empty_brackets(label, '<', '>');
	if (max && format_columns(label) > max)
		cut_end(label, max);
	*ret_label = take(label);
	return 0;
}

void format_headline(FILE *out, const struct profile *profile)
{
	static const char *const times[] = {
		[PROFILE_RUNNING] = "CPU time",
		[PROFILE_WAITING] = "waiting",
		[PROFILE_LIVING] = "running and waiting",
	};

	fprintf(out, "%s", format_ns(profile->duration_ns).text);
	if (profile->rate_hz)
		fprintf(out, " at %s Hz", format_count(profile->rate_hz).text);
	if (profile->cpus)
		fprintf(out, " on %s CPU%s", format_count(profile->cpus).text,
			profile->cpus == 1 ? "" : "s");
	fprintf(out, ", %s %s%s, %s of %s", format_count(profile->samples).text,
		profile->time == PROFILE_WAITING ? "wait" : "sample",
		profile->samples == 1 ? "" : "s", format_ns(profile->weight_ns).text,
		times[profile->time]);
}

void format_mode(FILE *out, const struct profile *profile, void (*put)(FILE *out, const char *text))
{
	const struct quality *quality = &profile->quality;

	if (profile->coverage.mode)
		put(out, profile->coverage.mode);
	if (quality->user_stacks)
		fprintf(out, ", %.3g %% of %s user stacks whole",
			100.0 * (double)quality->whole / (double)quality->user_stacks,
			format_count(quality->user_stacks).text);
}

void format_lost(FILE *out, const struct profile *profile, void (*put)(FILE *out, const char *text))
{
	const struct coverage *coverage = &profile->coverage;
	uint64_t lost = coverage_lost(coverage);
	const char *before = " (";

	if (!lost) {
		fputs(coverage->is_unsure ? "lost nobody knows how much" : "nothing lost", out);
		return;
	}
	fprintf(out, "lost %s", format_count(lost).text);
	vec_each(loss, &coverage->lost) {
		fputs(before, out);
		put(out, loss->kind);
		if (coverage->lost.len > 1)
			fprintf(out, " %s", format_count(loss->count).text);
		before = ", ";
	}
	putc(')', out);
}

int format_wrapped(FILE *out, const char *text, size_t indent, size_t width)
{
	own(freep) char *label = NULL;
	size_t column = indent;
	char *save = NULL;
	int err = format_label(text, 0, &label);

	if (err)
		return err;
	for (char *word = strtok_r(label, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		size_t columns = format_columns(word);

		if (column == indent) {
			column += columns;
		} else if (width && column + 1 + columns > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent + columns;
		} else {
			putc(' ', out);
			column += 1 + columns;
		}
		fputs(word, out);
	}
	return 0;
}

void format_put_ascii(FILE *out, const char *text)
{
	static const struct {
		uint32_t code;
		const char *text;
	} known[] = {
		{ 0xb5, "u" },   { 0xd7, "x" },   { 0x2026, ".." }, { 0x2192, ">" },
		{ 0x2500, "-" }, { 0x2502, "|" }, { 0x2514, "`" },  { 0x251c, "|" },
		{ 0x2588, "#" }, { 0x2589, "#" }, { 0x258a, "#" },  { 0x258b, "#" },
		{ 0x258c, "#" }, { 0x258d, "." }, { 0x258e, "." },  { 0x258f, "." },
	};
	uint32_t code;

	while ((code = text_next(&text)) != 0) {
		size_t i = 0;

		while (i < array_len(known) && known[i].code != code)
			i++;
		if (code < 0x80)
			putc((int)code, out);
		else if (i < array_len(known))
			fputs(known[i].text, out);
		else
			fprintf(out, code > 0xffff ? "\\U%08x" : "\\u%04x", code);
	}
}
