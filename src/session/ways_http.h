/* SPDX-License-Identifier: MIT */
/* ways_http.h - whether requests of HTTP servers are seen: one that this program answers itself. */
#ifndef SESSION_WAYS_HTTP_H
#define SESSION_WAYS_HTTP_H

#include "base/own.h"
#include "model/diagnosis.h"

/** ways_http_try - add the finding to a diagnosis.  Return: 0; -ENOMEM */
nodiscard int ways_http_try(struct diagnosis *diagnosis);

#endif
