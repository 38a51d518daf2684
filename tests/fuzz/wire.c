/* SPDX-License-Identifier: MIT */
/* Stored octets to the wire, cut anywhere, against the model. The first three octets choose
 * how many lines TOP wants, and the sizes of the pieces of input and output. */
#include "pop3/wire.h"

#include <stdint.h>
#include <stdlib.h>

#include "support/wire_model.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void convert(
	struct wire *w, struct popart_str text, size_t piece, size_t cap, struct buf *got)
{
	char *out = malloc(cap), end[2];

	REQUIRE(out);
	while (text.len > 0 && !w->over) {
		size_t n = text.len < piece ? text.len : piece;
		struct popart_str in = view_of(text.ptr, n);

		text = view_of(text.ptr + n, text.len - n);
		while (in.len > 0 && !w->over) {
			size_t put = wire_convert(w, &in, out, cap);

			REQUIRE(put > 0 && put <= cap);
			buf_add(got, view_of(out, put));
		}
	}
	buf_add(got, view_of(end, wire_finish(w, end)));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t lines, sent;
	struct buf got, want;
	struct wire w;

	if (size < 3)
		return 0;
	lines = data[0] < 128 ? WIRE_ALL : data[0] - 128u;
	buf_init(&got, SIZE_MAX / 2);
	buf_init(&want, SIZE_MAX / 2);
	wire_init(&w, 0, lines);
	convert(&w, view_of(data + 3, size - 3), 1u + data[1], WIRE_OUT_MIN + data[2], &got);
	sent = wire_model(&want, view_of(data + 3, size - 3), lines);
	REQUIRE(!got.failed && !want.failed);
	REQUIRE(view_eq(buf_view(&got), buf_view(&want)));
	REQUIRE(w.sent == sent);
	buf_free(&got);
	buf_free(&want);
	return 0;
}
