/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Whether a ClientHello offers HTTP/2: all that the kernel itself reads of a hello, because what the sizes of a
 * connection mean depends on it, from its first records on. RFC 8446 section 4.1.2, RFC 7301 section 3.1.
 */
#ifndef TOKTRA_HELLO_H
#define TOKTRA_HELLO_H

#include "stream.h"

#define SESSION_ID_AT 38 /* handshake header 4, version 2, random 32 */
#define APPLICATION_PROTOCOLS 16
#define MAX_EXTENSIONS 64
#define MAX_PROTOCOLS 8

/* A byte of the message; 0 behind its end. */
static __always_inline __u32 byte_of(const struct staged_hello *hello, __u64 place)
{
	asm volatile("%0 &= 0x3fff" : "+r"(place)); /* the compiler drops a C mask; the verifier needs it */
	return place < MAX_HELLO_BYTES ? hello->event.bytes[place] : 0;
}

static __always_inline __u32 number_of(const struct staged_hello *hello, __u64 place)
{
	return byte_of(hello, place) << 8 | byte_of(hello, place + 1);
}

/* Global, as the one below, so that the verifier checks each loop by itself. */
__noinline int lists_http2(struct staged_hello *hello, __u32 place, __u32 end)
{
	if (!hello)
		return 0;
	for (int i = 0; i < MAX_PROTOCOLS; i++) {
		__u32 size = byte_of(hello, place);

		if (place + 1 + size > end)
			return 0;
		if (size == 2 && byte_of(hello, place + 1) == 'h' && byte_of(hello, place + 2) == '2')
			return 1;
		place += 1 + size;
	}
	return 0;
}

__noinline int offers_http2(struct staged_hello *hello)
{
	__u32 place = SESSION_ID_AT;

	if (!hello)
		return 0;
	place += 1 + byte_of(hello, place); /* session id */
	place += 2 + number_of(hello, place); /* cipher suites */
	place += 1 + byte_of(hello, place); /* compression methods */
	place += 2; /* extensions */
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		__u32 size = number_of(hello, place + 2);

		if (place + 4 + size > hello->length)
			return 0;
		if (number_of(hello, place) == APPLICATION_PROTOCOLS)
			return lists_http2(hello, place + 6, place + 4 + size);
		place += 4 + size;
	}
	return 0;
}

#endif
