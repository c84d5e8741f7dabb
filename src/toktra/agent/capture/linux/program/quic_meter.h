/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Exchanges of one QUIC flow, from the sizes and forms of datagrams: quic_meter.py under the rules at the head of meter.py. */
#ifndef TOKTRA_QUIC_METER_H
#define TOKTRA_QUIC_METER_H

#include "meter.h"

#define REQUEST_DATAGRAM 64u
#define FULL_DATAGRAM 1150u
#define FIRST_REQUEST_DATAGRAM 120u

/* The first packet of a QUIC datagram. */
enum quic_form { QUIC_LONG, QUIC_EARLY, QUIC_SHORT };

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
