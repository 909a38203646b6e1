/* SPDX-License-Identifier: MIT */
#include "show/sinks.h"

const struct sink *const show_sinks[] = {
	&show_tree, &show_svg, &show_folded, &show_extended_folded, &show_table, &show_json, NULL,
};
