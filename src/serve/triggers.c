/* SPDX-License-Identifier: MIT */
#include "serve/triggers.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

#define SLOTS       (TRIGGERS_WINDOW_S + 1) /* a second each; the newest is being filled */
#define LEAST_SHARE 20                      /* a process is followed from a twentieth of a CPU on */

/* What is added up, at the ends of the last seconds. */
struct gauge {
	uint64_t sums[SLOTS];
	bool has[SLOTS];
};

/* A process that uses CPUs: how much in each of the last seconds. */
struct busy {
	uint32_t pid;
	char comm[16];
	uint64_t ns[SLOTS];
};

struct triggers {
	const struct config *config;
	unsigned cpus;
	uint64_t at_mono_ns[SLOTS]; /* the ends of the last seconds; 0: not yet */
	size_t slot;                /* the newest end */
	struct gauge gauges[LOAD_KINDS];
	vec(struct busy) busy;
	bool has_samples;
	struct trigger_status status[INCIDENT_TRIGGERS];
	struct incident_begin pending[TRIGGERS_MAX_PENDING];
	size_t pending_count;
	uint64_t missed;
};

static const struct config_trigger *setting_of(const struct config *config,
					       enum incident_trigger trigger)
{
	switch (trigger) {
	case INCIDENT_PROCESS_CPU:
		return &config->triggers.process_cpu;
	case INCIDENT_HOST_CPU:
		return &config->triggers.host_cpu;
	case INCIDENT_RUN_QUEUE:
		return &config->triggers.run_queue;
	case INCIDENT_IO:
		return &config->triggers.io;
	case INCIDENT_OOM:
		return &config->triggers.oom;
	case INCIDENT_EXIT:
		return &config->triggers.exit;
	case INCIDENT_LATENCY:
		return &config->triggers.latency;
	default:
		return NULL;
	}
}

int triggers_new(const struct config *config, unsigned cpus, struct triggers **ret)
{
	struct triggers *triggers = calloc(1, sizeof(*triggers));

	if (!triggers)
		return -ENOMEM;
	triggers->config = config;
	triggers->cpus = cpus ?: 1;
	for (int i = 0; i < INCIDENT_TRIGGERS; i++) {
		const struct config_trigger *one = setting_of(config, (enum incident_trigger)i);

		triggers->status[i].is_on = config->triggers.enabled && one && one->enabled;
	}
	if (!config->triggers.commands.list.len)
		triggers->status[INCIDENT_EXIT].is_on = false;
	if (!*config->triggers.function)
		triggers->status[INCIDENT_LATENCY].is_on = false;
	*ret = triggers;
	return 0;
}

void triggers_free(struct triggers *triggers)
{
	if (!triggers)
		return;
	vec_done(&triggers->busy);
	free(triggers);
}

/* A new incident, if the trigger may fire now.  NULL: it may not. */
static struct incident_begin *fire(struct triggers *triggers, enum incident_trigger trigger,
				   uint64_t now_mono_ns)
{
	struct trigger_status *status = &triggers->status[trigger];
	struct incident_begin *begin;

	if (!status->is_on || now_mono_ns < status->quiet_until_mono_ns)
		return NULL;
	status->quiet_until_mono_ns =
		now_mono_ns + setting_of(triggers->config, trigger)->cooldown_s * NS_PER_S;
	if (triggers->pending_count == TRIGGERS_MAX_PENDING) {
		triggers->missed++;
		return NULL;
	}
	status->fired++;
	status->fired_unix_ns = now_mono_ns + clock_unix_offset_ns();
	begin = &triggers->pending[triggers->pending_count++];
	*begin = (struct incident_begin){
		.at_mono_ns = now_mono_ns,
		.value = UINT64_MAX,
		.threshold = UINT64_MAX,
		.held_ns = UINT64_MAX,
		.pid = UINT32_MAX,
		.trigger = (uint8_t)trigger,
		.unit = INCIDENT_NOTHING,
	};
	return begin;
}

/* The end of the second that lies so many back.  SIZE_MAX: nobody looked then. */
static size_t slot_back(const struct triggers *triggers, uint64_t seconds)
{
	size_t slot = (triggers->slot + SLOTS - (size_t)seconds) % SLOTS;

	return triggers->at_mono_ns[slot] ? slot : SIZE_MAX;
}

/* Percent of the time of the last seconds, of one CPU or of all. */
static bool mean_of(const struct triggers *triggers, enum load_kind kind, uint64_t for_s,
		    uint64_t *ret_percent)
{
	const struct gauge *gauge = &triggers->gauges[kind];
	size_t now = triggers->slot, then = slot_back(triggers, for_s);
	uint64_t passed;

	if (then == SIZE_MAX || !gauge->has[now] || !gauge->has[then])
		return false;
	passed = triggers->at_mono_ns[now] - triggers->at_mono_ns[then];
	if (kind == LOAD_CPU)
		passed *= triggers->cpus;
	*ret_percent = passed && gauge->sums[now] > gauge->sums[then]
			       ? 100 * (gauge->sums[now] - gauge->sums[then]) / passed
			       : 0;
	return true;
}

static bool busy_percent(const struct triggers *triggers, const struct busy *busy,
			 uint64_t *ret_percent)
{
	uint64_t for_s = triggers->config->triggers.process_cpu.for_s, sum = 0;
	size_t then = slot_back(triggers, for_s);
	uint64_t passed;

	if (then == SIZE_MAX)
		return false;
	for (uint64_t i = 0; i < for_s; i++)
		sum += busy->ns[slot_back(triggers, i)];
	passed = triggers->at_mono_ns[triggers->slot] - triggers->at_mono_ns[then];
	*ret_percent = passed ? 100 * sum / passed : 0;
	return true;
}

static void measured(struct incident_begin *begin, uint64_t value,
		     const struct config_trigger *setting)
{
	begin->value = value;
	begin->threshold = setting->threshold;
	begin->unit = INCIDENT_PERCENT;
	begin->held_ns = setting->for_s * NS_PER_S;
}

/* What the kernel adds up for the whole host. */
static void judge_host(struct triggers *triggers, enum incident_trigger trigger,
		       enum load_kind kind, const char *what)
{
	const struct config_trigger *setting = setting_of(triggers->config, trigger);
	struct trigger_status *status = &triggers->status[trigger];
	struct incident_begin *begin;

	status->lacks = triggers->gauges[kind].has[triggers->slot] ? NULL : load_why(kind);
	status->has_value = mean_of(triggers, kind, setting->for_s, &status->value);
	if (!status->has_value || status->value < setting->threshold)
		return;
	begin = fire(triggers, trigger, triggers->at_mono_ns[triggers->slot]);
	if (!begin)
		return;
	measured(begin, status->value, setting);
	snprintf(begin->what, sizeof(begin->what), what, (unsigned long)status->value,
		 (unsigned long)setting->for_s);
}

static void judge_processes(struct triggers *triggers)
{
	const struct config_trigger *setting = &triggers->config->triggers.process_cpu;
	struct trigger_status *status = &triggers->status[INCIDENT_PROCESS_CPU];
	const struct busy *most = NULL;
	struct incident_begin *begin;

	status->lacks = triggers->has_samples ? NULL : "'profile' is not on, whose samples tell it";
	status->has_value =
		triggers->has_samples && slot_back(triggers, setting->for_s) != SIZE_MAX;
	status->value = 0;
	vec_each(busy, &triggers->busy) {
		uint64_t percent;

		if (!status->has_value || !busy_percent(triggers, busy, &percent) ||
		    percent <= status->value)
			continue;
		status->value = percent;
		most = busy;
	}
	if (!most || status->value < setting->threshold)
		return;
	begin = fire(triggers, INCIDENT_PROCESS_CPU, triggers->at_mono_ns[triggers->slot]);
	if (!begin)
		return;
	measured(begin, status->value, setting);
	begin->pid = most->pid;
	memcpy(begin->comm, most->comm, sizeof(begin->comm));
	snprintf(begin->what, sizeof(begin->what), "process %u '%s' used %lu %% of a CPU in %lu s",
		 most->pid, most->comm, (unsigned long)status->value,
		 (unsigned long)setting->for_s);
}

/* What was long ago is forgotten, and who has done nothing since. */
static void next_slot(struct triggers *triggers)
{
	size_t next = (triggers->slot + 1) % SLOTS;

	for (size_t i = triggers->busy.len; i-- > 0;) {
		struct busy *busy = &triggers->busy.data[i];
		uint64_t sum = 0;

		busy->ns[next] = 0;
		for (size_t k = 0; k < SLOTS; k++)
			sum += busy->ns[k];
		if (!sum)
			*busy = triggers->busy.data[--triggers->busy.len];
	}
}

void triggers_tick(struct triggers *triggers, uint64_t now_mono_ns, const struct load_sums *sums,
		   bool has_samples)
{
	/* The samples of this second already lie in its slot. */
	triggers->slot = (triggers->slot + 1) % SLOTS;
	triggers->at_mono_ns[triggers->slot] = now_mono_ns;
	triggers->has_samples = has_samples;
	for (int kind = 0; kind < LOAD_KINDS; kind++) {
		triggers->gauges[kind].has[triggers->slot] = sums->has[kind];
		triggers->gauges[kind].sums[triggers->slot] = sums->ns[kind];
	}
	judge_processes(triggers);
	judge_host(triggers, INCIDENT_HOST_CPU, LOAD_CPU, "%lu %% of all CPUs were busy in %lu s");
	judge_host(triggers, INCIDENT_RUN_QUEUE, LOAD_RUN_QUEUE,
		   "some thread waited for a CPU in %lu %% of %lu s");
	judge_host(triggers, INCIDENT_IO, LOAD_IO,
		   "some thread waited for a disk in %lu %% of %lu s");
	next_slot(triggers);
}

void triggers_latency(struct triggers *triggers, uint64_t now_mono_ns,
		      const struct watched_window *window)
{
	const struct config_trigger *setting = &triggers->config->triggers.latency;
	struct trigger_status *status = &triggers->status[INCIDENT_LATENCY];
	struct incident_begin *begin;

	status->lacks = window->lacks;
	if (!window->is_over)
		return;
	status->has_value = window->p99_ns != LATENCY_NONE;
	status->value = window->p99_ns;
	if (!status->has_value || status->value < setting->threshold * NS_PER_MS)
		return;
	begin = fire(triggers, INCIDENT_LATENCY, now_mono_ns);
	if (!begin)
		return;
	begin->value = status->value;
	begin->threshold = setting->threshold * NS_PER_MS;
	begin->unit = INCIDENT_NS;
	begin->held_ns = setting->for_s * NS_PER_S;
	snprintf(begin->what, sizeof(begin->what),
		 "one of a hundred calls of %.200s took %.3g ms or more, of %lu in %lu s",
		 triggers->config->triggers.function, (double)status->value / NS_PER_MS,
		 (unsigned long)window->calls, (unsigned long)setting->for_s);
}

/* The one of this process, or a place for it.  NULL: it uses too little to be followed. */
static struct busy *busy_of(struct triggers *triggers, uint32_t pid, uint64_t ns)
{
	struct busy fresh = { .pid = pid }, *idlest = NULL;
	uint64_t least = ns;

	vec_each(busy, &triggers->busy)
		if (busy->pid == pid)
			return busy;
	if (ns < NS_PER_S / LEAST_SHARE)
		return NULL;
	if (triggers->busy.len < TRIGGERS_MAX_BUSY)
		return vec_push(&triggers->busy, fresh)
			       ? NULL
			       : &triggers->busy.data[triggers->busy.len - 1];
	vec_each(busy, &triggers->busy) {
		uint64_t sum = 0;

		for (size_t k = 0; k < SLOTS; k++)
			sum += busy->ns[k];
		if (sum >= least)
			continue;
		least = sum;
		idlest = busy;
	}
	if (idlest)
		*idlest = fresh;
	return idlest;
}

void triggers_sample(struct triggers *triggers, uint32_t pid, const char *comm, uint64_t ns)
{
	struct busy *busy = busy_of(triggers, pid, ns);

	if (!busy)
		return;
	snprintf(busy->comm, sizeof(busy->comm), "%s", comm);
	busy->ns[(triggers->slot + 1) % SLOTS] += ns;
}

static uint64_t number_of(const struct record *record, const char *name)
{
	const struct field *field = schema_field(record->schema, name);

	return field && record_has(record, field) ? record_u64(record, field) : 0;
}

static void name_of(const struct record *record, const char *name, char *text)
{
	const struct field *field = schema_field(record->schema, name);
	char words[RECORD_TEXT_BYTES] = "";

	if (field)
		record_text(record, field, words);
	snprintf(text, 16, "%.15s", words);
}

static void hear_oom(struct triggers *triggers, const struct record *record)
{
	struct incident_begin *begin = fire(triggers, INCIDENT_OOM, clock_mono_ns());
	char trigger[16];

	if (!begin)
		return;
	begin->pid = (uint32_t)number_of(record, "pid");
	name_of(record, "comm", begin->comm);
	name_of(record, "trigger_comm", trigger);
	snprintf(begin->what, sizeof(begin->what),
		 "the kernel killed process %u '%s' for want of memory, of which %lu '%s' wanted "
		 "some",
		 begin->pid, begin->comm, (unsigned long)number_of(record, "trigger_pid"), trigger);
}

/* "backup", "backup=3" or "backup=SIGKILL" */
static bool is_exit_of(const char *command, const char *comm, uint64_t code, uint64_t signal)
{
	const char *equals = strchr(command, '='), *name = sigabbrev_np((int)signal);
	size_t len = equals ? (size_t)(equals - command) : strlen(command);
	char digits[24];

	if (len > 15)
		len = 15; /* the kernel keeps no more of a name */
	if (strncmp(command, comm, len) != 0 || comm[len])
		return false;
	if (!equals)
		return code || signal;
	if (signal)
		return name && strncmp(equals + 1, "SIG", 3) == 0 && strcmp(equals + 4, name) == 0;
	snprintf(digits, sizeof(digits), "%" PRIu64, code);
	return strcmp(equals + 1, digits) == 0;
}

static void hear_exit(struct triggers *triggers, const struct record *record)
{
	uint64_t code = number_of(record, "exit_code"), signal = number_of(record, "exit_signal");
	struct incident_begin *begin = NULL;
	char comm[16];

	name_of(record, "comm", comm);
	vec_each(command, &triggers->config->triggers.commands.list)
		if (!begin && is_exit_of(*command, comm, code, signal))
			begin = fire(triggers, INCIDENT_EXIT, clock_mono_ns());
	if (!begin)
		return;
	begin->pid = (uint32_t)number_of(record, "pid");
	memcpy(begin->comm, comm, sizeof(begin->comm));
	if (signal)
		snprintf(begin->what, sizeof(begin->what), "process %u '%s' was ended by SIG%s",
			 begin->pid, comm, sigabbrev_np((int)signal) ?: "?");
	else
		snprintf(begin->what, sizeof(begin->what), "process %u '%s' ended with status %lu",
			 begin->pid, comm, (unsigned long)code);
}

void triggers_hear(struct triggers *triggers, const struct record *record)
{
	const struct schema *schema = record->schema;

	/* Most records are of other kinds: one comparison each. */
	if (triggers->status[INCIDENT_OOM].is_on && schema->collector[0] == 'm' &&
	    strcmp(schema->collector, "memory") == 0 && strcmp(schema->event, "oom") == 0)
		hear_oom(triggers, record);
	else if (triggers->status[INCIDENT_EXIT].is_on && schema->collector[0] == 'p' &&
		 strcmp(schema->collector, "process") == 0 && strcmp(schema->event, "exit") == 0)
		hear_exit(triggers, record);
}

bool triggers_take(struct triggers *triggers, struct incident_begin *ret_begin)
{
	if (!triggers->pending_count)
		return false;
	*ret_begin = triggers->pending[0];
	memmove(triggers->pending, triggers->pending + 1,
		--triggers->pending_count * sizeof(*triggers->pending));
	return true;
}

uint64_t triggers_value(const struct triggers *triggers, enum incident_trigger trigger,
			uint32_t pid)
{
	const struct trigger_status *status = &triggers->status[trigger];
	uint64_t percent;

	if (trigger != INCIDENT_PROCESS_CPU)
		return status->has_value ? status->value : UINT64_MAX;
	vec_each(busy, &triggers->busy)
		if (busy->pid == pid && busy_percent(triggers, busy, &percent))
			return percent;
	return UINT64_MAX;
}

void triggers_status(const struct triggers *triggers, enum incident_trigger trigger,
		     struct trigger_status *ret_status)
{
	*ret_status = triggers->status[trigger];
}

uint64_t triggers_missed(const struct triggers *triggers)
{
	return triggers->missed;
}
