/* SPDX-License-Identifier: MIT */
/* watch_filter.h - the part of a filter that is told from the fields of a record. */
#ifndef SESSION_WATCH_FILTER_H
#define SESSION_WATCH_FILTER_H

#include "session/watch.h"

/**
 * watch_filter_wants - whether a record is wanted
 *
 * A port or an address is wanted if any field holds it; a record without such a field is not.
 */
bool watch_filter_wants(const struct watch_request *request, const struct record *record);

#endif
