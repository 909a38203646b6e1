/* SPDX-License-Identifier: MIT */
/* text.h - foreign text made harmless at the one place where it is written out.
 *
 * Process names, symbols and paths come from other people's programs: they may hold newlines,
 * escape sequences, `;`, bytes that are not UTF-8, and characters that turn the line around.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * text_next - decode one character of UTF-8
 * @at: advanced past it, by one byte when the bytes are no valid UTF-8
 *
 * Return: the code point; UINT32_MAX for an invalid byte; 0 at the end (not advanced).
 */
uint32_t text_next(const char **at);

/**
 * text_put_plain - for a terminal or table: control characters, invalid bytes and characters
 * that reorder text become \xHH or \uHHHH; the rest is written as it is
 */
void text_put_plain(FILE *out, const char *text);

/**
 * text_put_folded - for a folded stack: as text_put_plain() for control bytes and invalid bytes,
 * and `;` and `\` become \x3b and \x5c
 * @blanks: also escape every blank, for the process name in front of a stack
 */
void text_put_folded(FILE *out, const char *text, int blanks);

/** text_put_xml - for XML and HTML text and attribute values */
void text_put_xml(FILE *out, const char *text);

/** text_columns - how many terminal columns text_put_plain() fills (each character counts one) */
size_t text_columns(const char *text);

/** text_distance - edits (insert, delete, replace, swap neighbours) between two words; for "did you mean" */
size_t text_distance(const char *a, const char *b);

#endif
