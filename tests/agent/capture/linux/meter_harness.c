// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The kernel's meter outside the kernel, so that it can be held against meter.py packet by packet. */
#define __always_inline inline
#include "quic_meter.h"
#include "tls_meter.h"

void start(struct meter *meter)
{
	meter_start(meter);
}

void without_http2(struct meter *meter)
{
	meter_without_http2(meter);
}

unsigned long size(void)
{
	return sizeof(struct meter);
}

int tls_sent(struct meter *meter, unsigned record, unsigned bytes, int inside, unsigned long at, struct totals *told)
{
	return meter_tls_sent(meter, record, bytes, inside, at, told);
}

int tls_received(struct meter *meter, unsigned bytes, unsigned long at, struct totals *told)
{
	return meter_tls_received(meter, bytes, at, told);
}

int quic_sent(struct meter *meter, unsigned bytes, unsigned long at, int form, struct totals *told)
{
	return meter_quic_sent(meter, bytes, at, form, told);
}

int quic_received(struct meter *meter, unsigned bytes, unsigned long at, int form, struct totals *told)
{
	return meter_quic_received(meter, bytes, at, form, told);
}
