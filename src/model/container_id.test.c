/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/test.h"
#include "model/container_id.h"

#define ID    "3f4e9bc1a20d5e67f8901234567890abcdef0123456789abcdef0123456789ab"
#define OTHER "00000000000000000000000000000000000000000000000000000000000000ff"
#define POD   "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice"

static const char *found(const char *path)
{
	static char id[CONTAINER_ID_DIGITS + 1];

	return container_id(path, id) ? id : "none";
}

static void names_of_runtimes(void **state)
{
	(void)state;
	assert_string_equal(found("/docker/" ID), ID);
	assert_string_equal(found("/system.slice/docker-" ID ".scope"), ID);
	assert_string_equal(found("/machine.slice/libpod-" ID ".scope"), ID);
	assert_string_equal(found("/libpod_parent/libpod-" ID), ID);
	assert_string_equal(found("/machine.slice/libpod-" ID ".scope/container"), ID);
	assert_string_equal(found(POD "/cri-containerd-" ID ".scope"), ID);
	assert_string_equal(found(POD "/crio-" ID ".scope"), ID);
	assert_string_equal(found("/kubepods/besteffort/pod8c3a-11/" ID), ID);
	assert_string_equal(found("/docker/" ID "/system.slice/cron.service"), ID);
}

static void the_innermost_of_several(void **state)
{
	(void)state;
	assert_string_equal(found("/docker/" OTHER "/docker/" ID), ID);
	assert_string_equal(found("/docker/" OTHER "/system.slice/docker-" ID ".scope"), ID);
}

static void nothing_else(void **state)
{
	(void)state;
	assert_string_equal(found(""), "none");
	assert_string_equal(found("/"), "none");
	assert_string_equal(found("/user.slice/user-0.slice/session-1.scope"), "none");
	assert_string_equal(found("/" ID), "none");
	assert_string_equal(found("/mine/" ID), "none");
	assert_string_equal(found("/docker"), "none");
	assert_string_equal(found("/docker/" ID "0"), "none");
	assert_string_equal(found("/docker/3f4e9bc1a20d"), "none");
	assert_string_equal(found("/docker-" ID), "none");
	assert_string_equal(found("/docker-" ID ".service"), "none");
	assert_string_equal(found("/libpod-conmon-" ID ".scope"), "none");
	assert_string_equal(
		found("/docker/3F4E9BC1A20D5E67F8901234567890ABCDEF0123456789ABCDEF0123456789AB"),
		"none");
	assert_string_equal(found("/dockers/" ID), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_runtimes),
		cmocka_unit_test(the_innermost_of_several),
		cmocka_unit_test(nothing_else),
	};

	return test_run(tests);
}
