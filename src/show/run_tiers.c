/* SPDX-License-Identifier: MIT */
/* run_tiers.c - system calls and files in the report for a person. */
#include "show/run_tiers.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "show/format.h"
#include "show/run_tables.h"

#define ROWS_MAX 20

static int by_weight(const void *a, const void *b)
{
	const struct account_syscall *one = a, *other = b;

	if (one->total_ns != other->total_ns)
		return one->total_ns > other->total_ns ? -1 : 1;
	return one->count > other->count ? -1 : one->count < other->count;
}

/* "ENOENT 812, EAGAIN 3" */
static void put_errors(FILE *out, const struct account *account, uint32_t number)
{
	const char *between = "";

	vec_each(error, &account->errors) {
		if (error->number != number)
			continue;
		fprintf(out, "%s%s %s", between, strerrorname_np(error->error) ?: "error",
			format_count(error->count).text);
		between = ", ";
	}
}

static int put_syscall_rows(FILE *out, const struct account *account)
{
	size_t count = account->syscalls.len;
	own(freep) struct account_syscall *rows = calloc(count + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	memcpy(rows, account->syscalls.data, count * sizeof(*rows));
	qsort(rows, count, sizeof(*rows), by_weight);
	for (size_t i = 0; i < count && i < ROWS_MAX; i++) {
		fprintf(out, "  %-22s %12s", run_call_name(rows[i].number),
			format_count(rows[i].count).text);
		if (account->has_latency) {
			fprintf(out, " %10s %10s %10s  ", format_ns(rows[i].total_ns).text,
				format_ns(rows[i].total_ns / rows[i].count).text,
				format_ns(rows[i].max_ns).text);
			put_errors(out, account, rows[i].number);
		}
		putc('\n', out);
	}
	if (count > ROWS_MAX)
		fprintf(out, "  and %zu more\n", count - ROWS_MAX);
	return 0;
}

int show_syscalls(FILE *out, const struct account *account)
{
	fprintf(out, "  %-22s %12s", "call", "calls");
	if (account->has_latency)
		fprintf(out, " %10s %10s %10s  %s", "total", "mean", "longest", "errors");
	putc('\n', out);
	return put_syscall_rows(out, account);
}

static uint64_t file_weight(const struct account_file *file)
{
	return file->read_bytes + file->written_bytes + 4096 * file->filled_pages;
}

static int by_bytes(const void *a, const void *b)
{
	uint64_t one = file_weight(a), other = file_weight(b);

	return one > other ? -1 : one < other;
}

static int put_file_rows(FILE *out, const struct account *account)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	size_t count = account->files.len, shown = 0;
	own(freep) struct account_file *rows = calloc(count + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	memcpy(rows, account->files.data, count * sizeof(*rows));
	qsort(rows, count, sizeof(*rows), by_bytes);
	fprintf(out, "  %10s %10s %10s %8s  %s\n", "read", "from disk", "written", "calls", "file");
	for (; shown < count && shown < ROWS_MAX && file_weight(&rows[shown]); shown++) {
		const struct account_file *row = &rows[shown];
		const char *path = account->text.data + row->path;

		fprintf(out, "  %10s %10s %10s %8s  ", format_bytes(row->read_bytes).text,
			format_bytes(row->filled_pages * page).text,
			format_bytes(row->written_bytes).text,
			format_count(row->reads + row->writes).text);
		if (*path)
			text_put_plain(out, path);
		else
			fprintf(out, "(inode %lu)", (unsigned long)row->inode);
		putc('\n', out);
	}
	if (count > shown)
		fprintf(out, "  and %zu more\n", count - shown);
	return 0;
}

static int by_count(const void *a, const void *b)
{
	const struct account_miss *one = a, *other = b;

	return one->count > other->count ? -1 : one->count < other->count;
}

static int put_misses(FILE *out, const struct account *account)
{
	size_t count = account->misses.len;
	own(freep) struct account_miss *rows = calloc(count + 1, sizeof(*rows));
	uint64_t sum = 0;

	if (!rows)
		return -ENOMEM;
	if (!count)
		return 0;
	memcpy(rows, account->misses.data, count * sizeof(*rows));
	qsort(rows, count, sizeof(*rows), by_count);
	for (size_t i = 0; i < count; i++)
		sum += rows[i].count;
	fprintf(out, "  looked for in vain: %s times, %s paths\n", format_count(sum).text,
		format_count(count).text);
	for (size_t i = 0; i < count && i < 10; i++) {
		fprintf(out, "  %10s  %-8s ", format_count(rows[i].count).text,
			strerrorname_np(rows[i].error) ?: "error");
		text_put_plain(out, account->text.data + rows[i].path);
		putc('\n', out);
	}
	return 0;
}

int show_files(FILE *out, const struct account *account)
{
	int err = put_file_rows(out, account);

	return err ?: put_misses(out, account);
}
