/* SPDX-License-Identifier: MIT */
#include "ipc/figures.h"
#include <sys/stat.h>
#include <unistd.h>
#include "suites.h"

static const struct board_shape shape = {
	.workers = 2, .threads = 3, .slots = 10, .instances = 2
};

static struct board *make(void)
{
	int fd = -1;
	struct board *b = board_create(&shape, &fd);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	(void)close(fd);
	return b;
}

static void describe(struct board *b, uint32_t worker, uint32_t i, const char *name)
{
	struct figures_instance about = { .storage = true, .nstats = 2 };

	figures_text(about.name, sizeof(about.name), view_str(name));
	figures_text(about.module, sizeof(about.module), VIEW_LIT("maildir"));
	about.stats[1].gauge = 1;
	figures_describe_instance(b, worker, i, &about);
}

/* A bound belongs to its bucket; all is counted once. */
static void bounds(void)
{
	static const struct {
		uint64_t ns;
		unsigned place;
	} cases[] = {
		{ 0, 0 },
		{ 16000, 0 },
		{ 16001, 1 },
		{ 32000, 1 },
		{ 32001, 2 },
		{ UINT64_C(16777216) * 1000, 20 },
		{ UINT64_C(16777216) * 1000 + 1, 21 },
		{ UINT64_MAX, 21 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct board *b = make();
		struct figures_histogram h;

		figures_observe(b, 1, 2, 1, FIGURES_OP_OPEN, cases[i].ns, i % 2);
		figures_histogram(b, 1, FIGURES_OP_OPEN, &h);
		CU_ASSERT_EQUAL(h.counts[cases[i].place], 1);
		CU_ASSERT_EQUAL(figures_calls(&h), 1);
		CU_ASSERT_EQUAL(h.ns, cases[i].ns);
		CU_ASSERT_EQUAL(h.failures, i % 2);
		figures_histogram(b, 0, FIGURES_OP_OPEN, &h);
		CU_ASSERT_EQUAL(figures_calls(&h), 0);
		board_unmap(&b);
	}
}

static void past_the_shape(void)
{
	struct board *b = make();
	struct figures_instance about = { .nstats = 0 };

	figures_observe(b, 0, 0, shape.instances, FIGURES_OP_OPEN, 1, false);
	figures_describe_instance(b, 0, shape.instances, &about);
	CU_ASSERT_FALSE(figures_instance(b, 0, &about));
	CU_ASSERT_FALSE(figures_instance(b, shape.instances, &about));
	board_unmap(&b);
}

/* A worker that is somebody else's by now cannot make readers run over. */
static void hostile(void)
{
	struct board *b = make();
	struct figures_instance about;
	struct figures_certificate c;

	memset(&about, 'x', sizeof(about));
	memset(&c, 'x', sizeof(c));
	figures_describe_instance(b, 0, 0, &about);
	figures_describe_certificate(b, 0, 0, &c);
	CU_ASSERT(figures_instance(b, 0, &about));
	CU_ASSERT_EQUAL(strnlen(about.name, 1000), sizeof(about.name) - 1);
	CU_ASSERT_EQUAL(about.options[sizeof(about.options) - 1], 0);
	CU_ASSERT_EQUAL(about.nstats, FIGURES_STATS);
	CU_ASSERT_EQUAL(
		about.stats[FIGURES_STATS - 1].help[sizeof(about.stats[0].help) - 1], 0);
	CU_ASSERT_EQUAL(about.storage, 1);
	CU_ASSERT(figures_certificate(b, 0, &c));
	CU_ASSERT_EQUAL(c.fingerprint[sizeof(c.fingerprint) - 1], 0);
	board_unmap(&b);
}

static void words(void)
{
	CU_ASSERT_EQUAL(figures_word(&figures_mechanisms, NULL), 0);
	CU_ASSERT_STRING_EQUAL(
		figures_name(&figures_mechanisms, figures_word(&figures_mechanisms, "APOP")),
		"APOP");
	CU_ASSERT_STRING_EQUAL(figures_name(&figures_mechanisms,
				       figures_word(&figures_mechanisms, "SCRAM-SHA-256")),
		"other");
	CU_ASSERT_PTR_NULL(figures_name(&figures_mechanisms, 0));
	CU_ASSERT_PTR_NULL(figures_name(&figures_mechanisms, 200));
}

static void crashes(void)
{
	struct board *b = make();
	struct board_thread *note = board_thread(b, 0, 1);
	struct figures_crash crash = { .at_ms = 1, .worker = 0 };
	struct figures_histogram h;
	unsigned n = 0;

	describe(b, 0, 1, "mail");
	figures_text(note->what, sizeof(note->what), VIEW_LIT("mail.list"));
	note->busy = 1;
	for (uint32_t i = 0; i < 2 * FIGURES_CRASHES; i++) {
		crash.at_ms = i + 1;
		figures_note_crash(b, &crash);
	}
	figures_histogram(b, 1, FIGURES_OP_LIST, &h);
	CU_ASSERT_EQUAL(h.crashes, 2 * FIGURES_CRASHES);
	CU_ASSERT_EQUAL(figures_deaths(b), 2 * FIGURES_CRASHES);
	for (uint32_t i = 0; i < FIGURES_CRASHES; i++)
		n += figures_crash(b, i, &crash) && crash.at_ms > FIGURES_CRASHES;
	CU_ASSERT_EQUAL(n, FIGURES_CRASHES);
	board_unmap(&b);
}

/* In the next generation the instance is another one of the list. */
static void passing(void)
{
	struct board *from = make(), *to = make();
	struct figures_crash crash = { .at_ms = 7 };
	struct figures_histogram h;
	uint32_t heir;

	describe(from, 0, 0, "mail");
	describe(to, 1, 1, "mail");
	describe(to, 1, 0, "other");
	figures_observe(from, 0, 0, 0, FIGURES_OP_OPEN, 1000, true);
	figures_observe(to, 1, 2, 1, FIGURES_OP_OPEN, 1000, false);
	figures_login(from, 1, 1, FIGURES_DENIED, 1);
	figures_handshake(from, 1, 0, 1, 2, true);
	figures_handshake_failed(from, 1, 0);
	figures_stat(from, 0, 0, 0, 5);
	figures_stat(from, 0, 0, 1, 6);
	figures_note_crash(from, &crash);
	figures_note_restart(from);
	(void)board_worker_repair(from, 0);
	figures_stat(from, 0, 0, 0, 3);
	CU_ASSERT_EQUAL(figures_stat_sum(from, 0, 0), 8);
	CU_ASSERT_EQUAL(figures_stat_sum(from, 0, 1), 0);
	CU_ASSERT_FALSE(figures_passed(from));
	board_pass_counters(from, to);
	CU_ASSERT(figures_passed(from));
	CU_ASSERT_EQUAL(figures_passes(to), 2);
	struct figures_instance about;
	CU_ASSERT(figures_instance(from, 0, &about));
	CU_ASSERT(figures_find(to, &about, &heir));
	CU_ASSERT_EQUAL(heir, 1);
	figures_histogram(to, 1, FIGURES_OP_OPEN, &h);
	CU_ASSERT_EQUAL(figures_calls(&h), 2);
	CU_ASSERT_EQUAL(h.failures, 1);
	figures_histogram(to, 0, FIGURES_OP_OPEN, &h);
	CU_ASSERT_EQUAL(figures_calls(&h), 0);
	CU_ASSERT_EQUAL(figures_logins(to, FIGURES_DENIED, 1), 1);
	CU_ASSERT_EQUAL(figures_logins(to, FIGURES_OK, 1), 0);
	CU_ASSERT_EQUAL(figures_handshakes(to, 1, 2, true), 1);
	CU_ASSERT_EQUAL(figures_handshakes(to, 1, 2, false), 0);
	CU_ASSERT_EQUAL(figures_handshakes_failed(to), 1);
	CU_ASSERT_EQUAL(figures_stat_sum(to, 1, 0), 8);
	CU_ASSERT_EQUAL(figures_deaths(to), 1);
	CU_ASSERT_EQUAL(figures_restarts(to), 1);
	CU_ASSERT(figures_crash(to, 0, &crash));
	CU_ASSERT_EQUAL(crash.at_ms, 7);
	board_unmap(&from);
	board_unmap(&to);
}

/* Looking does not make the kernel give pages to what was never written. */
static void memory(void)
{
	struct board_shape large = {
		.workers = 64, .threads = 16, .slots = 1000, .instances = BOARD_INSTANCES_MAX
	};
	struct figures_histogram h;
	struct stat before, after;
	int fd;
	struct board *b = board_create(&large, &fd);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	figures_observe(b, 3, 4, 5, FIGURES_OP_OPEN, 1, false);
	for (uint32_t w = 0; w < large.workers; w++)
		for (uint32_t t = 0; t < large.threads; t++)
			figures_login(b, w, t, FIGURES_OK, 1);
	figures_histogram(b, 5, FIGURES_OP_OPEN, &h);
	CU_ASSERT_EQUAL(fstat(fd, &before), 0);
	for (uint32_t i = 0; i < BOARD_INSTANCES_MAX; i++)
		for (unsigned op = 0; op < FIGURES_OPS; op++)
			figures_histogram(b, i, op, &h);
	CU_ASSERT_EQUAL(fstat(fd, &after), 0);
	CU_ASSERT(after.st_blocks - before.st_blocks < 512);
	board_unmap(&b);
	(void)close(fd);
}

/* Of both workers, and in the next generation, too. */
static void late_calls(void)
{
	struct board *b = make(), *next = make();
	struct figures_histogram h;

	describe(b, 0, 0, "far");
	describe(b, 0, 1, "mail");
	describe(next, 0, 1, "far");
	describe(next, 0, 0, "mail");
	figures_late(b, 0, VIEW_LIT("mail.open"));
	figures_late(b, 1, VIEW_LIT("mail.open"));
	figures_late(b, 1, VIEW_LIT("mail.nothing"));
	figures_late(b, 1, VIEW_LIT("auth.login"));
	figures_histogram(b, 1, FIGURES_OP_OPEN, &h);
	CU_ASSERT_EQUAL(h.late, 2);
	figures_histogram(b, 0, FIGURES_OP_OPEN, &h);
	CU_ASSERT_EQUAL(h.late, 0);
	board_pass_counters(b, next);
	figures_late(next, 1, VIEW_LIT("mail.open"));
	figures_histogram(next, 0, FIGURES_OP_OPEN, &h);
	CU_ASSERT_EQUAL(h.late, 3);
	board_unmap(&b);
	board_unmap(&next);
}

CU_TestInfo figures_tests[] = {
	{ "calls that were late are counted, over generations", late_calls },
	{ "a bound belongs to its bucket", bounds },
	{ "what is past the shape is left out", past_the_shape },
	{ "a hostile worker's words", hostile },
	{ "words that are known, and others", words },
	{ "crashes are counted where they happened, the last are kept", crashes },
	{ "everything goes to the next generation", passing },
	{ "untouched figures cost nothing", memory },
	CU_TEST_INFO_NULL,
};
