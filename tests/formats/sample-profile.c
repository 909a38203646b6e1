/* SPDX-License-Identifier: MIT */
/* sample-profile.c - writes a made-up profile, the same in every run, in any format.
 *
 *     sample-profile FORMAT [PROFILE] [KEY=VALUE...]
 *
 * PROFILE: small (what the tests know by heart), hostile (names that try to break out of a format),
 * deep (a stack of 1,000 frames among others), long (a name of 10,000 characters), server (looks
 * like a real one), large=N (N random stacks), empty, lossy.  Keys: title, width, share
 * (min_share_pct), colour=1, stacks=1, and times=1 to print how long the sink took to stderr.
 */
#include "base/clock.h"
#include "make-profile.h"
#include "ship/sinks.h"
#include "show/sinks.h"

static void make_small(struct make *make)
{
	uint32_t main_thread = make_task(make, 100, 100, "app");
	uint32_t worker = make_task(make, 100, 101, "app-worker");
	uint32_t other = make_task(make, 200, 200, "cat");

	make_samples(make, main_thread, make_stack(make, "_start@app main@app parse@app"), 30);
	make_samples(make, main_thread,
		     make_stack(make, "_start@app main@app parse@app ~next_char@app ~peek@app"),
		     25);
	make_samples(make, main_thread,
		     make_stack(make, "_start@app main@app read@libc.so.6 do_syscall_64@[kernel] "
				      "ksys_read@[kernel] vfs_read@[kernel]"),
		     15);
	make_samples(make, main_thread, make_stack(make, "_start@app main@app log@app"), 1);
	make_samples(make, worker,
		     make_stack(make, "clone3@libc.so.6 run@app %Array.map@[jit] "
				      "?[app+0x1234]@app"),
		     12);
	make_samples(make, worker,
		     make_stack(make, "clone3@libc.so.6 run@app hash@app hash@app hash@app"), 8);
	make_samples(make, other, make_stack(make, "![truncated] read@libc.so.6"), 6);
	make_samples(make, other, 0, 3);
}

static const char *const hostile_names[] = {
	"a;b;c",
	"line\nbreak",
	"<script>alert(1)</script>",
	"]]><svg onload='alert(1)'>",
	"\"quoted\" & 'single' \\ back",
	"\xff\xfe broken \xc3( utf-8",
	"\xe2\x80\xae"
	"reversed",
	"tab\there 12",
	"nul \x01\x1b[31m control",
	"\xef\xbf\xbe\xef\xbf\xbf noncharacters",
	"std::map<std::string, std::vector<a::b>>::operator[](std::string const&)",
	"\xe4\xb8\x96\xe7\x95\x8c::\xe9\x96\xa2\xe6\x95\xb0",
	"ends in a number 42",
	"# looks like a comment",
	"</text></svg>",
	"",
};

static void make_hostile(struct make *make)
{
	uint32_t file = make_file(make, "/opt/<&\"'>;\n\xff/lib.so (deleted)", "");

	for (size_t i = 0; i < array_len(hostile_names); i++) {
		uint32_t task = make_task(make, (uint32_t)(300 + i / 2), (uint32_t)(300 + i),
					  hostile_names[i]);
		uint32_t stack = make_stack(make, "main@app");

		for (size_t j = 0; j < 3; j++) {
			const char *name = hostile_names[(i + j * 5) % array_len(hostile_names)];

			make_name(make, name, "lib<&\"'>;\n\xff.so", "/src/<x>\n;.c", 7, false,
				  false);
			make_name(make, hostile_names[i], "lib<&\"'>;\n\xff.so", "", 0, true,
				  false);
			stack = make_push(make, stack,
					  make_frame(make, j == 2 ? FRAME_KERNEL : FRAME_USER, file,
						     2, true));
		}
		make_samples(make, task, stack, (unsigned)(1 + i));
	}
}

static void make_deep(struct make *make)
{
	uint32_t task = make_task(make, 400, 400, "deep");
	uint32_t stack = make_stack(make, "main@deep");

	for (int i = 0; i < 500; i++)
		stack = make_stack_on(make, stack, "descend@deep");
	for (int i = 0; i < 500; i++) {
		char word[32];

		snprintf(word, sizeof(word), "level_%d@deep", i);
		stack = make_stack_on(make, stack, word);
		if (i % 50 == 0)
			make_samples(make, task, stack, 2);
	}
	make_samples(make, task, stack, 10);
	make_samples(make, task, make_stack(make, "main@deep shallow@deep"), 3);
}

static void make_long(struct make *make)
{
	uint32_t task = make_task(make, 450, 450, "long");
	char word[10001];

	for (size_t i = 0; i < sizeof(word) - 1; i++)
		word[i] = (char)('a' + i % 26);
	word[sizeof(word) - 1] = '\0';
	make_samples(make, task, make_stack_on(make, make_stack(make, "main@long"), word), 9);
	memcpy(word, "operator<(", 10);
	word[sizeof(word) - 2] = '(';
	make_samples(make, task, make_stack_on(make, make_stack(make, "main@long"), word), 1);
}

/* Stacks that look like those of a busy host; numbers are samples. */
static const struct {
	const char *task;
	unsigned samples;
	const char *stack;
} server[] = {
	{ "nginx", 70,
	  "_start@nginx main@nginx ngx_master_process_cycle@nginx ngx_start_worker_processes@nginx "
	  "ngx_worker_process_cycle@nginx ngx_process_events_and_timers@nginx ngx_epoll_process_events@nginx "
	  "ngx_http_wait_request_handler@nginx ngx_http_process_request_line@nginx "
	  "ngx_http_process_request_headers@nginx ngx_http_process_request@nginx ngx_http_handler@nginx "
	  "ngx_http_core_run_phases@nginx ngx_http_core_content_phase@nginx ngx_http_proxy_handler@nginx "
	  "ngx_http_upstream_init@nginx" },
	{ "nginx", 160,
	  "+12 ngx_http_static_handler@nginx ngx_http_output_filter@nginx ngx_http_gzip_body_filter@nginx "
	  "deflate@libz.so.1.2.13 deflate_fast@libz.so.1.2.13" },
	{ "nginx", 75, "+14 deflate@libz.so.1.2.13 ~longest_match@libz.so.1.2.13" },
	{ "nginx", 60,
	  "+13 ngx_linux_sendfile_chain@nginx sendfile64@libc.so.6 "
	  "entry_SYSCALL_64_after_hwframe@[kernel] do_syscall_64@[kernel] "
	  "__x64_sys_sendfile64@[kernel] do_sendfile@[kernel] splice_direct_to_actor@[kernel] "
	  "sock_sendmsg@[kernel] tcp_sendmsg_locked@[kernel] tcp_write_xmit@[kernel] "
	  "__ip_queue_xmit@[kernel] ip_finish_output2@[kernel] "
	  "dev_hard_start_xmit@[kernel] start_xmit@[virtio_net]" },
	{ "nginx", 40,
	  "+7 epoll_wait@libc.so.6 entry_SYSCALL_64_after_hwframe@[kernel] "
	  "do_syscall_64@[kernel] do_epoll_wait@[kernel] ep_poll@[kernel] "
	  "schedule_hrtimeout_range_clock@[kernel]" },
	{ "nginx", 22,
	  "+7 ngx_http_wait_request_handler@nginx ngx_http_process_request_line@nginx "
	  "ngx_http_parse_request_line@nginx" },
	{ "nginx", 6, "+9 ngx_http_log_handler@nginx" },
	{ "node", 190,
	  "_start@node main@node node::Start@node node::SpinEventLoopInternal@node "
	  "uv_run@node uv__io_poll@node uv__stream_io@node "
	  "node::LibuvStreamWrap::OnUvRead@node node::InternalCallbackScope::Close@node "
	  "%JS:onParserExecute@[jit] %JS:emit@[jit] %JS:handleRequest@[jit] "
	  "%JS:router.dispatch@[jit] %JS:JSON.parse@[jit] "
	  "v8::internal::JsonParser<unsigned_char>::ParseJsonValue@node" },
	{ "node", 120, "+13 %JS:renderTemplate@[jit] %JS:escapeHtml@[jit]" },
	{ "node", 64, "+14 %JS:Array.prototype.map@[jit] %JS:formatRow@[jit]" },
	{ "node", 90,
	  "+6 v8::internal::Heap::CollectGarbage@node v8::internal::MarkCompactCollector::"
	  "CollectGarbage@node v8::internal::ConcurrentMarking::Run@node "
	  "~v8::internal::MarkingVisitor<v8::internal::MainMarkingState>::VisitPointer@node" },
	{ "node", 33,
	  "+12 %JS:query@[jit] node::TCPWrap::Writev@node writev@libc.so.6 "
	  "entry_SYSCALL_64_after_hwframe@[kernel] do_syscall_64@[kernel] "
	  "do_writev@[kernel] tcp_sendmsg@[kernel] tcp_sendmsg_locked@[kernel] "
	  "tcp_push@[kernel] tcp_write_xmit@[kernel]" },
	{ "postgres", 85,
	  "_start@postgres main@postgres PostmasterMain@postgres ServerLoop@postgres "
	  "BackendRun@postgres PostgresMain@postgres exec_simple_query@postgres "
	  "PortalRun@postgres ExecutorRun@postgres ExecSort@postgres "
	  "tuplesort_performsort@postgres qsort_tuple@postgres "
	  "~comparetup_heap@postgres" },
	{ "postgres", 110,
	  "+9 ExecSeqScan@postgres heapgettup_pagemode@postgres "
	  "heapgetpage@postgres ~HeapTupleSatisfiesMVCC@postgres" },
	{ "postgres", 45,
	  "+11 ReadBuffer_common@postgres mdread@postgres pread64@libc.so.6 "
	  "entry_SYSCALL_64_after_hwframe@[kernel] do_syscall_64@[kernel] "
	  "vfs_read@[kernel] ext4_file_read_iter@[ext4] filemap_read@[kernel] "
	  "copy_page_to_iter@[kernel] copy_user_enhanced_fast_string@[kernel]" },
	{ "postgres", 28, "+7 pg_parse_query@postgres base_yyparse@postgres core_yylex@postgres" },
	{ "postgres", 17,
	  "+7 pg_plan_queries@postgres standard_planner@postgres "
	  "query_planner@postgres make_one_rel@postgres" },
	{ "python3", 60,
	  "_start@python3.11 Py_BytesMain@python3.11 Py_RunMain@python3.11 "
	  "PyEval_EvalCode@python3.11 _PyEval_EvalFrameDefault@python3.11 "
	  "_PyFunction_Vectorcall@python3.11 _PyEval_EvalFrameDefault@python3.11 "
	  "PyObject_Call@python3.11 _PyEval_EvalFrameDefault@python3.11 "
	  "PyDict_GetItem@python3.11 ~lookdict_unicode@python3.11" },
	{ "python3", 44, "+9 PyNumber_Add@python3.11 ~long_add@python3.11" },
	{ "python3", 12, "+9 ?[_multiarray_umath.so+0x8f3a20]@_multiarray_umath.so" },
	{ "swapper/0", 30,
	  "secondary_startup_64_no_verify@[kernel] start_kernel@[kernel] "
	  "cpu_startup_entry@[kernel] do_idle@[kernel] cpuidle_idle_call@[kernel] "
	  "acpi_idle_do_entry@[kernel]" },
	{ "kworker/0:1", 9,
	  "ret_from_fork@[kernel] kthread@[kernel] worker_thread@[kernel] "
	  "process_one_work@[kernel] wb_workfn@[kernel]" },
	{ "sshd", 2, "![truncated] read@libc.so.6" },
};

/* The words of the rows above, "+N" being the first N words of the stack before, as one stack. */
static uint32_t server_stack(struct make *make, const char *text, char *before, size_t size)
{
	char words[4096] = "", *at = words;
	unsigned keep = 0;

	if (*text == '+') {
		char *end = before;

		for (keep = (unsigned)strtoul(text + 1, (char **)&text, 10); keep > 0; keep--)
			end = strchrnul(end + (*end == ' '), ' ');
		at += snprintf(at, sizeof(words), "%.*s", (int)(end - before), before);
	}
	snprintf(at, sizeof(words) - (size_t)(at - words), "%s", text);
	snprintf(before, size, "%s", words);
	return make_stack(make, words);
}

static void make_server(struct make *make)
{
	char before[4096] = "";
	uint32_t pid = 1000;

	for (size_t i = 0; i < array_len(server); i++) {
		uint32_t task;

		if (i > 0 && strcmp(server[i].task, server[i - 1].task) != 0)
			pid += 17;
		task = make_task(make, pid, pid, server[i].task);
		make_samples(make, task,
			     server_stack(make, server[i].stack, before, sizeof(before)),
			     server[i].samples);
	}
	make_must(coverage_lose(&make->profile->coverage, "samples: ring buffer full", 12,
				MAKE_STARTED_MONO_NS + 3000000000ull));
	make_must(coverage_lack(&make->profile->coverage,
				"user stacks of 2 tasks that keep no frame pointer"));
}

/* Random stacks in which callers have a few callees each: N of them give about 4 N nodes. */
static void make_large(struct make *make, unsigned long stacks)
{
	uint64_t seed = 88172645463325252ull;
	uint32_t frames[5000], file = make_file(make, "/usr/bin/large", ""), tasks[4];

	for (uint32_t i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "large-%u", i);
		tasks[i] = make_task(make, 500 + i, 500 + i, name);
	}
	for (size_t i = 0; i < array_len(frames); i++) {
		char name[64];

		snprintf(name, sizeof(name), "module_%zu::function_%zu(int, char const*)", i % 40,
			 i);
		make_name(make, name, i % 9 ? "large" : "[kernel]", "src/large.c", (uint32_t)i,
			  false, false);
		frames[i] = make_frame(make, i % 9 ? FRAME_USER : FRAME_KERNEL, file, 1, true);
	}
	for (unsigned long i = 0; i < stacks; i++) {
		uint32_t stack = 0, depth = 0, at = 1, length;

		seed = hash_mix(seed, i);
		length = 8 + (uint32_t)(seed % 40);
		for (; depth < length; depth++) {
			seed = hash_mix(seed, depth);
			at = (at * 7 + (seed % 16 > 13 ? (uint32_t)(seed >> 20) % 7 : 0) + 1) %
			     array_len(frames);
			/* Kernel frames, the multiples of 9, stand at the end. */
			if (length % 3 == 0 && depth + 4 >= length)
				at -= at % 9;
			else
				at += at % 9 == 0;
			stack = make_push(make, stack, frames[at]);
		}
		make_samples(make, tasks[seed >> 33 & 3], stack, 1);
	}
}

static void make_lossy(struct make *make)
{
	make_small(make);
	make_must(coverage_lose(&make->profile->coverage, "samples: ring buffer full", 1234,
				MAKE_STARTED_MONO_NS + 1000000000ull));
	make_must(coverage_lose(&make->profile->coverage, "samples: too many stacks", 6,
				MAKE_STARTED_MONO_NS + 2000000000ull));
	make_must(coverage_lack(&make->profile->coverage, "hardware counters: none on this host"));
	make_must(coverage_lack(&make->profile->coverage, "kernel stacks: not permitted"));
}

static void make_profile(struct make *make, const char *which)
{
	if (strcmp(which, "small") == 0)
		make_small(make);
	else if (strcmp(which, "hostile") == 0)
		make_hostile(make);
	else if (strcmp(which, "deep") == 0)
		make_deep(make);
	else if (strcmp(which, "long") == 0)
		make_long(make);
	else if (strcmp(which, "server") == 0)
		make_server(make);
	else if (strcmp(which, "lossy") == 0)
		make_lossy(make);
	else if (strncmp(which, "large=", 6) == 0)
		make_large(make, strtoul(which + 6, NULL, 10));
	else if (strcmp(which, "empty") != 0)
		make_must(-EINVAL);
}

static const struct sink *find_sink(const char *name)
{
	for (const struct sink *const *sink = show_sinks; *sink; sink++)
		if (strcmp((*sink)->name, name) == 0)
			return *sink;
	for (const struct sink *const *sink = ship_sinks; *sink; sink++)
		if (strcmp((*sink)->name, name) == 0)
			return *sink;
	make_must(-EINVAL);
	return NULL;
}

/* Calls a sink as a session does. */
static void run_sink(const struct sink *sink, struct sink_target *target)
{
	if (sink->begin)
		make_must(sink->begin(target));
	if (sink->moments)
		make_must(sink->moments(target, 0, target->profile->moments.len));
	make_must(sink->end(target));
}

int main(int argc, char **argv)
{
	const char *which = argc > 2 && argv[2][0] ? argv[2] : "small";
	struct sink_target target = { .out = stdout };
	uint64_t started_ns;
	bool times = false;
	struct make make;

	if (argc < 2)
		return 2;
	for (int i = 3; i < argc; i++) {
		const char *value = strchrnul(argv[i], '=');

		value += *value == '=';
		if (strncmp(argv[i], "title=", 6) == 0)
			target.options.title = value;
		else if (strncmp(argv[i], "width=", 6) == 0)
			target.options.width = (unsigned)atoi(value);
		else if (strncmp(argv[i], "share=", 6) == 0)
			target.options.min_share_pct = atof(value);
		else if (strncmp(argv[i], "colour=", 7) == 0)
			target.options.colour = true;
		else if (strncmp(argv[i], "ascii=", 6) == 0)
			target.options.ascii = true;
		else if (strncmp(argv[i], "stacks=", 7) == 0)
			target.options.stacks = true;
		else if (strncmp(argv[i], "times=", 6) == 0)
			times = true;
		else
			return 2;
	}
	make_init(&make);
	make_profile(&make, which);
	target.profile = make.profile;
	started_ns = clock_mono_ns();
	run_sink(find_sink(argv[1]), &target);
	if (times)
		fprintf(stderr, "%.1f ms\n", (double)(clock_mono_ns() - started_ns) / 1e6);
	profile_free(make.profile);
	return fflush(stdout) == 0 ? 0 : 1;
}
