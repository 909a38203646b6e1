/* SPDX-License-Identifier: MIT */
/* plt.h - which function a stub of the procedure linkage table jumps to.
 *
 * No symbol names a stub.  Each loads its target from a slot of the global offset table, and the
 * relocation of that slot names the function; so the stubs are read as instructions.  That serves
 * .plt, .plt.sec (with CET), .plt.got (functions whose address is also taken) and .iplt, whatever
 * linker made them and in whatever order.  x86-64, i386 and arm64.
 */
#ifndef ELF_PLT_H
#define ELF_PLT_H

#include "elf/image.h"

#define PLT_MAX_BYTES  (8u << 20) /* of a section of stubs, and of its relocations */
#define PLT_NAME_BYTES 1024u

struct plt_stub {
	uint64_t start;
	uint64_t end;
	uint64_t target; /* address of the function in this file if it is there; else 0 */
	uint32_t name;   /* in .dynstr; 0: `target` */
};

struct plt {
	const struct image *image;
	uint64_t strings, strings_end; /* of .dynstr in the file */
	vec(struct plt_stub) stubs;    /* by address */
};

/**
 * plt_new - read the stubs of an executable
 * @image: must outlive the table
 *
 * Return: 0, also when there are none or the processor is another; -ENOMEM; -errno of pread().
 */
nodiscard int plt_new(const struct image *image, struct plt **ret_plt);
void plt_free(struct plt *plt);
own_define(struct plt, plt_free)

/** plt_find - the stub that holds an address; NULL if none */
const struct plt_stub *plt_find(const struct plt *plt, uint64_t address);

/**
 * plt_name - the name of the function behind a stub, without "@plt"
 *
 * Return: its length, > 0; -ENOENT when only `target` says; -ENODATA; -EBADMSG; -errno of pread().
 */
nodiscard int plt_name(const struct plt *plt, const struct plt_stub *stub,
		       char text[PLT_NAME_BYTES]);

#endif
