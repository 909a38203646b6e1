/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/test.h"
#include "resolve/kallsyms.h"

static struct kallsyms *read_text(const char *text)
{
	struct kallsyms *kallsyms = NULL;
	int fd = test_file(text, strlen(text));

	assert_int_equal(kallsyms_new(fd, &kallsyms), 0);
	close(fd);
	return kallsyms;
}

static void expect(const struct kallsyms *kallsyms, uint64_t address, const char *name)
{
	const char *found = kallsyms_find(kallsyms, address);

	if (name)
		assert_non_null(found);
	else
		assert_null(found);
	if (name)
		assert_string_equal(found, name);
}

static void names_functions_and_nothing_else(void **state)
{
	static const char text[] = "0000000000000000 A fixed_percpu_data\n"
				   "0000000000001000 A cpu_tss_rw\n"
				   "ffffffff81000200 t second\n" /* the text is not sorted */
				   "ffffffff81000000 T _stext\n"
				   "ffffffff81000000 T startup\n"
				   "ffffffff81000100 t first\n"
				   "ffffffff81000300 W weak\n"
				   "ffffffff81000400 w weaker\n"
				   "ffffffff81000480 D data\n"
				   "ffffffff81000500 T last\n"
				   "ffffffffc0201000 t nf_hook\t[nf_tables]\n"
				   "ffffffffc0201080 d nf_data\t[nf_tables]\n"
				   "ffffffffc0900000 t bpf_prog_6deef7357e7b4530\t[bpf]";
	own(kallsyms_freep) struct kallsyms *kallsyms = read_text(text);

	(void)state;
	assert_int_equal(kallsyms->bad, 0);
	assert_false(kallsyms->hidden);
	expect(kallsyms, 0xffffffff80ffffff, NULL);
	expect(kallsyms, 0xffffffff81000000, "_stext");
	expect(kallsyms, 0xffffffff810000ff, "_stext");
	expect(kallsyms, 0xffffffff81000100, "first");
	expect(kallsyms, 0xffffffff81000200, "second");
	expect(kallsyms, 0xffffffff810003ff, "weak");
	expect(kallsyms, 0xffffffff8100047f, "weaker");
	expect(kallsyms, 0xffffffff81000480, NULL);
	expect(kallsyms, 0xffffffff81000500, "last");
	expect(kallsyms, 0xffffffff81000500 + KALLSYMS_MAX_FUNCTION - 1, "last");
	expect(kallsyms, 0xffffffff81000500 + KALLSYMS_MAX_FUNCTION, NULL);
	expect(kallsyms, 0xffffffffc020107f, "nf_hook [nf_tables]");
	expect(kallsyms, 0xffffffffc0201080, NULL);
	expect(kallsyms, 0xffffffffc0900010, "bpf_prog_6deef7357e7b4530 [bpf]");
	expect(kallsyms, 0xcd0, NULL);
	expect(kallsyms, 0x7fffffff0000, NULL);
	expect(kallsyms, UINT64_MAX, NULL);
}

static void says_when_addresses_are_hidden(void **state)
{
	own(kallsyms_freep) struct kallsyms *kallsyms =
		read_text("0000000000000000 T _stext\n0000000000000000 t first\n");

	(void)state;
	assert_true(kallsyms->hidden);
	expect(kallsyms, 0, NULL);
}

static void counts_lines_it_cannot_read(void **state)
{
	static const char text[] = "\n"
				   "garbage\n"
				   "ffffffff81000000\n"
				   "ffffffff81000000 T\n"
				   "ffffffff81000000 T \n"
				   "ffffffff81000000 TT x\n"
				   "fffffffff81000000 T x\n"
				   "ffffffff81000010 T good\n";
	own(kallsyms_freep) struct kallsyms *kallsyms = read_text(text);
	own(kallsyms_freep) struct kallsyms *empty = read_text("");

	(void)state;
	assert_int_equal(kallsyms->bad, 7);
	expect(kallsyms, 0xffffffff81000010, "good");
	expect(kallsyms, 0xffffffff81000000, NULL);
	assert_false(empty->hidden);
	expect(empty, 0xffffffff81000000, NULL);
}

static void cuts_what_is_too_long(void **state)
{
	static char text[200000];
	struct kallsyms *kallsyms;
	int len = sprintf(text, "ffffffff81000000 T ");

	(void)state;
	memset(text + len, 'n', 2000);
	len += 2000;
	len += sprintf(text + len, "\nffffffff81001000 T ");
	memset(text + len, 'm', 150000);
	len += 150000;
	sprintf(text + len, "\nffffffff81002000 T after\n");
	kallsyms = read_text(text);
	assert_int_equal(strlen(kallsyms_find(kallsyms, 0xffffffff81000000)),
			 KALLSYMS_NAME_BYTES - 1);
	expect(kallsyms, 0xffffffff81002000, "after");
	kallsyms_free(kallsyms);
}

/* Every function of this kernel, by a plain walk over the same text: the name that the table gives
 * for its address is one of those that the text has there.  The text is read once: programs come
 * and go in it.
 */
static void agrees_with_this_kernel(void **state)
{
	own(kallsyms_freep) struct kallsyms *kallsyms = NULL;
	own(fd_closep) int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC), copy = -1;
	own(freep) char *text = NULL;
	char name[512], module[128];
	uint64_t last = 0;
	size_t asked = 0, len = 0;
	bool matched = true;

	(void)state;
	if (fd < 0 || file_read_all(fd, 64u << 20, &text, &len) != 0)
		test_skip("/proc/kallsyms cannot be read");
	copy = test_file(text, len);
	assert_int_equal(kallsyms_new(copy, &kallsyms), 0);
	if (kallsyms->hidden)
		test_skip("this user may not see kernel addresses");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		uint64_t address;
		char type, full[700];
		int fields = sscanf(line, "%" SCNx64 " %c %511s [%127[^]]]", &address, &type, name,
				    module);
		const char *got;

		assert_true(fields >= 3);
		if (!strchr("tTwW", type) || address >> 63 == 0)
			continue;
		snprintf(full, sizeof(full), fields > 3 ? "%s [%s]" : "%s", name, module);
		got = kallsyms_find(kallsyms, address);
		assert_non_null(got);
		if (address != last) {
			/* Names of one address stand together. */
			asked++;
			assert_true(matched);
			matched = false;
			last = address;
		}
		matched |= strcmp(got, full) == 0;
	}
	assert_true(asked > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_functions_and_nothing_else),
		cmocka_unit_test(says_when_addresses_are_hidden),
		cmocka_unit_test(counts_lines_it_cannot_read),
		cmocka_unit_test(cuts_what_is_too_long),
		cmocka_unit_test(agrees_with_this_kernel),
	};

	return test_run(tests);
}
