/* SPDX-License-Identifier: MIT */
#ifndef CHECK_DELIVERY_H
#define CHECK_DELIVERY_H
/* A message that is put in by the module itself. */
#include "check/scene.h"

struct delivery {
	struct scene *scene;
	void *dlv; /* NULL: it has ended */
	char why[1100];
};

/* about: NULL: nothing is known of it but its size. */
int delivery_begin(struct delivery *, struct scene *, unsigned thread, const char *user,
	const struct popart_delivery *about);
int delivery_write(struct delivery *, unsigned thread, const void *, size_t);
int delivery_finish(struct delivery *, unsigned thread);
void delivery_abandon(struct delivery *, unsigned thread);

/* Whole, in pieces of that many octets (0: of 1, 3, 5 ... octets), on thread 0. */
int delivery_make(struct scene *, const char *user, struct popart_str text,
	const struct popart_delivery *about, size_t piece);
/* The same on any thread; ends with abandon if finish is false. */
int delivery_of(struct delivery *, struct scene *, unsigned thread, const char *user,
	struct popart_str text, const struct popart_delivery *about, size_t piece, bool finish);

#endif
