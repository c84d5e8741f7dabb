/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the meter is told about a TCP client's packet, under the flow's lock. */
#ifndef TOKTRA_ACCOUNT_H
#define TOKTRA_ACCOUNT_H

#include "flow.h"
#include "tls_meter.h"

/*
 * Accounts for one record that starts in a client packet (`record` 0: none), and, with the last of them, for the new
 * bytes of the packet. Global, so that the verifier checks it once and not at each turn of the loop.
 * Between the records of one packet the client counts as inside a record: a response that comes at that very moment
 * cannot be to what has not left yet.
 */
__noinline int account_sent(const struct flow_key *key, __u32 record, __u32 new_bytes, __u32 inside_record)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct totals_event event;
	struct flow_key local;
	struct flow *flow;
	int ended = 0;
	__u32 uid;

	if (!key)
		return 0;
	local = *key;
	flow = bpf_map_lookup_elem(&flows, &local);
	if (!flow)
		return 0;
	uid = flow->uid;
	bpf_spin_lock(&flow->lock);
	if (is_of(flow, &local))
		ended = meter_tls_sent(&flow->meter, record, new_bytes, inside_record, now, &event.totals);
	bpf_spin_unlock(&flow->lock);
	if (ended)
		hand_up_totals(&event, EVENT_EXCHANGE, uid, &local, now);
	return 1;
}

#endif
