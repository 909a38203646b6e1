/* SPDX-License-Identifier: MIT */
/* tls_context.h - what both ends of TLS share: files of certificates and keys; for src/serve alone. */
#ifndef SERVE_TLS_CONTEXT_H
#define SERVE_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "base/own.h"

/** tls_context_failed - what OpenSSL says of a file, by fail().  Return: -EINVAL */
int tls_context_failed(const char *what, const char *path);

/** tls_context_show - our own certificate and its key.  Return: 0; -EINVAL; -errno; with fail() said */
nodiscard int tls_context_show(SSL_CTX *context, const char *cert, const char *key);

/** tls_context_trust - whose signature makes a certificate good.  Return: likewise */
nodiscard int tls_context_trust(SSL_CTX *context, const char *ca);

#endif
