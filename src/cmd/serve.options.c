/* SPDX-License-Identifier: MIT */
#include "cmd/serve.h"

static const char *const about[] = {
	"Watches the whole host without end, keeps what it saw in a SQLite file, and answers over HTTP: "
	"processes, connections, disks, waits for a CPU, and stacks of what the CPUs execute.",
	"Prints its address when it listens.  /api/v1/status tells what each collector does and what kymo itself "
	"costs, /metrics the same for Prometheus.  /api/v1/processes has each process once, /api/v1/connections "
	"and /api/v1/NAME the records of a collector, /api/v1/profiles and /api/v1/functions what the CPUs "
	"executed, /api/v1/profiles/diff two spans compared, /api/v1/timeseries and /api/v1/heatmap what a chart "
	"needs, /api/v1/events what happens as it happens.  start=-1h and end=-30m name a span of time; every "
	"column is a condition.  /openapi.json has the rest.",
	"What it keeps holds the arguments of all processes, secrets among them as ***, and whoever may connect to "
	"this host's loopback may read it.  It listens on loopback only, unless [http_tls] or [grpc_tls] has a "
	"certificate, and clients show one of theirs or a token of [auth] token_file.  SIGTERM ends it in good "
	"order, SIGHUP reads settings, certificates and tokens again.",
	"Triggers of the settings look closer by themselves, at a busy process or host, pressure on CPUs or disks, a kill "
	"for want of memory, a command that fails: /api/v1/incidents has what they noticed, with a profile of it.",
	"POST /api/v1/sessions profiles a process, or the whole host, on demand.  So does gRPC at [server], "
	"127.0.0.1:50084 if nothing is said: profiler.ProfilerService, health and server reflection.  POST "
	"/api/v1/latency times functions, or requests, as kymo latency does; the ceilings of [profiler] hold for "
	"these, too.",
	NULL,
};

static const struct option options[] = {
	{ .name = "config",
	  .letter = 'c',
	  .kind = OPTION_TEXT,
	  .value = VALUE_FILE,
	  .argument = "FILE",
	  .otherwise = "/etc/kymo/kymo.toml if it is there",
	  .help = "settings, in TOML",
	  .group = "Settings" },
	{ .name = "env-file",
	  .kind = OPTION_TEXT,
	  .value = VALUE_FILE,
	  .argument = "FILE",
	  .help = "a file of variables of an older dashboard, over that of settings: PORT, DB_PATH, MAX_LIMIT, DEFAULT_LIMIT, "
		  "CORS_ENABLED, CORS_ORIGINS",
	  .group = "Settings" },
	{ .name = "set",
	  .kind = OPTION_TEXT,
	  .argument = "TABLE.KEY=VALUE",
	  .help = "one setting, over those of the file: http.port=0",
	  .group = "Settings" },
	{ .name = "generate-config",
	  .help = "print every setting with its meaning and end",
	  .group = "Settings" },
	{ .name = "debug", .help = "say more on standard error", .group = "Output" },
	{ 0 },
};

static const struct example examples[] = {
	{ "sudo kymo serve", "watch this host; the address is printed" },
	{ "kymo serve --generate-config > kymo.toml", "every setting, to be changed" },
	{ "sudo kymo serve --set http.port=0", "at any free port, which is printed" },
	{ "curl 'localhost:8080/api/v1/functions?start=-1h'",
	  "what kept the CPUs busy in the last hour" },
	{ "curl 'localhost:8080/api/v1/processes?start=-1h&end=-59m'",
	  "who was there an hour ago" },
	{ 0 },
};

const struct verb verb_serve = {
	.name = "serve",
	.help = "watch the host without end, keep it, and answer over HTTP",
	.synopsis = "[OPTION...]",
	.about = about,
	.options = options,
	.examples = examples,
	.run = serve_verb_run,
};
