/* SPDX-License-Identifier: MIT */
#include "show/run_series.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "show/format.h"

static struct formatted format_metric(enum metric_unit unit, double value)
{
	uint64_t whole = value > 0 ? (uint64_t)(value + 0.5) : 0;

	switch (unit) {
	case METRIC_NS:
		return format_ns(whole);
	case METRIC_BYTES:
		return format_bytes(whole);
	default:
		return format_count(whole);
	}
}

static struct formatted format_change(enum metric_unit unit, double value)
{
	struct formatted size = format_metric(unit, fabs(value)), text;

	snprintf(text.text, sizeof(text.text), "%s%.29s", value < 0 ? "-" : "+", size.text);
	return text;
}

void show_series(FILE *out, const struct metric_series *series)
{
	char name[48];

	fprintf(out, "\nOVER %zu RUNS", series->runs);
	if (series->warmups)
		fprintf(out, ", after %zu that do not count", series->warmups);
	fprintf(out, "\n  %-22s %10s %10s %10s %10s %8s\n", "", "median", "least", "most",
		"std. dev.", "outliers");
	for (unsigned i = 0; i < METRICS_COUNT; i++) {
		struct metric metric = metric_at(i, name);
		struct metric_summary summary = series_summary(series, i);

		if (!series->values[i].len || !summary.max)
			continue;
		fprintf(out, "  %-22s %10s %10s %10s %10s", metric.words,
			format_metric(metric.unit, summary.median).text,
			format_metric(metric.unit, summary.min).text,
			format_metric(metric.unit, summary.max).text,
			format_metric(metric.unit, summary.stddev).text);
		if (summary.outliers)
			fprintf(out, " %8zu", summary.outliers);
		putc('\n', out);
	}
}

static const char *verdict_words(const struct metric_difference *row)
{
	switch (row->verdict) {
	case METRIC_TOO_FEW:
		return "too few runs to tell";
	case METRIC_MORE:
		return row->number ? "more" : "slower";
	case METRIC_LESS:
		return row->number ? "less" : "faster";
	default:
		return "no difference shown";
	}
}

void show_differences(FILE *out, const struct metric_differences *differences,
		      const struct series_host *before, const struct series_host *after)
{
	char name[48];

	if (strcmp(before->text, after->text) != 0) {
		fputs("These were measured on different machines: '", out);
		text_put_plain(out, before->text);
		fputs("' and '", out);
		text_put_plain(out, after->text);
		fputs("'.\n", out);
	}
	if (differences->is_busier)
		fputs("The machine was busier: only waits for a CPU are longer.\n", out);
	fprintf(out, "  %-22s %10s %10s %10s %25s  %s\n", "", "before", "after", "change",
		"95 % interval", "");
	vec_each(row, &differences->rows) {
		struct metric metric = metric_at(row->number, name);
		char interval[80];

		snprintf(interval, sizeof(interval), "%s .. %s",
			 format_change(metric.unit, row->low).text,
			 format_change(metric.unit, row->high).text);
		fprintf(out, "  %-22s %10s %10s %10s %25s  %s\n", metric.words,
			format_metric(metric.unit, row->before).text,
			format_metric(metric.unit, row->after).text,
			format_change(metric.unit, row->shift).text, interval, verdict_words(row));
	}
}
