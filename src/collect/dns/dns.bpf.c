/* SPDX-License-Identifier: Dual MIT/GPL */
/* dns.bpf.c - questions as they leave, answers as they come, by a look at every packet of the host.
 *
 *     net_dev_queue ──> question ──> `pending` ──> answer <── netif_receive_skb
 *                                        └── after a while: unanswered
 *
 * A packet on its way through bridges, VLANs and virtual links comes by at several devices; the first
 * counts.  One that is passed on for others comes from no socket: it is remembered, so that its answer
 * is not taken for one that nobody asked for, and not told.  An answered question stays for a moment,
 * because its answer may come by again.
 *
 * Only what lies in the linear part of a packet is seen.
 */
#include "collect/dns/dns.wire.h"
#include "probe/address.bpf.h"
#include "probe/context.bpf.h"
#include "probe/event.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define PENDING_MAX   16384
#define STRAYS_MAX    1024
#define LABELS_MAX    128
#define MESSAGE_BYTES 512 /* that are looked at behind the header; a power of 2 */
#define STEPS_MAX     256 /* labels and records on the way to an address */
#define EXTENSIONS    4   /* of an IPv6 header */
#define HEADER_BYTES  12
#define ANSWERED_NS   50000000ull

const volatile id_port port KNOB("of the servers") = 53;
const volatile bool queries KNOB("tell of each question when it is asked, too") = false;
const volatile unit_ns patience KNOB("how long an answer may take") = 5000000000ull;

struct header {
	u16 id, flags, questions, answers, authorities, more;
};

#define FLAG_ANSWER    0x8000
#define FLAG_TRUNCATED 0x0200
#define FLAGS_RCODE    0x000f

struct packet {
	struct net_address from, to;
	u16 from_port, to_port;
	u32 bytes; /* of the message */
	void *message;
	struct header header;
};

struct key {
	struct net_address client, server;
	u16 client_port, server_port, id, pad;
};

struct question {
	struct event owner; /* its time: when it was first asked */
	u64 answered;       /* 0: not yet */
	u64 device;
	u32 sent;
	u16 name_bytes, type;
	bool is_quiet; /* passed on for others, or not wanted */
	bool malformed;
	u8 name[DNS_NAME_BYTES + 1];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, PENDING_MAX);
	__type(key, struct key);
	__type(value, struct question);
} pending SEC(".maps");

u64 pending_count = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STRAYS_MAX);
	__type(key, struct dns_strays_key);
	__type(value, struct dns_strays_value);
} dns_strays SEC(".maps") TABLE("answers to nothing that was asked");

/* Too large for the stack. */
struct scratch {
	struct question question;
	u8 message[2 * MESSAGE_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *scratch_of_cpu(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

/* Where the header behind that of IPv6 and its extensions begins; 0: not UDP. */
static __noinline u32 skip_extensions(u64 network, u8 next)
{
	u32 at = 40;

	for (int i = 0; i < EXTENSIONS; i++) {
		u8 head[4];

		if (next == IPPROTO_UDP)
			return at;
		if (next != 0 && next != 43 && next != 44 && next != 60)
			return 0;
		if (bpf_probe_read_kernel(head, sizeof(head), (void *)network + at))
			return 0;
		/* Of fragments only the first has ports. */
		if (next == 44 && ((head[2] << 8 | head[3]) & 0xfff8))
			return 0;
		at += next == 44 ? 8 : (head[1] + 1) * 8;
		next = head[0];
	}
	return next == IPPROTO_UDP ? at : 0;
}

/* Where UDP begins behind @network; 0: there is none. */
static __always_inline u32 read_ip(u64 network, u16 protocol, const u8 *ip, struct packet *packet)
{
	u32 v4;

	if (protocol == bpf_htons(ETH_P_IP)) {
		if (ip[9] != IPPROTO_UDP || (ip[6] & 0x1f) || ip[7])
			return 0;
		__builtin_memcpy(&v4, ip + 12, sizeof(v4));
		address_put_v4(&packet->from, v4);
		__builtin_memcpy(&v4, ip + 16, sizeof(v4));
		address_put_v4(&packet->to, v4);
		return (ip[0] & 0xf) * 4;
	}
	if (protocol != bpf_htons(ETH_P_IPV6))
		return 0;
	__builtin_memcpy(&packet->from, ip + 8, sizeof(packet->from));
	__builtin_memcpy(&packet->to, ip + 24, sizeof(packet->to));
	return ip[6] == IPPROTO_UDP ? 40 : skip_extensions(network, ip[6]);
}

/* Return: whether it is a message to or from a server; most packets end at one of the first steps. */
static __always_inline bool read_packet(struct sk_buff *skb, unsigned char *network,
					struct packet *packet)
{
	u16 protocol = BPF_CORE_READ(skb, protocol), udp[4];
	u64 end;
	u32 at;
	u8 ip[40];

	if (protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD)) {
		u16 tag[2];

		if (bpf_probe_read_kernel(tag, sizeof(tag), network))
			return false;
		network += sizeof(tag);
		protocol = tag[1];
	}
	if (bpf_probe_read_kernel(ip, sizeof(ip), network))
		return false;
	at = read_ip((u64)network, protocol, ip, packet);
	if (!at || bpf_probe_read_kernel(udp, sizeof(udp), network + at))
		return false;
	packet->from_port = bpf_ntohs(udp[0]);
	packet->to_port = bpf_ntohs(udp[1]);
	if (packet->from_port != port && packet->to_port != port)
		return false;
	packet->message = network + at + sizeof(udp);
	packet->bytes = bpf_ntohs(udp[2]) - sizeof(udp);
	end = (u64)BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, tail);
	if (end < (u64)packet->message + HEADER_BYTES || packet->bytes < HEADER_BYTES)
		return false;
	if (packet->bytes > end - (u64)packet->message)
		packet->bytes = end - (u64)packet->message;
	return !bpf_probe_read_kernel(&packet->header, sizeof(packet->header), packet->message);
}

/* Reads the name that is asked for; a question has no pointers in it. */
static __always_inline void read_question(const struct packet *packet, struct question *question)
{
	u32 have = packet->bytes - HEADER_BYTES, at = 0;
	u8 type[2];

	question->name_bytes = question->type = 0;
	question->malformed = true;
	if (have > DNS_NAME_BYTES)
		have = DNS_NAME_BYTES;
	if (!packet->header.questions ||
	    bpf_probe_read_kernel(question->name, have, packet->message + HEADER_BYTES))
		return;
	for (int i = 0; i < LABELS_MAX && at < have; i++) {
		u8 len = question->name[at & DNS_NAME_BYTES];

		if (len > 63)
			break;
		at += len + 1;
		if (!len) {
			question->malformed = false;
			break;
		}
	}
	question->name_bytes = at < have ? at : have;
	if (question->malformed || HEADER_BYTES + at + sizeof(type) > packet->bytes ||
	    bpf_probe_read_kernel(type, sizeof(type), packet->message + HEADER_BYTES + at))
		question->malformed = true;
	else
		question->type = type[0] << 8 | type[1];
}

static __always_inline enum dns_type word_of(u16 type)
{
	switch (type) {
	case 1:
		return DNS_TYPE_A;
	case 2:
		return DNS_TYPE_NS;
	case 5:
		return DNS_TYPE_CNAME;
	case 6:
		return DNS_TYPE_SOA;
	case 12:
		return DNS_TYPE_PTR;
	case 15:
		return DNS_TYPE_MX;
	case 16:
		return DNS_TYPE_TXT;
	case 28:
		return DNS_TYPE_AAAA;
	case 33:
		return DNS_TYPE_SRV;
	case 35:
		return DNS_TYPE_NAPTR;
	case 43:
		return DNS_TYPE_DS;
	case 48:
		return DNS_TYPE_DNSKEY;
	case 64:
		return DNS_TYPE_SVCB;
	case 65:
		return DNS_TYPE_HTTPS;
	case 255:
		return DNS_TYPE_ANY;
	default:
		return DNS_TYPE_OTHER;
	}
}

/* Appends the name, too. */
#define put_question(buffer, record, key, question)                                            \
	do {                                                                                   \
		u32 bytes_ = (question)->name_bytes & DNS_NAME_BYTES;                          \
		(record)->local_addr = (key)->client;                                          \
		(record)->local_port = (key)->client_port;                                     \
		(record)->server_addr = (key)->server;                                         \
		(record)->server_port = (key)->server_port;                                    \
		(record)->id = (key)->id;                                                      \
		(record)->type = word_of((question)->type);                                    \
		(record)->type_number = (question)->type;                                      \
		(record)->malformed = (question)->malformed;                                   \
		if (!bpf_probe_read_kernel(event_place(buffer), bytes_, (question)->name))     \
			event_took(buffer, &(record)->name.at, &(record)->name.bytes, bytes_); \
	} while (0)

static __always_inline void tell_query(const struct key *key, const struct question *question)
{
	struct event_buffer *buffer =
		event_begin_of(dns_query, &question->owner, question->owner.at);
	struct dns_query *query;

	if (!buffer)
		return;
	query = event_in(buffer);
	put_question(buffer, query, key, question);
	event_end(buffer);
}

/* Return: whether it was seen before. */
static __always_inline bool is_known(const struct key *key, u64 device)
{
	struct question *question = bpf_map_lookup_elem(&pending, key);

	if (!question || question->answered)
		return false;
	if (question->device == device)
		__sync_fetch_and_add(&question->sent, 1);
	return true;
}

static __always_inline void ask(void *ctx, struct sk_buff *skb, const struct packet *packet)
{
	struct key key = { packet->from, packet->to, packet->from_port, packet->to_port,
			   packet->header.id };
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *scratch = scratch_of_cpu();
	u64 device = (u64)BPF_CORE_READ(skb, dev);
	struct question *question;
	bool is_own;

	key.id = bpf_ntohs(key.id);
	if (!scratch || is_known(&key, device))
		return;
	question = &scratch->question;
	is_own = BPF_CORE_READ(skb, sk) != NULL;
	if (is_own && in_task(ctx)) {
		event_head(&question->owner, 0, task);
		question->is_quiet = !event_wants(task);
	} else {
		event_head_of_nobody(&question->owner);
		question->owner.at = bpf_ktime_get_ns();
		question->is_quiet = !is_own || event_wants_some();
	}
	question->answered = 0;
	question->device = device;
	question->sent = 1;
	read_question(packet, question);
	/* The other way: one that was answered, and whose number came again. */
	if (!bpf_map_update_elem(&pending, &key, question, BPF_NOEXIST)) {
		__sync_fetch_and_add(&pending_count, 1);
	} else if (bpf_map_update_elem(&pending, &key, question, BPF_EXIST)) {
		event_lost(bpf_core_type_id_local(struct dns_answer));
		return;
	}
	if (queries && !question->is_quiet)
		tell_query(&key, question);
}

static __always_inline void count_stray(const struct packet *packet)
{
	struct dns_strays_key key = { packet->from };
	struct dns_strays_value one = { 1 }, *value = bpf_map_lookup_elem(&dns_strays, &key);

	if (value)
		__sync_fetch_and_add(&value->answers, 1);
	else if (bpf_map_update_elem(&dns_strays, &key, &one, BPF_NOEXIST))
		event_lost(bpf_core_type_id_local(struct dns_strays_key));
}

/* The way through the records of an answer: label by label, or over a whole record. */
struct walk {
	u8 *message; /* MESSAGE_BYTES behind the header, and as much room behind them */
	u32 at, end;
	u32 left; /* records */
	struct net_address address;
};

static long walk_on(u32 index, void *context)
{
	struct walk *walk = context;
	u32 at = walk->at, type, len;
	u8 *here;

	if (!walk->left || at >= walk->end || at >= MESSAGE_BYTES)
		return 1;
	here = walk->message + (at & (MESSAGE_BYTES - 1));
	if (*here && *here <= 63) {
		walk->at = at + *here + 1;
		return 0;
	}
	if (*here && *here < 0xc0)
		return 1;
	/* The end of a name, or a pointer to the rest of it: a record follows. */
	at += *here ? 2 : 1;
	if (at + 10 > walk->end || at >= MESSAGE_BYTES)
		return 1;
	here = walk->message + (at & (MESSAGE_BYTES - 1));
	type = here[0] << 8 | here[1];
	len = here[8] << 8 | here[9];
	if (at + 10 + len > walk->end)
		return 1;
	if (type == 1 && len == 4) {
		u32 v4;

		__builtin_memcpy(&v4, here + 10, sizeof(v4));
		address_put_v4(&walk->address, v4);
		return 1;
	}
	if (type == 28 && len == 16) {
		__builtin_memcpy(&walk->address, here + 10, 16);
		return 1;
	}
	walk->at = at + 10 + len;
	walk->left--;
	return 0;
}

/* The first address behind the question, which is the one that was asked. */
static __always_inline void find_address(const struct packet *packet,
					 const struct question *question,
					 struct net_address *address)
{
	struct scratch *scratch = scratch_of_cpu();
	u32 have = packet->bytes - HEADER_BYTES;
	struct walk walk = {};

	if (have > MESSAGE_BYTES - 1)
		have = MESSAGE_BYTES - 1;
	if (!scratch || question->malformed ||
	    bpf_probe_read_kernel(scratch->message, have & (MESSAGE_BYTES - 1),
				  packet->message + HEADER_BYTES))
		return;
	walk.message = scratch->message;
	walk.at = packet->header.questions ? question->name_bytes + 4 : 0;
	walk.end = have;
	walk.left = bpf_ntohs(packet->header.answers);
	bpf_loop(STEPS_MAX, walk_on, &walk, 0);
	*address = walk.address;
}

static __always_inline void tell_answer(const struct packet *packet, const struct key *key,
					const struct question *question, u64 now)
{
	u64 latency = now - question->owner.at;
	u16 flags = bpf_ntohs(packet->header.flags);
	struct event_buffer *buffer;
	struct dns_answer *answer;

	if (latency < filter.min_duration)
		return;
	buffer = event_begin_of(dns_answer, &question->owner, now);
	if (!buffer)
		return;
	answer = event_in(buffer);
	answer->latency = latency;
	put_question(buffer, answer, key, question);
	answer->sent = question->sent;
	answer->rcode = flags & FLAGS_RCODE;
	answer->truncated = flags & FLAG_TRUNCATED;
	answer->answers = bpf_ntohs(packet->header.answers);
	find_address(packet, question, &answer->address);
	event_end(buffer);
}

static __always_inline void reply(struct sk_buff *skb, const struct packet *packet)
{
	struct key key = { packet->to, packet->from, packet->to_port, packet->from_port,
			   packet->header.id };
	u64 now = bpf_ktime_get_ns(), device = (u64)BPF_CORE_READ(skb, dev);
	struct question *question;

	key.id = bpf_ntohs(key.id);
	question = bpf_map_lookup_elem(&pending, &key);
	if (!question) {
		count_stray(packet);
		return;
	}
	if (__sync_val_compare_and_swap(&question->answered, 0, now)) {
		if (question->device == device)
			count_stray(packet);
		return;
	}
	question->device = device;
	if (!question->is_quiet)
		tell_answer(packet, &key, question, now);
}

SEC("raw_tp/net_dev_queue")
int dns_on_send(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (void *)ctx->args[0];
	unsigned char *network = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	struct packet packet;

	if (read_packet(skb, network, &packet) && packet.to_port == port &&
	    !(packet.header.flags & bpf_htons(FLAG_ANSWER)))
		ask(ctx, skb, &packet);
	return 0;
}

/* The device has taken off its own header; the network's is not noted yet. */
SEC("raw_tp/netif_receive_skb")
int dns_on_receive(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (void *)ctx->args[0];
	struct packet packet;

	if (read_packet(skb, BPF_CORE_READ(skb, data), &packet) && packet.from_port == port &&
	    (packet.header.flags & bpf_htons(FLAG_ANSWER)))
		reply(skb, &packet);
	return 0;
}

struct sweep {
	u64 now;
	bool is_last;
};

static __always_inline void tell_unanswered(const struct key *key, const struct question *question,
					    u64 now)
{
	struct event_buffer *buffer = event_begin_of(dns_unanswered, &question->owner, now);
	struct dns_unanswered *unanswered;

	if (!buffer)
		return;
	unanswered = event_in(buffer);
	unanswered->waited = now - question->owner.at;
	put_question(buffer, unanswered, key, question);
	unanswered->sent = question->sent;
	event_end(buffer);
}

static long sweep_one(void *map, const void *at, void *value, void *context)
{
	const struct key *key = at;
	struct question *question = value;
	struct sweep *sweep = context;
	u64 answered = question->answered;

	if (answered) {
		if (!sweep->is_last && sweep->now < answered + ANSWERED_NS)
			return 0;
	} else {
		if (!sweep->is_last && sweep->now < question->owner.at + patience)
			return 0;
		if (!question->is_quiet)
			tell_unanswered(key, question, sweep->now);
	}
	bpf_map_delete_elem(map, key);
	__sync_fetch_and_add(&pending_count, -1);
	return 0;
}

SEC("raw_tp/periodic")
PERIODIC
int dns_sweep(struct bpf_raw_tracepoint_args *ctx)
{
	struct sweep sweep = { bpf_ktime_get_ns(), ctx->args[0] };

	if (pending_count)
		bpf_for_each_map_elem(&pending, sweep_one, &sweep, 0);
	return 0;
}
