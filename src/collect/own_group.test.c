/* SPDX-License-Identifier: MIT */
#include "collect/own_group.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/test.h"

/* Folders as of a hierarchy; which files are in them is all that is asked. */
static char top[] = "/tmp/kymo-group-XXXXXX";

static void put(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s%s/%s", top, folder, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void make(const char *folder)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", top, folder);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int take_away(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	(void)status;
	(void)kind;
	(void)at;
	return remove(path);
}

static int begin(void **state)
{
	(void)state;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	if (!mkdtemp(top))
		return -1;
	make("/slice");
	make("/slice/scope");
	return 0;
}

static int end(void **state)
{
	(void)state;
	return nftw(top, take_away, 8, FTW_DEPTH | FTW_PHYS);
}

static void expect(const char *own, const char *chosen)
{
	own(freep) char *found = NULL;
	char from[256], to[256];

	snprintf(from, sizeof(from), "%s%s", top, own);
	snprintf(to, sizeof(to), "%s%s", top, chosen);
	found = own_group_choose(top, from);
	assert_string_equal(found, to);
}

static void without_controllers_below_its_own(void **state)
{
	(void)state;
	expect("/slice/scope", "/slice/scope");
	put("/slice/scope", "cgroup.subtree_control", "cpu pids\n");
	put("/slice", "cgroup.subtree_control", "memory_not\n");
	expect("/slice/scope", "/slice/scope");
}

static void the_nearest_that_has_memory(void **state)
{
	(void)state;
	put("", "cgroup.subtree_control", "cpu memory\n");
	put("/slice/scope", "memory.max", "max\n");
	expect("/slice/scope", "");
	put("/slice", "cgroup.subtree_control", "memory pids\n");
	put("/slice/scope", "cpu.max", "max 100000\n");
	expect("/slice/scope", "/slice");
	put("/slice/scope", "cgroup.subtree_control", "memory\n");
	expect("/slice/scope", "/slice/scope");
}

static void never_out_of_a_limit(void **state)
{
	(void)state;
	put("", "cgroup.subtree_control", "memory\n");
	put("/slice", "memory.max", "1073741824\n");
	expect("/slice/scope", "/slice/scope");
	put("/slice", "memory.max", "max\n");
	put("/slice/scope", "cpu.max", "50000 100000\n");
	expect("/slice/scope", "/slice/scope");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_controllers_below_its_own, begin, end),
		cmocka_unit_test_setup_teardown(the_nearest_that_has_memory, begin, end),
		cmocka_unit_test_setup_teardown(never_out_of_a_limit, begin, end),
	};

	return test_run(tests);
}
