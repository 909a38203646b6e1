/* SPDX-License-Identifier: MIT */
#include "show/record_text.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/syscalls.h"
#include "show/format.h"

static void put_time(uint64_t unix_ns, char *text)
{
	time_t seconds = (time_t)(unix_ns / NS_PER_S);
	struct tm local;

	localtime_r(&seconds, &local);
	snprintf(text, RECORD_TEXT_BYTES, "%02d:%02d:%02d.%03u", local.tm_hour, local.tm_min,
		 local.tm_sec, (unsigned)(unix_ns / NS_PER_MS % 1000));
}

static void put_name(const char *name, uint64_t number, char *text)
{
	if (name)
		snprintf(text, RECORD_TEXT_BYTES, "%s", name);
	else
		snprintf(text, RECORD_TEXT_BYTES, "%" PRIu64, number);
}

void number_value(const struct record_target *target, enum unit unit, uint64_t number, char *text)
{
	const char *abbreviation;

	switch (unit) {
	case UNIT_NS:
		snprintf(text, RECORD_TEXT_BYTES, "%s", format_ns(number).text);
		break;
	case UNIT_MONO_NS:
		put_time(number + target->unix_offset_ns, text);
		break;
	case UNIT_BYTES:
		snprintf(text, RECORD_TEXT_BYTES, "%s", format_bytes(number).text);
		break;
	case UNIT_COUNT:
		snprintf(text, RECORD_TEXT_BYTES, "%s", format_count(number).text);
		break;
	case UNIT_CGROUP:
		put_name(target->cgroup_path(target->context, number), number, text);
		break;
	case UNIT_SYSCALL:
		put_name(syscall_name((unsigned)number), number, text);
		break;
	case UNIT_ERRNO:
		put_name(number ? strerrorname_np((int)number) : "-", number, text);
		break;
	case UNIT_SIGNAL:
		abbreviation = number ? sigabbrev_np((int)number) : "-";
		if (number && abbreviation)
			snprintf(text, RECORD_TEXT_BYTES, "SIG%s", abbreviation);
		else
			put_name(abbreviation, number, text);
		break;
	case UNIT_DEVICE:
		snprintf(text, RECORD_TEXT_BYTES, "%" PRIu64 ":%" PRIu64, number >> 20,
			 number & 0xfffff);
		break;
	default:
		snprintf(text, RECORD_TEXT_BYTES, "%" PRIu64, number);
	}
}

void record_value(const struct record_target *target, const struct record *record,
		  const struct field *field, char *text)
{
	if (!record_has(record, field)) {
		strcpy(text, "-");
		return;
	}
	switch (field->kind) {
	case FIELD_UNSIGNED:
		number_value(target, field->unit, record_u64(record, field), text);
		break;
	case FIELD_SIGNED:
		snprintf(text, RECORD_TEXT_BYTES, "%" PRId64, (int64_t)record_u64(record, field));
		break;
	case FIELD_BOOL:
		strcpy(text, record_u64(record, field) ? "yes" : "no");
		break;
	case FIELD_ENUM:
		snprintf(text, RECORD_TEXT_BYTES, "%s", record_enum(record, field));
		break;
	case FIELD_HISTOGRAM:
		text[0] = '\0';
		break;
	default:
		record_text(record, field, text);
	}
}

unsigned record_column(const struct field *field)
{
	switch (field->kind) {
	case FIELD_TEXT:
	case FIELD_WORDS:
	case FIELD_PATH:
		return 0;
	case FIELD_DOMAIN:
		return 30;
	case FIELD_CHARS:
		return field->size < 16 ? field->size : 15;
	case FIELD_ADDRESS:
		return 21;
	case FIELD_ENUM:
		return 10;
	case FIELD_BOOL:
		return 5;
	default:
		break;
	}
	switch (field->unit) {
	case UNIT_NS:
	case UNIT_BYTES:
	case UNIT_SIGNAL:
		return 9;
	case UNIT_COUNT:
		return 10;
	case UNIT_ERRNO:
		return 12;
	case UNIT_MONO_NS:
		return 12;
	case UNIT_SYSCALL:
		return 16;
	case UNIT_CGROUP:
		return 24;
	case UNIT_STATUS:
		return 4;
	default:
		return 7;
	}
}

const struct record_view *view_of(const struct record_target *target, const struct schema *schema)
{
	for (size_t i = 0; i < target->view_count; i++)
		for (const struct schema *const *one = target->views[i].schemas; *one; one++)
			if (*one == schema)
				return &target->views[i];
	assert(!"a schema of a view");
	return NULL;
}

void put_cell(const struct record_target *target, const char *text, unsigned columns, bool right)
{
	size_t used = text_columns(text);
	own(freep) char *cut = NULL;

	if (columns && used > columns && !format_label(text, columns, &cut)) {
		text_put_plain(target->out, cut);
		return;
	}
	if (columns && right && used < columns)
		fprintf(target->out, "%*s", (int)(columns - used), "");
	text_put_plain(target->out, text);
	if (columns && !right && used < columns)
		fprintf(target->out, "%*s", (int)(columns - used), "");
}

#define BAR_COLUMNS 40

/* The values of one octave, whose buckets are finer than a line. */
static uint64_t octave_count(const struct histogram *histogram, uint32_t first)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < 1u << HISTOGRAM_BITS && first + i < HISTOGRAM_BUCKETS; i++)
		count += histogram->buckets[first + i];
	return count;
}

static void put_bar(const struct record_target *target, uint32_t first, uint64_t count,
		    uint64_t most)
{
	unsigned bar = (unsigned)((count * BAR_COLUMNS + most - 1) / most);

	fprintf(target->out, "    %10s", format_ns(histogram_low(first)).text);
	fprintf(target->out, " .. %-10s %10s ",
		format_ns(histogram_high(first + (1u << HISTOGRAM_BITS) - 1)).text,
		format_count(count).text);
	for (unsigned i = 0; i < bar; i++)
		fputs(target->ascii ? "#" : "\xe2\x96\x88", target->out);
	putc('\n', target->out);
}

void histogram_put(const struct record_target *target, const struct histogram *histogram)
{
	uint32_t step = 1u << HISTOGRAM_BITS, low = HISTOGRAM_BUCKETS, high = 0;
	uint64_t most = 0, count = histogram_count(histogram);

	for (uint32_t first = 0; first < HISTOGRAM_BUCKETS; first += step) {
		uint64_t octave = octave_count(histogram, first);

		if (!octave)
			continue;
		low = first < low ? first : low;
		high = first;
		most = octave > most ? octave : most;
	}
	fprintf(target->out, "  %s, average %s,", format_count(count).text,
		format_ns(count ? histogram->sum / count : 0).text);
	fprintf(target->out, " p50 %s,", format_ns(histogram_quantile(histogram, 0.5)).text);
	fprintf(target->out, " p90 %s,", format_ns(histogram_quantile(histogram, 0.9)).text);
	fprintf(target->out, " p99 %s,", format_ns(histogram_quantile(histogram, 0.99)).text);
	fprintf(target->out, " max %s\n", format_ns(histogram->max).text);
	for (uint32_t first = low; count && first <= high; first += step)
		put_bar(target, first, octave_count(histogram, first), most);
}
