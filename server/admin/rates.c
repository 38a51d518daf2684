/* SPDX-License-Identifier: MIT */
#include "admin/rates.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAGIC    UINT64_C(0x3173657461724f50)
#define EVERY_MS 5000
#define SAMPLES  192u /* more than 15 minutes of them */

struct sample {
	int64_t at_ms; /* clock_ms; 0: none */
	uint64_t total[BOARD_COUNTERS];
};
struct history {
	uint64_t magic, counters;
	uint64_t next; /* where the next sample goes */
	uint64_t floor[BOARD_COUNTERS];
	struct sample samples[SAMPLES];
};
_Static_assert(sizeof(struct history) <= RATES_SIZE, "the master's memory is large enough");

struct rates {
	struct history *history;
};

static const enum board_counter shown[] = { BOARD_CONNECTIONS, BOARD_REFUSED, BOARD_LOGINS,
	BOARD_AUTH_FAILURES, BOARD_LOGIN_ERRORS, BOARD_IN_USE, BOARD_RETRIEVED, BOARD_DELETED,
	BOARD_OCTETS_IN, BOARD_OCTETS_OUT, BOARD_MODULE_FAILURES };
static const int windows_s[] = { 60, 300, 900 };

static struct sample *sample_at(const struct rates *r, uint64_t index)
{
	return &r->history->samples[index % SAMPLES];
}

static void begin(struct history *h, const struct scene *s)
{
	memset(h, 0, sizeof(*h));
	h->magic = MAGIC;
	h->counters = BOARD_COUNTERS;
	/* When the server was started there was nothing. */
	h->samples[0].at_ms = s->started_ms > 0 ? s->started_ms : 1;
	h->next = 1;
}

struct rates *rates_open(int fd, struct scene *s)
{
	struct rates *r = calloc(1, sizeof(*r));
	struct stat st;

	if (!r)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size < (off_t)RATES_SIZE)
		errno = EPROTO;
	else
		r->history = mmap(NULL, RATES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!r->history || r->history == MAP_FAILED) {
		free(r);
		return NULL;
	}
	if (r->history->magic != MAGIC || r->history->counters != BOARD_COUNTERS)
		begin(r->history, s);
	s->floor = r->history->floor;
	return r;
}

void rates_close(struct rates **p)
{
	struct rates *r = *p;

	if (r)
		(void)munmap(r->history, RATES_SIZE);
	free(r);
	*p = NULL;
}

int64_t rates_sample(struct rates *r, struct scene *s)
{
	const struct sample *last = sample_at(r, r->history->next - 1);
	struct sample *new;

	if (s->now_ms < last->at_ms + EVERY_MS)
		return last->at_ms + EVERY_MS;
	new = sample_at(r, r->history->next);
	for (unsigned c = 0; c < BOARD_COUNTERS; c++)
		new->total[c] = scene_total(s, c);
	new->at_ms = s->now_ms;
	r->history->next++;
	return s->now_ms + EVERY_MS;
}

/* The oldest that is not older than the window; the latest if all are. */
static const struct sample *begin_of(const struct rates *r, int64_t from_ms)
{
	uint64_t next = r->history->next, first = next > SAMPLES ? next - SAMPLES : 0;

	for (uint64_t i = first; i + 1 < next; i++) {
		if (sample_at(r, i)->at_ms >= from_ms)
			return sample_at(r, i);
	}
	return sample_at(r, next - 1);
}

static json_t *show_window(const struct rates *r, struct scene *s, int window_s)
{
	const struct sample *from = begin_of(r, s->now_ms - (int64_t)window_s * 1000);
	double measured_s = (double)(s->now_ms - from->at_ms) / 1000;
	json_t *rate = json_pack("{s:i, s:f}", "window_s", window_s, "measured_s", measured_s);
	bool ok = rate != NULL;
	char name[64];

	for (size_t i = 0; i < ARRAY_LEN(shown) && ok; i++) {
		uint64_t total = scene_total(s, shown[i]), before = from->total[shown[i]];
		double n = total > before ? (double)(total - before) : 0;

		(void)snprintf(
			name, sizeof(name), "%s_per_s", board_counter_rows[shown[i]].name);
		ok = json_object_set_new(
			     rate, name, json_real(measured_s > 0 ? n / measured_s : 0)) == 0;
	}
	if (!ok)
		json_decref(rate);
	return ok ? rate : NULL;
}

json_t *rates_show(const struct rates *r, struct scene *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(windows_s); i++)
		if (json_array_append_new(list, show_window(r, s, windows_s[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}
