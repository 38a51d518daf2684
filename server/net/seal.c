/* SPDX-License-Identifier: MIT */
#include "net/seal.h"
#include <endian.h>
#include <gnutls/crypto.h>

#define NONCE            12u
#define HEADER           5u
#define APPLICATION_DATA 0x17 /* ContentType (RFC 8446, 5.1) */
#define OWN_ROOM         512u /* more than GnuTLS needs to say that there are new keys */
/* Records with one key; with AES-GCM 2^24.5 are safe (RFC 8446, 5.5). GnuTLS has new keys when
 * it seals a certain one just before 2^24, which ours must not step over. */
#define KEY_LASTS ((UINT64_C(1) << 24) - 1024)

struct sealer {
	gnutls_aead_cipher_hd_t cipher;
	unsigned char iv[NONCE];
	uint64_t number; /* of the next record */
	size_t tag;
};

static uint64_t get64(const unsigned char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return be64toh(n);
}

static void put64(unsigned char *p, uint64_t n)
{
	n = htobe64(n);
	memcpy(p, &n, sizeof(n));
}

bool seal_can(gnutls_session_t session)
{
	return gnutls_protocol_get_version(session) == GNUTLS_TLS1_3 &&
		gnutls_cipher_get_iv_size(gnutls_cipher_get(session)) == NONCE;
}

/* n numbers are ours from here on, whatever becomes of them. */
static int take(struct sealer *s, gnutls_session_t session, size_t n)
{
	gnutls_datum_t iv, key;
	unsigned char number[8];
	int rc = gnutls_record_get_state(session, 0, NULL, &iv, &key, number);

	if (rc == 0 && get64(number) + n > KEY_LASTS) {
		rc = gnutls_session_key_update(session, 0);
		if (rc == 0)
			rc = gnutls_record_get_state(session, 0, NULL, &iv, &key, number);
	}
	if (rc < 0)
		return rc;
	if (iv.size != NONCE)
		return GNUTLS_E_INTERNAL_ERROR;
	memcpy(s->iv, iv.data, NONCE);
	s->number = get64(number);
	put64(number, s->number + n);
	rc = gnutls_record_set_state(session, 0, number);
	return rc < 0 ? rc
		      : gnutls_aead_cipher_init(&s->cipher, gnutls_cipher_get(session), &key);
}

/* The type stands behind the text, for which it has to lie there: text in two pieces takes
 * GnuTLS a tenth longer. */
static int seal(struct sealer *s, struct tls_io *io, char *ptr, size_t len)
{
	size_t sealed = len + 1 + s->tag, room = sealed;
	char *out = io->out + io->out_len, behind = ptr[len];
	const char header[HEADER] = { APPLICATION_DATA, 3, 3, (char)(sealed >> 8),
		(char)sealed };
	unsigned char nonce[NONCE] = { 0 };
	int rc;

	put64(nonce + NONCE - sizeof(s->number), s->number++);
	for (size_t i = 0; i < NONCE; i++)
		nonce[i] ^= s->iv[i];
	memcpy(out, header, HEADER);
	ptr[len] = APPLICATION_DATA;
	rc = gnutls_aead_cipher_encrypt(s->cipher, nonce, NONCE, header, HEADER, s->tag, ptr,
		len + 1, out + HEADER, &room);
	ptr[len] = behind;
	if (rc == 0)
		io->out_len += HEADER + sealed;
	return rc;
}

ssize_t seal_records(
	gnutls_session_t session, struct tls_io *io, size_t most, char *ptr, size_t len)
{
	struct sealer s = { .tag = gnutls_cipher_get_tag_size(gnutls_cipher_get(session)) };
	size_t room = io->out_cap - io->out_len, n = 0, done = 0;
	int rc;

	if (room > OWN_ROOM)
		n = (room - OWN_ROOM) / (HEADER + most + 1 + s.tag);
	if (n == 0)
		return 0;
	if (n > (len + most - 1) / most)
		n = (len + most - 1) / most;
	rc = take(&s, session, n);
	if (rc < 0)
		return rc;
	for (; n > 0 && rc == 0; n--) {
		size_t piece = len - done < most ? len - done : most;

		rc = seal(&s, io, ptr + done, piece);
		done += piece;
	}
	gnutls_aead_cipher_deinit(s.cipher);
	return rc < 0 ? rc : (ssize_t)done;
}
