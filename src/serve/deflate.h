/* SPDX-License-Identifier: MIT */
/* deflate.h - packs the body of an answer, where that is worth it. */
#ifndef SERVE_DEFLATE_H
#define SERVE_DEFLATE_H

#include "serve/message.h"

#define DEFLATE_MIN_BYTES 1024

/** deflate_response - as gzip; left as it is where it is small, or there is no memory */
void deflate_response(struct response *response);

#endif
