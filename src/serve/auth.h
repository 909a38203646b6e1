/* SPDX-License-Identifier: MIT */
/* auth.h - tokens that a client shows: "Authorization: Bearer TOKEN".
 *
 * They lie in a file, one a line, that nobody but its owner may read.
 */
#ifndef SERVE_AUTH_H
#define SERVE_AUTH_H

#include <stdbool.h>

#include "base/own.h"

#define AUTH_MAX_TOKENS 64
#define AUTH_MIN_TOKEN  16 /* characters */
#define AUTH_MAX_FILE   65536

struct auth;
void auth_free(struct auth *auth);
own_define(struct auth, auth_free)

/** auth_new - Return: 0; -EINVAL the file is empty or others may read it; -errno; with fail() said */
nodiscard int auth_new(const char *path, struct auth **ret_auth);

/** auth_reload - what cannot be read changes nothing.  As auth_new() */
nodiscard int auth_reload(struct auth *auth);

/** auth_first - the token that a client of such a file shows; valid until auth_reload() or auth_free() */
const char *auth_first(const struct auth *auth);

/** auth_knows - @header: "Bearer TOKEN"; NULL: none */
bool auth_knows(const struct auth *auth, const char *header);

#endif
