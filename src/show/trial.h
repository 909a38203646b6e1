/* SPDX-License-Identifier: MIT */
#ifndef SHOW_TRIAL_H
#define SHOW_TRIAL_H

#include <stdio.h>

#include "model/trial.h"

/** trial_put_text - a table, and a line that says whether all is well */
void trial_put_text(FILE *out, const struct trial *trial);

/** trial_put_json - one object: {"passed":B,"kinds":[{...},...],"not_measured":[...]} */
void trial_put_json(FILE *out, const struct trial *trial);

#endif
