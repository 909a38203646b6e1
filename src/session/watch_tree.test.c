/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include "probe/event.wire.h"
#include "session/watch_tree.h"

struct made {
	struct event event;
	id_pid ppid;
};

#define made_field(name, at)                                                                  \
	{                                                                                     \
		name, name, "", FIELD_UNSIGNED, UNIT_PID, offsetof(struct made, at), 4, NULL, \
			false, false                                                          \
	}

static const struct field fields[] = { made_field("pid", event.pid), made_field("ppid", ppid) };
static const struct field sent_fields[] = { made_field("pid", event.pid),
					    made_field("sender_pid", ppid) };

static const struct schema forked = { "process",           "fork", "", SCHEMA_EVENTS, 1,
				      sizeof(struct made), fields, 2 };
static const struct schema executed = {
	"process", "exec", "", SCHEMA_EVENTS, 2, sizeof(struct made), fields, 2,
};
static const struct schema sent = {
	"signal", "sent", "", SCHEMA_EVENTS, 3, sizeof(struct made), sent_fields, 2,
};
static const struct schema counted = {
	"lock", "latency", "", SCHEMA_TABLE, 4, sizeof(struct made), fields, 2,
};

static bool wants(struct watch_tree *tree, const struct schema *schema, uint32_t pid,
		  uint32_t other)
{
	struct made made = { .event = { .pid = pid }, .ppid = other };
	struct record record = { schema, (const uint8_t *)&made, sizeof(made) };
	bool wanted;

	assert_int_equal(watch_tree_take(tree, &record, &wanted), 0);
	return wanted;
}

static void children_of_children_belong_to_it(void **state)
{
	struct watch_tree tree = { .launch_pid = 10 };

	(void)state;
	assert_false(wants(&tree, &sent, 10, 1)); /* it has not executed its program yet */
	assert_false(wants(&tree, &executed, 11, 1));
	assert_true(wants(&tree, &executed, 10, 1));
	assert_true(wants(&tree, &forked, 20, 10));
	assert_true(wants(&tree, &forked, 30, 20));
	assert_false(wants(&tree, &forked, 40, 1));
	assert_true(wants(&tree, &executed, 30, 1)); /* its parent has ended */
	assert_true(wants(&tree, &sent, 40, 30));
	assert_false(wants(&tree, &sent, 40, 41));
	assert_false(wants(&tree, &counted, 30, 20));
	watch_tree_done(&tree);
}

static void a_number_that_another_process_gets_leaves(void **state)
{
	struct watch_tree tree = { 0 };

	(void)state;
	assert_int_equal(watch_tree_add(&tree, 5), 0);
	assert_true(wants(&tree, &forked, 6, 5));
	assert_false(wants(&tree, &forked, 6, 1));
	assert_false(wants(&tree, &executed, 6, 1));
	assert_true(wants(&tree, &forked, 6, 5));
	assert_int_equal(tree.members.len, 2);
	watch_tree_done(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_of_children_belong_to_it),
		cmocka_unit_test(a_number_that_another_process_gets_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
