/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What a TCP client sends: the header of every TLS record, five bytes each (RFC 8446 section 5.1), and the ClientHello
 * byte for byte, put together in the socket's own storage over any number of segments and records, handed up once
 * without record headers, then dropped. Nothing else of the stream is read.
 * Output of a TCP socket runs under its lock, so nothing here races.
 */
#ifndef TOKTRA_STREAM_H
#define TOKTRA_STREAM_H

#include "account.h"
#include "flow.h"
#include "packet.h"

#define RECORD_HEADER_BYTES 5
#define HANDSHAKE_HEADER_BYTES 4
#define MAX_RECORD_BYTES (16384 + 2048) /* TLS 1.2 ciphertext, RFC 5246 section 6.2.3 */
#define MAX_PRELUDE_BYTES 16384 /* a proxy's authentication tokens can be long */
#define MIN_HELLO_BYTES 44 /* version, random and the empty lists around them */
#define MAX_STEPS 2048 /* of one packet; one step takes a header, or a record up to COPY_BYTES of hello */

enum step {
	STEP_NOTHING = 0,
	STEP_NOT_TLS = -1,
	STEP_TOO_LONG = -2,
	STEP_UNREADABLE = -3,
	STEP_RING_FULL = -4,
};

/* How far the following of one packet has come. */
struct cursor {
	__u32 at; /* from the start of the IP header */
	__u32 left;
	__u32 record; /* the last record found, type << 16 | length; accounted for together with the packet */
};

struct staged_hello {
	__u32 handed_up;
	__u32 assembled; /* handshake bytes in event.bytes */
	__u32 length; /* of the whole ClientHello message; 0: not known yet */
	struct hello_event event;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct staged_hello);
} staged_hellos SEC(".maps");

static __always_inline int take_record_header(struct __sk_buff *skb, struct records *records, __u32 at, __u32 left)
{
	__u64 have = records->header_bytes, wanted;
	__u8 *header = records->header;

	if (have >= RECORD_HEADER_BYTES)
		return STEP_UNREADABLE;
	/* Whole in this packet, as nearly always; or byte by byte. */
	if (!have && left >= RECORD_HEADER_BYTES) {
		if (bpf_skb_load_bytes(skb, at, header, RECORD_HEADER_BYTES))
			return STEP_UNREADABLE;
		wanted = RECORD_HEADER_BYTES;
	} else {
		if (bpf_skb_load_bytes(skb, at, header + have, 1))
			return STEP_UNREADABLE;
		wanted = 1;
	}
	have += wanted;
	records->header_bytes = have;
	if (have == RECORD_HEADER_BYTES) {
		__u32 length = header[3] << 8 | header[4];

		if (header[0] < 20 || header[0] > 24 || header[1] != 3 || length > MAX_RECORD_BYTES)
			return STEP_NOT_TLS;
		records->found = (__u32)header[0] << 16 | length;
		records->type = header[0];
		records->left = length;
		records->header_bytes = 0;
	}
	return wanted;
}

static __always_inline int take_hello_bytes(struct __sk_buff *skb, struct records *records, struct staged_hello *hello,
					    __u32 at, __u32 left)
{
	__u64 place = hello->assembled, size = left, length = hello->length ?: HANDSHAKE_HEADER_BYTES;
	__u8 *bytes = hello->event.bytes;

	if (size > length - place) /* never a byte past the ClientHello */
		size = length - place;
	if (size > records->left)
		size = records->left;
	if (size > COPY_BYTES)
		size = COPY_BYTES;
	asm volatile("%0 &= 0x3fff" : "+r"(place)); /* the compiler drops a C mask; the verifier needs it */
	if (place > MAX_HELLO_BYTES || load_bytes(skb, at, bytes + place, size, COPY_BYTES))
		return STEP_UNREADABLE;
	hello->assembled += size;
	records->left -= size;
	if (bytes[0] != 1)
		return STEP_NOT_TLS;
	if (!hello->length && hello->assembled == HANDSHAKE_HEADER_BYTES) {
		hello->length = (bytes[1] << 16 | bytes[2] << 8 | bytes[3]) + HANDSHAKE_HEADER_BYTES;
		if (hello->length < MIN_HELLO_BYTES)
			return STEP_NOT_TLS;
		if (hello->length > MAX_HELLO_BYTES)
			return STEP_TOO_LONG;
	}
	/* The hello ends with its record: what could follow it would be sealed with other keys (RFC 8446 section 5.1). */
	if (hello->assembled == hello->length && records->left)
		return STEP_NOT_TLS;
	return size;
}

/*
 * Whether a client's packet belongs to what it says to a proxy before its hello (HTTP CONNECT, SOCKS 4 and 5). The
 * client waits for the proxy's answer, so the hello starts a packet of its own. `offset`: of the packet in the stream.
 */
static __always_inline int is_prelude(struct __sk_buff *skb, const struct cursor *cursor, __u32 offset)
{
	__u8 start[8];

	if (bpf_skb_load_bytes(skb, cursor->at, start, 1) || start[0] == 22)
		return 0;
	if (offset)
		return offset + cursor->left <= MAX_PRELUDE_BYTES;
	if (start[0] == 4 || start[0] == 5)
		return 1;
	return !bpf_skb_load_bytes(skb, cursor->at, start, sizeof(start)) && start[0] == 'C' && start[1] == 'O' &&
	       start[2] == 'N' && start[3] == 'N' && start[4] == 'E' && start[5] == 'C' && start[6] == 'T' &&
	       start[7] == ' ';
}

/* True when the whole hello went up the ring. */
static __always_inline int hand_up_hello(struct staged_hello *hello)
{
	__u64 length = hello->length;

	hello->handed_up = 1;
	asm volatile("%0 &= 0x3fff" : "+r"(length));
	return length <= MAX_HELLO_BYTES &&
	       !bpf_ringbuf_output(&ring, &hello->event, sizeof(struct event_header) + length, 0);
}

static __always_inline int take(struct __sk_buff *skb, struct records *records, struct staged_hello *hello, __u32 at,
				__u32 left)
{
	__u32 size;

	if (!records->left)
		return take_record_header(skb, records, at, left);
	if (hello && !hello->handed_up) {
		if (records->type != 22)
			return STEP_NOT_TLS;
		return take_hello_bytes(skb, records, hello, at, left);
	}
	size = records->left < left ? records->left : left;
	records->left -= size;
	return size;
}

/*
 * Follows the stream by one step; `hello` is NULL once there is none to put together. Positive: there is more to
 * follow. A global function, so that the verifier checks it once and not at each turn of the loop.
 */
__noinline int follow_step(struct __sk_buff *skb, const struct flow_key *key, struct records *records,
			   struct staged_hello *hello, struct cursor *cursor)
{
	int taken;

	if (!key || !records || !cursor || !cursor->left)
		return STEP_NOTHING;
	taken = take(skb, records, hello, cursor->at, cursor->left);
	if (taken <= 0)
		return taken;
	cursor->at += taken;
	cursor->left -= taken;
	if (records->found) {
		if (cursor->record)
			account_sent(key, cursor->record, 0, 1);
		cursor->record = records->found;
		records->found = 0;
	}
	if (hello && !hello->handed_up && hello->length && hello->assembled == hello->length && !hand_up_hello(hello))
		return STEP_RING_FULL;
	return cursor->left;
}

/* Whether the packet's first bytes can be the header of a record that carries something. */
static __always_inline int starts_like_record(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 header[RECORD_HEADER_BYTES];
	__u32 length;

	if (packet->payload < RECORD_HEADER_BYTES ||
	    bpf_skb_load_bytes(skb, packet->payload_at, header, RECORD_HEADER_BYTES))
		return 0;
	length = header[3] << 8 | header[4];
	return header[0] >= 20 && header[0] <= 23 && header[1] == 3 && header[2] <= 4 && length &&
	       length <= MAX_RECORD_BYTES;
}

#endif
