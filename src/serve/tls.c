/* SPDX-License-Identifier: MIT */
#include "serve/tls.h"

#include <errno.h>
#include <string.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>

#include "serve/tls_context.h"

struct tls {
	struct tls_files files;
	char protocol[16]; /* its length, then its name, as ALPN has it */
	SSL_CTX *context;
};

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned in_len, void *context)
{
	const struct tls *tls = context;

	(void)ssl;
	return SSL_select_next_proto(
		       (unsigned char **)out, out_len, (const unsigned char *)tls->protocol,
		       (unsigned)strlen(tls->protocol), in, in_len) == OPENSSL_NPN_NEGOTIATED
		       ? SSL_TLSEXT_ERR_OK
		       : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int need_clients(const struct tls *tls, SSL_CTX *context)
{
	int err = tls_context_trust(context, tls->files.ca);

	if (err)
		return err;
	SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(tls->files.ca));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return SSL_CTX_set_session_id_context(context, (const unsigned char *)"kymo", 4) == 1
		       ? 0
		       : tls_context_failed("authorities", tls->files.ca);
}

static int fill(struct tls *tls, SSL_CTX *context)
{
	const struct tls_files *files = &tls->files;
	int err = tls_context_show(context, files->cert, files->key);

	if (err)
		return err;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(context, on_alpn, tls);
	return *files->ca ? need_clients(tls, context) : 0;
}

int tls_reload(struct tls *tls)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	int err = context ? fill(tls, context) : -ENOMEM;

	if (err) {
		SSL_CTX_free(context);
		return err;
	}
	SSL_CTX_free(tls->context); /* connections hold on to theirs */
	tls->context = context;
	return 0;
}

int tls_new(const struct tls_files *files, const char *protocol, struct tls **ret_tls)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	int err;

	if (!tls)
		return -ENOMEM;
	tls->files = *files;
	snprintf(tls->protocol, sizeof(tls->protocol), "%c%s", (int)strlen(protocol), protocol);
	err = tls_reload(tls);
	if (err)
		tls_free(tls);
	else
		*ret_tls = tls;
	return err;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

struct bufferevent *tls_accept(struct tls *tls, struct event_base *base, int fd, int flags)
{
	SSL *ssl = SSL_new(tls->context);
	struct bufferevent *buffers;

	if (!ssl)
		return NULL;
	buffers = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, flags);
	if (buffers)
		bufferevent_openssl_set_allow_dirty_shutdown(buffers, 1);
	else
		SSL_free(ssl);
	return buffers;
}

bool tls_speaks(struct bufferevent *buffers, const char *protocol)
{
	SSL *ssl = bufferevent_openssl_get_ssl(buffers);
	const unsigned char *name = NULL;
	unsigned len = 0;

	if (!ssl)
		return true;
	SSL_get0_alpn_selected(ssl, &name, &len);
	return len == strlen(protocol) && memcmp(name, protocol, len) == 0;
}
