/* SPDX-License-Identifier: MIT */
/* record_sinks.h - how records are written: for `kymo watch`. */
#ifndef SHOW_RECORD_SINKS_H
#define SHOW_RECORD_SINKS_H

#include "model/record_sink.h"

extern const struct record_sink show_record_table, show_record_summary, show_record_json,
	show_record_csv;

#endif
