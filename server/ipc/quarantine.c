/* SPDX-License-Identifier: MIT */
#include "ipc/quarantine.h"
#include "base/hash.h"
#include "ipc/figures.h"

#define AUTH_SEED  UINT64_C(0x61757468)
#define STORE_SEED UINT64_C(0x6d61696c)
#define READ_TRIES 100

uint64_t quarantine_key(const char *instance, struct popart_str user)
{
	uint64_t seed =
		instance ? hash_bytes(view_str(instance), STORE_SEED) : hash_mix(AUTH_SEED);
	uint64_t key;

	if (user.len == 0)
		return 0;
	key = hash_bytes(user, seed);
	return key ? key : 1;
}

/* --- the master's table ------------------------------------------------------------------ */

static bool is_forgotten(const struct quarantine_row *row, int64_t now_ms)
{
	return row->key == 0 ||
		(row->until_ms == 0 && now_ms - row->quiet_ms >= QUARANTINE_FORGET_MS);
}

/* A worse place to give away: one that lasts, then one that crashed later. */
static bool goes_first(const struct quarantine_row *a, const struct quarantine_row *b)
{
	if ((a->until_ms == 0) != (b->until_ms == 0))
		return a->until_ms == 0;
	return a->quiet_ms < b->quiet_ms;
}

/* The row of the call, else a fresh one in the place that is missed least. */
static struct quarantine_row *row_for(
	struct quarantine *q, const struct quarantine_call *call, int64_t now_ms)
{
	struct quarantine_row *place = &q->rows[0];

	for (size_t i = 0; i < QUARANTINE_ROWS; i++) {
		struct quarantine_row *row = &q->rows[i];

		if (is_forgotten(row, now_ms))
			*row = (struct quarantine_row){ .key = 0 };
		if (row->key == call->key &&
			strncmp(row->what, call->what, sizeof(row->what) - 1) == 0)
			return row;
		if (goes_first(row, place))
			place = row;
	}
	*place = (struct quarantine_row){ .key = call->key };
	figures_text(place->what, sizeof(place->what), view_str(call->what));
	figures_text(place->user, sizeof(place->user), view_str(call->user));
	return place;
}

static int64_t length_of(uint32_t times, int64_t first_ms)
{
	while (times-- > 0 && first_ms < QUARANTINE_MAX_MS)
		first_ms *= 2;
	return first_ms < QUARANTINE_MAX_MS ? first_ms : QUARANTINE_MAX_MS;
}

const struct quarantine_row *quarantine_crash(struct quarantine *q,
	const struct quarantine_call *call, int64_t now_ms, int64_t first_ms)
{
	struct quarantine_row *row = row_for(q, call, now_ms);
	bool often, lasts = row->until_ms > 0;
	int64_t first_of_them;

	figures_text(row->peer, sizeof(row->peer), view_str(call->peer));
	row->crashes++;
	for (size_t i = QUARANTINE_CRASHES - 1; i > 0; i--)
		row->crash_ms[i] = row->crash_ms[i - 1];
	row->crash_ms[0] = row->quiet_ms = now_ms;
	first_of_them = row->crash_ms[QUARANTINE_CRASHES - 1];
	often = row->crashes >= QUARANTINE_CRASHES &&
		now_ms - first_of_them <= QUARANTINE_WINDOW_MS;
	/* A session that was open before may crash while one lasts: it is long enough. */
	if (first_ms == 0 || lasts || (!often && row->times == 0))
		return NULL;
	row->since_ms = now_ms;
	row->until_ms = now_ms + length_of(row->times, first_ms);
	row->times++;
	return row;
}

bool quarantine_expire(struct quarantine *q, int64_t now_ms, struct quarantine_row *ended)
{
	for (size_t i = 0; i < QUARANTINE_ROWS; i++) {
		struct quarantine_row *row = &q->rows[i];

		if (row->until_ms == 0 || row->until_ms > now_ms)
			continue;
		*ended = *row;
		row->quiet_ms = now_ms;
		row->until_ms = 0;
		return true;
	}
	return false;
}

int64_t quarantine_due(const struct quarantine *q)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < QUARANTINE_ROWS; i++)
		if (q->rows[i].until_ms > 0 && q->rows[i].until_ms < due)
			due = q->rows[i].until_ms;
	return due;
}

/* The row has the name only as far as there is room: the key knows all of it. */
static bool is_of(const struct quarantine_row *row, struct popart_str user)
{
	size_t n = strcspn(row->what, ".");
	char instance[sizeof(row->what)];

	figures_text(instance, sizeof(instance), view_of(row->what, n));
	return row->key != 0 &&
		(row->key == quarantine_key(NULL, user) ||
			row->key == quarantine_key(instance, user));
}

bool quarantine_release(
	struct quarantine *q, struct popart_str user, struct quarantine_row *released)
{
	for (size_t i = 0; i < QUARANTINE_ROWS; i++) {
		struct quarantine_row *row = &q->rows[i];

		if (!is_of(row, user))
			continue;
		*released = *row;
		*row = (struct quarantine_row){ .key = 0 };
		if (released->until_ms > 0)
			return true;
	}
	return false;
}

/* --- in a scoreboard --------------------------------------------------------------------- */

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

static void show(struct quarantine_shown *s, uint32_t place, const struct quarantine_row *row)
{
	uint64_t seq = atomic_load_explicit(&s->rows[place].seq, memory_order_relaxed) | 1;

	atomic_store_explicit(&s->keys[place], 0, memory_order_relaxed);
	atomic_store_explicit(&s->rows[place].seq, seq, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	s->rows[place].row = *row;
	atomic_store_explicit(&s->rows[place].seq, seq + 1, memory_order_release);
	atomic_store_explicit(&s->until_ms[place], row->until_ms, memory_order_relaxed);
	atomic_store_explicit(&s->keys[place], row->key, memory_order_release);
}

void board_quarantine_set(struct board *b, const struct quarantine *q)
{
	struct quarantine_shown *s = board_quarantine(b);
	uint32_t n = 0;

	for (size_t i = 0; i < QUARANTINE_ROWS; i++)
		if (q->rows[i].until_ms > 0)
			show(s, n++, &q->rows[i]);
	atomic_store_explicit(&s->n, n, memory_order_release);
}

int64_t board_quarantine_until(const struct board *b, uint64_t key)
{
	const struct quarantine_shown *s = board_quarantine(b);
	uint32_t n = atomic_load_explicit(&s->n, memory_order_acquire);
	int64_t last = 0;

	for (uint32_t i = 0; key && i < n && i < QUARANTINE_ROWS; i++) {
		int64_t until;

		if (atomic_load_explicit(&s->keys[i], memory_order_acquire) != key)
			continue;
		until = atomic_load_explicit(&s->until_ms[i], memory_order_relaxed);
		last = until > last ? until : last;
	}
	return last;
}

bool board_quarantine_get(const struct board *b, uint32_t index, struct quarantine_row *copy)
{
	const struct quarantine_shown *s = board_quarantine(b);
	uint32_t n = atomic_load_explicit(&s->n, memory_order_acquire);

	if (index >= n || index >= QUARANTINE_ROWS)
		return false;
	for (int i = 0; i < READ_TRIES; i++) {
		uint64_t seq = atomic_load_explicit(&s->rows[index].seq, memory_order_acquire);

		if (seq & 1)
			continue;
		*copy = s->rows[index].row;
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->rows[index].seq, memory_order_relaxed) != seq)
			continue;
		copy->what[sizeof(copy->what) - 1] = '\0';
		copy->user[sizeof(copy->user) - 1] = '\0';
		copy->peer[sizeof(copy->peer) - 1] = '\0';
		return true;
	}
	*copy = (struct quarantine_row){ .key = 0 };
	return true;
}

uint64_t board_quarantines(const struct board *b)
{
	return atomic_load_explicit(&board_quarantine(b)->begun, memory_order_relaxed);
}

void board_quarantines_add(struct board *b, uint64_t n)
{
	atomic_fetch_add_explicit(&board_quarantine(b)->begun, n, memory_order_relaxed);
}
