/* SPDX-License-Identifier: MIT */
/* route.h - which route of a server a request line asks for: its method, and its path without what
 * names one thing among many.
 *
 *     "GET /users/4711/orders?page=2 HTTP/1.1"  ->  "GET /users/{number}/orders"
 *
 *     {number}  digits
 *     {uuid}    8-4-4-4-12 hexadecimal digits
 *     {hex}     8 or more hexadecimal digits, at least one of them 0 to 9
 *     {id}      16 or more characters of which at least 4 are digits
 *
 * A suffix such as ".json" stays.
 */
#ifndef MODEL_ROUTE_H
#define MODEL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"

#define ROUTE_BYTES 160 /* what does not fit is cut */

struct route_line {
	size_t method_bytes;
	const char *target;
	size_t target_bytes; /* of path and query */
	bool is_cut;         /* the line ends before the target does */
};

/**
 * route_parse - the first line of a request
 * @text: need not be closed by NUL
 *
 * Return: whether it is one.
 */
bool route_parse(const char *text, size_t len, struct route_line *ret_line);

/**
 * route_fold - the route that a line asks for
 *
 * Return: whether it is a request.  What was cut ends in "...".
 */
bool route_fold(const char *text, size_t len, char ret_route[ROUTE_BYTES]);

#endif
