/* SPDX-License-Identifier: MIT */
#include "store/rollup.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const uint32_t rollup_steps_s[ROLLUP_LEVELS] = { 10, 60, 3600 };

const struct rollup_metric rollup_metrics[] = {
	{ .name = "kymo_recorded_seconds_total",
	  .help = "Time for which a collector was on.",
	  .source = ROLLUP_OF_COVERAGE,
	  .unit = UNIT_NS },
	{ .name = "kymo_events_total",
	  .help = "Records of each kind of event.",
	  .source = ROLLUP_OF_EVENTS,
	  .unit = UNIT_COUNT },
	{ .name = "kymo_cpu_seconds_total",
	  .help = "CPU time as sampled, by name of the process.",
	  .source = ROLLUP_OF_CPU,
	  .unit = UNIT_NS,
	  .collector = "profile" },
	{ .name = "kymo_runq_wait_seconds",
	  .help = "How long threads that could run waited for a CPU.",
	  .shape = ROLLUP_HISTOGRAM,
	  .unit = UNIT_NS,
	  .collector = "runq",
	  .event = "host",
	  .field = "wait" },
	{ .name = "kymo_process_runq_seconds_total",
	  .help = "How long threads waited for a CPU, by name of the process.",
	  .unit = UNIT_NS,
	  .collector = "runq",
	  .event = "processes",
	  .field = "total",
	  .labels = { { "comm", "comm" } } },
	{ .name = "kymo_disk_queue_seconds",
	  .help = "How long requests waited until the disk had them.",
	  .shape = ROLLUP_HISTOGRAM,
	  .unit = UNIT_NS,
	  .collector = "disk",
	  .event = "latency",
	  .field = "queue",
	  .labels = { { "disk", "device" }, { "operation", "operation" } } },
	{ .name = "kymo_disk_service_seconds",
	  .help = "How long the disk took for requests.",
	  .shape = ROLLUP_HISTOGRAM,
	  .unit = UNIT_NS,
	  .collector = "disk",
	  .event = "latency",
	  .field = "service",
	  .labels = { { "disk", "device" }, { "operation", "operation" } } },
	{ .name = "kymo_disk_bytes_total",
	  .help = "Bytes of requests to disks.",
	  .unit = UNIT_BYTES,
	  .collector = "disk",
	  .event = "latency",
	  .field = "bytes",
	  .labels = { { "disk", "device" }, { "operation", "operation" } } },
	{ .name = "kymo_disk_errors_total",
	  .help = "Requests to disks that failed.",
	  .unit = UNIT_COUNT,
	  .collector = "disk",
	  .event = "latency",
	  .field = "errors",
	  .labels = { { "disk", "device" }, { "operation", "operation" } } },
	{ .name = "kymo_dns_latency_seconds",
	  .help = "How long name servers took to answer.",
	  .shape = ROLLUP_HISTOGRAM,
	  .unit = UNIT_NS,
	  .collector = "dns",
	  .event = "answer",
	  .field = "latency",
	  .labels = { { "type", "type" }, { "rcode", "rcode" } } },
	{ .name = "kymo_tcp_connect_seconds",
	  .help = "How long TCP handshakes took that this host began.",
	  .shape = ROLLUP_HISTOGRAM,
	  .unit = UNIT_NS,
	  .collector = "tcp",
	  .event = "connect",
	  .field = "latency",
	  .labels = { { "outcome", "outcome" } } },
	{ .name = "kymo_tcp_sent_bytes_total",
	  .help = "Bytes that TCP connections had sent when they ended.",
	  .unit = UNIT_BYTES,
	  .collector = "tcp",
	  .event = "close",
	  .field = "tx_bytes" },
	{ .name = "kymo_tcp_received_bytes_total",
	  .help = "Bytes that TCP connections had received when they ended.",
	  .unit = UNIT_BYTES,
	  .collector = "tcp",
	  .event = "close",
	  .field = "rx_bytes" },
	{ 0 },
};

static_assert(sizeof(rollup_metrics) / sizeof(*rollup_metrics) - 1 <= ROLLUP_METRICS_MAX,
	      "room for each");

int rollup_metric_find(const char *name)
{
	for (int i = 0; rollup_metrics[i].name; i++)
		if (strcmp(rollup_metrics[i].name, name) == 0)
			return i;
	return -ENOENT;
}

/* One character of a value, in quotes: as Prometheus escapes it.  Return: bytes; 0: none may stand there */
static size_t put_character(char *to, const char **at)
{
	const char *from = *at;
	uint32_t code = text_next(at);
	size_t len = (size_t)(*at - from);

	if (code == UINT32_MAX) { /* no UTF-8: its replacement character */
		memcpy(to, "\xef\xbf\xbd", 3);
		return 3;
	}
	if (code == '"' || code == '\\' || code == '\n') {
		to[0] = '\\';
		to[1] = code == '\n' ? 'n' : (char)code;
		return 2;
	}
	memcpy(to, from, len);
	return len;
}

void rollup_put_label(char labels[ROLLUP_LABELS_BYTES], const char *name, const char *value)
{
	size_t len = strlen(labels), need = strlen(name) + sizeof(",=\"\"") + 4;

	if (len + need > ROLLUP_LABELS_BYTES)
		return;
	len += (size_t)snprintf(labels + len, ROLLUP_LABELS_BYTES - len, "%s%s=\"", len ? "," : "",
				name);
	while (*value && len + 6 < ROLLUP_LABELS_BYTES)
		len += put_character(labels + len, &value);
	labels[len++] = '"';
	labels[len] = '\0';
}

#define FIRST_BOUND 10 /* 2^10 ns */

uint64_t rollup_bound(size_t number)
{
	return (1ull << (FIRST_BOUND + number)) - 1;
}

void rollup_below(const uint64_t *buckets, uint64_t below[ROLLUP_BOUNDS])
{
	uint64_t count = 0;
	uint32_t bucket = 0;

	for (size_t i = 0; i < ROLLUP_BOUNDS; i++) {
		while (histogram_high(bucket) <= rollup_bound(i))
			count += buckets[bucket++];
		below[i] = count;
	}
}

static size_t put_varint(uint8_t *to, uint64_t number)
{
	size_t len = 0;

	for (; number >= 0x80; number >>= 7)
		to[len++] = (uint8_t)(number | 0x80);
	to[len++] = (uint8_t)number;
	return len;
}

size_t rollup_pack(const struct histogram *histogram, uint8_t packed[ROLLUP_PACKED_BYTES])
{
	size_t len = 0;
	uint32_t next = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!histogram->buckets[i])
			continue;
		len += put_varint(packed + len, i - next);
		len += put_varint(packed + len, histogram->buckets[i]);
		next = i + 1;
	}
	return len;
}

static int read_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
		uint8_t byte = *(*at)++;

		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return -EUCLEAN;
}

int rollup_unpack(const uint8_t *packed, size_t len, struct histogram *histogram)
{
	const uint8_t *end = packed + len;
	uint64_t bucket = 0;

	while (packed < end) {
		uint64_t skipped, count;
		int err = read_varint(&packed, end, &skipped);

		err = err ?: read_varint(&packed, end, &count);
		if (err || skipped >= HISTOGRAM_BUCKETS || bucket + skipped >= HISTOGRAM_BUCKETS)
			return -EUCLEAN;
		bucket += skipped;
		histogram->buckets[bucket++] += count;
	}
	return 0;
}

int rollup_totals_copy(const struct rollup_totals *from, struct rollup_totals *to)
{
	const size_t bytes = HISTOGRAM_BUCKETS * sizeof(uint64_t);

	/* Series are only ever added, so that those in @to keep their places and their memory. */
	vec_each(total, &from->list) {
		size_t at = (size_t)(total - from->list.data);
		uint64_t *buckets = at < to->list.len ? to->list.data[at].buckets : NULL;

		if (total->buckets && !buckets) {
			buckets = malloc(bytes);
			if (!buckets)
				return -ENOMEM;
		}
		if (at == to->list.len && vec_push(&to->list, { 0 })) {
			free(buckets);
			return -ENOMEM;
		}
		to->list.data[at] = *total;
		to->list.data[at].buckets = buckets;
		if (total->buckets)
			memcpy(buckets, total->buckets, bytes);
	}
	return 0;
}

void rollup_totals_done(struct rollup_totals *totals)
{
	vec_each(total, &totals->list)
		free(total->buckets);
	vec_done(&totals->list);
}
