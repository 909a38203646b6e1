/* SPDX-License-Identifier: MIT */
#include "show/trial.h"

#include "base/json.h"
#include "base/text.h"
#include "show/format.h"

static bool has_passed(const struct trial *trial)
{
	bool passed = true;

	vec_each(row, &trial->rows)
		passed &= trial_row_passed(row);
	return passed;
}

void trial_put_text(FILE *out, const struct trial *trial)
{
	fprintf(out, "%-10s %-9s %8s %8s %8s %8s %10s %10s\n", "COLLECTOR", "EVENT", "HAPPENED",
		"SEEN", "LOST", "WRONG", "DELAY p50", "p99");
	vec_each(row, &trial->rows) {
		fprintf(out, "%-10s %-9s %8s", row->collector, row->event,
			format_count(row->made).text);
		fprintf(out, " %8s", format_count(row->seen).text);
		fprintf(out, " %8s", format_count(row->lost).text);
		fprintf(out, " %8s", format_count(row->wrong).text);
		fprintf(out, " %10s", format_ns(row->delay_p50_ns).text);
		fprintf(out, " %10s%s", format_ns(row->delay_p99_ns).text,
			trial_row_passed(row) ? "" : "  FAILED");
		if (*row->reason) {
			fputs("  ", out);
			text_put_plain(out, row->reason);
		}
		putc('\n', out);
	}
	fputs(has_passed(trial) ? "all that happened was seen, or counted as lost\n"
				: "not all that happened was seen\n",
	      out);
}

void trial_put_json(FILE *out, const struct trial *trial)
{
	struct json json;

	json_begin(&json, out, true);
	json_object(&json, NULL);
	json_bool(&json, "passed", has_passed(trial));
	json_array(&json, "kinds");
	vec_each(row, &trial->rows) {
		json_object(&json, NULL);
		json_text(&json, "collector", row->collector);
		json_text(&json, "event", row->event);
		json_u64(&json, "happened", row->made);
		json_u64(&json, "seen", row->seen);
		json_u64(&json, "lost", row->lost);
		json_u64(&json, "wrong", row->wrong);
		json_double(&json, "recall_ratio",
			    row->made ? (double)row->seen / (double)row->made : 0);
		json_double(&json, "precision_ratio",
			    row->seen + row->wrong
				    ? (double)row->seen / (double)(row->seen + row->wrong)
				    : 0);
		json_u64(&json, "delay_p50_ns", row->delay_p50_ns);
		json_u64(&json, "delay_p99_ns", row->delay_p99_ns);
		json_bool(&json, "passed", trial_row_passed(row));
		if (*row->reason)
			json_text(&json, "reason", row->reason);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_array(&json, "not_measured");
	vec_each(what, &trial->coverage.not_measured)
		json_text(&json, NULL, *what);
	json_array_end(&json);
	json_object_end(&json);
	putc('\n', out);
}
