/* SPDX-License-Identifier: MIT */
#include "cmd/latency.h"

#include "cmd/rows.h"

static const char *const about[] = {
	"Times the calls of functions of programs that run, or that start later: C, C++, Rust, and Go "
	"by goroutine.  FILE is a path, a program in PATH, or a library by its file name.  FUNCTION is a "
	"name as it stands in the file, as C++, Rust and Go write it, or a glob.",
	"'usdt:PROVIDER:NAME' in the place of FUNCTION counts the hits of a probe point, "
	"'usdt:PROVIDER:BEGIN..END' times from one to another on a thread.",
	"Probes lie at the entry of a function and on each instruction by which it can be left; no "
	"return address is replaced, but of C functions that are known to call nobody (malloc).  So Go "
	"programs, exceptions, coroutines and longjmp are safe.  Before anything is probed it is said how the calls of each function are seen and what "
	"that is expected to add to each, as measured on this machine; above --max-cost the probes are "
	"taken off again.",
	"A time is that between two probes: what they cost is part of it.  A call that ends by an "
	"exception, longjmp or panic is counted apart, once something else is called in its place.  The "
	"time of a function that jumps to another one instead of returning ends there.",
	"--arg counts words in registers from 1 on: a number, a pointer and a receiver are one word, a string of "
	"Go and a &str of Rust are two, a slice is three; floating-point numbers are not counted.  Go has 9 of "
	"them, C, C++ and Rust 6.  Of a text 64 bytes are told.  It is told as it is: whatever secret it holds "
	"is told as well.",
	"With --http a request begins when its first byte lies in the socket of the server and ends when "
	"the server has written the last part of the answer.  Its queue time lasts until the server reads "
	"it, its service time from there to the first byte of the answer.  Routes are methods and paths, "
	"with {number}, {uuid}, {hex} and {id} for what names one thing among many; errors are answers "
	"5xx.  Behind TLS requests are seen with --tls, their bytes as they are on the wire.  Of Go's net/http, behind TLS "
	"and with HTTP/2, --tls sees requests where three of its functions begin, by goroutine: from calling the handler to "
	"its return, without queue time, port and bytes; one whose handler panics is only counted.  HTTP/3, HTTP/2 of others "
	"and Unix sockets are not seen; requests that are sent before the one before is "
	"answered are counted, and not timed.",
	"The CPU time of a route is that of samples, 200 for each second that a CPU is used, of the thread or goroutine "
	"that has read a request and not yet answered it.  One that has read several at once works for all of them, and "
	"then it is not told for which: what an event loop runs next, a timer's callback or what goes on with an answer "
	"of another server, no hook at its sockets shows.  Requests whose CPU time is not known are counted by the "
	"reason; where the clock of samples is refused, of none it is known.",
	"What is read of Go's net/http lies where Go 1.17 to 1.24 have it; of another Go the DWARF of the program tells where, "
	"and what it does not tell is not read, and named.",
	NULL,
};

#define WHAT   "What to time"
#define HOW    "How to time"
#define OUTPUT "Output"

static const struct option options[] = {
	{ .name = "pid",
	  .letter = 'p',
	  .kind = OPTION_NUMBER,
	  .value = VALUE_PROCESS,
	  .min = 1,
	  .max = PID_MAX,
	  .argument = "PID",
	  .otherwise = "every process that has the file",
	  .help = "only this process; a FUNCTION without FILE is looked for in its program, then in its "
		  "libraries",
	  .group = WHAT },
	{ .name = "http",
	  .help = "requests of HTTP/1 servers instead of functions, from their sockets: nothing is "
		  "probed in them; with -p also those of the processes that PID has made",
	  .excludes = "list",
	  .group = WHAT },
	{ ROW_CGROUP, .otherwise = "every server",
	  .help = "with --http: servers of this control group and those below it", .group = WHAT },
	{ ROW_PORT, .otherwise = "each that is listened on",
	  .help = "with --http: only servers at this port", .group = WHAT },
	{ .name = "tls",
	  .kind = OPTION_TEXT,
	  .argument = "FILE",
	  .bare = "libssl.so.3",
	  .otherwise = "requests behind TLS are not seen",
	  .help = "with --http: see through TLS, by probes in FILE, which is a path, a program in PATH or a library by its "
		  "file name; of OpenSSL on SSL_read and SSL_write, which node of nodejs.org has in itself; of a Go "
		  "program, also that of -p without FILE, on net/http, then with HTTP/2",
	  .excludes = "tls or packets",
	  .group = WHAT },
	{ .name = "list",
	  .help = "list the functions and how they would be seen, and end",
	  .group = WHAT },
	{ .name = "yes",
	  .letter = 'y',
	  .help = "do not ask before probing more than 1000 functions",
	  .group = HOW },
	{ .name = "max-cost",
	  .kind = OPTION_DECIMAL,
	  .max = 100000,
	  .argument = "PERCENT",
	  .fallback = "5",
	  .help = "of one CPU, that all probes may cost in a second; 0: any; with --http only where it is given: "
		  "what the programs cost is measured, without what the processor needs to come to a probe of "
		  "--tls",
	  .group = HOW },
	{ .name = "perf-uprobes",
	  .help = "set a perf event for each place instead of one link for each file, as is done on kernels before 6.6; at "
		  "most 512 places, slow to take off",
	  .group = HOW },
	{ .name = "packets",
	  .help = "with --http: see requests in the packets of their connections instead of at sockets, as is done on "
		  "kernels without the hooks there; without CPU time, and not behind TLS",
	  .excludes = "tls or packets",
	  .group = HOW },
	{ ROW_DURATION, .otherwise = "until Ctrl-C", .help = "how long to time", .group = HOW },
	{ ROW_COUNT, .help = "end after so many calls", .group = HOW },
	{ ROW_INTERVAL, .help = "how often the figures are shown", .group = HOW },
	{ .name = "slower",
	  .kind = OPTION_DECIMAL,
	  .max = 3600000,
	  .argument = "MS",
	  .otherwise = "none",
	  .help = "explain every call above so many milliseconds, at the end: how long its thread ran, waited "
		  "for a CPU and was blocked, by reason, and on which stacks; the slowest 1000 are kept",
	  .group = HOW },
	{ .name = "slowest",
	  .kind = OPTION_NUMBER,
	  .min = 1,
	  .max = 100,
	  .argument = "N",
	  .otherwise = "none",
	  .help = "likewise, without a threshold: the N slowest calls of each function, or requests of each route, in each "
		  "interval; every call is looked at for that",
	  .group = HOW },
	{ .name = "arg",
	  .kind = OPTION_TEXT,
	  .argument = "N[:KIND]",
	  .otherwise = "none",
	  .help = "with --calls, --slower or --slowest: tell argument N of each call, at most 4 of them; KIND is int (a "
		  "word, also without KIND), int32, str (a text that ends with 0) or gostr (two words: where "
		  "a text lies and its length)",
	  .group = OUTPUT },
	{ .name = "calls", .help = "one line a call, instead of figures", .group = OUTPUT },
	{ .name = "flame",
	  .kind = OPTION_TEXT,
	  .value = VALUE_FILE,
	  .argument = "FILE",
	  .otherwise = "none",
	  .help = "with --slower or --slowest: a flame graph (svg) of running and waiting in the slow calls alone",
	  .group = OUTPUT },
	{ .name = "flame-more",
	  .kind = OPTION_TEXT,
	  .value = VALUE_FILE,
	  .argument = "FILE",
	  .otherwise = "none",
	  .help = "with --slower: a flame graph (svg) of what slow calls do more than the others: stack by stack, "
		  "how much longer they ran and waited there on average",
	  .group = OUTPUT },
	{ .name = "json",
	  .help = "one JSON object a line: for each function and interval, and a final one",
	  .excludes = "format",
	  .group = OUTPUT },
	{ .name = "csv",
	  .help = "comma-separated values, with one header",
	  .excludes = "format",
	  .group = OUTPUT },
	{ ROW_OUTPUT, .otherwise = "standard output",
	  .help = "where to write; an old file is replaced at the end", .group = OUTPUT },
	{ .name = "quiet",
	  .letter = 'q',
	  .help = "nothing on standard error but errors",
	  .group = OUTPUT },
	{ 0 },
};

static const struct example examples[] = {
	{ "sudo kymo latency -p 4711 main.handleRequest", "a function of a process" },
	{ "sudo kymo latency ./server:main.handleRequest --calls",
	  "one line a call, of every server" },
	{ "sudo kymo latency libc.so.6:getaddrinfo --slower 100 --arg 1:str",
	  "which names take long to look up, and why" },
	{ "sudo kymo latency 'libsqlite3.so.0:sqlite3_*' -d 10 --json", "functions of a library" },
	{ "sudo kymo latency 'postgres:usdt:postgresql:query__start..query__done'",
	  "from one probe point to another" },
	{ "sudo kymo latency --http --port 8080", "which route is slow: requests of a web server" },
	{ "sudo kymo latency --http -p \"$(pgrep -o nginx)\" --calls", "one line a request" },
	{ "sudo kymo latency --http --tls --port 443", "requests of a server behind TLS" },
	{ "kymo latency --list './server:main.*'", "what there is, and how it would be seen" },
	{ 0 },
};

const struct verb verb_latency = {
	.name = "latency",
	.help = "time the calls of functions, and the requests of HTTP servers",
	.synopsis = "[OPTION...] {FILE:FUNCTION | --http}...",
	.about = about,
	.options = options,
	.examples = examples,
	.operands = OPERANDS_WORDS,
	.operands_max = 64,
	.run = latency_verb_run,
};
