/* SPDX-License-Identifier: MIT */
/* http.wire.h - requests of HTTP/1 servers, as they leave the kernel, and what is told to the program. */
#ifndef PROBE_HTTP_WIRE_H
#define PROBE_HTTP_WIRE_H

#include "probe/unit.h"

#define HTTP_LINE_BYTES      128   /* of the request line; what is longer is cut */
#define HTTP_CONNECTIONS_MAX 65536 /* followed at once; others are counted */
#define HTTP_PORTS           65536

/* One request and its answer. */
struct http_record {
	unit_mono_ns ready_at; /* its first byte lay in the socket; 0: before we looked */
	unit_mono_ns read_at;  /* the server took it */
	unit_mono_ns first_at; /* the server wrote the first byte of the answer; 0: it never did */
	unit_mono_ns last_at;  /* it wrote the last part that was seen */
	unit_bytes in_bytes, out_bytes;
	unit_ns runq_ns; /* from reading to answering, that its thread waited for a CPU; all ones: another
			  * thread has answered */
	id_pid pid;
	id_tid tid; /* that read it */
	u16 port;   /* of the server */
	u16 status; /* 0: it could not be read */
	u16 line_bytes;
	u16 reserved;
	char line[HTTP_LINE_BYTES];
};

/* Of the whole program. */
struct http_control {
	u32 armed;
	u32 is_last;    /* user space ends: whatever has been answered is told */
	u64 dropped;    /* requests for which the ring was full */
	u64 refused;    /* connections for which there was no room */
	u64 unreadable; /* reads of which the bytes could not be seen */
	u64 unknown;    /* answers of which the status could not be seen */
	u64 foreign;    /* connections that speak something else */
	u64 tls;        /* those that are encrypted, and were not seen through */
	u64 pipelined;  /* requests sent before the one before was answered: not told apart */
	u64 unanswered; /* connections that ended, or were still there at the end, with one open */
	u64 late;       /* answers that went on after a silence, whose end was told too early */
	u64 woken_at;   /* emit.bpf.h */
};

struct http_options {
	u64 settle_ns; /* an answer of which nothing was written for so long is over */
	u16 port;      /* 0: each that is listened on */
	u16 tls;       /* OpenSSL is probed */
	u16 reserved[2];
};

/* What a probe of OpenSSL stands for: its cookie. */
enum http_tls {
	HTTP_TLS_READ,      /* SSL_read() is called */
	HTTP_TLS_READ_EX,   /* SSL_read_ex() */
	HTTP_TLS_RETURN,    /* SSL_read() returns */
	HTTP_TLS_RETURN_EX, /* SSL_read_ex() */
	HTTP_TLS_WRITE,     /* SSL_write() or SSL_write_ex() is called */
};

#endif
