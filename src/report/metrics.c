/* SPDX-License-Identifier: MIT */
#include "report/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define EXACT_MAX   20   /* of both samples together; above, the normal approximation is good */
#define FLOOR_SHARE 0.01 /* a smaller difference is of no use to anybody */
#define FLOOR_NS    1e6
#define FLOOR_BYTES 65536
#define FLOOR_COUNT 1
#define SIGNIFICANT 0.05
#define Z_95        1.959964
#define OUTLIER     5

enum {
	WALL,
	CPU,
	RUNNING,
	RUNQ,
	PEAK_RSS,
	MINOR_FAULTS,
	MAJOR_FAULTS,
	DISK_READ,
	DISK_WRITTEN,
	VOLUNTARY,
	INVOLUNTARY,
	PROCESSES,
	SENT,
	RECEIVED
};

const struct metric metrics_fixed[METRICS_FIXED] = {
	[WALL] = { "wall_ns", "wall time", METRIC_NS },
	[CPU] = { "cpu_ns", "CPU time", METRIC_NS },
	[RUNNING] = { "running_ns", "running", METRIC_NS },
	[RUNQ] = { "runq_ns", "waiting for a CPU", METRIC_NS },
	[PEAK_RSS] = { "peak_rss_bytes", "peak memory", METRIC_BYTES },
	[MINOR_FAULTS] = { "minor_faults", "minor faults", METRIC_COUNT },
	[MAJOR_FAULTS] = { "major_faults", "major faults", METRIC_COUNT },
	[DISK_READ] = { "disk_read_bytes", "read from disk", METRIC_BYTES },
	[DISK_WRITTEN] = { "disk_written_bytes", "written for disk", METRIC_BYTES },
	[VOLUNTARY] = { "voluntary_switches", "voluntary switches", METRIC_COUNT },
	[INVOLUNTARY] = { "involuntary_switches", "involuntary switches", METRIC_COUNT },
	[PROCESSES] = { "processes", "processes", METRIC_COUNT },
	[SENT] = { "sent_bytes", "sent", METRIC_BYTES },
	[RECEIVED] = { "received_bytes", "received", METRIC_BYTES },
};

struct metric metric_at(unsigned number, char name[48])
{
	if (number < METRICS_FIXED)
		return metrics_fixed[number];
	snprintf(name, 48, "blocked_%s_ns", reason_names[number - METRICS_FIXED].key);
	return (struct metric){ name, reason_names[number - METRICS_FIXED].words, METRIC_NS };
}

unsigned metric_find(const char *name)
{
	char text[48];

	for (unsigned i = 0; i < METRICS_COUNT; i++)
		if (strcmp(metric_at(i, text).name, name) == 0)
			return i;
	return METRICS_COUNT;
}

static uint64_t peer_bytes(const struct account *account, bool is_sent)
{
	uint64_t sum = 0;

	vec_each(peer, &account->peers)
		sum += is_sent ? peer->sent_bytes : peer->received_bytes;
	return sum;
}

bool metric_value(const struct account *account, unsigned number, double *ret_value)
{
	const struct balance_times *times = &account->totals;
	uint64_t value;

	switch (number) {
	case WALL:
		value = account->wall_ns;
		break;
	case CPU:
		value = times->kernel_cpu;
		break;
	case RUNNING:
		value = times->running;
		break;
	case RUNQ:
		value = times->runq;
		break;
	case PEAK_RSS:
		value = account->rss_peak_bytes;
		break;
	case MINOR_FAULTS:
		value = times->minor_faults;
		break;
	case MAJOR_FAULTS:
		value = times->major_faults;
		break;
	case DISK_READ:
		value = times->disk_read;
		break;
	case DISK_WRITTEN:
		value = times->disk_written;
		break;
	case VOLUNTARY:
		value = times->voluntary;
		break;
	case INVOLUNTARY:
		value = times->involuntary;
		break;
	case PROCESSES:
		value = account->process_count;
		break;
	case SENT:
	case RECEIVED:
		value = peer_bytes(account, number == SENT);
		break;
	default:
		value = times->blocked[number - METRICS_FIXED];
	}
	*ret_value = (double)value;
	if (number == PEAK_RSS)
		return account->has_memory;
	if (number == SENT || number == RECEIVED)
		return account->has_peers;
	if (number == PROCESSES)
		return account->rung < ACCOUNT_CGROUP;
	if (number == WALL || number == CPU || number == MINOR_FAULTS || number == MAJOR_FAULTS)
		return true;
	return account->rung == ACCOUNT_BPF;
}

int series_add(struct metric_series *series, const struct account *account)
{
	double value;

	for (unsigned i = 0; i < METRICS_COUNT; i++)
		if (metric_value(account, i, &value) && vec_push(&series->values[i], value))
			return -ENOMEM;
	series->runs++;
	return 0;
}

void series_done(struct metric_series *series)
{
	for (unsigned i = 0; i < METRICS_COUNT; i++)
		vec_done(&series->values[i]);
}

static int by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return one < other ? -1 : one > other;
}

/* Of sorted values. */
static double middle(const double *values, size_t len)
{
	return (values[(len - 1) / 2] + values[len / 2]) / 2;
}

struct metric_summary series_summary(const struct metric_series *series, unsigned number)
{
	size_t len = series->values[number].len;
	own(freep) double *sorted = malloc((len + 1) * sizeof(*sorted));
	struct metric_summary summary = { 0 };
	double sum = 0, squares = 0, distance;

	if (!len || !sorted)
		return summary;
	memcpy(sorted, series->values[number].data, len * sizeof(*sorted));
	qsort(sorted, len, sizeof(*sorted), by_value);
	summary.median = middle(sorted, len);
	summary.min = sorted[0];
	summary.max = sorted[len - 1];
	for (size_t i = 0; i < len; i++)
		sum += sorted[i];
	summary.mean = sum / (double)len;
	for (size_t i = 0; i < len; i++)
		squares += (sorted[i] - summary.mean) * (sorted[i] - summary.mean);
	summary.stddev = len > 1 ? sqrt(squares / (double)(len - 1)) : 0;
	for (size_t i = 0; i < len; i++)
		sorted[i] = fabs(sorted[i] - summary.median);
	qsort(sorted, len, sizeof(*sorted), by_value);
	distance = middle(sorted, len);
	for (size_t i = 0; i < len; i++)
		summary.outliers += distance > 0 && sorted[i] > OUTLIER * distance;
	return summary;
}

/* How often each sum of ranks comes up, of all ways to choose @a_len of @len ranks: p of being as
 * far out as @u.
 */
static double exact_p(size_t a_len, size_t len, double u)
{
	size_t b_len = len - a_len, most = a_len * b_len;
	own(freep) double *ways = calloc((a_len + 1) * (most + 1), sizeof(*ways));
	double total = 0, outside = 0, centre = (double)most / 2;

	if (!ways)
		return 1;
	ways[0] = 1;
	/* Choosing rank r (from 0) as number k of a's adds r - k to U. */
	for (size_t rank = 0; rank < len; rank++)
		for (size_t k = a_len; k >= 1; k--) {
			if (rank + 1 < k)
				continue;
			for (size_t at = most + 1; at-- > 0;) {
				size_t step = rank - (k - 1);

				if (at >= step)
					ways[k * (most + 1) + at] +=
						ways[(k - 1) * (most + 1) + at - step];
			}
		}
	for (size_t at = 0; at <= most; at++) {
		double count = ways[a_len * (most + 1) + at];

		total += count;
		if (fabs((double)at - centre) >= fabs(u - centre) - 1e-9)
			outside += count;
	}
	return total > 0 ? outside / total : 1;
}

double mann_whitney(const double *a, size_t a_len, const double *b, size_t b_len)
{
	size_t len = a_len + b_len;
	double u = 0, ties = 0, n = (double)len, variance, z;
	own(freep) double *all = malloc((len + 1) * sizeof(*all));

	if (!a_len || !b_len || !all)
		return 1;
	for (size_t i = 0; i < a_len; i++)
		for (size_t j = 0; j < b_len; j++)
			u += a[i] > b[j] ? 1 : a[i] == b[j] ? 0.5 : 0;
	memcpy(all, a, a_len * sizeof(*all));
	memcpy(all + a_len, b, b_len * sizeof(*all));
	qsort(all, len, sizeof(*all), by_value);
	for (size_t i = 0, same; i < len; i += same) {
		for (same = 1; i + same < len && all[i + same] == all[i]; same++)
			;
		ties += (double)same * (double)same * (double)same - (double)same;
	}
	if (len <= EXACT_MAX && ties == 0)
		return exact_p(a_len, len, u);
	variance = (double)a_len * (double)b_len / 12 * (n + 1 - ties / (n * (n - 1)));
	if (variance <= 0)
		return 1;
	z = (fabs(u - (double)(a_len * b_len) / 2) - 0.5) / sqrt(variance);
	return z <= 0 ? 1 : erfc(z / sqrt(2));
}

/* The differences of all pairs, and between which of them the shift lies. */
static int find_shift(const double *a, size_t a_len, const double *b, size_t b_len,
		      struct metric_difference *row)
{
	size_t len = a_len * b_len, low;
	own(freep) double *pairs = malloc((len + 1) * sizeof(*pairs));
	double spread;

	if (!pairs)
		return -ENOMEM;
	for (size_t i = 0; i < a_len; i++)
		for (size_t j = 0; j < b_len; j++)
			pairs[i * b_len + j] = b[j] - a[i];
	qsort(pairs, len, sizeof(*pairs), by_value);
	spread = Z_95 * sqrt((double)len * (double)(a_len + b_len + 1) / 12);
	low = (double)len / 2 > spread ? (size_t)((double)len / 2 - spread) : 0;
	row->shift = middle(pairs, len);
	row->low = pairs[low];
	row->high = pairs[len - 1 - low];
	return 0;
}

static double floor_of(unsigned number, double before)
{
	char name[48];
	enum metric_unit unit = metric_at(number, name).unit;
	double least = unit == METRIC_NS      ? FLOOR_NS
		       : unit == METRIC_BYTES ? FLOOR_BYTES
					      : FLOOR_COUNT;

	return before * FLOOR_SHARE > least ? before * FLOOR_SHARE : least;
}

/* The least p that so many runs can reach: every one of a series beside every other. */
static double least_p(size_t a_len, size_t b_len)
{
	double ways = 1;

	for (size_t i = 1; i <= a_len; i++)
		ways *= (double)(b_len + i) / (double)i;
	return 2 / ways;
}

static int by_p(const void *a, const void *b)
{
	const struct metric_difference *one = a, *other = b;

	return one->p < other->p ? -1 : one->p > other->p;
}

static int by_number(const void *a, const void *b)
{
	const struct metric_difference *one = a, *other = b;

	return one->number < other->number ? -1 : one->number > other->number;
}

/* Holm: the smallest p against all rows, the next against one less, and none behind the first that
 * fails.
 */
static void judge(struct metric_differences *differences, double least)
{
	size_t len = differences->rows.len;
	bool goes_on = true;

	if (!len)
		return;
	qsort(differences->rows.data, len, sizeof(*differences->rows.data), by_p);
	for (size_t i = 0; i < len; i++) {
		struct metric_difference *row = &differences->rows.data[i];

		goes_on &= row->p * (double)(len - i) < SIGNIFICANT;
		if (least * (double)len >= SIGNIFICANT)
			row->verdict = METRIC_TOO_FEW;
		else if (!goes_on || fabs(row->shift) < floor_of(row->number, row->before))
			row->verdict = METRIC_SAME;
		else
			row->verdict = row->shift > 0 ? METRIC_MORE : METRIC_LESS;
	}
	qsort(differences->rows.data, len, sizeof(*differences->rows.data), by_number);
}

int series_compare(const struct metric_series *before, const struct metric_series *after,
		   struct metric_differences *ret_differences)
{
	struct metric_differences differences = { 0 };
	bool has_runq = false, has_cause = false;
	int err = 0;

	for (unsigned i = 0; !err && i < METRICS_COUNT; i++) {
		struct metric_summary old = series_summary(before, i);
		struct metric_summary new = series_summary(after, i);
		struct metric_difference row = { i, old.median, new.median, 0, 0, 0, 1, 0 };

		if (!before->values[i].len || !after->values[i].len || (!old.max && !new.max))
			continue;
		row.p = mann_whitney(before->values[i].data, before->values[i].len,
				     after->values[i].data, after->values[i].len);
		err = find_shift(before->values[i].data, before->values[i].len,
				 after->values[i].data, after->values[i].len, &row);
		err = err ?: vec_push(&differences.rows, row);
	}
	if (err) {
		vec_done(&differences.rows);
		return err;
	}
	judge(&differences, least_p(before->runs, after->runs));
	vec_each(row, &differences.rows) {
		has_runq |= row->number == RUNQ && row->verdict == METRIC_MORE;
		has_cause |= row->number != RUNQ && row->number != WALL &&
			     row->number != INVOLUNTARY && row->verdict == METRIC_MORE;
	}
	differences.is_busier = has_runq && !has_cause;
	*ret_differences = differences;
	return 0;
}
