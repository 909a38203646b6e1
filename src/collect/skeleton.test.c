/* SPDX-License-Identifier: MIT */
/* Loading by libbpf what a light skeleton loads elsewhere, on this kernel. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include <bpf/bpf.h>
#include <bpf/skel_internal.h>

#include "base/test.h"
#include "collect/skeleton.h"
#include "probe/event.wire.h"

#include "collect/ability/light.lskel.h"
#include "collect/tcp/tcp.lskel.h"

#define RING_BYTES 65536

static const struct skeleton tcp = {
	NULL,
	0,
	offsetof(struct collect_tcp_tcp, maps),
	offsetof(struct collect_tcp_tcp, progs),
	offsetof(struct collect_tcp_tcp, links),
};

static void done_with(struct collect_tcp_tcp *skel)
{
	collect_tcp_tcp__destroy(skel);
}

/* Writes another name over the one of a section, in the table of names and in the BTF. */
static void rename_section(char *bytes, size_t len, const char *from, const char *to)
{
	char *at = bytes;
	size_t found = 0;

	assert_true(strlen(to) <= strlen(from));
	while ((at = memmem(at, len - (size_t)(at - bytes), from, strlen(from) + 1)) != NULL) {
		memcpy(at, to, strlen(to) + 1);
		found++;
	}
	assert_true(found >= 2);
}

static void may_load(int err)
{
	if (err == -EPERM)
		test_skip("needs the right to load BPF programs");
}

static void what_is_loaded_runs(void **state)
{
	struct collect_ability_light *skel = collect_ability_light__open();
	const struct skeleton light = {
		collect_ability_light_bytes,
		(size_t)(collect_ability_light_end - collect_ability_light_bytes),
		offsetof(struct collect_ability_light, maps),
		offsetof(struct collect_ability_light, progs),
		offsetof(struct collect_ability_light, links),
	};
	u64 seen = 0;
	u32 zero = 0;
	int err;

	(void)state;
	assert_non_null(skel);
	err = skeleton_load_plain(&light, skel, false);
	may_load(err);
	assert_int_equal(err, 0);
	assert_int_equal(collect_ability_light__attach(skel), 0);
	assert_int_equal(prctl(PR_SET_NAME, "renamed"), 0);
	assert_int_equal(bpf_map_lookup_elem(skel->maps.bss.map_fd, &zero, &seen), 0);
	assert_int_equal(seen, 1);
	collect_ability_light__destroy(skel);
}

static void sizes_and_constants_are_heeded(void **state)
{
	struct collect_tcp_tcp *skel = collect_tcp_tcp__open();
	struct skeleton whole = tcp;
	__typeof__(*skel->rodata) constants;
	struct bpf_map_info info = { 0 };
	u32 len = sizeof(info), zero = 0;
	int err;

	(void)state;
	assert_non_null(skel);
	whole.bytes = collect_tcp_tcp_bytes;
	whole.len = (size_t)(collect_tcp_tcp_end - collect_tcp_tcp_bytes);
	skel->maps.events.max_entries = RING_BYTES;
	skel->rodata->filter.uid = 4711;
	err = skeleton_load_plain(&whole, skel, false);
	may_load(err);
	assert_int_equal(err, 0);
	assert_int_equal(bpf_obj_get_info_by_fd(skel->maps.events.map_fd, &info, &len), 0);
	assert_int_equal(info.max_entries, RING_BYTES);
	assert_int_equal(info.type, BPF_MAP_TYPE_RINGBUF);
	assert_int_equal(bpf_map_lookup_elem(skel->maps.rodata.map_fd, &zero, &constants), 0);
	assert_int_equal(constants.filter.uid, 4711);
	done_with(skel);
}

/* One program is for a tracepoint that is not there, which libbpf finds out; one reads an argument that there is
 * not, which the verifier does.
 */
static void what_is_refused_does_not_take_the_rest_down(void **state)
{
	struct collect_tcp_tcp *skel = collect_tcp_tcp__open();
	struct skeleton part = tcp;
	own(freep) char *bytes = NULL;
	int err;

	(void)state;
	assert_non_null(skel);
	part.len = (size_t)(collect_tcp_tcp_end - collect_tcp_tcp_bytes);
	part.bytes = bytes = malloc(part.len);
	assert_non_null(bytes);
	memcpy(bytes, collect_tcp_tcp_bytes, part.len);
	rename_section(bytes, part.len, "raw_tp/tcp_receive_reset", "tp_btf/of_nobody_at_all");
	rename_section(bytes, part.len, "raw_tp/tcp_send_reset", "tp_btf/sched_waking");
	err = skeleton_load_plain(&part, skel, false);
	may_load(err);
	assert_true(err < 0);
	assert_int_equal(skeleton_load_plain(&part, skel, true), 0);
	assert_int_equal(skel->progs.tcp_on_reset.prog_fd, 0);
	assert_int_equal(skel->progs.tcp_on_resetting.prog_fd, 0);
	assert_true(skel->progs.tcp_on_state.prog_fd > 2);
	assert_true(skel->progs.tcp_on_retransmit.prog_fd > 2);
	done_with(skel);
}

/* All of it, and none of it. */
static void an_object_that_is_none(void **state)
{
	struct collect_tcp_tcp *skel = collect_tcp_tcp__open();
	struct skeleton part = tcp;
	char bytes[64] = "no object";

	(void)state;
	assert_non_null(skel);
	part.bytes = bytes;
	part.len = sizeof(bytes);
	assert_true(skeleton_load_plain(&part, skel, true) < 0);
	assert_int_equal(skel->progs.tcp_on_state.prog_fd, 0);
	done_with(skel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_loaded_runs),
		cmocka_unit_test(sizes_and_constants_are_heeded),
		cmocka_unit_test(what_is_refused_does_not_take_the_rest_down),
		cmocka_unit_test(an_object_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
