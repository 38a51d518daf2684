/* SPDX-License-Identifier: MIT */
#include "net/digest.h"
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <strings.h>

bool digest_apop_matches(
	struct popart_str stamp, struct popart_str secret, struct popart_str hex)
{
	static const char digits[] = "0123456789abcdef";
	gnutls_hash_hd_t md5;
	uint8_t sum[16];
	char want[32], got[32];
	bool hashed;

	if (hex.len != sizeof(want))
		return false;
	/* MD5 is here for the protocol's sake, not for strength: FIPS mode must not bar it. */
	if (gnutls_hash_init(&md5, GNUTLS_DIG_MD5) != GNUTLS_E_SUCCESS)
		return false;
	hashed = gnutls_hash(md5, stamp.ptr, stamp.len) == GNUTLS_E_SUCCESS &&
		gnutls_hash(md5, secret.ptr, secret.len) == GNUTLS_E_SUCCESS;
	gnutls_hash_deinit(md5, sum);
	if (!hashed)
		return false;
	for (size_t i = 0; i < sizeof(sum); i++) {
		want[2 * i] = digits[sum[i] >> 4];
		want[2 * i + 1] = digits[sum[i] & 15];
	}
	for (size_t i = 0; i < sizeof(got); i++) {
		char c = hex.ptr[i];
		got[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
	}
	return view_eq_secret(view_of(want, sizeof(want)), view_of(got, sizeof(got)));
}

struct digest {
	gnutls_hash_hd_t handle;
	bool failed;
};

struct digest *digest_sha256(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (d && gnutls_hash_init(&d->handle, GNUTLS_DIG_SHA256) == GNUTLS_E_SUCCESS)
		return d;
	free(d);
	return NULL;
}

void digest_add(struct digest *d, struct popart_str octets)
{
	if (octets.len && gnutls_hash(d->handle, octets.ptr, octets.len) != GNUTLS_E_SUCCESS)
		d->failed = true;
}

bool digest_end(struct digest **dp, uint8_t sum[DIGEST_SHA256])
{
	struct digest *d = *dp;
	bool ok;

	if (!d)
		return false;
	ok = !d->failed;
	gnutls_hash_deinit(d->handle, sum);
	free(d);
	*dp = NULL;
	return ok;
}
