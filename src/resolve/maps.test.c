/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/test.h"
#include "resolve/maps.h"

#define PAGES 4096u

static struct mapping mapping_of(uint64_t start, uint64_t end, uint64_t inode)
{
	return (struct mapping){
		.start = start, .end = end, .file_offset = start, .inode = inode, .executable = true
	};
}

static void reads_every_kind_of_line(void **state)
{
	static const char text[] =
		"00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/dbus daemon (deleted)\n"
		"00651000-00652000 r--p 00051000 08:02 173521      /usr/bin/dbus daemon (deleted)\n"
		"7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
		"7f0000001000-7f0000002000 r-xp 00000000 103:ff 18446744073709551615 /a\\012b\n"
		"7f0000002000-7f0000003000 r-xp 00000000 00:01 7  /memfd:doublemapper (deleted)\n"
		"7f0000003000-7f0000004000 r-xp 00000000 00:00 0                          [heap]\n"
		"7ffc00000000-7ffc00021000 rwxp 00000000 00:00 0                          [stack]\n"
		"7ffc00100000-7ffc00102000 r-xp 00000000 00:00 0                          [vdso]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0     [vsyscall]";
	static const uint8_t kinds[] = { MAPPING_FILE,      MAPPING_ANONYMOUS, MAPPING_FILE,
					 MAPPING_ANONYMOUS, MAPPING_HEAP,      MAPPING_STACK,
					 MAPPING_VDSO,      MAPPING_SPECIAL };
	struct strings paths = { 0 };
	struct mappings mappings = { 0 };
	const struct mapping *at;
	uint32_t bad = 9, i = 0;

	(void)state;
	assert_int_equal(mappings_parse(&mappings, text, strlen(text), true, &paths, &bad), 0);
	assert_int_equal(bad, 0);
	assert_int_equal(mappings.len, array_len(kinds));
	for (at = mappings_next(&mappings, 0); at; at = mappings_next(&mappings, at->end))
		assert_int_equal(at->kind, kinds[i++]);
	assert_int_equal(i, array_len(kinds));
	at = mappings_find(&mappings, 0x400001);
	assert_string_equal(strings_get(&paths, at->path), "/usr/bin/dbus daemon (deleted)");
	assert_true(at->file_offset == 0x1000 && at->inode == 173521);
	assert_true(at->device == (8ull << 32 | 2));
	at = mappings_find(&mappings, 0x7f0000001fff);
	assert_string_equal(strings_get(&paths, at->path), "/a\nb");
	assert_true(at->inode == UINT64_MAX && at->device == (0x103ull << 32 | 0xff));
	assert_null(mappings_find(&mappings, 0x651000));
	assert_null(mappings_find(&mappings, 0x452000));
	/* As mm->exec_vm: neither what may be written, too, nor what belongs to every process. */
	assert_int_equal(mappings_code_bytes(&mappings), 0x52000 + 3 * 0x1000 + 0x2000);
	mappings_clear(&mappings);
	assert_int_equal(mappings_code_bytes(&mappings), 0);
	assert_int_equal(mappings_parse(&mappings, text, strlen(text), false, &paths, NULL), 0);
	assert_int_equal(mappings.len, array_len(kinds) + 1);
	mappings_clear(&mappings);
	strings_done(&paths);
}

static void counts_bad_lines(void **state)
{
	static const char text[] = "\n"
				   "garbage\n"
				   "1000-2000\n"
				   "2000-1000 r-xp 0 0:0 0\n"
				   "1000-1000 r-xp 0 0:0 0\n"
				   "11111111111111111-2 r-xp 0 0:0 0\n"
				   "3000-4000 r-xp 0 0:0 0\n"
				   "1000-2000 r-xp 0 0:0 x\n";
	struct strings paths = { 0 };
	struct mappings mappings = { 0 };
	uint32_t bad = 0;

	(void)state;
	assert_int_equal(mappings_parse(&mappings, text, strlen(text), true, &paths, &bad), 0);
	assert_int_equal(bad, 7);
	assert_int_equal(mappings.len, 1);
	mappings_clear(&mappings);
	strings_done(&paths);
}

static void agrees_with_the_kernel_about_ourselves(void **state)
{
	char line[8192];
	FILE *maps = fopen("/proc/self/maps", "re");
	struct strings paths = { 0 };
	struct mappings mappings = { 0 };
	const struct mapping *at;
	uint32_t bad = 1;

	(void)state;
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		assert_int_equal(mappings_parse(&mappings, line, strlen(line), true, &paths, &bad),
				 0);
		assert_int_equal(bad, 0);
	}
	fclose(maps);
	at = mappings_find(&mappings, (uint64_t)(uintptr_t)reads_every_kind_of_line);
	assert_non_null(at);
	assert_non_null(strstr(strings_get(&paths, at->path), "maps"));
	mappings_clear(&mappings);
	strings_done(&paths);
}

/* Plain arrays, one entry a page, do the same as three tables that share their memory. */
struct shadow {
	uint64_t inode[PAGES], offset[PAGES];
};

static void compare(const struct mappings *mappings, const struct shadow *shadow)
{
	uint64_t last = 0;
	uint32_t count = 0;

	for (uint64_t page = 0; page < PAGES; page++) {
		const struct mapping *at = mappings_find(mappings, page * 4096 + 17);

		assert_true((at != NULL) == (shadow->inode[page] != 0));
		if (!at)
			continue;
		assert_true(at->inode == shadow->inode[page]);
		assert_true(at->file_offset + page * 4096 - at->start == shadow->offset[page]);
	}
	for (const struct mapping *at = mappings_next(mappings, 0); at;
	     at = mappings_next(mappings, at->end)) {
		assert_true(at->start >= last && at->end > at->start);
		last = at->end;
		count++;
	}
	assert_int_equal(count, mappings->len);
}

static void copies_stay_apart(void **state)
{
	static struct shadow shadows[3];
	struct mappings tables[3] = { 0 };
	unsigned random = 1;

	(void)state;
	for (uint64_t step = 1; step < 30000; step++) {
		unsigned which = rand_r(&random) % 3, what = rand_r(&random) % 100;
		uint64_t first = rand_r(&random) % PAGES, len = 1 + rand_r(&random) % 6, end;

		if (what == 0) {
			mappings_clear(&tables[which]);
			mappings_copy(&tables[which], &tables[(which + 1) % 3]);
			shadows[which] = shadows[(which + 1) % 3];
			continue;
		}
		len = what == 1 ? len * 200 : len;
		end = first + len > PAGES ? PAGES : first + len;
		for (uint64_t page = first; page < end; page++) {
			shadows[which].inode[page] = what < 20 ? 0 : step;
			shadows[which].offset[page] = page * 4096;
		}
		if (what < 20) {
			assert_int_equal(mappings_remove(&tables[which], first * 4096, end * 4096),
					 0);
		} else {
			struct mapping mapping = mapping_of(first * 4096, end * 4096, step);

			assert_int_equal(mappings_insert(&tables[which], &mapping), 0);
		}
		if (step % 1000 == 0)
			for (unsigned i = 0; i < 3; i++)
				compare(&tables[i], &shadows[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		mappings_clear(&tables[i]);
}

/* As many as the kernel allows by default, and a storm of forks that each map one thing. */
static void holds_65000_and_forks_cheaply(void **state)
{
	struct mappings parent = { 0 }, child = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 65000; i++) {
		/* Every other one downwards, as the kernel places them. */
		uint64_t page = i % 2 ? 200000 + i : 199999 - i;
		struct mapping mapping = mapping_of(page * 8192, page * 8192 + 4096, i + 1);

		assert_int_equal(mappings_insert(&parent, &mapping), 0);
	}
	assert_int_equal(parent.len, 65000);
	for (uint64_t i = 0; i < 10000; i++) {
		struct mapping mapping = mapping_of(i * 4096, i * 4096 + 4096, 70000 + i);

		mappings_copy(&child, &parent);
		assert_int_equal(mappings_insert(&child, &mapping), 0);
		mappings_clear(&child);
	}
	assert_int_equal(parent.len, 65000);
	mappings_clear(&parent);
}

static void refuses_what_is_empty(void **state)
{
	struct mappings mappings = { 0 };
	struct mapping none = mapping_of(5, 5, 1), last = mapping_of(UINT64_MAX - 1, UINT64_MAX, 1);

	(void)state;
	assert_int_equal(mappings_insert(&mappings, &none), -EINVAL);
	assert_int_equal(mappings_insert(&mappings, &last), 0);
	assert_non_null(mappings_find(&mappings, UINT64_MAX - 1));
	assert_null(mappings_find(&mappings, UINT64_MAX));
	mappings_clear(&mappings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_kind_of_line),
		cmocka_unit_test(counts_bad_lines),
		cmocka_unit_test(agrees_with_the_kernel_about_ourselves),
		cmocka_unit_test(copies_stay_apart),
		cmocka_unit_test(holds_65000_and_forks_cheaply),
		cmocka_unit_test(refuses_what_is_empty),
	};

	return test_run(tests);
}
