/* SPDX-License-Identifier: MIT */
#include "admin/sessions.h"
#include <popart/session.h>
#include <stdlib.h>
#include <unistd.h>
#include "suites.h"

#define SLOTS   10000u
#define WORKERS 2u
#define ROOM    4096u

static struct scene make(struct board **board)
{
	const struct board_shape shape = { .workers = WORKERS, .threads = 1, .slots = SLOTS };
	struct scene s = { .n = 1, .now_ms = 5000 };
	int fd;

	*board = board_create(&shape, &fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(*board);
	(void)close(fd);
	s.generations[0] = (struct scene_generation){ .number = 7, .board = *board };
	return s;
}

static void occupy(struct board *b, uint32_t worker, uint32_t slot)
{
	struct board_slot *s = board_slot_write(b, worker, slot);

	s->state = POPART_STATE_TRANSACTION;
	s->session = (uint64_t)worker << 32 | slot;
	board_slot_set_peer(s, VIEW_LIT("127.0.0.1"));
	board_slot_set_user(s, view_str(slot % 2 ? "o\xff\"" : "ann"));
	board_slot_done(s);
}

/* The whole answer, read in small pieces. */
static json_t *read_all(const struct scene *s, const struct sessions_filter *f, size_t piece)
{
	struct sessions_walk *w = sessions_begin(s, f);
	struct buf all;
	char room[ROOM];
	json_t *json;
	ssize_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	buf_init(&all, 64u << 20);
	while ((n = sessions_read(w, room, piece)) > 0) {
		CU_ASSERT((size_t)n <= piece);
		buf_add(&all, view_of(room, (size_t)n));
	}
	CU_ASSERT_EQUAL(n, 0);
	sessions_end(&w);
	json = json_loadb(all.ptr, all.len, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	buf_free(&all);
	return json;
}

static size_t count(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "sessions"));
}

static void many_are_read_in_pieces(void)
{
	struct board *b;
	struct scene s = make(&b);
	struct sessions_filter f = { .limit = UINT64_MAX };
	json_t *answer;

	for (uint32_t i = 0; i < SLOTS; i++)
		for (uint32_t w = 0; w < WORKERS; w++)
			occupy(b, w, i);
	answer = read_all(&s, &f, ROOM);
	CU_ASSERT_EQUAL(count(answer), SLOTS * WORKERS);
	json_decref(answer);
	f.user = VIEW_LIT("ann");
	answer = read_all(&s, &f, 100);
	CU_ASSERT_EQUAL(count(answer), SLOTS);
	json_decref(answer);
	board_unmap(&b);
}

static void one_that_is_half_written_is_skipped_and_told(void)
{
	struct board *b;
	struct scene s = make(&b);
	const struct sessions_filter f = { .limit = UINT64_MAX };
	struct sessions_place place;
	struct board_slot *slot;
	json_t *answer;
	bool busy;

	occupy(b, 0, 0);
	occupy(b, 0, 1);
	slot = board_slot_write(b, 0, 1);
	answer = read_all(&s, &f, ROOM);
	CU_ASSERT_EQUAL(count(answer), 1);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(answer, "skipped")), 1);
	json_decref(answer);
	CU_ASSERT_PTR_NULL(sessions_find(&s, 1, &place, &busy));
	CU_ASSERT_TRUE(busy);
	board_slot_done(slot);
	answer = sessions_find(&s, 1, &place, &busy);
	CU_ASSERT_PTR_NOT_NULL(answer);
	CU_ASSERT_EQUAL(place.generation, 7);
	json_decref(answer);
	board_unmap(&b);
}

static void a_generation_may_go_in_the_middle(void)
{
	struct board *b, *old;
	struct scene s = make(&b), other = make(&old);
	const struct sessions_filter f = { .limit = UINT64_MAX };
	struct sessions_walk *w;
	char room[ROOM];

	for (uint32_t i = 0; i < 100; i++) {
		occupy(b, 0, i);
		occupy(old, 0, i);
	}
	s.generations[1] = other.generations[0];
	s.generations[1].number = 6;
	s.n = 2;
	w = sessions_begin(&s, &f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	CU_ASSERT(sessions_read(w, room, 10) > 0);
	s.generations[0] = s.generations[1];
	s.n = 1;
	board_unmap(&b);
	CU_ASSERT(sessions_read(w, room, sizeof(room)) > 0);
	s.n = 0;
	board_unmap(&old);
	while (sessions_read(w, room, sizeof(room)) > 0)
		;
	CU_ASSERT_EQUAL(sessions_read(w, room, sizeof(room)), 0);
	sessions_end(&w);
}

static void what_is_no_place_is_refused(void)
{
	static const char *const wrong[] = { "", "1", "1.2", "1.2.", "x.y.z", "1.2.3.4",
		"-1.0.0", "1.99999.0", "99999999999.0.0" };
	struct board *b;
	struct scene s = make(&b);

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct sessions_filter f = { .limit = 1, .after = view_str(wrong[i]) };

		CU_ASSERT_PTR_NULL(sessions_begin(&s, &f));
	}
	board_unmap(&b);
}

CU_TestInfo sessions_tests[] = {
	{ "many are read in pieces", many_are_read_in_pieces },
	{ "one that is half-written is skipped, and told",
		one_that_is_half_written_is_skipped_and_told },
	{ "a generation may go in the middle", a_generation_may_go_in_the_middle },
	{ "what is no place is refused", what_is_no_place_is_refused },
	CU_TEST_INFO_NULL,
};
