/* SPDX-License-Identifier: MIT */
#include "cmd/selftest.h"

#include "session/selftest.h"
#include "show/trial.h"

int selftest_verb_run(const struct arguments *arguments)
{
	own(trial_done) struct trial trial = { 0 };
	int err = selftest_run((uint32_t)arguments_number(arguments, "count"), &trial);
	bool passed = true;

	if (err)
		return err;
	if (arguments_flag(arguments, "json"))
		trial_put_json(stdout, &trial);
	else
		trial_put_text(stdout, &trial);
	vec_each(row, &trial.rows)
		passed &= trial_row_passed(row);
	return passed ? 0 : 1;
}
