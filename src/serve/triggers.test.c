/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/clock.h"
#include "base/test.h"
#include "serve/triggers.h"

#define CPUS  4
#define START (1000 * NS_PER_S)

struct fixture {
	struct config config;
	struct triggers *triggers;
	struct load_sums sums;
	uint64_t now;
};

static void open_fixture(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	assert_int_equal(config_init(&fixture->config), 0);
	fixture->config.triggers.process_cpu.for_s = 3;
	fixture->config.triggers.process_cpu.cooldown_s = 10;
	fixture->config.triggers.host_cpu.for_s = 5;
	fixture->config.triggers.host_cpu.threshold = 50;
	fixture->config.triggers.host_cpu.cooldown_s = 20;
	fixture->sums.has[LOAD_CPU] = true;
	fixture->now = START;
	assert_int_equal(triggers_new(&fixture->config, CPUS, &fixture->triggers), 0);
}

static void close_fixture(struct fixture *fixture)
{
	triggers_free(fixture->triggers);
	config_done(&fixture->config);
}

/* A second in which all CPUs together were busy for @busy_ns.  Return: how often something fired. */
static unsigned second(struct fixture *fixture, uint64_t busy_ns, struct incident_begin *begin)
{
	unsigned count = 0;

	fixture->now += NS_PER_S;
	fixture->sums.ns[LOAD_CPU] += busy_ns;
	triggers_tick(fixture->triggers, fixture->now, &fixture->sums, true);
	while (triggers_take(fixture->triggers, begin))
		count++;
	return count;
}

static void a_busy_host_fires_once_until_it_may_again(void **state)
{
	struct incident_begin begin = { 0 };
	struct fixture fixture;

	(void)state;
	open_fixture(&fixture);
	/* Nothing is known of the time before, so nothing fires, however busy it is. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(second(&fixture, CPUS * NS_PER_S, &begin), 0);
	assert_int_equal(second(&fixture, CPUS * NS_PER_S, &begin), 1);
	assert_int_equal(begin.trigger, INCIDENT_HOST_CPU);
	assert_int_equal(begin.value, 100);
	assert_int_equal(begin.threshold, 50);
	assert_int_equal(begin.held_ns, 5 * NS_PER_S);
	assert_int_equal(begin.pid, UINT32_MAX);
	for (int i = 0; i < 19; i++)
		assert_int_equal(second(&fixture, CPUS * NS_PER_S, &begin), 0);
	assert_int_equal(second(&fixture, CPUS * NS_PER_S, &begin), 1);
	close_fixture(&fixture);
}

static void the_mean_counts_and_no_single_second(void **state)
{
	struct incident_begin begin = { 0 };
	struct trigger_status status;
	struct fixture fixture;

	(void)state;
	open_fixture(&fixture);
	for (int i = 0; i < 10; i++)
		assert_int_equal(second(&fixture, 0, &begin), 0);
	/* Two of five seconds are 40 %, a third makes 60 %. */
	assert_int_equal(second(&fixture, CPUS * NS_PER_S, &begin), 0);
	assert_int_equal(second(&fixture, CPUS * NS_PER_S, &begin), 0);
	triggers_status(fixture.triggers, INCIDENT_HOST_CPU, &status);
	assert_true(status.has_value);
	assert_int_equal(status.value, 40);
	assert_int_equal(second(&fixture, CPUS * NS_PER_S, &begin), 1);
	assert_int_equal(begin.value, 60);
	close_fixture(&fixture);
}

static void what_the_kernel_does_not_tell_is_said(void **state)
{
	struct incident_begin begin = { 0 };
	struct trigger_status status;
	struct fixture fixture;

	(void)state;
	open_fixture(&fixture);
	for (int i = 0; i < 70; i++)
		second(&fixture, 0, &begin);
	triggers_status(fixture.triggers, INCIDENT_IO, &status);
	assert_false(status.has_value);
	assert_string_equal(status.lacks, load_why(LOAD_IO));
	triggers_status(fixture.triggers, INCIDENT_HOST_CPU, &status);
	assert_null(status.lacks);
	close_fixture(&fixture);
}

static void the_busiest_process_is_named(void **state)
{
	struct incident_begin begin = { 0 };
	struct fixture fixture;

	(void)state;
	open_fixture(&fixture);
	for (int i = 0; i < 3; i++) {
		triggers_sample(fixture.triggers, 10, "quiet", NS_PER_S / 2);
		triggers_sample(fixture.triggers, 11, "busy", 2 * NS_PER_S);
		assert_int_equal(second(&fixture, 0, &begin), 0);
	}
	triggers_sample(fixture.triggers, 11, "busy", 2 * NS_PER_S);
	triggers_sample(fixture.triggers, 12, "new", 3 * NS_PER_S);
	assert_int_equal(second(&fixture, 0, &begin), 1);
	assert_int_equal(begin.trigger, INCIDENT_PROCESS_CPU);
	assert_int_equal(begin.pid, 11);
	assert_string_equal(begin.comm, "busy");
	assert_int_equal(begin.value, 200);
	assert_int_equal(triggers_value(fixture.triggers, INCIDENT_PROCESS_CPU, 10), 33);
	assert_int_equal(triggers_value(fixture.triggers, INCIDENT_PROCESS_CPU, 99), UINT64_MAX);
	close_fixture(&fixture);
}

static void no_more_processes_are_followed_than_may(void **state)
{
	struct incident_begin begin = { 0 };
	struct fixture fixture;

	(void)state;
	open_fixture(&fixture);
	for (int i = 0; i < 5; i++) {
		for (uint32_t pid = 1; pid <= 3 * TRIGGERS_MAX_BUSY; pid++)
			triggers_sample(fixture.triggers, pid, "many", NS_PER_S / 10);
		/* It comes last, and uses more than any of them. */
		triggers_sample(fixture.triggers, 100000, "late", NS_PER_S);
		if (second(&fixture, 0, &begin))
			break;
	}
	assert_int_equal(begin.pid, 100000);
	close_fixture(&fixture);
}

/* A record of process.exit, as far as triggers look at it. */
struct ended {
	uint32_t pid;
	char comm[16];
	uint32_t code, signal;
};

static const struct field ended_fields[] = {
	{ .name = "pid", .kind = FIELD_UNSIGNED, .offset = offsetof(struct ended, pid), .size = 4 },
	{ .name = "comm", .kind = FIELD_CHARS, .offset = offsetof(struct ended, comm), .size = 16 },
	{ .name = "exit_code",
	  .kind = FIELD_UNSIGNED,
	  .offset = offsetof(struct ended, code),
	  .size = 4 },
	{ .name = "exit_signal",
	  .kind = FIELD_UNSIGNED,
	  .offset = offsetof(struct ended, signal),
	  .size = 4 },
};

static const struct schema ended_schema = { .collector = "process",
					    .event = "exit",
					    .size = sizeof(struct ended),
					    .fields = ended_fields,
					    .field_count = array_len(ended_fields) };

static bool fires(const char *command, struct ended ended, char *what)
{
	struct record record = { &ended_schema, (const uint8_t *)&ended, sizeof(ended) };
	struct incident_begin begin = { 0 };
	struct fixture fixture;
	bool has_fired;

	open_fixture(&fixture);
	triggers_free(fixture.triggers);
	assert_int_equal(vec_push(&fixture.config.triggers.commands.list, strdup(command)), 0);
	assert_int_equal(triggers_new(&fixture.config, CPUS, &fixture.triggers), 0);
	triggers_hear(fixture.triggers, &record);
	has_fired = triggers_take(fixture.triggers, &begin);
	strcpy(what, begin.what);
	close_fixture(&fixture);
	return has_fired;
}

static void a_command_that_ends_badly(void **state)
{
	static const struct {
		const char *command;
		struct ended ended;
		const char *what; /* NULL: it does not fire */
	} cases[] = {
		{ "backup", { 7, "backup", 3, 0 }, "process 7 'backup' ended with status 3" },
		{ "backup", { 7, "backup", 0, 0 }, NULL },
		{ "backup", { 7, "backup", 0, 9 }, "process 7 'backup' was ended by SIGKILL" },
		{ "backup", { 7, "backups", 3, 0 }, NULL },
		{ "back", { 7, "backup", 3, 0 }, NULL },
		{ "backup=0", { 7, "backup", 0, 0 }, "process 7 'backup' ended with status 0" },
		{ "backup=3", { 7, "backup", 3, 0 }, "process 7 'backup' ended with status 3" },
		{ "backup=3", { 7, "backup", 30, 0 }, NULL },
		{ "backup=9", { 7, "backup", 0, 9 }, NULL },
		{ "backup=SIGKILL",
		  { 7, "backup", 0, 9 },
		  "process 7 'backup' was ended by SIGKILL" },
		{ "backup=SIGTERM", { 7, "backup", 0, 9 }, NULL },
		{ "a-name-that-is-cut",
		  { 7, "a-name-that-is-", 1, 0 },
		  "process 7 'a-name-that-is-' ended with status 1" },
	};
	char what[INCIDENT_TEXT];

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		bool has_fired = fires(cases[i].command, cases[i].ended, what);

		assert_int_equal(has_fired, cases[i].what != NULL);
		if (has_fired)
			assert_string_equal(what, cases[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_busy_host_fires_once_until_it_may_again),
		cmocka_unit_test(the_mean_counts_and_no_single_second),
		cmocka_unit_test(what_the_kernel_does_not_tell_is_said),
		cmocka_unit_test(the_busiest_process_is_named),
		cmocka_unit_test(no_more_processes_are_followed_than_may),
		cmocka_unit_test(a_command_that_ends_badly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
