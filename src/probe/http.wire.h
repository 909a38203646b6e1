/* SPDX-License-Identifier: MIT */
/* http.wire.h - requests of HTTP servers, as they leave the kernel, and what is told to the program. */
#ifndef PROBE_HTTP_WIRE_H
#define PROBE_HTTP_WIRE_H

#include "probe/unit.h"

#define HTTP_LINE_BYTES      128   /* of the request line; what is longer is cut */
#define HTTP_CONNECTIONS_MAX 65536 /* followed at once; others are counted */
#define HTTP_PORTS           65536
#define HTTP_RUNNERS_MAX \
	16384 /* threads and goroutines that serve requests; then the oldest are forgotten */
#define HTTP_PROCESSES_MAX 4096 /* likewise processes that serve them */

/* How a request was seen. */
enum http_way {
	HTTP_WAY_SOCKET,
	HTTP_WAY_GO, /* where functions of net/http of Go begin */
	HTTP_WAYS
};

/* Whether the CPU time of a request is known, and if not why. */
enum http_cpu {
	HTTP_CPU_KNOWN,
	HTTP_CPU_OFF,      /* no samples are taken */
	HTTP_CPU_STRANGER, /* what kind of program its server is had not been found out yet */
	HTTP_CPU_ODD,      /* which goroutine a thread runs cannot be told in its server */
	HTTP_CPU_SHARED,   /* who served it had several requests at once */
	HTTP_CPU_MOVED,    /* another thread or goroutine has answered it than read it */
	HTTP_CPU_NO_ROOM,  /* too many threads and goroutines */
	HTTP_CPU_STATES
};

/* Who serves requests in a process. */
enum http_runner {
	HTTP_RUNNER_THREAD,
	HTTP_RUNNER_GOROUTINE, /* whose address lies `g_offset` behind where the thread's own memory ends */
	HTTP_RUNNER_ODD,     /* goroutines, and it is not known where */
	HTTP_RUNNER_UNKNOWN, /* its program cannot be looked at */
};

struct http_runtime {
	u32 runner; /* enum http_runner */
	s32 g_offset;
};

#define HTTP_GO_UNKNOWN 0xffff

/* Where Go's net/http and runtime keep what is read of them, in bytes; HTTP_GO_UNKNOWN */
struct http_go_layout {
	u16 method, major, target, tls; /* of a request: Method, ProtoMajor, RequestURI, TLS */
	u16 request, status;            /* of an answer in HTTP/1: of which request; its status */
	u16 two_request, two_status,
		two_old; /* likewise in HTTP/2; where a status may stand else */
	u16 number;      /* of a goroutine: goid */
};

/* Of a process whose net/http is probed: what sockets tell, and whether it is of such requests. */
struct http_process {
	u64 requests; /* that were seen in it */
	u64 tls, two; /* connections of TLS; of HTTP/2 without it */
};

/* One request and its answer. */
struct http_record {
	unit_mono_ns ready_at; /* its first byte lay in the socket; 0: before we looked */
	unit_mono_ns read_at;  /* the server took it */
	unit_mono_ns first_at; /* the server wrote the first byte of the answer; 0: it never did */
	unit_mono_ns last_at;  /* it wrote the last part that was seen */
	unit_bytes in_bytes, out_bytes;
	unit_ns cpu_ns; /* from reading to answering, by samples; cpu is HTTP_CPU_KNOWN */
	u64 goroutine;  /* 0: none, or not known */
	unit_ns runq_ns; /* from reading to answering, that its thread waited for a CPU; all ones: another
			  * thread has answered */
	id_pid pid;
	id_tid tid; /* that read it */
	u16 port;   /* of the server; 0: not known */
	u16 status; /* 0: it could not be read */
	u16 line_bytes;
	u8 way; /* enum http_way; of HTTP_WAY_GO bytes and what came before the handler are not known */
	u8 cpu; /* enum http_cpu */
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
	u64 two;        /* those that speak HTTP/2 without TLS */
	u64 pipelined;  /* requests sent before the one before was answered: not told apart */
	u64 unanswered; /* connections that ended, or were still there at the end, with one open */
	u64 untied;     /* requests behind TLS, of which the connection could not be told */
	s64 go_open; /* requests of Go whose handlers run; at the end those for which there was no room */
	u64 late;     /* answers that went on after a silence, whose end was told too early */
	u64 woken_at; /* emit.bpf.h */
};

struct http_options {
	u64 settle_ns; /* an answer of which nothing was written for so long is over */
	u16 port;      /* 0: each that is listened on */
	u16 tls;       /* OpenSSL is probed */
	u16 go;        /* net/http of Go is probed */
	u16 packets;   /* requests are seen in packets */
	u64 sample_ns; /* CPU time that a sample stands for; 0: none are taken */
	struct http_runtime go_runtime;
	struct http_go_layout go_at;
	u32 more_reserved;
};

/* What a probe of Go stands for: the low byte of its cookie. */
enum http_go {
	HTTP_GO_BEGIN,    /* serverHandler.ServeHTTP() */
	HTTP_GO_DONE,     /* (*response).finishRequest() */
	HTTP_GO_DONE_TWO, /* (*http2responseWriter).handlerDone() */
};

#define HTTP_IF 0x100 /* of a cookie: the probed instruction is a jump... */
#define HTTP_CONDITION \
	12 /* ...with this condition, shifted, by which the stack grows first, or SSL_read() goes on */

/* What a probe of OpenSSL stands for: likewise. */
enum http_tls {
	HTTP_TLS_READ,      /* SSL_read() is called */
	HTTP_TLS_READ_EX,   /* SSL_read_ex() */
	HTTP_TLS_RETURN,    /* SSL_read() returns */
	HTTP_TLS_RETURN_EX, /* SSL_read_ex() */
	HTTP_TLS_WRITE,     /* SSL_write() or SSL_write_ex() is called */
};

#endif
