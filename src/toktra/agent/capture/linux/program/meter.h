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
#define REQUEST_RECORD 44u
#define FULL_RECORD 16384u
#define BODY_RECORD 2000u
#define FINISHED_PADDED 85u
#define SETTINGS 55u
#define SMALLEST_CERTIFICATE_VERIFY 86u
#define LARGEST_CERTIFICATE_VERIFY 560u
#define RECORD_OVERHEAD 22u
#define WINDOW_UPDATE 13u
#define MOST_UPDATES 700u
#define TICKETS 700u
#define ALL_TICKETS 400u
#define CERTIFICATES_IN_TICKETS 3000u
#define TICKETS_AND_SETTINGS 300u
#define SERVER_PREFACE 150u
#define TICKETS_WITHIN (50 * MILLISECOND)
#define SURELY_A_RESPONSE 1000u
#define SURELY_AFTER_TICKETS 200u
#define REQUEST_DATAGRAM 64u
#define FULL_DATAGRAM 1150u
#define FIRST_REQUEST_DATAGRAM 120u
#define LARGEST_PROBE 1500u
#define SMALLEST_PREFACE 50u
#define SMALLEST_PREFACE_TLS12 57u

/* How far the client's side of a TLS connection is. */
enum tls_phase { TLS_HANDSHAKE, TLS_CERTIFICATE, TLS_OPEN };
/* The first packet of a QUIC datagram. */
enum quic_form { QUIC_LONG, QUIC_EARLY, QUIC_SHORT };

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

/* One to three records that each hold one or two HTTP/2 window updates. */
static __always_inline int is_window_updates(const struct meter *meter, __u32 new_bytes)
{
	switch (new_bytes) {
	case 35: case 48: case 70: case 83: case 96: case 105:
		return meter->http2 && !meter->tls12;
	case 42: case 55: case 84: case 97: case 110: case 126:
		return meter->http2 && meter->tls12;
	default:
		return 0;
	}
}

/* So many records of any number of them. */
static __always_inline int holds_window_updates(const struct meter *meter, __u32 new_bytes, __u32 records)
{
	__u32 overhead = (RECORD_OVERHEAD + (meter->tls12 ? TLS12_EXTRA : 0)) * records;

	return new_bytes >= overhead + records * WINDOW_UPDATE && (new_bytes - overhead) % WINDOW_UPDATE == 0;
}

static __always_inline int may_be_updates(const struct meter *meter, __u32 new_bytes)
{
	return new_bytes <= MOST_UPDATES &&
	       (holds_window_updates(meter, new_bytes, 1) || holds_window_updates(meter, new_bytes, 2) ||
		holds_window_updates(meter, new_bytes, 3));
}

static __always_inline int is_preface(__u32 length, __u32 special)
{
	__u32 settings = length - special;

	return length >= special && settings <= SETTINGS && settings % 6 <= 1;
}

static __always_inline int is_long_enough(const struct meter *meter, __u32 length)
{
	if (meter->tls12)
		length -= TLS12_EXTRA;
	switch (length) {
	case 32: case 33: case 36: case 37: case 38: case 40: case 41: /* headers the server mostly knows */
		return meter->http2 && meter->totals.state > STATE_ASKED && !meter->padded;
	case 46: case 47: case 51: case 52:
		return 0;
	case 50: case 59:
		return !meter->padded;
	default:
		return (__s32)length >= (__s32)REQUEST_RECORD;
	}
}

static __always_inline int all_tickets_have_come(const struct meter *meter)
{
	if (meter->tls12)
		return meter->heard > 0;
	return meter->heard >= ALL_TICKETS && meter->tickets == TICKETS;
}

/* A type 23 record of TLS 1.3 before the client's handshake is known to be finished. */
static __always_inline int meter_encrypted(struct meter *meter, __u32 length, __u64 at)
{
	if (meter->phase == TLS_HANDSHAKE && !meter->heard)
		return is_long_enough(meter, length);
	if (length == 53 || length == 69 || length == FINISHED_PADDED) {
		meter->phase = TLS_OPEN;
		meter->heard = 0;
		meter->padded = length == FINISHED_PADDED;
	} else if (meter->phase == TLS_HANDSHAKE) {
		if (length != 21) {
			meter->phase = TLS_CERTIFICATE;
			meter->heard = 0;
			meter->tickets = TICKETS + CERTIFICATES_IN_TICKETS;
			meter->surely += CERTIFICATES_IN_TICKETS;
		}
	} else if (length >= SMALLEST_CERTIFICATE_VERIFY && length <= LARGEST_CERTIFICATE_VERIFY && !meter->maybe_at) {
		meter->maybe_at = at;
	} else {
		meter->phase = TLS_OPEN;
		return is_long_enough(meter, length);
	}
	return 0;
}

static __always_inline int meter_requests(struct meter *meter, __u32 kind, __u32 length, __u64 at)
{
	if (meter->phase == TLS_OPEN) {
		__u32 special = meter->special;

		if (kind != 23)
			return 0;
		meter->special = 0;
		if (special && meter->totals.state == STATE_IDLE && is_preface(length, special)) {
			meter->maybe_at = at;
			if (all_tickets_have_come(meter))
				meter->surely = meter->heard + SURELY_AFTER_TICKETS;
			return 0;
		}
		return is_long_enough(meter, length);
	}
	if (kind == 20)
		meter->saw_ccs = 1;
	if (kind == 22 && meter->saw_ccs && length < 112) {
		meter->phase = TLS_OPEN;
		meter->special = meter->http2 ? SMALLEST_PREFACE_TLS12 : 0;
		meter->heard = 0;
		meter->tls12 = 1;
	}
	return kind == 23 ? meter_encrypted(meter, length, at) : 0;
}

/* C2: whether what looks like a response is none, when a request record of this length comes. */
static __always_inline int meter_carries_on(struct meter *meter, __u32 length, __u64 at)
{
	int full = meter->last_length >= FULL_RECORD;
	__u32 early;

	if (!meter->exchanges && all_tickets_have_come(meter))
		meter->tickets = meter->http2 ? meter->heard + SERVER_PREFACE : 0;
	if (meter->totals.state != STATE_ANSWERING)
		return 0;
	if (meter->http2 && meter->only_updates && meter->longest >= BODY_RECORD && (full || length >= BODY_RECORD))
		return 1;
	if (meter->exchanges != 1)
		return 0;
	if (!full &&
	    (meter->longest >= FULL_RECORD || length == meter->first_length || length == meter->last_length))
		return 0;
	early = meter->tickets;
	if (full && early)
		early += TICKETS_AND_SETTINGS;
	return meter->heard <= early && at <= meter->request_at + TICKETS_WITHIN;
}

/* A record that starts in the present client packet. True when `told` holds an exchange that it ended. */
static __always_inline int meter_tls_record(struct meter *meter, __u32 kind, __u32 length, __u64 at, struct totals *told)
{
	int ended, carries_on;

	if (!meter_requests(meter, kind, length, at))
		return 0;
	carries_on = meter_carries_on(meter, length, at);
	if (meter->totals.state != STATE_ASKED && !carries_on)
		meter->first_length = meter->longest = length;
	ended = meter_ask(meter, at, carries_on, told);
	meter->last_length = length;
	if (meter->longest < length)
		meter->longest = length;
	meter->only_updates = 1;
	meter->request_at = at;
	meter->small = 0;
	return ended;
}

/* One record of a client packet (0: none), and with the last of them the packet's new bytes. */
static __always_inline int meter_tls_sent(struct meter *meter, __u32 record, __u32 new_bytes, int inside_record, __u64 at,
					  struct totals *told)
{
	int ended = meter_quiet(meter, at, told);

	if (record)
		ended |= meter_tls_record(meter, record >> 16, record & 0xffff, at, told);
	meter->inside_record = inside_record;
	if (new_bytes)
		meter_count_sent(meter, new_bytes, at);
	return ended;
}

static __always_inline int meter_tls_received(struct meter *meter, __u32 new_bytes, __u64 at, struct totals *told)
{
	int ended = meter_quiet(meter, at, told);

	if (meter->phase == TLS_HANDSHAKE) {
		meter->heard = 1;
	} else {
		meter->heard += new_bytes;
		if (meter->only_updates && new_bytes > SMALL_PACKET + (meter->tls12 ? TLS12_EXTRA : 0) &&
		    !may_be_updates(meter, new_bytes))
			meter->only_updates = 0;
		if (meter->totals.state == STATE_IDLE && meter->maybe_at && meter->heard > meter->surely)
			meter_ask(meter, meter->maybe_at, 0, told);
		if (meter->totals.state != STATE_ANSWERING && !meter->inside_record &&
		    !(meter->totals.state == STATE_ASKED && is_window_updates(meter, new_bytes)))
			meter_answer_if_it_is_one(meter, new_bytes, at);
	}
	meter_count_received(meter, new_bytes, at);
	return ended;
}

static __always_inline int meter_quic_sent(struct meter *meter, __u32 new_bytes, __u64 at, enum quic_form form,
					   struct totals *told)
{
	int ended = meter_quiet(meter, at, told);
	int probe = meter->largest < new_bytes && new_bytes <= LARGEST_PROBE;

	if (meter->largest < new_bytes)
		meter->largest = new_bytes;
	if (form == QUIC_LONG) {
		if (meter->heard)
			meter->maybe_at = at;
	} else if (new_bytes > REQUEST_DATAGRAM && !(probe && form == QUIC_SHORT)) {
		if (meter->totals.state == STATE_IDLE && new_bytes <= FIRST_REQUEST_DATAGRAM) {
			meter->maybe_at = at;
		} else {
			ended |= meter_ask(meter, at, meter->full && meter->heard <= TICKETS, told);
			meter->full = new_bytes >= FULL_DATAGRAM;
			meter->heard = 0;
			meter->small = 0;
		}
	}
	meter_count_sent(meter, new_bytes, at);
	return ended;
}

static __always_inline int meter_quic_received(struct meter *meter, __u32 new_bytes, __u64 at, enum quic_form form,
					       struct totals *told)
{
	int ended = meter_quiet(meter, at, told);

	meter->heard += new_bytes;
	if (form == QUIC_SHORT) {
		meter->heard_short += new_bytes;
		if (meter->totals.state == STATE_IDLE && meter->maybe_at && meter->heard_short > SURELY_A_RESPONSE)
			meter_ask(meter, meter->maybe_at, 0, told);
		meter_answer_if_it_is_one(meter, new_bytes, at);
	}
	meter_count_received(meter, new_bytes, at);
	return ended;
}

#endif
