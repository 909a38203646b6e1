/* SPDX-License-Identifier: MIT */
#include "collect/own_code.h"

#include <link.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <unistd.h>

const char *own_code_file(void)
{
	static const char link[] = "/proc/self/exe";
	const char *started = (const char *)getauxval(AT_EXECFN);

	return access(link, R_OK) == 0 || !started ? link : started;
}

struct search {
	uintptr_t address;
	uint64_t offset;
};

static int find_offset(struct dl_phdr_info *object, size_t size, void *context)
{
	struct search *search = context;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + part->p_vaddr;

		if (part->p_type != PT_LOAD || search->address < start ||
		    search->address >= start + part->p_filesz)
			continue;
		search->offset = search->address - start + part->p_offset;
		break;
	}
	return 1; /* the first object is the program */
}

uint64_t own_code_offset(void (*function)(void))
{
	struct search search = { .address = (uintptr_t)function };

	dl_iterate_phdr(find_offset, &search);
	return search.offset;
}
