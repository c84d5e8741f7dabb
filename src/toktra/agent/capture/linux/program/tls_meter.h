/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Exchanges of TLS over TCP, from record headers and sizes: tls_meter.py under the rules at the head of meter.py. */
#ifndef TOKTRA_TLS_METER_H
#define TOKTRA_TLS_METER_H

#include "meter.h"

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
#define ALL_TICKETS 400u
#define CERTIFICATES_IN_TICKETS 3000u
#define TICKETS_AND_SETTINGS 300u
#define SERVER_PREFACE 150u
#define TICKETS_WITHIN (50 * MILLISECOND)
#define SURELY_AFTER_TICKETS 200u
#define SMALLEST_PREFACE_TLS12 57u

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

	if (!meter->exchanges) {
		int come = all_tickets_have_come(meter);

		if (meter->http2)
			meter->tickets = (come ? meter->heard : meter->tickets) + SERVER_PREFACE;
		else if (come)
			meter->tickets = 0;
	}
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

	if (meter->totals.state == STATE_ANSWERING && at > meter->totals.last_at + TICKETS_WITHIN)
		meter->only_updates = 0;
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

#endif
