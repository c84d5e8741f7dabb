/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The flows under observation, the account that opened each, the ring to the agent, and the tallies. */
#ifndef TOKTRA_FLOW_H
#define TOKTRA_FLOW_H

#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

#include "meter.h"
#include "shared.h"

#define MAX_FLOWS 32768
#define RING_BYTES (1 << 21)

enum phase {
	PHASE_AWAITING_HELLO, /* the kernel's to delete */
	PHASE_HANDED_UP, /* the agent deletes it unless the host is a provider */
	PHASE_CLOSED, /* its closing event did not fit the ring: the agent finds it in the map */
};

/* Where the next TLS record header of a TCP client's stream lies. Output runs under the socket's lock: no race. */
struct records {
	__u32 left; /* bytes of the present record still to come */
	__u32 found; /* type << 16 | length of the record whose header was just completed, else 0 */
	__u8 header[5];
	__u8 header_bytes; /* of those in header */
	__u8 type; /* of the present record */
	__u8 lost; /* the next header's place is not known */
};

struct flow {
	struct bpf_spin_lock lock;
	__u32 uid;
	struct flow_key key; /* an element may be used anew while a program still holds its address */
	struct meter meter; /* under the lock */
	__u32 client_start; /* sequence number of the first payload byte */
	__u32 client_end; /* highest sequence number seen, plus one */
	__u32 server_end;
	__u8 server_known; /* its SYN was seen, so server_end means something */
	__u8 phase;
	__u8 initials;
	__u8 rested; /* set by the agent: the programs were out of their hooks, nobody knows what passed meanwhile */
	struct records records;
};
_Static_assert(__builtin_offsetof(struct flow, meter) == 40, "layout.py: FLOW_TOTALS_AT");
_Static_assert(__builtin_offsetof(struct flow, meter.from_sent) == 120, "layout.py: FLOW_FROM_AT");
_Static_assert(__builtin_offsetof(struct flow, phase) == 221, "layout.py: FLOW_PHASE_AT");
_Static_assert(__builtin_offsetof(struct flow, rested) == 223, "layout.py: FLOW_RESTED_AT");
_Static_assert(sizeof(struct flow) == 240, "layout.py: FLOW_BYTES");

/*
 * Preallocated, so that no memory is asked for on the path of a packet and the lock in an element outlives its use.
 * Not LRU: what does not fit is counted as missed; nothing is thrown out halfway.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_FLOWS);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

struct blank { /* zeros; a value with a lock in it may not be copied from */
	__u8 bytes[sizeof(struct flow)];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct blank);
} blank_flow SEC(".maps");

/* Who connected a socket. Socket storage dies with the socket: nothing to clean up, nothing to run full. */
struct owner {
	__u32 uid; /* in the initial user namespace */
	__u32 reserved;
	__u64 begun; /* mark of the QUIC connection begun last, so that its later Initials begin no second one; 0: none */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct owner);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TALLY_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} tallies SEC(".maps");

static __always_inline void count(enum tally tally)
{
	__u32 which = tally;
	__u64 *value = bpf_map_lookup_elem(&tallies, &which);

	if (value)
		__sync_fetch_and_add(value, 1);
}

static __always_inline int is_of(const struct flow *flow, const struct flow_key *key)
{
	const __u64 *a = (const __u64 *)&flow->key, *b = (const __u64 *)key;

	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* The owner of the packet's socket, NULL when nobody connected it while we were watching. */
static __always_inline struct owner *owner_of(struct __sk_buff *skb)
{
	struct bpf_sock *socket = skb->sk;

	if (!socket)
		return 0;
	socket = bpf_sk_fullsock(socket);
	return socket ? bpf_sk_storage_get(&owners, socket, 0, 0) : 0;
}

/*
 * A new flow under `key`, counted from zero. NULL when there is no room.
 * The element is first linked, then filled under its lock: a program that still holds the element's address from its
 * former life either wrote before that, and is wiped, or sees another key afterwards, and leaves.
 */
static __always_inline struct flow *begin_flow(const struct flow_key *key, __u32 uid, __u32 client_start)
{
	__u32 zero = 0;
	struct blank *blank = bpf_map_lookup_elem(&blank_flow, &zero);
	struct flow *flow;

	count(TALLY_CONNECTIONS);
	if (!blank)
		return 0;
	if (bpf_map_update_elem(&flows, key, blank, BPF_ANY)) {
		count(TALLY_MISSED_FLOWS_FULL);
		return 0;
	}
	flow = bpf_map_lookup_elem(&flows, key);
	if (!flow)
		return 0;
	bpf_spin_lock(&flow->lock);
	flow->uid = uid;
	flow->client_start = client_start;
	flow->client_end = client_start;
	flow->server_end = 0;
	flow->server_known = 0;
	flow->phase = PHASE_AWAITING_HELLO;
	flow->initials = 0;
	flow->rested = 0;
	__builtin_memset(&flow->records, 0, sizeof(flow->records));
	meter_start(&flow->meter);
	flow->key = *key;
	bpf_spin_unlock(&flow->lock);
	return flow;
}

/* Whether the totals reached the ring. */
static __always_inline int hand_up_totals(struct totals_event *event, enum event_kind kind, __u32 uid,
					  const struct flow_key *key, __u64 now)
{
	event->header.kind = kind;
	event->header.uid = uid;
	event->header.flow = *key;
	event->header.at = now;
	if (!bpf_ringbuf_output(&ring, event, sizeof(*event), 0))
		return 1;
	count(TALLY_MISSED_EXCHANGE_RING_FULL);
	return 0;
}

#endif
