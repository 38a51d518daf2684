/* SPDX-License-Identifier: MIT */
#include "cache.h"
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "octets.h"

struct place {
	int64_t until_ms; /* 0: nothing here */
	unsigned char mac[32];
};

struct cache {
	pthread_mutex_t mutex;
	const unsigned char *key;
	size_t n;
	struct place places[];
};

struct cache *cache_new(size_t places, const unsigned char key[CACHE_KEY_OCTETS])
{
	struct cache *c = calloc(1, sizeof(*c) + places * sizeof(c->places[0]));

	if (!c)
		return NULL;
	(void)pthread_mutex_init(&c->mutex, NULL);
	c->key = key;
	c->n = places;
	return c;
}

void cache_free(struct cache **cp)
{
	struct cache *c = *cp;

	if (!c)
		return;
	(void)pthread_mutex_destroy(&c->mutex);
	for (size_t i = 0; i < c->n; i++) {
		/* What was never written is not even in memory. */
		if (c->places[i].until_ms)
			explicit_bzero(&c->places[i], sizeof(c->places[i]));
	}
	free(c);
	*cp = NULL;
}

/* The user is part of it: the same password does not show as the same twice. The library
 * frees its buffer as it is. To make it overwrite that with something else, it is given an
 * octet first: a whole block it would not copy there. */
static bool make_mac(
	const struct cache *c, uint32_t user, struct popart_str password, unsigned char mac[32])
{
	static const unsigned char nothing[64];
	gnutls_hmac_hd_t hmac;
	bool ok;

	if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, c->key, CACHE_KEY_OCTETS) < 0)
		return false;
	ok = gnutls_hmac(hmac, &user, sizeof(user)) >= 0 &&
		(password.len == 0 || gnutls_hmac(hmac, password.ptr, password.len) >= 0);
	gnutls_hmac_output(hmac, mac);
	(void)gnutls_hmac(hmac, nothing, 1);
	(void)gnutls_hmac(hmac, nothing, sizeof(nothing) - 1);
	gnutls_hmac_deinit(hmac, NULL);
	return ok;
}

void cache_note(struct cache *c, uint32_t user, struct popart_str password, int64_t until_ms)
{
	struct place place = { .until_ms = until_ms };

	if (!make_mac(c, user, password, place.mac))
		return;
	pthread_mutex_lock(&c->mutex);
	c->places[user] = place;
	pthread_mutex_unlock(&c->mutex);
}

bool cache_holds(struct cache *c, uint32_t user, struct popart_str password, int64_t now_ms)
{
	unsigned char mac[32];
	struct place place;

	pthread_mutex_lock(&c->mutex);
	if (c->places[user].until_ms && now_ms >= c->places[user].until_ms)
		explicit_bzero(&c->places[user], sizeof(c->places[user]));
	place = c->places[user];
	pthread_mutex_unlock(&c->mutex);
	return place.until_ms && make_mac(c, user, password, mac) &&
		octets_same_secret((struct popart_str){ (char *)mac, sizeof(mac) },
			(struct popart_str){ (char *)place.mac, sizeof(place.mac) });
}
