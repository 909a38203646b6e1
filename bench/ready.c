/* SPDX-License-Identifier: MIT */
/* ready.c - how long the symbols of a file take until the first address has its name.
 *
 *     ready FILE [ROUNDS]
 *
 * Opens the file anew each round, as for a binary that was never seen: headers, table, one lookup,
 * one name.  Writes one line of JSON: symbols, median and quartiles of CPU time in ms, bytes of the
 * table.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "elf/symbols.h"

#define MAX_ROUNDS 200u

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int measure(const char *path, size_t *ret_spans, size_t *ret_bytes)
{
	own(image_freep) struct image *image = NULL;
	own(symbols_freep) struct symbols *symbols = NULL;
	char text[SYMBOL_NAME_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = fd < 0 ? -errno : 0;
	uint32_t name;

	err = err ?: image_open(fd, &image);
	err = err ?: symbols_new(image, NULL, NULL, &symbols);
	if (err)
		return err;
	*ret_spans = symbols->spans.len;
	*ret_bytes = symbols_bytes(symbols);
	if (!symbols->spans.len)
		return -ENOENT;
	if (!symbols_find(symbols,
			  symbols->base + symbols->spans.data[symbols->spans.len / 2].start, &name))
		return -EBADMSG;
	err = symbols_name(symbols, name, text);
	return err < 0 ? err : 0;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 21;
	double times[MAX_ROUNDS];
	size_t spans = 0, bytes = 0;

	if (argc < 2 || !rounds || rounds > MAX_ROUNDS)
		return 2;
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t start = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
		int err = measure(argv[1], &spans, &bytes);

		if (err) {
			fprintf(stderr, "ready: %s: %s\n", argv[1], strerror(-err));
			return 1;
		}
		times[i] = (double)(clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - start) / 1e6;
	}
	qsort(times, rounds, sizeof(*times), by_value);
	printf("{\"symbols\": %zu, \"ms\": %.2f, \"ms_low\": %.2f, \"ms_high\": %.2f, \"bytes\": %zu}\n",
	       spans, times[rounds / 2], times[rounds / 4], times[rounds - 1 - rounds / 4], bytes);
	return 0;
}
