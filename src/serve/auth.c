/* SPDX-License-Identifier: MIT */
#include "serve/auth.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "base/error.h"
#include "base/file.h"
#include "base/vec.h"

struct auth {
	char *path;
	vec(char *) tokens;
};

static void tokens_done(struct auth *auth)
{
	vec_each(token, &auth->tokens)
		free(*token);
	vec_done(&auth->tokens);
}

static int check_file(int fd, const char *path)
{
	struct stat file;
	int err;

	if (fstat(fd, &file) != 0)
		return fail(-errno, "cannot read '%s': %m", path);
	if (!(file.st_mode & 077))
		return 0;
	err = fail(-EINVAL, "others may read the tokens in '%s'", path);
	hint("chmod 600 %s", path);
	return err;
}

static int add(struct auth *auth, const char *line)
{
	char *token;
	int err;

	if (!*line || *line == '#')
		return 0;
	if (strlen(line) < AUTH_MIN_TOKEN) {
		err = fail(-EINVAL, "a token in '%s' is shorter than %d characters", auth->path,
			   AUTH_MIN_TOKEN);
		hint("openssl rand -hex 32 > %s", auth->path);
		return err;
	}
	if (auth->tokens.len == AUTH_MAX_TOKENS)
		return fail(-EINVAL, "'%s' has more than %d tokens", auth->path, AUTH_MAX_TOKENS);
	token = strdup(line);
	return token ? vec_push(&auth->tokens, token) : -ENOMEM;
}

static int load(struct auth *auth)
{
	own(fd_closep) int fd = file_open(auth->path);
	own(freep) char *text = NULL;
	size_t len;
	char *rest;
	int err = fd < 0 ? fd : check_file(fd, auth->path);

	if (err)
		return err;
	err = file_read_all(fd, AUTH_MAX_FILE, &text, &len);
	if (err)
		return fail(err, "cannot read '%s': %m", auth->path);
	rest = text;
	for (char *line; !err && (line = strsep(&rest, "\r\n")) != NULL;)
		err = add(auth, line);
	if (text)
		OPENSSL_cleanse(text, len);
	if (!err && !auth->tokens.len)
		err = fail(-EINVAL, "there is no token in '%s'", auth->path);
	return err;
}

int auth_new(const char *path, struct auth **ret_auth)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	int err = -ENOMEM;

	if (auth)
		auth->path = strdup(path);
	if (auth && auth->path)
		err = load(auth);
	if (err)
		auth_free(auth);
	else
		*ret_auth = auth;
	return err;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	tokens_done(auth);
	free(auth->path);
	free(auth);
}

int auth_reload(struct auth *auth)
{
	struct auth next = { .path = auth->path };
	int err = load(&next);

	if (!err) {
		tokens_done(auth);
		auth->tokens.data = next.tokens.data;
		auth->tokens.len = next.tokens.len;
		auth->tokens.cap = next.tokens.cap;
	} else {
		tokens_done(&next);
	}
	return err;
}

const char *auth_first(const struct auth *auth)
{
	return auth->tokens.data[0];
}

bool auth_knows(const struct auth *auth, const char *header)
{
	bool is_known = false;
	size_t len;

	if (!header || strncasecmp(header, "Bearer ", 7) != 0)
		return false;
	header += 7;
	header += strspn(header, " ");
	len = strlen(header);
	/* As long for a token that is nearly right as for any other. */
	vec_each(token, &auth->tokens)
		is_known |= strlen(*token) == len && CRYPTO_memcmp(*token, header, len) == 0;
	return is_known;
}
