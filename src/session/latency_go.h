/* SPDX-License-Identifier: MIT */
/* latency_go.h - where a Go program keeps what is read of its requests.
 *
 * Known of the versions from 1.17 to 1.24, as their sources have it; of others the DWARF of the program tells.
 * What neither tells is not read.
 */
#ifndef SESSION_LATENCY_GO_H
#define SESSION_LATENCY_GO_H

#include "elf/image.h"
#include "model/coverage.h"
#include "probe/http.wire.h"

struct latency_go {
	unsigned version; /* 1019: Go 1.19; 0: it does not say so */
	struct http_go_layout at;
};

/**
 * latency_go_read - of a Go program
 * @path: of it, for messages
 *
 * Return: 0; -ENOTSUP the line of a request cannot be read, with fail() and hint() said; -ENOMEM.
 */
nodiscard int latency_go_read(const struct image *image, const char *path,
			      struct latency_go *ret_go);

/** latency_go_note - what is not told, for the layout is not known; @has_two: HTTP/2.  Return: 0; -ENOMEM */
nodiscard int latency_go_note(const struct latency_go *go, bool has_two, struct coverage *coverage);

#endif
