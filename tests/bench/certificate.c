/* SPDX-License-Identifier: MIT */
#include "certificate.h"
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

static int fill_in(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	static const char host[] = "localhost";
	const time_t now = time(NULL);
	int rc = gnutls_x509_crt_set_version(crt, 3);

	if (rc == 0)
		rc = gnutls_x509_crt_set_serial(crt, "\1", 1);
	if (rc == 0)
		rc = gnutls_x509_crt_set_dn_by_oid(
			crt, GNUTLS_OID_X520_COMMON_NAME, 0, host, sizeof(host) - 1);
	if (rc == 0)
		rc = gnutls_x509_crt_set_subject_alt_name(
			crt, GNUTLS_SAN_DNSNAME, host, sizeof(host) - 1, GNUTLS_FSAN_SET);
	if (rc == 0)
		rc = gnutls_x509_crt_set_activation_time(crt, now - DAY);
	if (rc == 0)
		rc = gnutls_x509_crt_set_expiration_time(crt, now + 365 * (time_t)DAY);
	if (rc == 0)
		rc = gnutls_x509_crt_set_key(crt, key);
	return rc == 0 ? gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) : rc;
}

static int make(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, gnutls_datum_t pem[2])
{
	int rc = gnutls_x509_privkey_generate(
		key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);

	if (rc == 0)
		rc = fill_in(crt, key);
	if (rc == 0)
		rc = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem[0]);
	if (rc == 0)
		rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem[1]);
	return rc;
}

static bool save(const char *path, const gnutls_datum_t pem[2])
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0;

	for (int i = 0; i < 2 && good; i++)
		good = write(fd, pem[i].data, pem[i].size) == (ssize_t)pem[i].size;
	if (!good)
		perror(path);
	if (fd >= 0)
		close(fd);
	return good;
}

bool certificate_write(const char *path)
{
	gnutls_datum_t pem[2] = { { NULL, 0 }, { NULL, 0 } };
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	bool good = false;
	int rc = gnutls_x509_privkey_init(&key);

	if (rc == 0)
		rc = gnutls_x509_crt_init(&crt);
	if (rc == 0)
		rc = make(crt, key, pem);
	if (rc == 0)
		good = save(path, pem);
	else
		fprintf(stderr, "load: no certificate: %s\n", gnutls_strerror(rc));
	gnutls_free(pem[0].data);
	gnutls_free(pem[1].data);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return good;
}
