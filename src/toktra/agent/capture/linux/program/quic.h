/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * QUIC versions 1 and 2 (RFC 9000, RFC 9369): a flow begins with a client's Initial packet; the first few of those go
 * up as they are, to be opened in user space. Of every other datagram the first bytes tell its form, nothing more.
 */
#ifndef TOKTRA_QUIC_H
#define TOKTRA_QUIC_H

#include "flow.h"
#include "packet.h"
#include "quic_meter.h"

#define QUIC_V1 0x00000001u
#define QUIC_V2 0x6b3343cfu
#define MIN_FIRST_DATAGRAM 1200u /* RFC 9000 section 14.1 */
#define MAX_CONNECTION_ID 20
#define MAX_DATAGRAMS 128 /* that one send or receive may merge: UDP_MAX_SEGMENTS */

struct quic_datagram {
	__u32 at; /* from the start of the IP header */
	__u32 size;
};

static __always_inline __u32 quic_version(const __u8 *header)
{
	return (__u32)header[1] << 24 | header[2] << 16 | header[3] << 8 | header[4];
}

/* The type bits of a long header as in version 1: 0 Initial, 1 0-RTT, 2 Handshake, 3 Retry. */
static __always_inline __u32 long_header_type(__u8 first, __u32 version)
{
	__u32 type = first >> 4 & 3;

	return version == QUIC_V2 ? (type + 3) & 3 : type;
}

static __always_inline enum quic_form quic_form_of(struct __sk_buff *skb, const struct quic_datagram *datagram)
{
	__u8 header[5];

	if (bpf_skb_load_bytes(skb, datagram->at, header, 1) || !(header[0] & 0x80))
		return QUIC_SHORT;
	if (bpf_skb_load_bytes(skb, datagram->at, header, sizeof(header)))
		return QUIC_LONG;
	return long_header_type(header[0], quic_version(header)) == 1 ? QUIC_EARLY : QUIC_LONG;
}

/* A variable-length integer (RFC 9000 section 16) of up to four bytes; moves `at` behind it. */
static __always_inline int load_varint(struct __sk_buff *skb, __u32 *at, __u32 *value)
{
	__u8 bytes[4];

	if (bpf_skb_load_bytes(skb, *at, bytes, 1))
		return 0;
	switch (bytes[0] >> 6) {
	case 0:
		*value = bytes[0];
		*at += 1;
		return 1;
	case 1:
		if (bpf_skb_load_bytes(skb, *at, bytes, 2))
			return 0;
		*value = (bytes[0] & 63) << 8 | bytes[1];
		*at += 2;
		return 1;
	case 2:
		if (bpf_skb_load_bytes(skb, *at, bytes, 4))
			return 0;
		*value = (__u32)(bytes[0] & 63) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
		*at += 4;
		return 1;
	default:
		return 0;
	}
}

/*
 * Bytes of the client Initial packet at the head of the datagram; 0 when it starts with anything else. `mark` is made
 * of the client's own connection id, which stays the same for all of a connection's packets, and never 0.
 */
static __always_inline __u32 initial_size(struct __sk_buff *skb, const struct quic_datagram *datagram, __u64 *mark)
{
	__u32 at = datagram->at, version, size;
	__u64 id[3] = {};
	__u8 header[6], id_size;

	if (bpf_skb_load_bytes(skb, at, header, sizeof(header)) || (header[0] & 0xc0) != 0xc0)
		return 0;
	version = quic_version(header);
	if ((version != QUIC_V1 && version != QUIC_V2) || long_header_type(header[0], version) != 0)
		return 0;
	if (header[5] > MAX_CONNECTION_ID)
		return 0;
	at += sizeof(header) + header[5];
	if (bpf_skb_load_bytes(skb, at, &id_size, 1) || id_size > MAX_CONNECTION_ID)
		return 0;
	if (id_size && load_bytes(skb, at + 1, id, id_size, MAX_CONNECTION_ID))
		return 0;
	*mark = (id[0] ^ id[1] << 1 ^ id[2] << 2) | 1;
	at += 1 + id_size;
	if (!load_varint(skb, &at, &size) || size > datagram->size) /* token */
		return 0;
	at += size;
	if (!load_varint(skb, &at, &size) || size > datagram->size)
		return 0;
	size += at - datagram->at;
	return size <= datagram->size && size <= MAX_INITIAL_BYTES ? size : 0;
}

static __always_inline int hand_up_initial(struct __sk_buff *skb, const struct quic_datagram *datagram, __u64 size,
					   const struct flow_key *key, __u32 uid, __u64 now)
{
	struct initial_event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return 0;
	event->header.kind = EVENT_INITIAL;
	event->header.uid = uid;
	event->header.flow = *key;
	event->header.at = now;
	event->length = size;
	event->reserved = 0;
	if (load_bytes(skb, datagram->at, event->bytes, size, MAX_INITIAL_BYTES)) {
		bpf_ringbuf_discard(event, 0);
		return 0;
	}
	bpf_ringbuf_submit(event, 0);
	return 1;
}

/* The flow an Initial of the client begins or belongs to. */
static __always_inline struct flow *flow_of_initial(struct __sk_buff *skb, const struct quic_datagram *datagram,
						    struct flow *flow, const struct flow_key *key, __u64 now)
{
	struct owner *owner;
	__u64 mark = 0;
	__u32 size;

	if (flow && flow->initials >= MAX_INITIALS)
		return flow;
	if (!flow && datagram->size < MIN_FIRST_DATAGRAM)
		return 0;
	size = initial_size(skb, datagram, &mark);
	if (!size)
		return flow;
	if (!flow) {
		owner = owner_of(skb);
		if (owner) {
			mark ^= (__u64)key->peer_port << 48 ^ (__u64)key->peer[0] << 16 ^ key->peer[3];
			if (owner->begun == (mark | 1))
				return 0; /* the agent has forgotten it already */
			owner->begun = mark | 1;
		}
		flow = begin_flow(key, owner ? owner->uid : UID_UNKNOWN, 0);
		if (!flow)
			return 0;
		flow->phase = PHASE_HANDED_UP;
	}
	flow->initials++;
	if (!hand_up_initial(skb, datagram, size, key, flow->uid, now) && flow->initials == 1) {
		/* Without its first Initial the name may be lost; half a name is none. */
		count(TALLY_MISSED_HELLO_RING_FULL);
		bpf_map_delete_elem(&flows, key);
		return 0;
	}
	return flow;
}

/* One datagram of the flow, counted. Global, so that the verifier checks it once and not at each turn of the loop. */
__noinline int quic_datagram(struct __sk_buff *skb, const struct flow_key *key, __u32 at, __u32 size, int direction)
{
	struct quic_datagram datagram = { .at = at, .size = size };
	__u64 now = bpf_ktime_get_boot_ns();
	struct totals_event event;
	enum quic_form form;
	struct flow_key local;
	struct flow *flow;
	int ended = 0;
	__u32 uid;

	if (!key)
		return 0;
	local = *key;
	flow = bpf_map_lookup_elem(&flows, &local);
	if (direction == EGRESS)
		flow = flow_of_initial(skb, &datagram, flow, &local, now);
	if (!flow)
		return 0;
	form = quic_form_of(skb, &datagram);
	bpf_spin_lock(&flow->lock);
	if (is_of(flow, &local)) {
		uid = flow->uid;
		if (flow->rested) {
			meter_go_on(&flow->meter);
			flow->rested = 0;
		}
		if (direction == EGRESS)
			ended = meter_quic_sent(&flow->meter, size, now, form, &event.totals);
		else
			ended = meter_quic_received(&flow->meter, size, now, form, &event.totals);
	}
	bpf_spin_unlock(&flow->lock);
	if (ended)
		hand_up_totals(&event, EVENT_EXCHANGE, uid, &local, now);
	return 1;
}

static __always_inline void observe_quic(struct __sk_buff *skb, const struct packet *packet, enum direction direction)
{
	struct flow_key key = { .cookie = bpf_get_socket_cookie(skb), .transport = IPPROTO_UDP };
	__u32 at = packet->payload_at, left = packet->payload, each = skb->gso_size;

	__builtin_memcpy(key.peer, packet->peer, sizeof(key.peer));
	key.peer_port = packet->peer_port;
	if (!each || each >= left) { /* not merged, as nearly always */
		quic_datagram(skb, &key, at, left, direction);
		return;
	}
	for (int i = 0; i < MAX_DATAGRAMS; i++) {
		__u32 size = left < each ? left : each;

		if (!size)
			return;
		quic_datagram(skb, &key, at, size, direction);
		at += size;
		left -= size;
	}
}

#endif
