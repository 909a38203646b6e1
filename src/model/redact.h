/* SPDX-License-Identifier: MIT */
/* redact.h - leaves secrets out of the arguments of programs, before they are kept anywhere. */
#ifndef MODEL_REDACT_H
#define MODEL_REDACT_H

#include <stddef.h>

#include "base/own.h"

#define REDACT_MARK "***"

struct redact;

/**
 * redact_new - what is secret
 * @pattern: an extended regular expression; each match is.  "": what follows a name like 'password',
 *   'token' or 'secret' and '=' or ':', or as the next argument such an option; and the password in a URL
 *
 * Return: 0; -EINVAL with fail() said; -ENOMEM.
 */
nodiscard int redact_new(const char *pattern, struct redact **ret_redact);
void redact_free(struct redact *redact);
own_define(struct redact, redact_free)

/**
 * redact_argv - arguments with REDACT_MARK in the place of each secret
 * @argv: @len bytes, each argument closed by NUL; a last one without is cut
 * @ret_argv: likewise; the caller frees it
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int redact_argv(const struct redact *redact, const char *argv, size_t len,
			  char **ret_argv, size_t *ret_len);

/** redact_command - likewise of words closed by NULL; @ret_command: one block, to be freed.  0; -ENOMEM */
nodiscard int redact_command(const struct redact *redact, char *const *command,
			     char ***ret_command);

#endif
