/* SPDX-License-Identifier: MIT */
#include "cmd/color.h"

#include <string.h>

bool color_wanted(const struct arguments *arguments, FILE *out)
{
	const char *when = arguments_text(arguments, "color");
	const char *off = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	if ((off && *off) || (terminal && strcmp(terminal, "dumb") == 0))
		return false;
	return isatty(fileno(out));
}
