/* SPDX-License-Identifier: MIT */
/* demangle.h - C++ and Rust symbols as their authors wrote them. */
#ifndef ELF_DEMANGLE_H
#define ELF_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * demangle - readable form of a C++ (Itanium ABI) or Rust (legacy and v0) symbol
 * @size: of @text; a longer result is cut and ends in "..."
 *
 * Parameter and return types are left out, as in perf: a flame graph has no room for them.  Names
 * are foreign: the work is bounded by libiberty's limit on recursion and by @size, which also stops
 * a short symbol that unfolds without end.
 *
 * Return: whether @symbol is such a symbol; then @text holds the result, else @text is untouched.
 */
bool demangle(const char *symbol, char *text, size_t size);

#endif
