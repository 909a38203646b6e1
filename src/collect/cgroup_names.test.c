/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/test.h"
#include "collect/cgroup.h"
#include "collect/cgroup_names.h"
#include "probe/target.wire.h"

#define ABSENT 0x7fffffff12345678ull

/* A group that this test made, below the root of the hierarchy that is in use. */
struct group {
	uint32_t hierarchy;
	char name[64], folder[PATH_MAX];
	uint64_t id;
};

static void group_make(struct group *group, const char *name)
{
	own(freep) char *mount = NULL;
	struct stat status;

	group->hierarchy = cgroup_choose();
	mount = cgroup_mount(group->hierarchy);
	snprintf(group->name, sizeof(group->name), "/kymo-test-%d-%s", getpid(), name);
	snprintf(group->folder, sizeof(group->folder), "%s%s", mount ?: "", group->name);
	if (!mount || mkdir(group->folder, 0755) != 0)
		test_skip("no control group can be made here");
	assert_int_equal(stat(group->folder, &status), 0);
	group->id = status.st_ino;
}

static void finds_what_is_there(void **state)
{
	struct cgroup_names *names;
	struct group group;

	(void)state;
	group_make(&group, "there");
	assert_int_equal(cgroup_names_new(group.hierarchy, &names), 0);
	assert_string_equal(cgroup_names_path(names, group.id), group.name);
	assert_int_equal(rmdir(group.folder), 0);
	/* Once seen it stays known. */
	assert_string_equal(cgroup_names_path(names, group.id), group.name);
	assert_null(cgroup_names_path(names, ABSENT));
	assert_null(cgroup_names_path(names, 0));
	cgroup_names_free(names);
}

/* Without the right to open by handle: found by walking. */
static void walks_without_rights(void **state)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct rights[2], fewer[2];
	struct cgroup_names *names;
	struct group group;

	(void)state;
	group_make(&group, "walked");
	assert_int_equal(syscall(SYS_capget, &header, rights), 0);
	memcpy(fewer, rights, sizeof(fewer));
	fewer[0].effective &= ~(1u << CAP_DAC_READ_SEARCH);
	assert_int_equal(syscall(SYS_capset, &header, fewer), 0);
	assert_int_equal(cgroup_names_new(group.hierarchy, &names), 0);
	assert_string_equal(cgroup_names_path(names, group.id), group.name);
	assert_int_equal(rmdir(group.folder), 0);
	assert_null(cgroup_names_path(names, ABSENT));
	cgroup_names_free(names);
	assert_int_equal(syscall(SYS_capset, &header, rights), 0);
}

static void knows_what_it_was_told(void **state)
{
	struct cgroup_names *names;

	(void)state;
	assert_int_equal(cgroup_names_new(HIERARCHY_COUNT - 1, &names), 0);
	assert_null(cgroup_names_path(names, ABSENT));
	assert_int_equal(cgroup_names_learn(names, ABSENT, "/first"), 0);
	assert_string_equal(cgroup_names_path(names, ABSENT), "/first");
	assert_int_equal(cgroup_names_learn(names, ABSENT, "/second"), 0);
	assert_string_equal(cgroup_names_path(names, ABSENT), "/second");
	cgroup_names_free(names);
}

static void forgets_at_its_ceiling(void **state)
{
	struct cgroup_names *names;
	char path[32];

	(void)state;
	assert_int_equal(cgroup_names_new(HIERARCHY_COUNT - 1, &names), 0);
	for (uint64_t i = 1; i <= CGROUP_NAMES_MAX + 1; i++) {
		snprintf(path, sizeof(path), "/%lu", (unsigned long)i);
		assert_int_equal(cgroup_names_learn(names, ABSENT + i, path), 0);
		assert_string_equal(cgroup_names_path(names, ABSENT + i), path);
	}
	assert_null(cgroup_names_path(names, ABSENT + 1));
	cgroup_names_free(names);
}

static void chooses_what_is_mounted(void **state)
{
	uint32_t hierarchy = cgroup_choose();
	own(freep) char *mount = cgroup_mount(hierarchy);

	(void)state;
	assert_true(hierarchy < HIERARCHY_COUNT);
	if (!mount)
		test_skip("no hierarchy of control groups is mounted");
	assert_int_equal(access(mount, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_there),     cmocka_unit_test(walks_without_rights),
		cmocka_unit_test(knows_what_it_was_told),  cmocka_unit_test(forgets_at_its_ceiling),
		cmocka_unit_test(chooses_what_is_mounted),
	};

	return test_run(tests);
}
