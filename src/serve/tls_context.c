/* SPDX-License-Identifier: MIT */
#include "serve/tls_context.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>

#include "base/error.h"

int tls_context_failed(const char *what, const char *path)
{
	char text[160];
	unsigned long code = ERR_peek_last_error();

	ERR_error_string_n(code, text, sizeof(text));
	ERR_clear_error();
	return fail(-EINVAL, "cannot use the %s '%s': %s", what, path,
		    code ? strrchr(text, ':') ? strrchr(text, ':') + 1 : text : "unknown");
}

static int check_readable(const char *what, const char *path, bool is_secret)
{
	struct stat file;
	int err;

	if (stat(path, &file) != 0)
		return fail(-errno, "cannot read the %s '%s': %m", what, path);
	if (!is_secret || !(file.st_mode & 077))
		return 0;
	err = fail(-EINVAL, "others may read the key '%s'", path);
	hint("chmod 600 %s", path);
	return err;
}

/* A key that needs a password would ask at the terminal. */
static int no_password(char *text, int size, int is_writing, void *context)
{
	(void)text;
	(void)size;
	(void)is_writing;
	(void)context;
	return 0;
}

int tls_context_show(SSL_CTX *context, const char *cert, const char *key)
{
	int err = check_readable("certificate", cert, false);

	err = err ?: check_readable("key", key, true);
	if (err)
		return err;
	SSL_CTX_set_default_passwd_cb(context, no_password);
	if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
		return tls_context_failed("certificate", cert);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return tls_context_failed("key", key);
	return SSL_CTX_check_private_key(context) == 1 ? 0 : tls_context_failed("key", key);
}

int tls_context_trust(SSL_CTX *context, const char *ca)
{
	int err = check_readable("authorities", ca, false);

	if (err)
		return err;
	return SSL_CTX_load_verify_file(context, ca) == 1 ? 0
							  : tls_context_failed("authorities", ca);
}
