/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

/* One message is no reason to open a directory; another one is. */
#define OPENED_BEFORE 1u
#define UNUSED_NS     INT64_C(1000000000)

void dirs_init(struct dirs *dirs)
{
	(void)pthread_mutex_init(&dirs->mutex, NULL);
}

void dirs_free(struct dirs *dirs)
{
	(void)pthread_mutex_destroy(&dirs->mutex);
}

/* NULL: it had none, or that is another's by now. */
static struct dirs_place *place_of(struct dirs *dirs, const struct drop *d)
{
	struct dirs_place *p = d->place ? &dirs->places[d->place - 1] : NULL;

	return p && p->owner == d ? p : NULL;
}

static struct dirs_place *find(struct dirs *dirs, struct drop *d, int64_t now)
{
	for (unsigned i = 0; i < DIRS_PLACES; i++) {
		struct dirs_place *p = &dirs->places[i];

		if (p->owner && (p->busy || now - p->used_ns < UNUSED_NS))
			continue;
		if (p->owner)
			(void)close(p->fd);
		p->fd = -1;
		p->owner = d;
		d->place = (uint8_t)(i + 1);
		return p;
	}
	return NULL;
}

int dirs_enter(struct dirs *dirs, struct drop *d)
{
	int64_t now = now_ns(CLOCK_MONOTONIC_COARSE);
	struct dirs_place *p;

	if (d->opened < OPENED_BEFORE) {
		d->opened++;
		return -1;
	}
	pthread_mutex_lock(&dirs->mutex);
	p = place_of(dirs, d);
	if (!p)
		p = find(dirs, d, now);
	if (p) {
		p->busy = true;
		p->used_ns = now;
	}
	pthread_mutex_unlock(&dirs->mutex);
	if (!p)
		return -1;
	if (p->fd < 0)
		p->fd = open(d->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->fd >= 0)
		return p->fd;
	dirs_forget(dirs, d);
	return -1;
}

void dirs_leave(struct dirs *dirs, struct drop *d)
{
	pthread_mutex_lock(&dirs->mutex);
	dirs->places[d->place - 1].busy = false;
	pthread_mutex_unlock(&dirs->mutex);
}

void dirs_forget(struct dirs *dirs, struct drop *d)
{
	struct dirs_place *p;
	int fd = -1;

	if (!d->place)
		return;
	pthread_mutex_lock(&dirs->mutex);
	p = place_of(dirs, d);
	if (p) {
		fd = p->fd;
		*p = (struct dirs_place){ .owner = NULL };
	}
	pthread_mutex_unlock(&dirs->mutex);
	d->place = 0;
	if (fd >= 0)
		(void)close(fd);
}
