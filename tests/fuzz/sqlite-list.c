/* SPDX-License-Identifier: MIT */
/* Any octets as messages of a list that is kept in a database of the sqlite store. */
#include "entry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What has been read comes back when it is written. */
static void write_again(const struct popart_msg *m, uint64_t before)
{
	char out[ENTRY_OCTETS_MAX];
	struct popart_str in = { out, entry_put(out, m, before) };
	struct popart_msg again;

	if (in.len > sizeof(out) || !entry_get(&in, before, &again) || in.len)
		abort();
	if (again.ref != m->ref || again.wire_size != m->wire_size ||
		again.received_s != m->received_s || again.flags != m->flags ||
		again.uid.len != m->uid.len ||
		memcmp(again.uid.ptr, m->uid.ptr, m->uid.len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = memcpy(malloc(size + 1), data, size);
	struct popart_str in = { copy, size };
	struct popart_msg m;
	uint64_t before = 0;

	for (; entry_get(&in, before, &m); before = m.ref) {
		if (m.ref <= before || m.ref > INT64_MAX || m.wire_size > INT64_MAX)
			abort();
		if (m.uid.len < 1 || m.uid.len > 70 || m.uid.ptr + m.uid.len != in.ptr ||
			in.ptr + in.len != copy + size)
			abort();
		write_again(&m, before);
	}
	free(copy);
	return 0;
}
