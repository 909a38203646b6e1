/* SPDX-License-Identifier: MIT */
/* goroutine.h - where the threads of a Go program keep which goroutine they run, and what that has. */
#ifndef ELF_GOROUTINE_H
#define ELF_GOROUTINE_H

#include "elf/image.h"

/**
 * goroutine_offset - where a thread has the address of its goroutine, from where its own memory ends
 *
 * It is the one word of memory that each thread of the program has for itself; where C was linked in that has
 * such memory as well, it is not known.  x86-64.
 *
 * Return: whether it is known.
 */
bool goroutine_offset(const struct image *image, int32_t *ret_offset);

/** goroutine_number_words - where runtime.g has goid, in words of 8 bytes; 0: not known */
uint8_t goroutine_number_words(const struct image *image);

#endif
