/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * TCP: every sequence number counts once. A direction's unique payload bytes are its highest sequence number seen,
 * less its first: free of retransmissions and duplicates, indifferent to reordering, exact while the connection runs.
 */
#ifndef TOKTRA_TCP_H
#define TOKTRA_TCP_H

#include "flow.h"
#include "hello.h"
#include "packet.h"
#include "stream.h"
#include "tls_meter.h"

#define MAX_ADVANCE (1u << 30) /* the largest window TCP can have, RFC 7323; beyond it lies an old or forged packet */

static __always_inline struct flow_key tcp_key(__u64 cookie)
{
	struct flow_key key = { .cookie = cookie, .transport = IPPROTO_TCP };

	return key;
}

static __always_inline struct bpf_sock *full_socket(struct __sk_buff *skb)
{
	struct bpf_sock *socket = skb->sk;

	return socket ? bpf_sk_fullsock(socket) : 0;
}

static __always_inline void forget(struct bpf_sock *socket, const struct flow_key *key, enum tally why)
{
	count(why);
	if (socket)
		bpf_sk_storage_delete(&staged_hellos, socket);
	bpf_map_delete_elem(&flows, key);
}

static __always_inline enum tally why_unnamed(int step)
{
	switch (step) {
	case STEP_NOT_TLS:
		return TALLY_NOT_TLS;
	case STEP_UNREADABLE:
		return TALLY_HELLO_GAP;
	case STEP_RING_FULL:
		return TALLY_MISSED_HELLO_RING_FULL;
	default:
		return TALLY_HELLO_TOO_LONG;
	}
}

/*
 * The first packet after a rest: counting goes on from what TCP itself has sent and received by now, so that nothing
 * sent or received meanwhile can be counted later, not even when it travels again.
 */
static __always_inline void wake(struct __sk_buff *skb, struct flow *flow, const struct flow_key *key)
{
	struct bpf_sock *socket = full_socket(skb);
	__u32 sent, received;
	struct bpf_tcp_sock *tcp;

	if (!socket)
		return;
	tcp = bpf_tcp_sock(socket);
	if (!tcp)
		return;
	sent = tcp->snd_nxt;
	received = tcp->rcv_nxt;
	bpf_spin_lock(&flow->lock);
	if (is_of(flow, key) && flow->rested) {
		flow->client_end = sent;
		flow->server_end = received;
		flow->records.left = 0;
		flow->records.header_bytes = 0;
		flow->records.lost = 1;
		meter_go_on(&flow->meter);
		flow->rested = 0;
	}
	bpf_spin_unlock(&flow->lock);
}

/*
 * Follows the records through the new bytes of a packet, and puts the ClientHello together while there is none yet.
 * False when the flow was forgotten.
 */
static __always_inline int follow(struct __sk_buff *skb, struct flow *flow, const struct flow_key *key,
				  const struct packet *packet, struct cursor *cursor, __u64 now)
{
	struct bpf_sock *socket = full_socket(skb);
	struct records *records = &flow->records;
	struct staged_hello *hello = 0;
	int step = STEP_TOO_LONG;

	if (!socket)
		return 0;
	if (flow->phase == PHASE_AWAITING_HELLO) {
		if (!records->type && !records->header_bytes &&
		    is_prelude(skb, cursor, flow->client_end - flow->client_start))
			return 1;
		hello = bpf_sk_storage_get(&staged_hellos, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!hello) {
			forget(socket, key, TALLY_MISSED_STAGING_FULL);
			return 0;
		}
		hello->event.header.kind = EVENT_HELLO;
		hello->event.header.uid = flow->uid;
		hello->event.header.flow = *key;
		hello->event.header.at = now;
	} else if (records->lost) {
		if (!starts_like_record(skb, packet))
			return 1;
		records->lost = 0;
		records->left = 0;
		records->header_bytes = 0;
	}
	for (int i = 0; i < MAX_STEPS; i++) {
		step = follow_step(skb, key, records, hello, cursor);
		if (step <= 0)
			break;
	}
	if (hello && hello->handed_up) {
		flow->phase = PHASE_HANDED_UP;
		if (!offers_http2(hello)) {
			bpf_spin_lock(&flow->lock);
			if (is_of(flow, key))
				meter_without_http2(&flow->meter);
			bpf_spin_unlock(&flow->lock);
		}
		bpf_sk_storage_delete(&staged_hellos, socket);
	}
	if (step == STEP_NOTHING)
		return 1;
	if (flow->phase == PHASE_AWAITING_HELLO || step == STEP_RING_FULL) {
		forget(socket, key, why_unnamed(step));
		return 0;
	}
	records->lost = 1;
	return 1;
}

static __always_inline void observe_tcp_egress(struct __sk_buff *skb, struct packet *packet)
{
	struct flow_key key = tcp_key(bpf_get_socket_cookie(skb));
	struct flow *flow = bpf_map_lookup_elem(&flows, &key);
	__u64 now = bpf_ktime_get_boot_ns();
	struct cursor cursor = {};
	__u32 new_bytes, end;

	if ((packet->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		packet->sequence++;
		if (!flow || flow->client_start != packet->sequence) { /* else: sent again */
			struct owner *owner = owner_of(skb);

			flow = begin_flow(&key, owner ? owner->uid : UID_UNKNOWN, packet->sequence);
		}
	}
	if (!flow || !packet->payload || packet->flags & TCP_RST)
		return;
	if (flow->rested)
		wake(skb, flow, &key);
	end = packet->sequence + packet->payload;
	new_bytes = end - flow->client_end;
	if (!new_bytes || new_bytes > MAX_ADVANCE)
		return; /* sent again */
	if (new_bytes > packet->payload) { /* bytes went out that never passed here */
		if (flow->phase == PHASE_AWAITING_HELLO) {
			forget(full_socket(skb), &key, TALLY_HELLO_GAP);
			return;
		}
		flow->records.lost = 1;
		cursor.left = packet->payload;
	} else {
		cursor.left = new_bytes;
	}
	cursor.at = packet->payload_at + packet->payload - cursor.left;
	if (!follow(skb, flow, &key, packet, &cursor, now))
		return;
	flow->client_end = end;
	account_sent(&key, cursor.record, new_bytes,
		     !flow->records.lost && (flow->records.left || flow->records.header_bytes));
}

static __always_inline void observe_tcp_ingress(struct __sk_buff *skb, struct packet *packet)
{
	struct flow_key key = tcp_key(bpf_get_socket_cookie(skb));
	struct flow *flow = bpf_map_lookup_elem(&flows, &key);
	__u64 now = bpf_ktime_get_boot_ns();
	struct totals_event event;
	__u32 new_bytes, uid;
	int ended = 0;

	if (!flow || packet->flags & TCP_RST)
		return;
	if (flow->rested)
		wake(skb, flow, &key);
	uid = flow->uid;
	bpf_spin_lock(&flow->lock);
	if (!is_of(flow, &key))
		goto unlock;
	if (packet->flags & TCP_SYN) {
		packet->sequence++;
		/* Only an answer to our own SYN, whose data (Fast Open) it may acknowledge too. */
		if (!flow->server_known && packet->acknowledged - flow->client_start <= flow->client_end - flow->client_start) {
			flow->server_end = packet->sequence;
			flow->server_known = 1;
		}
	}
	new_bytes = packet->sequence + packet->payload - flow->server_end;
	if (!packet->payload || !flow->server_known || !new_bytes || new_bytes > MAX_ADVANCE)
		goto unlock;
	flow->server_end += new_bytes;
	ended = meter_tls_received(&flow->meter, new_bytes, now, &event.totals);
unlock:
	bpf_spin_unlock(&flow->lock);
	if (ended)
		hand_up_totals(&event, EVENT_EXCHANGE, uid, &key, now);
}

static __always_inline void observe_tcp_close(struct bpf_sock_ops *ops)
{
	struct flow_key key = tcp_key(bpf_get_socket_cookie(ops));
	struct flow *flow = bpf_map_lookup_elem(&flows, &key);
	__u64 now = bpf_ktime_get_boot_ns();
	struct bpf_sock *socket = ops->sk;
	struct totals_event event;
	__u32 uid;

	if (!flow)
		return;
	if (flow->phase == PHASE_AWAITING_HELLO) {
		count(TALLY_NO_HELLO);
		bpf_map_delete_elem(&flows, &key);
		if (socket)
			bpf_sk_storage_delete(&staged_hellos, socket);
		return;
	}
	uid = flow->uid;
	bpf_spin_lock(&flow->lock);
	event.totals = flow->meter.totals;
	bpf_spin_unlock(&flow->lock);
	if (hand_up_totals(&event, EVENT_CLOSED, uid, &key, now))
		bpf_map_delete_elem(&flows, &key);
	else
		flow->phase = PHASE_CLOSED;
}

#endif
