/* SPDX-License-Identifier: MIT */
#include "admin/operate.h"
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"

struct operate {
	int chan;
	void (*woken)(void *who);
	uint64_t last;
	struct asked *first;
	unsigned n;
};

struct operate *operate_new(int chan, void (*woken)(void *who))
{
	struct operate *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->chan = chan;
	o->woken = woken;
	/* An answer to one that died before is not taken for ours. */
	o->last = (uint64_t)clock_us();
	return o;
}

void operate_free(struct operate **p)
{
	struct operate *o = *p;

	while (o && o->first) {
		struct asked *a = o->first;
		operate_let_go(o, &a);
	}
	free(o);
	*p = NULL;
}

struct asked *operate_ask(
	struct operate *o, struct chan_msg *msg, int64_t now_ms, int64_t patience_ms, void *who)
{
	struct asked *a = NULL;

	errno = EBUSY;
	if (o->n < OPERATE_MAX)
		a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	msg->layout = CHAN_LAYOUT;
	msg->request = ++o->last;
	if (chan_send(o->chan, msg, NULL, 0) != 0) {
		free(a);
		return NULL;
	}
	a->request = msg->request;
	a->until_ms = now_ms + patience_ms;
	a->who = who;
	a->next = o->first;
	o->first = a;
	o->n++;
	return a;
}

static void finish(const struct operate *o, struct asked *a, int status)
{
	a->done = true;
	a->status = status;
	o->woken(a->who);
}

void operate_heard(struct operate *o, const struct chan_msg *msg)
{
	for (struct asked *a = o->first; a; a = a->next) {
		if (a->request != msg->request || a->done)
			continue;
		a->generation = msg->generation;
		if (msg->text_len > 0)
			a->text = strndup(msg->text, msg->text_len);
		finish(o, a, (int)msg->value);
		return;
	}
}

void operate_expire(struct operate *o, int64_t now_ms)
{
	for (struct asked *a = o->first; a; a = a->next) {
		if (!a->done && now_ms >= a->until_ms)
			finish(o, a, 503);
	}
}

void operate_let_go(struct operate *o, struct asked **p)
{
	struct asked *a = *p;
	struct asked **link = &o->first;

	*p = NULL;
	if (!a)
		return;
	while (*link && *link != a)
		link = &(*link)->next;
	if (*link) {
		*link = a->next;
		o->n--;
	}
	free(a->text);
	free(a);
}
