/* SPDX-License-Identifier: MIT */
/* ways.h - the ways to walk user stacks, each tried on this very thread. */
#ifndef SESSION_WAYS_H
#define SESSION_WAYS_H

#include "base/own.h"
#include "model/diagnosis.h"

/** ways_try - add a finding for each way to a diagnosis.  Return: 0; -ENOMEM */
nodiscard int ways_try(struct diagnosis *diagnosis);

#endif
