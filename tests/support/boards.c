/* SPDX-License-Identifier: MIT */
#include "support/boards.h"
#include <unistd.h>
#include "ipc/figures.h"

#define PUT(room, text) figures_text(room, sizeof(room), view_str(text))

static void describe(struct board *b, uint32_t i, bool storage, const char *name)
{
	struct figures_instance about = { .storage = storage, .caps = 1, .nstats = 2 };

	PUT(about.name, name);
	PUT(about.module, storage ? "maildir" : "static");
	PUT(about.version, "1.0");
	PUT(about.summary, "for tests");
	PUT(about.options, "path = \"/m\";\n# other = not set\nsecret = \"(hidden)\";\n");
	PUT(about.stats[0].name, "hits");
	PUT(about.stats[0].help, "Hits.");
	PUT(about.stats[1].name, "open");
	about.stats[1].gauge = 1;
	figures_describe_instance(b, 1, i, &about);
	figures_stat(b, 1, i, 0, 4);
	figures_stat(b, 1, i, 1, -2);
}

static void fill(struct board *b, uint32_t worker)
{
	struct figures_certificate c = { .not_before = 1700000000, .not_after = 1800000000 };
	struct figures_crash crash = { .at_ms = 5000, .generation = 1, .worker = worker };
	struct board_slot *s = board_slot_write(b, worker, 0);

	s->state = 2;
	s->session = 0xabc;
	s->lock = 0x123;
	board_slot_set_user(s, VIEW_LIT("bob"));
	board_slot_done(s);
	for (unsigned op = 0; op < FIGURES_OPS; op++)
		figures_observe(b, worker, 0, op >= FIGURES_FIRST_STORAGE_OP, op,
			UINT64_C(1000) << op, op % 2);
	for (unsigned i = 0; i < BOARD_COUNTERS; i++)
		board_count(b, worker, 0, i, i + 1);
	figures_login(b, worker, 0, FIGURES_OK, 1);
	figures_handshake(b, worker, 0, 2, 1, true);
	figures_handshake(b, worker, 0, 2, 1, false);
	figures_handshake_failed(b, worker, 0);
	PUT(c.file, BOARDS_ODD_NAME);
	PUT(c.names, "pop.example.net 192.0.2.1");
	figures_describe_certificate(b, worker, 0, &c);
	PUT(crash.reason, "signal SIGSEGV");
	PUT(crash.user, "bob");
	figures_note_crash(b, &crash);
}

bool boards_make(struct boards *s)
{
	const struct board_shape shape = {
		.workers = 2, .threads = 2, .slots = 10, .instances = 2
	};
	int fd = -1;

	*s = (struct boards){ .scene = { .n = 2, .now_ms = 10000, .started_ms = 1000 } };
	s->scene.unix_ms = INT64_C(1750000000000);
	s->scene.floor = s->floor;
	for (size_t i = 0; i < s->scene.n; i++) {
		struct board *b = board_create(&shape, &fd);

		if (!b)
			return false;
		(void)close(fd);
		s->scene.generations[i].number = (unsigned)(2 - i);
		s->scene.generations[i].board = b;
		describe(b, 0, false, "users");
		describe(b, 1, true, BOARDS_ODD_NAME);
		fill(b, 1);
	}
	return true;
}

void boards_free(struct boards *s)
{
	for (size_t i = 0; i < s->scene.n; i++)
		board_unmap(&s->scene.generations[i].board);
}
