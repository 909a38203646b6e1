/* SPDX-License-Identifier: MIT */
#include "serve/client_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "serve/tls_context.h"

struct client_link {
	const char *address; /* as the user wrote it; borrowed */
	int fd;
	SSL_CTX *context; /* NULL: no TLS */
	SSL *ssl;
};

static int fail_nobody(const char *address, int err)
{
	err = fail(err, "no kymo answers at '%s': %s", address, strerror(-err));
	hint("'sudo kymo serve' starts one; or name its store: '--store FILE'");
	return err;
}

static int connect_unix(const char *address, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	own(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail(-errno, "cannot make a socket: %m");
	if (strlen(path) >= sizeof(to.sun_path))
		return fail(-EINVAL, "'%s' is too long for a socket", path);
	strcpy(to.sun_path, path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return fail_nobody(address, -errno);
	return fd_take(&fd);
}

/* "127.0.0.1:8080", "[::1]:8080", with or without a slash behind. */
static int split_host(const char *address, const char *text, const char *usual_port, char host[256],
		      char port[8])
{
	size_t len = strcspn(text, "/");
	const char *end = text + len, *colon = end;

	while (colon > text && colon[-1] != ':' && colon[-1] != ']')
		colon--;
	if (colon == text || colon[-1] != ':')
		snprintf(port, 8, "%s", usual_port);
	else if (end - colon < 6 && end > colon)
		snprintf(port, 8, "%.*s", (int)(end - colon), colon);
	else
		return fail(-EINVAL, "'%s' has no port that is one", address);
	if (colon > text && colon[-1] == ':')
		end = colon - 1;
	if (*text == '[' && end > text && end[-1] == ']') {
		text++;
		end--;
	}
	if (end == text || end - text > 255)
		return fail(-EINVAL, "'%s' is no address of a kymo", address);
	snprintf(host, 256, "%.*s", (int)(end - text), text);
	return 0;
}

/* @host: receives the name or address alone, for whom the certificate should be */
static int connect_tcp(const char *address, const char *text, const char *usual_port,
		       char host[256])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list;
	own(fd_closep) int fd = -1;
	char port[8];
	int err = split_host(address, text, usual_port, host, port);

	if (err)
		return err;
	err = getaddrinfo(host, port, &hints, &list);
	/* What that is everybody knows, also without a file of names. */
	if (err && strcmp(host, "localhost") == 0)
		err = getaddrinfo("127.0.0.1", port, &hints, &list);
	if (err)
		return fail(-EINVAL, "'%s' is no address of a kymo: %s", address,
			    gai_strerror(err));
	err = -ECONNREFUSED;
	for (struct addrinfo *one = list; one && fd < 0; one = one->ai_next) {
		fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
		if (fd < 0 || connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
			err = -errno;
			fd_closep(&fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd < 0 ? fail_nobody(address, err) : fd_take(&fd);
}

/* The kernel would end us where the other end has left; OpenSSL cannot ask it not to. */
struct quiet {
	sigset_t before;
};

static void quiet_begin(struct quiet *quiet)
{
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &quiet->before);
}

static void quiet_end(struct quiet *quiet)
{
	static const struct timespec at_once = { 0 };
	int error = errno;
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	if (!sigismember(&quiet->before, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &at_once) > 0)
			;
	pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
	errno = error;
}

/* What TLS says, where it says something; the file or the name that helps. */
static int tls_failed(struct client_link *link, const char *what)
{
	long verified = SSL_get_verify_result(link->ssl);
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	int err;

	ERR_clear_error();
	if (verified != X509_V_OK) {
		err = fail(-EACCES, "'%s' shows no certificate that is trusted: %s", link->address,
			   X509_verify_cert_error_string(verified));
		hint("'--ca FILE' names who signed it; the address has to be one that it is for");
		return err;
	}
	err = fail(-EACCES, "TLS with '%s' %s: %s", link->address, what,
		   reason ?: "the connection ended");
	if (reason && strstr(reason, "alert")) /* the other end does not like what we show */
		hint("'--cert FILE' and '--key FILE' show one that the daemon knows");
	else
		hint("where the daemon has no [http_tls], 'http://' asks it");
	return err;
}

static int context_new(const struct client_options *options, SSL_CTX **ret_context)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int err = context ? 0 : -ENOMEM;

	if (!err) {
		SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
		/* How long an answer is, is said in its head. */
		SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		if (options->ca)
			err = tls_context_trust(context, options->ca);
		else
			SSL_CTX_set_default_verify_paths(context);
	}
	if (!err && options->cert)
		err = tls_context_show(context, options->cert, options->key);
	if (err)
		SSL_CTX_free(context);
	else
		*ret_context = context;
	return err;
}

/* The certificate should be for the name, or for the address, that was asked for. */
static bool expect_host(SSL *ssl, const char *host)
{
	struct in6_addr bytes;

	if (inet_pton(AF_INET, host, &bytes) == 1 || inet_pton(AF_INET6, host, &bytes) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

static int begin_tls(struct client_link *link, const struct client_options *options,
		     const char *host)
{
	struct quiet quiet;
	int err = context_new(options, &link->context);

	if (err)
		return err;
	link->ssl = SSL_new(link->context);
	if (!link->ssl || !expect_host(link->ssl, host) || SSL_set_fd(link->ssl, link->fd) != 1)
		return -ENOMEM;
	quiet_begin(&quiet);
	ERR_clear_error();
	if (SSL_connect(link->ssl) != 1)
		err = tls_failed(link, "could not begin");
	quiet_end(&quiet);
	return err;
}

static bool is_this_host(int fd)
{
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);

	if (getpeername(fd, (struct sockaddr *)&to, &len) != 0)
		return false;
	if (to.ss_family == AF_INET)
		return ntohl(((struct sockaddr_in *)&to)->sin_addr.s_addr) >> 24 == 127;
	return to.ss_family == AF_UNIX ||
	       (to.ss_family == AF_INET6 &&
		IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&to)->sin6_addr));
}

static int check_clear(const struct client_link *link, const struct client_options *options)
{
	int err;

	if (options->ca || options->cert) {
		err = fail(-EINVAL, "'%s' is not asked by TLS", link->address);
		hint("certificates belong to an address that begins with 'https://'");
		return err;
	}
	if (!options->token || is_this_host(link->fd))
		return 0;
	err = fail(-EINVAL, "the token would go to '%s' in the clear", link->address);
	hint("'https://' asks by TLS, which [http_tls] of the daemon switches on");
	return err;
}

static int open_link(struct client_link *link, const struct client_options *options)
{
	struct timeval patience = { .tv_sec = CLIENT_TIMEOUT_S };
	const char *address = link->address;
	bool is_tls = strncmp(address, "https://", 8) == 0;
	char host[256];

	if (*address == '/')
		link->fd = connect_unix(address, address);
	else if (strncmp(address, "unix:", 5) == 0)
		link->fd = connect_unix(address, address + 5);
	else if (is_tls)
		link->fd = connect_tcp(address, address + 8, "443", host);
	else if (strncmp(address, "http://", 7) == 0)
		link->fd = connect_tcp(address, address + 7, "80", host);
	else if (strstr(address, "://"))
		return fail(-EINVAL,
			    "'%s' is no address that can be asked: http://, https:// or unix:",
			    address);
	else
		link->fd = connect_tcp(address, address, "80", host);
	if (link->fd < 0)
		return link->fd;
	setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return is_tls ? begin_tls(link, options, host) : check_clear(link, options);
}

int client_link_open(const char *address, const struct client_options *options,
		     struct client_link **ret_link)
{
	own(client_link_freep) struct client_link *link = calloc(1, sizeof(*link));
	int err;

	if (!link)
		return -ENOMEM;
	link->address = address;
	link->fd = -1;
	err = open_link(link, options);
	if (!err)
		*ret_link = take(link);
	return err;
}

void client_link_free(struct client_link *link)
{
	if (!link)
		return;
	SSL_free(link->ssl);
	SSL_CTX_free(link->context);
	fd_closep(&link->fd);
	free(link);
}

/* Of a call of TLS that did not succeed.  Return: 0 the end; -errno */
static int tls_error(struct client_link *link, int result)
{
	switch (SSL_get_error(link->ssl, result)) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN; /* the kernel has lost its patience */
	case SSL_ERROR_SYSCALL:
		return errno ? -errno : -EPROTO;
	default:
		return tls_failed(link, "ended");
	}
}

int client_link_write(struct client_link *link, const char *text, size_t len)
{
	struct quiet quiet;
	int err = 0, sent;

	if (link->ssl) {
		quiet_begin(&quiet);
		ERR_clear_error();
		sent = SSL_write(link->ssl, text, (int)len);
		err = sent > 0 ? 0 : tls_error(link, sent) ?: -EPIPE;
		quiet_end(&quiet);
		return err;
	}
	while (len) {
		ssize_t some = send(link->fd, text, len, MSG_NOSIGNAL);

		if (some < 0 && errno == EINTR)
			continue;
		if (some < 0)
			return -errno;
		text += some;
		len -= (size_t)some;
	}
	return 0;
}

ssize_t client_link_read(struct client_link *link, char *text, size_t size)
{
	struct quiet quiet;
	ssize_t got;

	if (link->ssl) {
		quiet_begin(&quiet);
		ERR_clear_error();
		got = SSL_read(link->ssl, text, (int)size);
		if (got <= 0)
			got = tls_error(link, (int)got);
		quiet_end(&quiet);
		return got;
	}
	do {
		got = recv(link->fd, text, size, 0);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

bool client_link_wait(struct client_link *link, int stop)
{
	struct pollfd waits[] = { { .fd = link->fd, .events = POLLIN },
				  { .fd = stop, .events = POLLIN } };

	if (stop < 0 || (link->ssl && SSL_pending(link->ssl)))
		return false;
	return poll(waits, 2, CLIENT_TIMEOUT_S * 1000) > 0 && waits[1].revents;
}
