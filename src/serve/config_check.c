/* SPDX-License-Identifier: MIT */
/* config_check.c - whether settings fit together, and expose nothing without protection. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "serve/config.h"

bool config_is_loopback(const char *address)
{
	struct in_addr four;
	struct in6_addr six;

	if (inet_pton(AF_INET, address, &four) == 1)
		return (ntohl(four.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* One way in: its table, the address, and the table of its certificates. */
struct entrance {
	const char *table, *address, *tls_table;
	const struct config_tls *tls;
};

static int check_tls(const struct entrance *entrance)
{
	const struct config_tls *tls = entrance->tls;
	int err;

	if (!*tls->cert_file == !*tls->key_file && (*tls->cert_file || !*tls->ca_file))
		return 0;
	err = fail(-EINVAL, "[%s] has no %s", entrance->tls_table,
		   *tls->cert_file ? "key_file" : "cert_file");
	hint("TLS needs both cert_file and key_file in [%s]", entrance->tls_table);
	return err;
}

/* What others can reach is encrypted, and they show who they are. */
static int check_exposure(const struct config *config, const struct entrance *entrance)
{
	uint8_t bytes[16];
	int err;

	if (inet_pton(AF_INET, entrance->address, bytes) != 1 &&
	    inet_pton(AF_INET6, entrance->address, bytes) != 1)
		return fail(-EINVAL, "[%s] bind_address '%s' is no address in digits",
			    entrance->table, entrance->address);
	if (config_is_loopback(entrance->address))
		return 0;
	if (!*entrance->tls->cert_file) {
		err = fail(
			-EINVAL,
			"[%s] bind_address '%s' would let others read what this host does, in the clear",
			entrance->table, entrance->address);
		hint("set cert_file and key_file in [%s], and ca_file there or token_file in [auth]; or "
		     "bind_address = \"127.0.0.1\" in [%s]",
		     entrance->tls_table, entrance->table);
		return err;
	}
	if (*entrance->tls->ca_file || *config->auth.token_file)
		return 0;
	err = fail(-EINVAL, "[%s] bind_address '%s' would let anybody read what this host does",
		   entrance->table, entrance->address);
	hint("set ca_file in [%s], so that clients need a certificate, or token_file in [auth]",
	     entrance->tls_table);
	return err;
}

void config_settle(struct config *config)
{
	if (!config->server.enabled || !config->http.port ||
	    config->http.port != config->server.port || config->http_port_line ||
	    config->http.port == 65535)
		return;
	config->http.port++;
	config->has_moved_http = true;
}

int config_check(const struct config *config)
{
	const struct entrance http = { "http", config->http.bind_address, "http_tls",
				       &config->http_tls };
	const struct entrance grpc = { "server", config->server.bind_address, "grpc_tls",
				       &config->grpc_tls };
	int err = check_tls(&http);

	err = err ?: check_exposure(config, &http);
	if (!err && config->server.enabled) {
		err = check_tls(&grpc);
		err = err ?: check_exposure(config, &grpc);
	}
	if (err)
		return err;
	if (config->server.enabled && config->http.port &&
	    config->http.port == config->server.port) {
		err = fail(-EINVAL,
			   "[http] port of line %u and [server] port of line %u are both %lu",
			   config->http_port_line, config->server_port_line,
			   (unsigned long)config->http.port);
		hint("HTTP and gRPC need a port each");
		return err;
	}
	if (!*config->store.path)
		return fail(-EINVAL, "[store] path is empty");
	return 0;
}
