/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Where a packet's payload lies and which flow it belongs to. Reads IP, TCP and UDP headers, nothing behind them. */
#ifndef TOKTRA_PACKET_H
#define TOKTRA_PACKET_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define MAX_EXTENSION_HEADERS 3

enum direction { EGRESS, INGRESS };

struct packet {
	__u32 payload_at; /* from the start of the IP header */
	__u32 payload; /* bytes; above 64 KiB on links with big TCP */
	__u32 sequence;
	__u32 acknowledged;
	__u32 peer[4];
	__u16 peer_port;
	__u8 transport;
	__u8 flags;
};

/*
 * Copies 1 to `most` bytes of a packet; any other size fails, as a short packet does. What is compared is the size less
 * one, and the compiler is kept from seeing so: before Linux 6.8 the verifier learns nothing from "not zero".
 */
static __always_inline long load_bytes(struct __sk_buff *skb, __u32 at, void *to, __u64 size, __u64 most)
{
	size -= 1;
	asm volatile("" : "+r"(size));
	return size < most ? bpf_skb_load_bytes(skb, at, to, size + 1) : -1;
}

/* One bit per port, so that any number of ports costs one array access. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 64);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

static __always_inline int watched(__u16 port)
{
	__u32 word = port / 64;
	__u64 *bits = bpf_map_lookup_elem(&ports, &word);

	return bits && (*bits >> (port % 64)) & 1;
}

/* Offset of the transport header, 0 when there is none to read. */
static __always_inline __u32 parse_network(void *data, void *end, struct packet *packet, enum direction direction)
{
	__u8 *ip = data;
	__u32 offset = 40;
	__u8 next;

	if (data + 20 > end)
		return 0;
	if (ip[0] >> 4 == 4) {
		if (*(__u16 *)(ip + 6) & bpf_htons(0x1fff)) /* a later fragment carries no ports */
			return 0;
		packet->transport = ip[9];
		packet->peer[0] = *(__u32 *)(ip + (direction == EGRESS ? 16 : 12));
		offset = (ip[0] & 15) * 4;
		return offset < 20 ? 0 : offset;
	}
	if (ip[0] >> 4 != 6 || data + 40 > end)
		return 0;
	__builtin_memcpy(packet->peer, ip + (direction == EGRESS ? 24 : 8), 16);
	next = ip[6];
#pragma unroll
	for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) { /* big TCP and routing put headers in between */
		__u8 *extension = data + offset;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			break;
		if ((void *)(extension + 2) > end)
			return 0;
		next = extension[0];
		offset += (extension[1] + 1) * 8;
	}
	packet->transport = next;
	return offset;
}

/* True when the packet is TCP or UDP to (egress) or from (ingress) a watched port. */
static __always_inline int parse(struct __sk_buff *skb, struct packet *packet, enum direction direction)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 offset = parse_network(data, end, packet, direction);
	__u8 *transport = data + offset;

	if (!offset || (void *)(transport + 8) > end)
		return 0;
	if (packet->transport != IPPROTO_TCP && packet->transport != IPPROTO_UDP)
		return 0;
	packet->peer_port = bpf_ntohs(*(__u16 *)(transport + (direction == EGRESS ? 2 : 0)));
	if (!watched(packet->peer_port))
		return 0;
	if (packet->transport == IPPROTO_TCP) {
		if ((void *)(transport + 20) > end)
			return 0;
		packet->sequence = bpf_ntohl(*(__u32 *)(transport + 4));
		packet->acknowledged = bpf_ntohl(*(__u32 *)(transport + 8));
		packet->flags = transport[13];
		packet->payload_at = offset + (transport[12] >> 4) * 4;
	} else {
		packet->payload_at = offset + 8;
	}
	if (skb->len < packet->payload_at)
		return 0;
	packet->payload = skb->len - packet->payload_at;
	return 1;
}

#endif
