/* SPDX-License-Identifier: MIT */
#include "worker/spare.h"
#include <time.h>
#include "base/clock.h"

#define ENOUGH   2 /* one may be about to leave, and the next event has somebody */
#define LOOK_MS  2 /* between two looks */
#define LOOKS    2 /* that found somebody waiting, before the next one has to be asked for */
#define FREE_US  100000 /* since the last turn of a download */
#define NS_IN_MS 1000000
#define NS_IN_S  1000000000

void spare_init(struct spare *s)
{
	pthread_condattr_t attr;

	*s = (struct spare){ .over = false };
	(void)pthread_mutex_init(&s->mutex, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->looks, &attr);
	(void)pthread_cond_init(&s->sleeps, NULL);
	(void)pthread_condattr_destroy(&attr);
}

void spare_destroy(struct spare *s)
{
	pthread_cond_destroy(&s->looks);
	pthread_cond_destroy(&s->sleeps);
	pthread_mutex_destroy(&s->mutex);
}

static void pause_until_look(struct spare *s)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_MS * NS_IN_MS;
	if (until.tv_nsec >= NS_IN_S) {
		until.tv_nsec -= NS_IN_S;
		until.tv_sec++;
	}
	(void)pthread_cond_timedwait(&s->looks, &s->mutex, &until);
}

static bool nobody_waits(struct spare *s)
{
	return atomic_load(&s->waiting) == 0;
}

static bool is_free(struct spare *s)
{
	return s->over || clock_us() < atomic_load(&s->free_us);
}

/* The last one to leave sees that it is calm, or we see that it has left. */
static void rest(struct spare *s)
{
	atomic_store(&s->calm, true);
	while (atomic_load(&s->calm) && !nobody_waits(s) && !is_free(s))
		(void)pthread_cond_wait(&s->looks, &s->mutex);
	atomic_store(&s->calm, false);
}

/* Until nobody waits, and nobody has come back since the look before. */
static void look(struct spare *s)
{
	uint32_t before = atomic_load(&s->turns), now;
	unsigned calm = 0;
	bool nobody;

	while (!is_free(s)) {
		if (calm == LOOKS) {
			rest(s);
			calm = 0;
		}
		pause_until_look(s);
		now = atomic_load(&s->turns);
		nobody = nobody_waits(s);
		if (nobody && now == before)
			return;
		calm = nobody ? 0 : calm + 1;
		before = now;
	}
}

static void hold(struct spare *s)
{
	pthread_mutex_lock(&s->mutex);
	while (s->looking && !is_free(s))
		(void)pthread_cond_wait(&s->sleeps, &s->mutex);
	s->looking = true;
	look(s);
	s->looking = false;
	atomic_fetch_add(&s->waiting, 1);
	(void)pthread_cond_signal(&s->sleeps);
	pthread_mutex_unlock(&s->mutex);
}

static bool may_wait(struct spare *s)
{
	uint32_t n = atomic_load(&s->waiting);

	do {
		if (n >= ENOUGH && !is_free(s))
			return false;
	} while (!atomic_compare_exchange_weak(&s->waiting, &n, n + 1));
	return true;
}

void spare_enter(struct spare *s)
{
	atomic_fetch_add(&s->turns, 1);
	if (!may_wait(s))
		hold(s);
}

bool spare_waits(struct spare *s, uint32_t *turns)
{
	*turns = atomic_load(&s->turns);
	return !nobody_waits(s);
}

bool spare_is_over(struct spare *s)
{
	return atomic_load(&s->over);
}

bool spare_may_linger(struct spare *s)
{
	return !is_free(s);
}

void spare_leave(struct spare *s)
{
	if (atomic_fetch_sub(&s->waiting, 1) != 1 || !atomic_load(&s->calm))
		return;
	pthread_mutex_lock(&s->mutex);
	atomic_store(&s->calm, false);
	(void)pthread_cond_signal(&s->looks);
	pthread_mutex_unlock(&s->mutex);
}

static void let_go(struct spare *s)
{
	pthread_mutex_lock(&s->mutex);
	(void)pthread_cond_signal(&s->looks);
	(void)pthread_cond_broadcast(&s->sleeps);
	pthread_mutex_unlock(&s->mutex);
}

void spare_let_all(struct spare *s)
{
	int64_t now = clock_us(), until = atomic_load(&s->free_us);

	if (until - now > FREE_US / 2)
		return;
	atomic_store(&s->free_us, now + FREE_US);
	if (until <= now) /* else nobody is held */
		let_go(s);
}

void spare_release(struct spare *s)
{
	atomic_store(&s->over, true);
	let_go(s);
}
