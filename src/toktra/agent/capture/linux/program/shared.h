/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the kernel program and the agent share: map keys and values, ring events, tallies.
 * layout.py mirrors every struct here; the asserts pin the sizes and places it relies on.
 */
#ifndef TOKTRA_SHARED_H
#define TOKTRA_SHARED_H

#include <linux/bpf.h>
#include <linux/types.h>

#define UID_UNKNOWN 0xffffffffu
#define MAX_HELLO_BYTES 14080u /* with COPY_BYTES of slack the staging element fits a 16 KiB allocation */
#define COPY_BYTES 2048u
#define MAX_INITIAL_BYTES 1536u /* the first flight fits an Ethernet frame: RFC 9000 section 14 */
#define MAX_INITIALS 8u /* a ClientHello of today spans two; the rest is room for loss and Retry */

/* A flow: a TCP connection (its socket says it all) or the datagrams between a UDP socket and one peer. */
struct flow_key {
	__u64 cookie; /* of the socket; never used twice while the machine runs */
	__u32 peer[4]; /* UDP only, network order, IPv4 in the first word; zero for TCP */
	__u16 peer_port; /* UDP only */
	__u16 transport; /* IPPROTO_TCP or IPPROTO_UDP */
	__u32 reserved;
};
_Static_assert(sizeof(struct flow_key) == 32, "layout.py: FLOW_KEY");

/* Where an exchange stands; meter.py has the same names and says what they mean. */
enum exchange_state { STATE_IDLE, STATE_ASKED, STATE_ANSWERING, STATE_TOLD, STATE_RESUMED };

/*
 * Everything counted on a flow since it began, never set back: an exchange is the difference between the totals at
 * its two ends, which the agent takes. So a lost event merges two exchanges and loses no byte. Times: boot clock, ns.
 */
struct totals {
	__u64 sent_bytes;
	__u64 received_bytes;
	__u64 answered_sent; /* sent_bytes when the response began */
	__u64 segments_out;
	__u64 segments_in;
	__u64 answered_segments; /* segments_out when the response began */
	__u64 asked_at;
	__u64 first_byte_at; /* 0: no response yet */
	__u64 last_at; /* the latest packet with new payload, either way */
	__u32 told; /* exchanges told before this one */
	__u32 state; /* enum exchange_state */
};
_Static_assert(sizeof(struct totals) == 80, "layout.py: TOTALS");

enum event_kind {
	EVENT_HELLO = 1, /* a whole ClientHello handshake message, no record headers */
	EVENT_INITIAL = 2, /* one QUIC Initial packet */
	EVENT_EXCHANGE = 3, /* an exchange is over: totals as they stood then */
	EVENT_CLOSED = 4, /* the connection is closed: totals as they stood then */
	EVENT_SOCKET_GONE = 5, /* a UDP socket is closed: every flow of the cookie is over */
};

struct event_header {
	__u32 kind;
	__u32 uid;
	struct flow_key flow;
	__u64 at;
};
_Static_assert(sizeof(struct event_header) == 48, "layout.py: EVENT_HEADER");

struct totals_event {
	struct event_header header;
	struct totals totals;
};
_Static_assert(sizeof(struct totals_event) == 128, "totals follow the header");

struct hello_event {
	struct event_header header;
	__u8 bytes[MAX_HELLO_BYTES + COPY_BYTES]; /* only the hello's own length is ever handed up */
};

struct initial_event {
	struct event_header header;
	__u32 length;
	__u32 reserved;
	__u8 bytes[MAX_INITIAL_BYTES]; /* `length` of them count */
};
_Static_assert(__builtin_offsetof(struct initial_event, bytes) - sizeof(struct event_header) == 8, "layout.py: INITIAL_LENGTH");

/* Numbers without names: how much was seen, how much had no name, how much was missed and why. */
enum tally {
	TALLY_CONNECTIONS, /* connection attempts and QUIC flows begun on a watched port */
	TALLY_NOT_TLS, /* first bytes were no TLS ClientHello */
	TALLY_NO_HELLO, /* closed before a whole ClientHello was sent */
	TALLY_HELLO_TOO_LONG, /* longer than MAX_HELLO_BYTES, or cut in absurdly many records */
	TALLY_HELLO_GAP, /* bytes of the hello never passed the hook */
	TALLY_MISSED_FLOWS_FULL,
	TALLY_MISSED_STAGING_FULL,
	TALLY_MISSED_HELLO_RING_FULL,
	TALLY_MISSED_EXCHANGE_RING_FULL,
	TALLY_COUNT,
};

#endif
