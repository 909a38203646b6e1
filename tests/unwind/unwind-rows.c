/* SPDX-License-Identifier: MIT */
/* unwind-rows.c - the rules of addresses of one file, for comparison with other readers.
 *
 *     unwind-rows FILE < ADDRESSES
 *
 * Reads hexadecimal addresses, one a line, and writes a line for each: KIND CFA RBP RA RBX, the last four
 * as numbers, "-" for not saved, "?" for not followed, "rbp:" before what is counted from rbp; RA may be a
 * register.  Then a line of JSON: what it cost to open the file and to build all blocks of its code.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "elf/unwind_block.h"

static const char *const kinds[UNWIND_KIND_COUNT] = {
	"none", "sp", "fp", "deref-sp", "deref-fp", "plt", "other", "signal", "root", "hard",
};
static const char *const registers[UNWIND_OTHERS] = {
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

static void print_rule(struct unwind_rule rule)
{
	printf("%s %d ",
	       rule.kind == UNWIND_OTHER ? registers[unwind_other(rule.saved)] : kinds[rule.kind],
	       rule.cfa);
	if (rule.saved & UNWIND_FP_SAVED)
		printf("%s%d ", rule.saved & UNWIND_FP_BY_FP ? "rbp:" : "", rule.fp);
	else
		printf("- ");
	if (rule.saved & UNWIND_BX_FOLLOWED)
		printf("-8 ");
	else if (rule.saved & UNWIND_RA_SAVED)
		printf("%d ", rule.ra);
	else
		printf("%s ", unwind_other(rule.saved) ? registers[unwind_other(rule.saved)] : "-");
	if (rule.saved & UNWIND_BX_FOLLOWED && rule.ra)
		printf("%d\n", rule.ra);
	else
		printf("%s\n", rule.saved & UNWIND_BX_FOLLOWED ? "-" : "?");
}

static int look_up(struct cfi *cfi, struct cfi_rows *rows, uint64_t address)
{
	struct unwind_block block = { .is_split = 1 };
	uint32_t page = 0;
	int err = 0;

	for (unsigned level = 0; !err && block.is_split && level < UNWIND_LEVELS; level++) {
		page = unwind_page(address, level);
		err = unwind_block_build(cfi, page, rows, &block);
	}
	if (!err)
		print_rule(unwind_block_find(&block, page, address));
	return err;
}

static int build_page(struct cfi *cfi, uint32_t page, struct cfi_rows *rows, uint64_t *blocks)
{
	struct unwind_block block;
	int err = unwind_block_build(cfi, page, rows, &block);

	++*blocks;
	for (unsigned part = 0; !err && block.is_split && part < 4; part++)
		err = build_page(cfi, unwind_block_part(page, part), rows, blocks);
	return err;
}

static int build_all(const struct image *image, struct cfi *cfi, struct cfi_rows *rows,
		     uint64_t *ret_blocks)
{
	int err = 0;

	*ret_blocks = 0;
	vec_each(code, &image->code)
		for (uint32_t page = unwind_page(code->start, 0u);
		     !err && page <= unwind_page(code->end - 1, 0u); page++)
			err = build_page(cfi, page, rows, ret_blocks);
	return err;
}

int main(int argc, char **argv)
{
	own(image_freep) struct image *image = NULL;
	own(cfi_closep) struct cfi *cfi = NULL;
	uint64_t address, start, opened, built, blocks;
	struct cfi_rows rows = { 0 };
	int err, fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0) {
		fprintf(stderr, "usage: unwind-rows FILE < ADDRESSES\n");
		return 2;
	}
	err = image_open(fd, &image);
	start = clock_mono_ns();
	err = err ?: cfi_open(image, &cfi);
	opened = clock_mono_ns();
	while (!err && scanf("%" SCNx64, &address) == 1)
		err = look_up(cfi, &rows, address);
	built = clock_mono_ns();
	err = err ?: build_all(image, cfi, &rows, &blocks);
	if (!err)
		printf("{\"open_ns\": %" PRIu64 ", \"build_ns\": %" PRIu64 ", \"blocks\": %" PRIu64
		       ", \"index_bytes\": %zu}\n",
		       opened - start, clock_mono_ns() - built, blocks, cfi_bytes(cfi));
	vec_done(&rows);
	if (err)
		fprintf(stderr, "unwind-rows: %s\n", strerror(-err));
	return err != 0;
}
