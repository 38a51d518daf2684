/* SPDX-License-Identifier: MIT */
#include "net/wheel.h"
#include <stdlib.h>

/* About four minutes in one turn; what is due later is met on the way and put off. */
#define SLOTS 1024u

struct wheel {
	pthread_mutex_t lock;
	int64_t tick; /* the last one that was turned */
	struct wheel_entry *slots[SLOTS];
};

static int64_t tick_of(int64_t ms)
{
	return ms / WHEEL_TICK_MS;
}

struct wheel *wheel_new(int64_t now_ms)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	if (pthread_mutex_init(&w->lock, NULL) != 0) {
		free(w);
		return NULL;
	}
	w->tick = tick_of(now_ms);
	return w;
}

void wheel_free(struct wheel **wp)
{
	if (!*wp)
		return;
	pthread_mutex_destroy(&(*wp)->lock);
	free(*wp);
	*wp = NULL;
}

/* Never in the slot that is being turned: one tick ahead at least, one turn at most. */
static void put(struct wheel *w, struct wheel_entry *e)
{
	int64_t deadline = atomic_load_explicit(&e->deadline_ms, memory_order_relaxed);
	int64_t due = deadline == WHEEL_NEVER ? w->tick + SLOTS - 1 : tick_of(deadline) + 1;
	struct wheel_entry **head;

	if (due <= w->tick)
		due = w->tick + 1;
	if (due >= w->tick + SLOTS)
		due = w->tick + SLOTS - 1;
	head = &w->slots[(uint64_t)due % SLOTS];
	e->next = *head;
	if (e->next)
		e->next->link = &e->next;
	e->link = head;
	*head = e;
}

static void take(struct wheel_entry *e)
{
	*e->link = e->next;
	if (e->next)
		e->next->link = e->link;
	e->next = NULL;
	e->link = NULL;
}

void wheel_add(struct wheel *w, struct wheel_entry *e)
{
	pthread_mutex_lock(&w->lock);
	put(w, e);
	pthread_mutex_unlock(&w->lock);
}

void wheel_remove(struct wheel *w, struct wheel_entry *e)
{
	pthread_mutex_lock(&w->lock);
	if (e->link)
		take(e);
	pthread_mutex_unlock(&w->lock);
}

static bool is_due(const struct wheel_entry *e, int64_t now_ms)
{
	return atomic_load_explicit(&e->deadline_ms, memory_order_relaxed) <= now_ms;
}

void wheel_turn(struct wheel *w, int64_t now_ms, void (*expired)(struct wheel_entry *))
{
	struct wheel_entry *e, *next;

	pthread_mutex_lock(&w->lock);
	while (w->tick < tick_of(now_ms)) {
		w->tick++;
		for (e = w->slots[(uint64_t)w->tick % SLOTS]; e; e = next) {
			next = e->next;
			take(e);
			if (is_due(e, now_ms))
				expired(e);
			if (!is_due(e, now_ms))
				put(w, e);
		}
	}
	pthread_mutex_unlock(&w->lock);
}
