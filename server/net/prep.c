/* SPDX-License-Identifier: MIT */
#include "net/prep.h"
#include <gnutls/gnutls.h>

/* Nearly every credential is printable ASCII, which the profile leaves as it is. */
static bool is_plain(struct popart_str v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.ptr[i] < 0x20 || v.ptr[i] > 0x7e)
			return false;
	return true;
}

bool prep_credential(struct popart_str raw, struct buf *out)
{
	gnutls_datum_t ready = { .data = NULL, .size = 0 };

	buf_reset(out);
	if (is_plain(raw)) {
		buf_add(out, raw);
		return !out->failed && out->len > 0;
	}
	if (raw.len > UINT16_MAX || view_has(raw, '\0') || !view_is_utf8(raw))
		return false;
	if (gnutls_utf8_password_normalize((const unsigned char *)raw.ptr, (unsigned)raw.len,
		    &ready, 0) != GNUTLS_E_SUCCESS)
		return false;
	buf_add(out, view_of(ready.data, ready.size));
	gnutls_memset(ready.data, 0, ready.size);
	gnutls_free(ready.data);
	return !out->failed && out->len > 0;
}
