/* SPDX-License-Identifier: MIT */
/* store.c - what the store takes and gives: records at a pace, and flame graphs of a long history.
 *
 *     store ingest FILE RATE SECONDS   records of 21 columns, as many a second; 0: as fast as they go
 *     store lives FILE RATE SECONDS    likewise, and the row of each one's process, as ends of processes have
 *     store history FILE               24 h of both CPUs at 99 Hz, fully busy: 17.1 M samples, 50,000 stacks
 *     store flame FILE                 added up: all of it, an hour of it, an hour of one process
 *
 * The history is made up: stacks of 10 to 60 frames that share their roots, how often they were sampled falls
 * as in a law of Zipf, 40 processes with 3 threads each.  One line of JSON.
 */
/* Before <errno.h>, as a field is called so. */
#include "collect/process/process.wire.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/life.h"
#include "report/flame.h"
#include "serve/call_tree.h"
#include "session/host.h"
#include "store/profile_read.h"
#include "store/store.h"

#define STACKS    50000
#define FUNCTIONS 8000
#define PROCESSES 40
#define THREADS   3
#define SLICE_S   10
#define SLICES    (24 * 3600 / SLICE_S)
#define SAMPLES   (2 * 99 * SLICE_S) /* of a slice */

static uint64_t seed = 88172645463325252ull;

/* xorshift64 (Marsaglia 2003): the same history each time. */
static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static int die(const char *what)
{
	fprintf(stderr, "store: %s: %s\n", what, error_text());
	return 1;
}

static const char *no_path(void *context, uint64_t id)
{
	(void)context;
	(void)id;
	return "/system.slice/bench.service";
}

/* What the daemon would record here; nothing is attached. */
static struct host *open_host(void)
{
	struct host_request request = { .interval_ns = NS_PER_S,
					.rate_hz = 19,
					.sink = &store_sink };
	struct host *host = NULL;

	return host_new(&request, &host) ? NULL : host;
}

struct kinds {
	struct host *host;
	struct life life;
	vec(struct record_view) views;
};

/* As the daemon has them: of all records, and of whole lives if wanted. */
static int open_kinds(struct kinds *kinds, bool with_lives)
{
	const struct record_view *views;
	size_t count;
	int err;

	kinds->host = open_host();
	if (!kinds->host)
		return -ENOMEM;
	views = host_views(kinds->host, &count);
	err = life_init(&kinds->life, views, count);
	for (size_t i = 0; !err && i < count; i++)
		err = vec_push(&kinds->views, views[i]);
	return err || !with_lives ? err : vec_push(&kinds->views, kinds->life.view);
}

static void close_kinds(struct kinds *kinds)
{
	vec_done(&kinds->views);
	life_done(&kinds->life);
	host_free(kinds->host);
}

static const struct schema *find_exit(const struct record_view *views, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (const struct schema *const *one = views[i].schemas; *one; one++)
			if (strcmp((*one)->collector, "process") == 0 &&
			    strcmp((*one)->event, "exit") == 0)
				return *one;
	return NULL;
}

struct exit_record {
	struct process_exit exit;
	char argv[64];
};

/* One of 5,000 commands; PIDs and times are always others. */
static void make_exit(struct exit_record *one, uint64_t number)
{
	uint64_t command = draw() % 5000;

	memset(one, 0, sizeof(*one));
	one->exit.event.at = clock_mono_ns();
	one->exit.event.pid = one->exit.event.tid = (uint32_t)(1000 + number % 4000000);
	one->exit.event.cgroup = 1;
	snprintf(one->exit.event.comm, EVENT_COMM, "command-%u", (unsigned)(command % 60));
	one->exit.ppid = 1;
	one->exit.duration = draw() % NS_PER_S;
	one->exit.cpu = one->exit.duration / 3;
	one->exit.argv.at = sizeof(one->exit);
	one->exit.argv.bytes =
		(uint16_t)snprintf(one->argv, sizeof(one->argv), "/usr/bin/command%c--of%c%u", 0, 0,
				   (unsigned)command) +
		1;
}

static uint64_t cpu_ns(void)
{
	return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int ingest(const char *path, uint64_t rate, uint64_t seconds, bool with_lives)
{
	struct store_options options = { .path = path };
	struct kinds kinds = { 0 };
	int err = open_kinds(&kinds, with_lives);
	struct record_target target = { .unix_offset_ns = clock_unix_offset_ns(),
					.cgroup_path = no_path };
	struct store *store = NULL;
	struct store_state state;
	const struct schema *schema = err ? NULL : find_exit(kinds.views.data, kinds.views.len);
	uint64_t began, cpu, number = 0, longest = 0, took;

	if (!schema || store_open(&options, kinds.views.data, kinds.views.len, &store))
		return die("open");
	target.state = store;
	began = clock_mono_ns();
	cpu = cpu_ns();
	/* As the daemon does it: what has come in a fifth of a second at once, then what is due. */
	while (clock_mono_ns() < began + seconds * NS_PER_S) {
		uint64_t at = clock_mono_ns();
		uint64_t due = rate ? (at - began) / (NS_PER_S / 5) * (rate / 5) : number + 20000;

		for (; number < due; number++) {
			struct exit_record one;
			struct record record = { schema, (const uint8_t *)&one, sizeof(one) };

			make_exit(&one, number);
			if (store_sink.record(&target, &record))
				return die("record");
		}
		store_tick(store, false);
		took = clock_mono_ns() - at;
		longest = took > longest ? took : longest;
		if (rate && took < NS_PER_S / 5)
			nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	took = clock_mono_ns() - began;
	cpu = cpu_ns() - cpu;
	store_tick(store, true);
	store_state(store, &state);
	printf("{\"records\": %lu, \"seconds\": %.2f, \"rows\": %lu, \"lost\": %lu, \"cpu_percent\": %.1f, "
	       "\"cpu_us_per_record\": %.2f, \"longest_ms\": %.0f, \"bytes_per_row\": %.1f}\n",
	       (unsigned long)number, (double)took / 1e9, (unsigned long)state.rows,
	       (unsigned long)state.lost, 100.0 * (double)cpu / (double)took,
	       (double)cpu / 1e3 / (double)number, (double)longest / 1e6,
	       (double)state.bytes / (double)state.rows);
	store_close(store);
	close_kinds(&kinds);
	return 0;
}

static int make_names(struct profile *profile, uint32_t frames[FUNCTIONS])
{
	struct file file = { 0 };
	uint32_t number;
	int err = 0;

	for (uint32_t i = 0; !err && i < FUNCTIONS; i++) {
		struct frame frame = { .address = i + 1,
				       .kind = i % 4 ? FRAME_USER : FRAME_KERNEL };
		struct name name = { 0 };
		char text[64];

		snprintf(text, sizeof(text), "/usr/lib/library-%u.so", i % 50);
		err = profile_add_text(profile, text, &file.path);
		file.inode = i % 50 + 1;
		err = err ?: profile_add_file(profile, &file, &frame.origin);
		snprintf(text, sizeof(text), "some_function_of_library_%u_%u", i % 50, i);
		err = err ?: profile_add_text(profile, text, &name.function);
		err = err
			      ?: profile_add_text(profile, strrchr("/library.so", '/') + 1,
						  &name.module);
		err = err ?: profile_add_frame(profile, &frame, &number);
		if (err)
			break;
		profile->frames.data[number].first_name = (uint32_t)profile->names.len;
		profile->frames.data[number].name_count = 1;
		frames[i] = number;
		err = vec_push(&profile->names, name);
	}
	return err;
}

/* Each stack goes on from some depth of the one before. */
static int make_stacks(struct profile *profile, const uint32_t frames[FUNCTIONS],
		       uint32_t stacks[STACKS])
{
	uint32_t path[64] = { 0 };
	size_t depth = 0;
	int err = 0;

	for (size_t i = 0; !err && i < STACKS; i++) {
		size_t wanted = 10 + draw() % 51, shared = draw() % (wanted + 1);

		depth = shared < depth ? shared : depth;
		for (; !err && depth < wanted; depth++)
			err = profile_add_stack(profile, depth ? path[depth - 1] : 0,
						frames[draw() % FUNCTIONS], &path[depth]);
		stacks[i] = err ? 0 : path[depth - 1];
	}
	return err;
}

static int make_tasks(struct profile *profile, uint32_t tasks[PROCESSES * THREADS])
{
	int err = 0;

	for (uint32_t i = 0; !err && i < PROCESSES; i++) {
		struct process process = { .pid = 1000 + i };
		struct task task = { 0 };
		char text[32];

		snprintf(text, sizeof(text), "service-%u", i);
		err = profile_add_text(profile, text, &process.name);
		err = err ?: profile_add_process(profile, &process, &task.process);
		task.name = process.name;
		for (uint32_t k = 0; !err && k < THREADS; k++) {
			task.tid = process.pid * 10 + k;
			err = profile_add_task(profile, &task, &tasks[i * THREADS + k]);
		}
	}
	return err;
}

/* The inverse of a law of Zipf with exponent 1, near enough: e to a part of ln n. */
static size_t draw_rank(size_t count)
{
	double part = (double)(draw() >> 11) / 9007199254740992.0;
	size_t rank = (size_t)exp(part * log((double)count + 1)) - 1;

	return rank < count ? rank : count - 1;
}

static int fill_slice(struct profile *profile, const uint32_t *tasks, const uint32_t *stacks)
{
	int err = 0;

	profile->entries.len = 0;
	index_clear(&profile->entry_index);
	profile->samples = profile->weight_ns = 0;
	for (size_t i = 0; !err && i < SAMPLES; i++) {
		size_t rank = draw_rank(STACKS);

		/* A stack is of one process, whichever of its threads. */
		err = profile_count(profile, tasks[rank % PROCESSES * THREADS + draw() % THREADS],
				    stacks[rank], 1, NS_PER_S / 99);
	}
	return err;
}

static int history(const char *path)
{
	static uint32_t frames[FUNCTIONS], stacks[STACKS], tasks[PROCESSES * THREADS];
	struct store_options options = { .path = path };
	struct kinds kinds = { 0 };
	int err = open_kinds(&kinds, true);
	uint64_t from = clock_unix_ns() - SLICES * SLICE_S * NS_PER_S, began = clock_mono_ns();
	struct profile *profile = NULL;
	struct store *store = NULL;
	struct store_state state;

	err = err ?: store_open(&options, kinds.views.data, kinds.views.len, &store);
	err = err ?: profile_new(&profile);
	err = err ?: make_names(profile, frames);
	err = err ?: make_stacks(profile, frames, stacks);
	err = err ?: make_tasks(profile, tasks);
	for (size_t i = 0; !err && i < SLICES; i++) {
		struct store_slice slice = {
			.profile = profile,
			.from_unix_ns = from + i * SLICE_S * NS_PER_S,
			.to_unix_ns = from + (i + 1) * SLICE_S * NS_PER_S,
		};

		profile->rate_hz = 99;
		profile->cpus = 2;
		err = fill_slice(profile, tasks, stacks);
		err = err ?: store_add_slice(store, &slice);
		store_tick(store, false);
	}
	if (err)
		return die("history");
	store_tick(store, true);
	store_state(store, &state);
	printf("{\"samples\": %lu, \"stacks\": %u, \"nodes\": %zu, \"seconds\": %.1f, \"file_bytes\": %lu}\n",
	       (unsigned long)SLICES * SAMPLES, STACKS, profile->stacks.len,
	       (double)(clock_mono_ns() - began) / 1e9, (unsigned long)state.bytes);
	profile_free(profile);
	store_close(store);
	close_kinds(&kinds);
	return 0;
}

/* CPU time that was used so far: of what is read, and of the whole answer as the page asks for it. */
struct taking {
	uint64_t mono, cpu;
};

static struct taking begin_taking(void)
{
	return (struct taking){ clock_mono_ns(), cpu_ns() };
}

static void keep_least(struct taking *least, const struct taking *began)
{
	uint64_t mono = clock_mono_ns() - began->mono, cpu = cpu_ns() - began->cpu;

	least->mono = mono < least->mono ? mono : least->mono;
	least->cpu = cpu < least->cpu ? cpu : least->cpu;
}

/* The tree as JSON.  Return: its bytes; 0: it cannot be made */
static size_t render(const struct profile *profile)
{
	struct flame flame = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct json json;
	int err = out ? flame_build(&flame, profile, true, false) : -ENOMEM;

	if (!err) {
		call_tree_trim(&flame, CALL_TREE_SHARE_PCT);
		flame_sort(&flame, FLAME_BY_WEIGHT);
		json_begin(&json, out, false);
		json_object(&json, NULL);
		err = call_tree_put(&json, &flame);
		json_object_end(&json);
	}
	if (out)
		fclose(out);
	flame_done(&flame);
	free(text);
	return err ? 0 : len;
}

static int flame_one(struct store_reader *reader, const char *name,
		     const struct profile_query *query)
{
	struct taking read = { UINT64_MAX, UINT64_MAX }, whole = read;
	uint64_t samples = 0;
	size_t entries = 0, bytes = 0;

	for (int i = 0; i < 5; i++) {
		struct profile *profile = NULL;
		struct taking began = begin_taking();

		if (profile_read(reader, query, false, &profile))
			return die(name);
		keep_least(&read, &began);
		bytes = render(profile);
		keep_least(&whole, &began);
		samples = profile->samples;
		entries = profile->entries.len;
		profile_free(profile);
		if (!bytes)
			return die(name);
	}
	printf("\"%s\": {\"ms\": %.1f, \"cpu_ms\": %.1f, \"read_cpu_ms\": %.1f, \"samples\": %lu, "
	       "\"entries\": %zu, \"bytes\": %zu}",
	       name, (double)whole.mono / 1e6, (double)whole.cpu / 1e6, (double)read.cpu / 1e6,
	       (unsigned long)samples, entries, bytes);
	return 0;
}

static int flame(const char *path)
{
	struct kinds kinds = { 0 };
	int err = open_kinds(&kinds, true);
	uint64_t now = clock_unix_ns(), hour = 3600 * NS_PER_S;
	struct profile_query query = { .start_unix_ns = now - 30 * hour, .end_unix_ns = now };
	struct store_reader *reader = NULL;
	int64_t bytes = 0;

	err = err ?: store_reader_open(path, kinds.views.data, kinds.views.len, &reader);
	err = err ?: store_read_number(reader, "SELECT sum(length(data)) FROM profile", &bytes);
	if (err)
		return die("open");
	printf("{\"packed_bytes\": %ld, ", (long)bytes);
	err = flame_one(reader, "day", &query);
	query.start_unix_ns = now - 2 * hour;
	query.end_unix_ns = now - hour;
	printf(", ");
	err = err ?: flame_one(reader, "hour", &query);
	query.pids[query.pid_count++] = 1003;
	printf(", ");
	err = err ?: flame_one(reader, "process", &query);
	printf("}\n");
	store_reader_close(reader);
	close_kinds(&kinds);
	return err;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "ingest") == 0)
		return ingest(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10),
			      false);
	if (argc == 5 && strcmp(argv[1], "lives") == 0)
		return ingest(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10),
			      true);
	if (argc == 3 && strcmp(argv[1], "history") == 0)
		return history(argv[2]);
	if (argc == 3 && strcmp(argv[1], "flame") == 0)
		return flame(argv[2]);
	fprintf(stderr,
		"usage: store ingest|lives FILE RATE SECONDS | history FILE | flame FILE\n");
	return 2;
}
