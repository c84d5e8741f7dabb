// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Watches TLS and QUIC connections to the watched ports from the root cgroup: every process, container and network
 * namespace of the machine. It hands up ClientHellos and totals of bytes, and keeps nothing else.
 *
 * Every program returns PERMIT, always: nothing here can block, delay or change a packet.
 * Kernel 5.14 or newer; no BTF of the kernel, no CO-RE.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "packet.h"
#include "quic.h"
#include "shared.h"
#include "tcp.h"

#define PERMIT 1

SEC("cgroup_skb/egress")
int toktra_egress(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (!parse(skb, &packet, EGRESS))
		return PERMIT;
	if (packet.transport == IPPROTO_TCP)
		observe_tcp_egress(skb, &packet);
	else
		observe_quic(skb, &packet, EGRESS);
	return PERMIT;
}

SEC("cgroup_skb/ingress")
int toktra_ingress(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (!parse(skb, &packet, INGRESS))
		return PERMIT;
	if (packet.transport == IPPROTO_TCP)
		observe_tcp_ingress(skb, &packet);
	else
		observe_quic(skb, &packet, INGRESS);
	return PERMIT;
}

SEC("sockops")
int toktra_sockops(struct bpf_sock_ops *ops)
{
	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
		if (watched(bpf_ntohl(ops->remote_port))) /* others may have asked for callbacks too: add, never set */
			bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	} else if (ops->op == BPF_SOCK_OPS_STATE_CB && ops->args[1] == BPF_TCP_CLOSE) {
		observe_tcp_close(ops);
	}
	return PERMIT;
}

/* The account whose process connects, in the initial user namespace, whatever namespace or child uses the socket. */
static __always_inline int note_owner(struct bpf_sock_addr *address)
{
	struct owner *owner;

	if (!watched(bpf_ntohs(address->user_port)) || !address->sk)
		return PERMIT;
	owner = bpf_sk_storage_get(&owners, address->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner)
		owner->uid = bpf_get_current_uid_gid();
	return PERMIT;
}

SEC("cgroup/connect4")
int toktra_connect4(struct bpf_sock_addr *address)
{
	return note_owner(address);
}

SEC("cgroup/connect6")
int toktra_connect6(struct bpf_sock_addr *address)
{
	return note_owner(address);
}

SEC("cgroup/sendmsg4")
int toktra_sendmsg4(struct bpf_sock_addr *address)
{
	return note_owner(address);
}

SEC("cgroup/sendmsg6")
int toktra_sendmsg6(struct bpf_sock_addr *address)
{
	return note_owner(address);
}

/* UDP has no close on the wire; the socket's end is the flow's. */
SEC("cgroup/sock_release")
int toktra_release(struct bpf_sock *socket)
{
	struct event_header event = { .kind = EVENT_SOCKET_GONE, .uid = UID_UNKNOWN };
	struct owner *owner;

	if (socket->protocol != IPPROTO_UDP)
		return PERMIT;
	owner = bpf_sk_storage_get(&owners, socket, 0, 0);
	if (!owner || !owner->begun)
		return PERMIT;
	event.flow.cookie = bpf_get_socket_cookie(socket);
	event.flow.transport = IPPROTO_UDP;
	event.at = bpf_ktime_get_boot_ns();
	if (bpf_ringbuf_output(&ring, &event, sizeof(event), 0))
		count(TALLY_MISSED_EXCHANGE_RING_FULL);
	return PERMIT;
}

/* Stand in for the programs above during Privacy Hours: they look at nothing. */
#define RESTING(name, section, context) \
	SEC(section) int name(context *unused) { return PERMIT; }

RESTING(rest_egress, "cgroup_skb/egress", struct __sk_buff)
RESTING(rest_ingress, "cgroup_skb/ingress", struct __sk_buff)
RESTING(rest_sockops, "sockops", struct bpf_sock_ops)
RESTING(rest_connect4, "cgroup/connect4", struct bpf_sock_addr)
RESTING(rest_connect6, "cgroup/connect6", struct bpf_sock_addr)
RESTING(rest_sendmsg4, "cgroup/sendmsg4", struct bpf_sock_addr)
RESTING(rest_sendmsg6, "cgroup/sendmsg6", struct bpf_sock_addr)
RESTING(rest_release, "cgroup/sock_release", struct bpf_sock)

char LICENSE[] SEC("license") = "GPL";
