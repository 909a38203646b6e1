/* SPDX-License-Identifier: MIT */
#include "elf/image.h"

#include <elf.h>
#include <stdlib.h>

#include "elf/compile.test.h"

static const char program[] = "struct s { int a, b, c, d, e, f, g, h; long i, j, k, l, m; } *s;\n"
			      "int twice(int x) { return x * 2; }\n"
			      "int main(int argc, char **argv) { return twice(argc); }\n";

static void build(const char *name, const char *words)
{
	compile_write("program.c", program);
	compile_run("cc -g %s -o %s program.c", words, name);
}

/* The byte of the file that nm's address of main() stands for is mapped back to that address. */
static void check_layout(const char *name)
{
	own(image_freep) struct image *image = compile_image(name);
	uint64_t main_at = compile_address(name, "main"), offset = 0, back;
	const struct image_range *code = image_code_at(image, main_at);

	vec_each(segment, &image->segments)
		if (main_at >= segment->address && main_at - segment->address < segment->file_bytes)
			offset = segment->offset + (main_at - segment->address);
	assert_true(image_address(image, offset, &back));
	assert_true(back == main_at);
	assert_non_null(code);
	assert_true(code->start <= main_at && main_at < code->end);
	assert_true(image->base <= main_at && main_at < image->end);
	assert_null(image_code_at(image, 1));
	assert_null(image_code_at(image, UINT64_MAX));
	assert_false(image_address(image, UINT64_MAX, &back));
}

static void reads_where_things_lie(void **state)
{
	static const char *const words[] = { "-pie",
					     "-no-pie",
					     "-no-pie -Wl,-Ttext-segment=0x7000000",
					     "-Wl,-z,noseparate-code",
					     "-static-pie",
					     "-fuse-ld=gold" };

	(void)state;
	for (size_t i = 0; i < array_len(words); i++) {
		build("program", words[i]);
		check_layout("program");
	}
}

static void reads_32_bit_files(void **state)
{
	own(image_freep) struct image *image = NULL;

	(void)state;
	compile_write("small.c", "int _start(void) { return 1; }\n");
	if (!compile_try("cc -m32 -nostdlib -static -Wl,--build-id=0x0123abcd -o small small.c"))
		test_skip("this compiler makes no 32-bit files");
	image = compile_image("small");
	assert_false(image->is_64);
	assert_int_equal(image->machine, EM_386);
	assert_string_equal(image->build_id, "0123abcd");
	assert_non_null(image_code_at(image, compile_address("small", "_start")));
}

static void reads_build_id_and_debuglink(void **state)
{
	own(image_freep) struct image *image = NULL, *plain = NULL;
	char expected[80] = "";
	unsigned crc;
	FILE *out;

	(void)state;
	build("program", "-Wl,--build-id");
	compile_run("objcopy --only-keep-debug program program.debug");
	compile_run("objcopy -g --add-gnu-debuglink=program.debug program linked");
	image = compile_image("linked");
	out = compile_read("readelf -n linked | sed -n 's/.*Build ID: //p'");
	assert_int_equal(fscanf(out, "%79s", expected), 1);
	pclose(out);
	assert_string_equal(image->build_id, expected);
	assert_string_equal(image->debuglink, "program.debug");
	out = compile_read("readelf --string-dump=.gnu_debuglink linked >/dev/null; "
			   "/usr/bin/python3 -c 'import zlib; "
			   "print(zlib.crc32(open(\"program.debug\", \"rb\").read()))'");
	assert_int_equal(fscanf(out, "%u", &crc), 1);
	pclose(out);
	assert_int_equal(image->debuglink_crc, crc);
	build("program", "-Wl,--build-id=none");
	plain = compile_image("program");
	assert_string_equal(plain->build_id, "");
	assert_null(plain->debuglink);
}

static uint8_t *section_content(const struct image *image, const char *name, uint64_t *ret_bytes)
{
	const struct image_section *section = image_find_section(image, name);
	uint8_t *content;

	assert_non_null(section);
	assert_int_equal(image_section_bytes(image, section, ret_bytes), 0);
	content = malloc(*ret_bytes);
	assert_non_null(content);
	assert_int_equal(image_read_section(image, section, content, *ret_bytes), 0);
	return content;
}

static void inflates_sections(void **state)
{
	own(image_freep) struct image *plain = NULL, *zlib = NULL, *gnu = NULL;
	uint64_t bytes, other_bytes;
	own(freep) uint8_t *content = NULL, *by_zlib = NULL, *by_gnu = NULL;

	(void)state;
	build("program", "");
	compile_run("objcopy --compress-debug-sections=zlib program zlib");
	compile_run("objcopy --compress-debug-sections=zlib-gnu program gnu");
	plain = compile_image("program");
	zlib = compile_image("zlib");
	gnu = compile_image("gnu");
	content = section_content(plain, ".debug_info", &bytes);
	by_zlib = section_content(zlib, ".debug_info", &other_bytes);
	assert_true(image_is_compressed(zlib, image_find_section(zlib, ".debug_info")));
	assert_true(bytes == other_bytes);
	assert_memory_equal(content, by_zlib, bytes);
	by_gnu = section_content(gnu, ".zdebug_info", &other_bytes);
	assert_true(bytes == other_bytes);
	assert_memory_equal(content, by_gnu, bytes);
}

static uint8_t *slurp(const char *name, size_t *ret_len)
{
	int fd = compile_open(name);
	off_t len = lseek(fd, 0, SEEK_END);
	uint8_t *bytes = malloc((size_t)len);

	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)len, 0), len);
	close(fd);
	*ret_len = (size_t)len;
	return bytes;
}

/* Return: the error that a file of these bytes gives. */
static int error_of(const uint8_t *bytes, size_t len)
{
	struct image *image = NULL;
	uint8_t *copy = malloc(len + !len);
	int err;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	err = image_hold(copy, len, &image);
	if (!err)
		image_free(image);
	return err;
}

static void refuses_what_it_cannot_read(void **state)
{
	size_t len;
	Elf64_Ehdr *header;
	own(freep) uint8_t *bytes = NULL;

	(void)state;
	assert_int_equal(error_of((const uint8_t *)"#!/bin/sh\n", 10), -ENOEXEC);
	assert_int_equal(error_of((const uint8_t *)"", 0), -ENOEXEC);
	build("program", "");
	bytes = slurp("program", &len);
	header = (Elf64_Ehdr *)bytes;
	assert_int_equal(error_of(bytes, len), 0);
	header->e_ident[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(error_of(bytes, len), -ENOTSUP);
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_ident[EI_CLASS] = 3;
	assert_int_equal(error_of(bytes, len), -ENOEXEC);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_shnum = 0xff00;
	assert_int_equal(error_of(bytes, len), -E2BIG);
	header->e_shnum = 0;
	assert_int_equal(error_of(bytes, len), -E2BIG);
	header->e_shoff = 0;
	assert_int_equal(error_of(bytes, len), 0); /* as sstrip leaves it: segments only */
	header->e_phnum = 0xfff0;
	assert_int_equal(error_of(bytes, len), -E2BIG);
}

/* Whatever is missing at its end, a file is refused or read; sanitizers watch. */
static void survives_being_cut_anywhere(void **state)
{
	size_t len;
	own(freep) uint8_t *bytes = NULL;

	(void)state;
	build("program", "");
	bytes = slurp("program", &len);
	for (size_t cut = 0; cut < len; cut += cut < 1200 ? 1 : 97) {
		int err = error_of(bytes, cut);

		assert_true(err <= 0);
		assert_true(err == 0 || err == -ENOEXEC || err == -EBADMSG || err == -ENODATA ||
			    err == -E2BIG);
	}
}

static void believes_no_size_that_a_section_claims(void **state)
{
	own(image_freep) struct image *image = NULL;
	const struct image_section *section;
	Elf64_Chdr *head;
	uint64_t bytes;
	uint8_t *file;
	size_t len;

	(void)state;
	build("program", "-gz=zlib");
	file = slurp("program", &len);
	assert_int_equal(image_hold(file, len, &image), 0);
	section = image_find_section(image, ".debug_info");
	assert_non_null(section);
	head = (Elf64_Chdr *)(file + section->offset);
	assert_int_equal(head->ch_type, ELFCOMPRESS_ZLIB);
	head->ch_size = 1ull << 40;
	assert_int_equal(image_section_bytes(image, section, &bytes), -E2BIG);
	head->ch_size = section->size * 100;
	assert_int_equal(image_section_bytes(image, section, &bytes), -E2BIG);
	head->ch_type = 2; /* zstd */
	assert_int_equal(image_section_bytes(image, section, &bytes), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_where_things_lie),
		cmocka_unit_test(reads_32_bit_files),
		cmocka_unit_test(reads_build_id_and_debuglink),
		cmocka_unit_test(inflates_sections),
		cmocka_unit_test(refuses_what_it_cannot_read),
		cmocka_unit_test(survives_being_cut_anywhere),
		cmocka_unit_test(believes_no_size_that_a_section_claims),
	};

	return compile_clean(test_run(tests));
}
