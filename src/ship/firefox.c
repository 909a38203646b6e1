/* SPDX-License-Identifier: MIT */
/* firefox.c - a "processed profile" for the Firefox Profiler (profiler.firefox.com, works offline).
 *
 * Version 61 of the processed format (github.com/firefox-devtools/profiler, src/types/profile.ts);
 * the profiler upgrades older versions when it loads them, so this one need not follow.
 *
 *     shared      stringArray, sources and the tables below, common to all threads
 *     stackTable  (prefix, frame), parents first      resourceTable  (lib, name): modules
 *     frameTable  (func, line, inline depth)          funcTable      (name, resource, source)
 *     threads     samples with their real times and, as weights, the time each stands for; the
 *                 same again as CPU use since the sample before, which draws the activity graph
 *
 * Categories are User, Kernel, JIT and Other; inlined functions are a subcategory.  Tables are
 * columns: arrays of one length, missing values null or -1 as the format says.
 *
 * Left empty: addresses and nativeSymbols, which would be relative to a library's first address and
 * to a symbol's start, both unknown here; markers.  Names are final: symbolicationNotSupported.
 */
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "report/keys.h"
#include "report/names.h"
#include "report/timeline.h"
#include "ship/sinks.h"
#include "ship/texts.h"

#define PROCESSED_VERSION 61
#define GECKO_VERSION     33
#define RESOURCE_UNKNOWN  0
#define RESOURCE_LIBRARY  1

enum category {
	CATEGORY_OTHER,
	CATEGORY_USER,
	CATEGORY_KERNEL,
	CATEGORY_JIT
};

/* Columns of the tables: numbers of rows elsewhere, those that may be missing + 1. */
enum stack_column {
	STACK_PREFIX,
	STACK_FRAME
};
enum frame_column {
	FRAME_FUNCTION,
	FRAME_LINE,
	FRAME_DEPTH,
	FRAME_CATEGORY
};
enum function_column {
	FUNCTION_NAME,
	FUNCTION_RESOURCE,
	FUNCTION_SOURCE
};
enum resource_column {
	RESOURCE_NAME,
	RESOURCE_LIB
};

enum missing {
	NEVER,     /* the number itself */
	AS_NULL,   /* number - 1; 0: null */
	AS_NUMBER, /* number - 1; 0: -1 */
};

struct firefox {
	const struct profile *profile;
	struct json json;
	struct timeline timeline;
	struct texts texts;
	struct keys stacks, frames, functions, resources, sources, libs;
	uint32_t *rows;   /* by stack of the profile: row of its leaf */
	uint32_t unknown; /* row of the stack that stands for none */
};

static int add_resource(struct firefox *firefox, const struct frame *frame, const struct name *name,
			uint32_t *ret_resource)
{
	struct key key = { { [RESOURCE_NAME] = texts_id(&firefox->texts, name->module) } };
	struct key file = { { frame->origin } };
	uint32_t lib;
	int err = 0;

	if (!key.part[RESOURCE_NAME]) {
		*ret_resource = 0;
		return 0;
	}
	if (frame->kind == FRAME_USER) {
		err = keys_add(&firefox->libs, &file, &lib);
		if (!err)
			key.part[RESOURCE_LIB] = lib + 1;
	}
	err = err ?: keys_add(&firefox->resources, &key, ret_resource);
	if (!err)
		++*ret_resource;
	return err;
}

static int add_function(struct firefox *firefox, const struct frame *frame, const struct name *name,
			uint32_t *ret_function)
{
	struct key key = { { 0 } }, source = { { texts_id(&firefox->texts, name->source) } };
	const char *text = names_text(firefox->profile, name->function);
	uint32_t row;
	int err = 0;

	key.part[FUNCTION_NAME] = texts_add(&firefox->texts, text);
	if (source.part[0]) {
		err = keys_add(&firefox->sources, &source, &row);
		if (!err)
			key.part[FUNCTION_SOURCE] = row + 1;
	}
	err = err ?: add_resource(firefox, frame, name, &key.part[FUNCTION_RESOURCE]);
	return err ?: keys_add(&firefox->functions, &key, ret_function);
}

static enum category category_of(const struct frame *frame)
{
	return frame->kind == FRAME_USER     ? CATEGORY_USER
	       : frame->kind == FRAME_KERNEL ? CATEGORY_KERNEL
	       : frame->kind == FRAME_JIT    ? CATEGORY_JIT
					     : CATEGORY_OTHER;
}

/* The rows that a frame adds on top of a stack's. @prefix: row + 1, 0: none */
static int add_stack(struct firefox *firefox, uint32_t prefix, const struct frame *frame,
		     uint32_t *ret_row)
{
	const struct name *names;
	struct name spare;
	uint32_t count = names_of(firefox->profile, frame, &spare, &names), row = 0;
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		struct key key = { { [FRAME_LINE] = names[i].line ? names[i].line + 1 : 0,
				     [FRAME_DEPTH] = i,
				     [FRAME_CATEGORY] = category_of(frame) } };
		struct key stack = { { [STACK_PREFIX] = prefix } };

		err = add_function(firefox, frame, &names[i], &key.part[FRAME_FUNCTION]);
		err = err ?: keys_add(&firefox->frames, &key, &stack.part[STACK_FRAME]);
		err = err ?: keys_add(&firefox->stacks, &stack, &row);
		prefix = row + 1;
	}
	if (!err)
		*ret_row = row;
	return err;
}

/* Parents have smaller numbers: every prefix has its row before it is asked for. */
static int add_stacks(struct firefox *firefox)
{
	static const struct frame nothing = { .kind = FRAME_UNKNOWN };
	const struct profile *profile = firefox->profile;
	int err = add_stack(firefox, 0, &nothing, &firefox->unknown);

	firefox->rows = calloc(profile->stacks.len, sizeof(*firefox->rows));
	if (!firefox->rows)
		return -ENOMEM;
	firefox->rows[0] = firefox->unknown;
	for (size_t i = 1; i < profile->stacks.len && !err; i++) {
		const struct stack *stack = &profile->stacks.data[i];

		err = add_stack(firefox, stack->parent ? firefox->rows[stack->parent] + 1 : 0,
				&profile->frames.data[stack->frame], &firefox->rows[i]);
	}
	return err;
}

static void put_column(struct firefox *firefox, const char *name, const struct keys *keys,
		       int column, enum missing missing)
{
	struct json *json = &firefox->json;

	json_array(json, name);
	vec_each(key, &keys->list) {
		uint32_t value = key->part[column];

		if (missing == NEVER)
			json_u64(json, NULL, value);
		else if (missing == AS_NULL && !value)
			json_null(json, NULL);
		else
			json_i64(json, NULL, (int64_t)value - 1);
	}
	json_array_end(json);
}

/* A column with one value all the way down. @value: negative for null */
static void put_same(struct firefox *firefox, const char *name, size_t count, int value)
{
	struct json *json = &firefox->json;

	json_array(json, name);
	for (size_t i = 0; i < count; i++) {
		if (value < 0)
			json_null(json, NULL);
		else
			json_i64(json, NULL, value);
	}
	json_array_end(json);
}

static void put_same_bool(struct firefox *firefox, const char *name, size_t count)
{
	json_array(&firefox->json, name);
	for (size_t i = 0; i < count; i++)
		json_bool(&firefox->json, NULL, false);
	json_array_end(&firefox->json);
}

static void put_frame_table(struct firefox *firefox)
{
	const struct keys *frames = &firefox->frames;
	struct json *json = &firefox->json;
	size_t count = frames->list.len;

	json_object(json, "frameTable");
	json_array(json, "address");
	for (size_t i = 0; i < count; i++)
		json_i64(json, NULL, -1);
	json_array_end(json);
	put_column(firefox, "inlineDepth", frames, FRAME_DEPTH, NEVER);
	put_column(firefox, "category", frames, FRAME_CATEGORY, NEVER);
	json_array(json, "subcategory");
	vec_each(key, &frames->list)
		json_u64(json, NULL,
			 key->part[FRAME_DEPTH] > 0 && key->part[FRAME_CATEGORY] == CATEGORY_USER);
	json_array_end(json);
	put_column(firefox, "func", frames, FRAME_FUNCTION, NEVER);
	put_same(firefox, "nativeSymbol", count, -1);
	put_same(firefox, "innerWindowID", count, 0);
	put_column(firefox, "line", frames, FRAME_LINE, AS_NULL);
	put_same(firefox, "column", count, -1);
	json_u64(json, "length", count);
	json_object_end(json);
}

static void put_function_table(struct firefox *firefox)
{
	const struct keys *functions = &firefox->functions;
	size_t count = functions->list.len;

	json_object(&firefox->json, "funcTable");
	put_column(firefox, "name", functions, FUNCTION_NAME, NEVER);
	put_same_bool(firefox, "isJS", count);
	put_same_bool(firefox, "relevantForJS", count);
	put_column(firefox, "resource", functions, FUNCTION_RESOURCE, AS_NUMBER);
	put_column(firefox, "source", functions, FUNCTION_SOURCE, AS_NULL);
	put_same(firefox, "lineNumber", count, -1);
	put_same(firefox, "columnNumber", count, -1);
	json_u64(&firefox->json, "length", count);
	json_object_end(&firefox->json);
}

static void put_resource_table(struct firefox *firefox)
{
	const struct keys *resources = &firefox->resources;
	struct json *json = &firefox->json;

	json_object(json, "resourceTable");
	put_column(firefox, "lib", resources, RESOURCE_LIB, AS_NULL);
	put_column(firefox, "name", resources, RESOURCE_NAME, NEVER);
	put_same(firefox, "host", resources->list.len, -1);
	json_array(json, "type");
	vec_each(key, &resources->list)
		json_u64(json, NULL, key->part[RESOURCE_LIB] ? RESOURCE_LIBRARY : RESOURCE_UNKNOWN);
	json_array_end(json);
	json_u64(json, "length", resources->list.len);
	json_object_end(json);
}

static void put_source_table(struct firefox *firefox)
{
	size_t count = firefox->sources.list.len;

	json_object(&firefox->json, "sources");
	put_same(firefox, "id", count, -1);
	put_column(firefox, "filename", &firefox->sources, 0, NEVER);
	put_same(firefox, "startLine", count, 1);
	put_same(firefox, "startColumn", count, 1);
	put_same(firefox, "sourceMapURL", count, -1);
	json_u64(&firefox->json, "length", count);
	json_object_end(&firefox->json);
}

static void put_shared(struct firefox *firefox)
{
	static const char *const symbol_columns[] = { "libIndex", "address", "name",
						      "functionSize" };
	struct json *json = &firefox->json;

	json_object(json, "shared");
	json_object(json, "stackTable");
	put_column(firefox, "frame", &firefox->stacks, STACK_FRAME, NEVER);
	put_column(firefox, "prefix", &firefox->stacks, STACK_PREFIX, AS_NULL);
	json_u64(json, "length", firefox->stacks.list.len);
	json_object_end(json);
	put_frame_table(firefox);
	put_function_table(firefox);
	put_resource_table(firefox);
	json_object(json, "nativeSymbols");
	for (size_t i = 0; i < array_len(symbol_columns); i++)
		put_same(firefox, symbol_columns[i], 0, 0);
	json_u64(json, "length", 0);
	json_object_end(json);
	put_source_table(firefox);
	/* All that the tables refer to; what put_thread() adds later is not. */
	json_array(json, "stringArray");
	for (size_t i = 0; i < texts_count(&firefox->texts); i++)
		json_text(json, NULL, texts_get(&firefox->texts, (uint32_t)i));
	json_array_end(json);
	json_object_end(json);
}

/* A GNU build id as Breakpad writes it: its first 16 bytes as a little-endian GUID, then an age of
 * 0 (Breakpad, src/common/linux/file_id.cc).  Empty where the file has none.
 */
static void breakpad_id(const char *build_id, char id[34])
{
	static const uint8_t order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	size_t bytes = strlen(build_id) / 2;

	id[0] = '\0';
	if (!bytes)
		return;
	for (size_t i = 0; i < sizeof(order); i++)
		for (size_t digit = 0; digit < 2; digit++)
			id[2 * i + digit] = order[i] < bytes
						    ? (char)toupper(build_id[2 * order[i] + digit])
						    : '0';
	strcpy(id + 32, "0");
}

static void put_libs(struct firefox *firefox)
{
	const struct profile *profile = firefox->profile;
	struct json *json = &firefox->json;

	json_array(json, "libs");
	vec_each(key, &firefox->libs.list) {
		const struct file *file = &profile->files.data[key->part[0]];
		const char *path = profile_text(profile, file->path);
		const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
		const char *build_id = profile_text(profile, file->build_id);
		char id[34];

		breakpad_id(build_id, id);
		json_object(json, NULL);
		json_text(json, "arch", "");
		json_text(json, "name", name);
		json_text(json, "path", path);
		json_text(json, "debugName", name);
		json_text(json, "debugPath", path);
		json_text(json, "breakpadId", id);
		json_text(json, "codeId", *build_id ? build_id : NULL);
		json_object_end(json);
	}
	json_array_end(json);
}

static void put_category(struct json *json, const char *name, const char *colour, bool inlined)
{
	json_object(json, NULL);
	json_text(json, "name", name);
	json_text(json, "color", colour);
	json_array(json, "subcategories");
	json_text(json, NULL, "Other");
	if (inlined)
		json_text(json, NULL, "Inlined");
	json_array_end(json);
	json_object_end(json);
}

static void put_fact(struct json *json, const char *label, const char *value)
{
	json_object(json, NULL);
	json_text(json, "label", label);
	json_text(json, "format", "string");
	json_text(json, "value", value);
	json_object_end(json);
}

/* What the profiler shows under "more info". */
static void put_coverage(struct firefox *firefox)
{
	const struct coverage *coverage = &firefox->profile->coverage;
	struct json *json = &firefox->json;
	char text[256];

	json_array(json, "extra");
	json_object(json, NULL);
	json_text(json, "label", "Recording");
	json_array(json, "entries");
	if (coverage->mode)
		put_fact(json, "Mode", coverage->mode);
	if (!coverage_lost(coverage))
		put_fact(json, "Lost", coverage->is_unsure ? "nobody knows how much" : "nothing");
	vec_each(loss, &coverage->lost) {
		snprintf(text, sizeof(text), "%llu, %s", (unsigned long long)loss->count,
			 loss->kind);
		put_fact(json, "Lost", text);
	}
	vec_each(what, &coverage->not_measured)
		put_fact(json, "Not measured", *what);
	json_array_end(json);
	json_object_end(json);
	json_array_end(json);
}

static void put_meta(struct firefox *firefox, const char *title)
{
	const struct profile *profile = firefox->profile;
	struct json *json = &firefox->json;
	double duration_ms = (double)profile->duration_ns / NS_PER_MS;

	json_object(json, "meta");
	json_u64(json, "preprocessedProfileVersion", PROCESSED_VERSION);
	json_u64(json, "version", GECKO_VERSION);
	json_text(json, "product", title ?: "kymo profile");
	json_text(json, "importedFrom", "kymo " KYMO_VERSION);
	json_double(json, "interval", profile->rate_hz ? 1000.0 / profile->rate_hz : 1);
	json_double(json, "startTime", (double)(profile->started_unix_ns / NS_PER_US) / 1000);
	json_double(json, "profilingStartTime", 0);
	json_double(json, "profilingEndTime", duration_ms);
	json_u64(json, "processType", 0);
	json_u64(json, "stackwalk", 1);
	json_bool(json, "debug", false);
	json_bool(json, "symbolicated", true);
	json_bool(json, "symbolicationNotSupported", true);
	json_bool(json, "usesOnlyOneStackType", true);
	json_bool(json, "sourceCodeIsNotOnSearchfox", true);
	json_array(json, "markerSchema");
	json_array_end(json);
	json_array(json, "categories");
	put_category(json, "Other", "grey", false);
	put_category(json, "User", "orange", true);
	put_category(json, "Kernel", "blue", false);
	put_category(json, "JIT", "green", false);
	json_array_end(json);
	json_object(json, "sampleUnits");
	json_text(json, "time", "ms");
	json_text(json, "eventDelay", "ms");
	json_text(json, "threadCPUDelta", "ns");
	json_object_end(json);
	put_coverage(firefox);
	json_object_end(json);
}

static double since_start_ms(const struct profile *profile, uint64_t at_mono_ns)
{
	return (double)(int64_t)(at_mono_ns - profile->started_mono_ns) / NS_PER_MS;
}

static void put_samples(struct firefox *firefox, const struct timeline_thread *thread)
{
	const struct profile *profile = firefox->profile;
	const uint32_t *numbers = firefox->timeline.moments + thread->first;
	const struct moment *moments = profile->moments.data;
	struct json *json = &firefox->json;

	json_object(json, "samples");
	json_array(json, "stack");
	for (size_t i = 0; i < thread->count; i++)
		json_u64(json, NULL, firefox->rows[moments[numbers[i]].stack]);
	json_array_end(json);
	json_array(json, "time");
	for (size_t i = 0; i < thread->count; i++)
		json_double(json, NULL, since_start_ms(profile, moments[numbers[i]].at_mono_ns));
	json_array_end(json);
	json_array(json, "weight");
	for (size_t i = 0; i < thread->count; i++)
		json_double(json, NULL, (double)moments[numbers[i]].weight_ns / NS_PER_MS);
	json_array_end(json);
	json_text(json, "weightType", "tracing-ms");
	json_array(json, "threadCPUDelta");
	for (size_t i = 0; i < thread->count; i++)
		json_u64(json, NULL, moments[numbers[i]].weight_ns);
	json_array_end(json);
	json_u64(json, "length", thread->count);
	json_object_end(json);
}

static void put_no_markers(struct firefox *firefox)
{
	static const char *const columns[] = { "data",    "name",  "startTime",
					       "endTime", "phase", "category" };

	json_object(&firefox->json, "markers");
	for (size_t i = 0; i < array_len(columns); i++)
		put_same(firefox, columns[i], 0, 0);
	json_u64(&firefox->json, "length", 0);
	json_object_end(&firefox->json);
}

static void put_text(struct firefox *firefox, const char *key, uint32_t text)
{
	json_text(&firefox->json, key, texts_get(&firefox->texts, texts_id(&firefox->texts, text)));
}

static void put_thread(struct firefox *firefox, const struct timeline_thread *thread)
{
	const struct profile *profile = firefox->profile;
	const struct process *process = &profile->processes.data[thread->process];
	struct json *json = &firefox->json;
	char pid[16];

	snprintf(pid, sizeof(pid), "%u", process->pid);
	json_object(json, NULL);
	json_text(json, "processType", "default");
	json_double(json, "processStartupTime", since_start_ms(profile, process->started_mono_ns));
	json_null(json, "processShutdownTime");
	json_double(json, "registerTime", 0);
	json_null(json, "unregisterTime");
	json_array(json, "pausedRanges");
	json_array_end(json);
	put_text(firefox, "name", thread->name);
	json_bool(json, "isMainThread", thread->tid == process->pid);
	put_text(firefox, "processName", process->name);
	json_text(json, "pid", pid);
	json_u64(json, "tid", thread->tid);
	put_samples(firefox, thread);
	put_no_markers(firefox);
	json_object_end(json);
}

static int firefox_end(struct sink_target *target)
{
	struct firefox firefox = { .profile = target->profile };
	int err = timeline_build(&firefox.timeline, target->profile);

	err = texts_init(&firefox.texts, target->profile) ?: err;
	err = err ?: add_stacks(&firefox);
	err = err ?: firefox.texts.err;
	if (!err) {
		json_begin(&firefox.json, target->out, false);
		json_object(&firefox.json, NULL);
		put_meta(&firefox, target->options.title);
		put_libs(&firefox);
		put_shared(&firefox);
		json_array(&firefox.json, "threads");
		vec_each(thread, &firefox.timeline.threads)
			put_thread(&firefox, thread);
		json_array_end(&firefox.json);
		json_object_end(&firefox.json);
		putc('\n', target->out);
		err = firefox.texts.err;
	}
	timeline_done(&firefox.timeline);
	texts_done(&firefox.texts);
	keys_done(&firefox.stacks);
	keys_done(&firefox.frames);
	keys_done(&firefox.functions);
	keys_done(&firefox.resources);
	keys_done(&firefox.sources);
	keys_done(&firefox.libs);
	free(firefox.rows);
	return err;
}

const struct sink ship_firefox = {
	.name = "firefox",
	.help = "threads over time, for the Firefox Profiler",
	.suffix = "firefox.json",
	.every_sample = true,
	.end = firefox_end,
};
