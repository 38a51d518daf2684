/* SPDX-License-Identifier: MIT */
#include "check/delivery.h"

#include <stdlib.h>
#include <string.h>

static void begin(struct delivery *d, struct mock_call *call, unsigned thread, const char *op)
{
	scene_enter(d->scene);
	mock_call_begin(call, d->scene->host, thread, 0);
	mock_call_named(call, op);
}

static int end(struct delivery *d, struct mock_call *call, const char *op, int status)
{
	tally_holds(d->scene->tally, status != POPART_R_PARTIAL, "abi.h: enum popart_status",
		"%s returned R_PARTIAL", op);
	return scene_returned(d->scene, call, op, status, d->why, sizeof(d->why));
}

int delivery_begin(struct delivery *d, struct scene *s, unsigned thread, const char *user,
	const struct popart_delivery *about)
{
	struct popart_delivery copy = { .size = sizeof(copy) };
	struct mock_call *call = scene_call(s, thread);
	struct guest guest;
	char *uid = NULL;

	memset(d, 0, sizeof(*d));
	d->scene = s;
	if (about)
		copy = *about;
	if (copy.uid.len) {
		uid = malloc(copy.uid.len);
		if (!uid)
			abort();
		memcpy(uid, copy.uid.ptr, copy.uid.len);
		copy.uid.ptr = uid;
	}
	guest_come(&guest, s, user);
	begin(d, call, thread, "deliver_begin");
	void *dlv = NULL;
	int status = s->ops->deliver_begin(
		mockhost_state(s->host), &call->pub, &guest.pub, &copy, &dlv);
	end(d, call, "deliver_begin", status);
	guest_go(&guest);
	if (uid)
		memset(uid, 0xdd, copy.uid.len);
	free(uid);
	if (status == POPART_OK &&
		tally_holds(s->tally, dlv != NULL,
			"storage.h: popart_storage_ops.deliver_begin",
			"deliver_begin returned POPART_OK and has not set *dlv"))
		d->dlv = dlv;
	return status;
}

int delivery_write(struct delivery *d, unsigned thread, const void *p, size_t n)
{
	char *copy = malloc(n ? n : 1);
	struct mock_call *call = scene_call(d->scene, thread);

	if (!copy)
		abort();
	if (n)
		memcpy(copy, p, n);
	begin(d, call, thread, "deliver_write");
	int status = d->scene->ops->deliver_write(d->dlv, &call->pub, copy, n);
	end(d, call, "deliver_write", status);
	memset(copy, 0xdd, n);
	free(copy);
	return status;
}

int delivery_finish(struct delivery *d, unsigned thread)
{
	struct mock_call *call = scene_call(d->scene, thread);

	begin(d, call, thread, "deliver_finish");
	int status = d->scene->ops->deliver_finish(d->dlv, &call->pub);
	end(d, call, "deliver_finish", status);
	d->dlv = NULL;
	return status;
}

void delivery_abandon(struct delivery *d, unsigned thread)
{
	struct mock_call *call = scene_call(d->scene, thread);

	begin(d, call, thread, "deliver_abandon");
	d->scene->ops->deliver_abandon(d->dlv, &call->pub);
	end(d, call, "deliver_abandon", POPART_OK);
	d->dlv = NULL;
}

int delivery_of(struct delivery *d, struct scene *s, unsigned thread, const char *user,
	struct popart_str text, const struct popart_delivery *about, size_t piece, bool finish)
{
	struct popart_delivery plain = { .size = sizeof(plain), .size_hint = text.len };
	int status = delivery_begin(d, s, thread, user, about ? about : &plain);
	size_t next = piece ? piece : 1;

	for (size_t at = 0; d->dlv && !status && at < text.len;) {
		size_t n = next < text.len - at ? next : text.len - at;

		status = delivery_write(d, thread, text.ptr + at, n);
		at += n;
		next += piece ? 0 : 2;
	}
	if (d->dlv && !status && finish)
		status = delivery_finish(d, thread);
	else if (d->dlv)
		delivery_abandon(d, thread);
	return status;
}

int delivery_make(struct scene *s, const char *user, struct popart_str text,
	const struct popart_delivery *about, size_t piece)
{
	struct delivery d;

	return delivery_of(&d, s, 0, user, text, about, piece, true);
}
