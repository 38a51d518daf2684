# SPDX-License-Identifier: MIT
# Not a module: what modules that know passwords share, a part of each of them.
SECRETS_LIBS = modules/secrets/libsecrets.la
SECRETS_CFLAGS = $(AM_CFLAGS) $(LIBCRYPT_CFLAGS) $(LIBARGON2_CFLAGS)

if WITH_SECRETS
noinst_LTLIBRARIES += modules/secrets/libsecrets.la
modules_secrets_libsecrets_la_SOURCES = \
	modules/secrets/argon.c modules/secrets/argon.h \
	modules/secrets/cache.c modules/secrets/cache.h \
	modules/secrets/make.c modules/secrets/make.h \
	modules/secrets/crypt_cost.c modules/secrets/crypt_cost.h \
	modules/secrets/octets.c modules/secrets/octets.h \
	modules/secrets/secret.c modules/secrets/secret.h \
	modules/secrets/verify.c modules/secrets/verify.h
modules_secrets_libsecrets_la_CFLAGS = $(SECRETS_CFLAGS)
modules_secrets_libsecrets_la_LIBADD = $(LIBCRYPT_LIBS) $(LIBARGON2_LIBS) $(GNUTLS_LIBS)
endif
