/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Where one exchange ends and the next begins: the rules at the head of meter.py, S1 to R2, in its names and its order.
 * Every function here runs under the flow's lock and calls no helper.
 */
#ifndef TOKTRA_METER_H
#define TOKTRA_METER_H

#include "shared.h"

#define MSS_BYTES 1448u
#define MILLISECOND 1000000ull
#define SILENCE (3000 * MILLISECOND)
#define SMALL_PACKET 60u
#define TLS12_EXTRA 7u
#define SMALL_PACKETS_TOGETHER 75u
#define TICKETS 700u
#define SURELY_A_RESPONSE 1000u
#define LARGEST_PROBE 1500u
#define SMALLEST_PREFACE 50u

/* How far the client's side of a TLS connection is. */
enum tls_phase { TLS_HANDSHAKE, TLS_CERTIFICATE, TLS_OPEN };

struct meter {
	struct totals totals;
	__u64 from_sent; /* totals at the last boundary */
	__u64 from_segments_out;
	__u64 maybe_at;
	__u64 request_at;
	__u64 heard;
	__u64 heard_short;
	__u32 small;
	__u32 tickets;
	__u32 surely;
	__u32 exchanges;
	__u32 largest;
	__u16 first_length;
	__u16 last_length;
	__u16 longest;
	__u8 phase;
	__u8 special;
	__u8 saw_ccs;
	__u8 tls12;
	__u8 inside_record;
	__u8 full;
	__u8 http2; /* the hello offers it, or is not known */
	__u8 only_updates;
	__u8 padded;
	__u8 reserved[5];
};

static __always_inline __u32 segments_of(__u32 new_bytes)
{
	return (new_bytes + MSS_BYTES - 1) / MSS_BYTES;
}

static __always_inline void meter_start(struct meter *meter)
{
	__builtin_memset(meter, 0, sizeof(*meter));
	meter->special = SMALLEST_PREFACE;
	meter->http2 = 1;
	meter->tickets = TICKETS;
	meter->surely = SURELY_A_RESPONSE;
}

/* The client's hello does not offer HTTP/2. */
static __always_inline void meter_without_http2(struct meter *meter)
{
	meter->http2 = 0;
	meter->special = 0;
}

/* Goes on with a connection of which a stretch was not seen, as with one first seen in its middle. */
static __always_inline void meter_go_on(struct meter *meter)
{
	meter->phase = TLS_OPEN;
	meter->special = 0;
	meter->inside_record = 0;
	meter->maybe_at = 0;
	meter->small = 0;
	meter->heard = SURELY_A_RESPONSE;
	meter->largest = LARGEST_PROBE;
}

/* Leaves the totals of the exchange that is over in `told`. */
static __always_inline int meter_tell(struct meter *meter, struct totals *told)
{
	struct totals *totals = &meter->totals;

	*told = *totals;
	totals->told++;
	totals->state = STATE_TOLD;
	meter->from_sent = totals->sent_bytes;
	meter->from_segments_out = totals->segments_out;
	return 1;
}

static __always_inline int meter_quiet(struct meter *meter, __u64 now, struct totals *told)
{
	struct totals *totals = &meter->totals;

	if ((totals->state == STATE_ANSWERING || totals->state == STATE_RESUMED) && now > totals->last_at + SILENCE)
		return meter_tell(meter, told);
	return 0;
}

static __always_inline int meter_ask(struct meter *meter, __u64 at, int carries_on, struct totals *told)
{
	struct totals *totals = &meter->totals;
	int ended = 0;

	if (totals->state == STATE_ASKED)
		return 0;
	if (totals->state == STATE_ANSWERING && carries_on) {
		totals->state = STATE_ASKED;
		totals->first_byte_at = 0;
		return 0;
	}
	if (totals->state == STATE_ANSWERING || totals->state == STATE_RESUMED)
		ended = meter_tell(meter, told);
	totals->state = STATE_ASKED;
	meter->exchanges++;
	totals->asked_at = at;
	totals->first_byte_at = 0;
	return ended;
}

static __always_inline void meter_answer(struct meter *meter, __u64 at)
{
	struct totals *totals = &meter->totals;

	if (totals->state == STATE_ASKED) {
		totals->state = STATE_ANSWERING;
		totals->answered_sent = totals->sent_bytes;
		totals->answered_segments = totals->segments_out;
		totals->first_byte_at = at;
	} else if (totals->state == STATE_TOLD) {
		totals->state = STATE_RESUMED;
		totals->answered_sent = meter->from_sent;
		totals->answered_segments = meter->from_segments_out;
		totals->asked_at = totals->first_byte_at = at;
	}
}

static __always_inline void meter_count_sent(struct meter *meter, __u32 new_bytes, __u64 at)
{
	meter->totals.sent_bytes += new_bytes;
	meter->totals.segments_out += segments_of(new_bytes);
	meter->totals.last_at = at;
}

static __always_inline void meter_count_received(struct meter *meter, __u32 new_bytes, __u64 at)
{
	meter->totals.received_bytes += new_bytes;
	meter->totals.segments_in += segments_of(new_bytes);
	meter->totals.last_at = at;
}

static __always_inline void meter_answer_if_it_is_one(struct meter *meter, __u32 new_bytes, __u64 at)
{
	if (new_bytes > SMALL_PACKET + (meter->tls12 ? TLS12_EXTRA : 0)) {
		meter_answer(meter, at);
	} else if (meter->totals.state == STATE_ASKED) {
		meter->small += new_bytes;
		if (meter->small > SMALL_PACKETS_TOGETHER)
			meter_answer(meter, at);
	}
}

#endif
