/* SPDX-License-Identifier: MIT */
/* What a client sends before anybody knows it. Holds: each call takes all that it is given or
 * ends the handshake, and after the end nothing is said. */
#include "net/tls.h"

#include <stdint.h>
#include <stdlib.h>

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* For a.example and *.wild.example, and for an IDN; keys that are nobody's. */
static const char one[] = "-----BEGIN PRIVATE KEY-----\n"
			  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJtcyoipekLvBqgTC\n"
			  "c7U6v62tmiA/DQWtnNUb5bkl9V2hRANCAATWlocXWREePdKv0/ZAS0YdyxNwcx7O\n"
			  "wOmh3zyMAmS/ttS5M/p9Hmm8Wq6tzwjthlIA5QYn+eGIorJmV7wvuECs\n"
			  "-----END PRIVATE KEY-----\n"
			  "-----BEGIN CERTIFICATE-----\n"
			  "MIIBpjCCAUugAwIBAgIUQuzvOfbmODhAINql/pisFyMahVYwCgYIKoZIzj0EAwIw\n"
			  "FDESMBAGA1UEAwwJYS5leGFtcGxlMCAXDTI2MTEyNTIxNTYxOVoYDzIxMjYxMTAx\n"
			  "MjE1NjE5WjAUMRIwEAYDVQQDDAlhLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO\n"
			  "PQMBBwNCAATWlocXWREePdKv0/ZAS0YdyxNwcx7OwOmh3zyMAmS/ttS5M/p9Hmm8\n"
			  "Wq6tzwjthlIA5QYn+eGIorJmV7wvuECso3kwdzAdBgNVHQ4EFgQU1Tj2jnR1w015\n"
			  "1YtuD09Ssn04i6AwHwYDVR0jBBgwFoAU1Tj2jnR1w0151YtuD09Ssn04i6AwDwYD\n"
			  "VR0TAQH/BAUwAwEB/zAkBgNVHREEHTAbgglhLmV4YW1wbGWCDioud2lsZC5leGFt\n"
			  "cGxlMAoGCCqGSM49BAMCA0kAMEYCIQDAY4c7/HAKfgpnh3AGn3UeU8VjVIGRwKrX\n"
			  "lR7wDQl5pwIhAJ9JGczfOpdL/+UcyksTITbWOj0ovAoYnqyx80xOksvE\n"
			  "-----END CERTIFICATE-----\n";
static const char other[] = "-----BEGIN PRIVATE KEY-----\n"
			    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4+iCEAd92bCHatf1\n"
			    "FSYY574KX1+Q95N0Pf8xJqu0opyhRANCAATm/v7tHbud7J4B85Dvdbu2zzo0knsa\n"
			    "LpGdhfdziiMaRhjahA9ii14RsaP47gcg9AWOnIwpyDLPqEzUdRFtOaml\n"
			    "-----END PRIVATE KEY-----\n"
			    "-----BEGIN CERTIFICATE-----\n"
			    "MIIBkTCCATegAwIBAgIUFlTBdYHnYYMze1Emz0YuGyPdmm8wCgYIKoZIzj0EAwIw\n"
			    "DDEKMAgGA1UEAwwBYjAgFw0yNjExMjUyMTU2MTlaGA8yMTI2MTEwMTIxNTYxOVow\n"
			    "DDEKMAgGA1UEAwwBYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOb+/u0du53s\n"
			    "ngHzkO91u7bPOjSSexoukZ2F93OKIxpGGNqED2KLXhGxo/juByD0BY6cjCnIMs+o\n"
			    "TNR1EW05qaWjdTBzMB0GA1UdDgQWBBRsJzhtGcq1W9pj7or6wmmGt/SBnzAfBgNV\n"
			    "HSMEGDAWgBRsJzhtGcq1W9pj7or6wmmGt/SBnzAPBgNVHRMBAf8EBTADAQH/MCAG\n"
			    "A1UdEQQZMBeCFXhuLS1iY2hlci1rdmEuZXhhbXBsZTAKBggqhkjOPQQDAgNIADBF\n"
			    "AiEAoY7OgwdJhpc3zc0TVlRINlEn6r3nmEnj1R8vRj2dlpoCIETgqxFsdetjoqb8\n"
			    "/fkcx+yT74xLQUCFY8+Soegz578m\n"
			    "-----END CERTIFICATE-----\n";

static struct tls_context *make_context(void)
{
	static const char ticket_key[TLS_TICKET_KEY];
	struct tls_pair pairs[] = {
		{ .chain = view_str(one), .key = view_str(one), .name = "one" },
		{ .chain = view_str(other), .key = view_str(other), .name = "other" }
	};
	const struct tls_setup setup = { .pairs = pairs,
		.npairs = ARRAY_LEN(pairs),
		.ticket_key = view_of(ticket_key, sizeof(ticket_key)) };
	struct buf error;

	buf_init(&error, 1000);
	struct tls_context *c = tls_context_new(&setup, &error);
	REQUIRE(c != NULL);
	buf_free(&error);
	return c;
}

/* The first octet says into what pieces the others are cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size ? 1 + data[0] * (size_t)8 : 1;
	enum tls_result result = TLS_MORE;
	char out[TLS_RECORD_OUT];
	static struct tls_context *context;

	if (!context)
		context = make_context();
	struct tls *t = tls_new(context);
	REQUIRE(t != NULL);
	for (size_t at = 1; at < size && result == TLS_MORE; at += piece) {
		struct tls_io io = { .in = (const char *)data + at,
			.in_len = size - at < piece ? size - at : piece,
			.out = out,
			.out_cap = sizeof(out) };
		result = tls_handshake(t, &io);
		REQUIRE(result != TLS_MORE || io.in_len == 0);
		REQUIRE(result != TLS_DONE); /* nobody has our part of the keys */
		REQUIRE(io.out_len <= io.out_cap);
	}
	if (result == TLS_FAILED) {
		struct tls_io io = { .out = out, .out_cap = sizeof(out) };
		REQUIRE(tls_handshake(t, &io) == TLS_FAILED && io.out_len == 0);
		REQUIRE(tls_why(t)[0] != '\0');
	}
	tls_free(&t);
	return 0;
}
