/* SPDX-License-Identifier: MIT */
/* dns.wire.h - questions to name servers and what came of them: over UDP, in every network namespace.
 *
 * An answer stands alone: it has what was asked, by whom, and how long it took.  A question that is asked
 * again with the same number and from the same port counts as one.
 */
#ifndef COLLECT_DNS_DNS_WIRE_H
#define COLLECT_DNS_DNS_WIRE_H

#include "probe/event.wire.h"

#define DNS_NAME_BYTES 255 /* RFC 1035, 2.3.4: of a whole name */

/* Of a question; RFC 1035, 3596, 2782, 3403, 4034, 9460. */
enum dns_type {
	DNS_TYPE_OTHER, /* its number tells */
	DNS_TYPE_A,
	DNS_TYPE_AAAA,
	DNS_TYPE_CNAME,
	DNS_TYPE_MX,
	DNS_TYPE_NS,
	DNS_TYPE_PTR,
	DNS_TYPE_SOA,
	DNS_TYPE_SRV,
	DNS_TYPE_TXT,
	DNS_TYPE_NAPTR,
	DNS_TYPE_DS,
	DNS_TYPE_DNSKEY,
	DNS_TYPE_SVCB,
	DNS_TYPE_HTTPS,
	DNS_TYPE_ANY,
};

/* RFC 1035, 4.1.1, and 2136, 2.2; by their numbers. */
enum dns_rcode {
	DNS_RCODE_NOERROR,
	DNS_RCODE_FORMERR,
	DNS_RCODE_SERVFAIL,
	DNS_RCODE_NXDOMAIN,
	DNS_RCODE_NOTIMP,
	DNS_RCODE_REFUSED,
	DNS_RCODE_YXDOMAIN,
	DNS_RCODE_YXRRSET,
	DNS_RCODE_NXRRSET,
	DNS_RCODE_NOTAUTH,
	DNS_RCODE_NOTZONE,
	DNS_RCODE_11,
	DNS_RCODE_12,
	DNS_RCODE_13,
	DNS_RCODE_14,
	DNS_RCODE_15,
};

#define DNS_QUESTION                                           \
	struct net_address local_addr HELP("that asked");      \
	id_port local_port HELP("that asked");                 \
	id_port server_port HELP("of the server");             \
	struct net_address server_addr HELP("that was asked"); \
	u32 id HELP("number of the question");                 \
	struct tail_domain name HELP("that was asked for");    \
	enum dns_type type HELP("what was asked for");         \
	u32 type_number HELP("the same as a number");          \
	bool malformed HELP("the name breaks the rules, or the packet ends in it")

struct dns_query {
	struct event event; /* of who asked, as of the others */
	DNS_QUESTION;
};

struct dns_answer {
	struct event event;
	unit_ns latency HELP("since it was first asked");
	DNS_QUESTION;
	u32 sent HELP("how often it was asked");
	enum dns_rcode rcode HELP("outcome");
	bool truncated HELP("by the server, who wants to be asked by TCP");
	u32 answers HELP("records that the server says are in it");
	struct net_address address HELP("the first one of these records, if there is any");
};

struct dns_unanswered {
	struct event event;
	unit_ns waited HELP("since it was first asked");
	DNS_QUESTION;
	u32 sent HELP("how often it was asked");
};

struct dns_strays_key {
	struct net_address server_addr HELP("that they came from");
};

struct dns_strays_value {
	unit_count answers HELP("that belong to no question that was seen, or came twice");
};

#endif
