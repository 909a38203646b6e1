/* SPDX-License-Identifier: MIT */
#include "cmd/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cmd/help.h"
#include "collect/ability.h"
#include "session/ways.h"
#include "session/ways_http.h"
#include "show/doctor.h"

static bool wants_colour(const struct arguments *arguments)
{
	const char *when = arguments_text(arguments, "color"), *no_color = getenv("NO_COLOR");

	if (strcmp(when, "auto") == 0)
		return isatty(STDOUT_FILENO) && !(no_color && *no_color);
	return strcmp(when, "always") == 0;
}

/* Those of a profile that would be tried here (exit_meanings[] in option.c). */
static const int exit_statuses[REACH_COUNT] = {
	[REACH_HOST] = 0,
	[REACH_OWN] = 0,
	[REACH_NOTHING] = 69,
	[REACH_REFUSED] = 77,
};

int doctor_run(const struct arguments *arguments)
{
	own(diagnosis_done) struct diagnosis diagnosis = { 0 };
	int err = diagnose(&diagnosis);

	err = err ?: ways_try(&diagnosis);
	err = err ?: ways_http_try(&diagnosis);
	if (err)
		return fail(err, "cannot examine this machine: %m");
	if (arguments_flag(arguments, "json"))
		doctor_put_json(stdout, &diagnosis);
	else
		doctor_put_text(stdout, &diagnosis, help_width(stdout), wants_colour(arguments));
	return exit_statuses[diagnosis.reach];
}
