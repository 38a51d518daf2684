/* SPDX-License-Identifier: MIT */
#include "master/generation.h"
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#include "ipc/secret.h"
#include "suites.h"
#include "temporary.h"

/* A configuration in a directory of its own, half of it included. */
struct scene {
	char top[sizeof(TEMPORARY)], main[64], local[64];
	struct buf text;
	struct report report;
	struct generation *gen;
};

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_TRUE(fputs(text, f) >= 0);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

static void set(struct scene *s, const char *local)
{
	*s = (struct scene){ .top = TEMPORARY };
	temporary_make(s->top);
	(void)temporary_path(s->main, sizeof(s->main), s->top, "main.conf");
	(void)temporary_path(s->local, sizeof(s->local), s->top, "local.conf");
	put(s->local, local);
	report_init(&s->report);
	buf_init(&s->text, 4096);
	buf_printf(&s->text,
		"user = \"#%u\";\nrun_dir = \"%s/run\";\n@include \"local.conf\"\n"
		"workers = 3; threads = 2; max_connections = 10;\n"
		"listen = { address = \"127.0.0.1:0\"; };\n",
		(unsigned)geteuid(), s->top);
}

static struct generation *make(struct scene *s, const struct generation *before)
{
	struct generation *g;
	static const char key[SECRET_TICKET_KEY] = "k";
	struct generation_setup setup = {
		.conf_text = buf_view(&s->text),
		.conf_name = s->main,
		.ticket_key = view_of(key, sizeof(key)),
		.number = before ? before->number + 1 : 1,
		.before = before,
	};

	setup.binary_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	g = generation_new(&setup, &s->report);
	CU_ASSERT_EQUAL(close(setup.binary_fd), 0);
	return g;
}

static void start(struct scene *s)
{
	s->gen = make(s, NULL);
}

static void strike(struct scene *s)
{
	char path[64];

	if (s->gen)
		generation_free(&s->gen);
	buf_free(&s->text);
	report_free(&s->report);
	(void)unlink(s->local);
	(void)rmdir(temporary_path(path, sizeof(path), s->top, "run/locks"));
	(void)rmdir(temporary_path(path, sizeof(path), s->top, "run"));
	(void)rmdir(s->top);
}

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

#define GOOD                                 \
	"auth = { module = \"static\"; };\n" \
	"storage = { module = \"maildir\"; };\n"

static void everything_is_open_and_is_closed_again(void)
{
	struct scene s;
	unsigned before = open_descriptors();

	set(&s, GOOD);
	start(&s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s.gen);
	CU_ASSERT_EQUAL(s.gen->nworkers, 3);
	CU_ASSERT_EQUAL(generation_alive(s.gen), 0);
	CU_ASSERT_EQUAL(board_shape(s.gen->board).threads, 2 + BOARD_EXTRA_THREADS);
	CU_ASSERT_EQUAL(
		open_descriptors(), before + 5); /* text, secrets, binary, board, listener */
	strike(&s);
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

static void the_text_is_whole_and_sealed(void)
{
	struct scene s;
	char text[4096];
	struct report again;
	ssize_t n;

	set(&s, GOOD);
	start(&s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s.gen);
	CU_ASSERT_EQUAL(write(s.gen->conf_fd, "x", 1), -1);
	CU_ASSERT_EQUAL(ftruncate(s.gen->conf_fd, 0), -1);
	CU_ASSERT_EQUAL(unlink(s.local), 0); /* what was included is gone: no matter */
	n = pread(s.gen->conf_fd, text, sizeof(text), 0);
	CU_ASSERT_FATAL(n > 0);
	report_init(&again);
	struct conf *conf = conf_load(view_of(text, (size_t)n), s.main, &again);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	CU_ASSERT_EQUAL_FATAL(conf->nstorage, 1);
	CU_ASSERT_STRING_EQUAL(conf->storage[0].file, s.local);
	CU_ASSERT_EQUAL(conf->storage[0].line, 2);
	CU_ASSERT_STRING_EQUAL(conf->listen[0].file, s.main);
	CU_ASSERT_EQUAL(conf->listen[0].line, 5);
	conf_free(&conf);
	report_free(&again);
	strike(&s);
}

static void what_fails_leaves_nothing_open(void)
{
	struct scene s;
	unsigned before = open_descriptors();

	set(&s, "auth = { module = \"static\"; };\n");
	start(&s);
	CU_ASSERT_PTR_NULL(s.gen);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&s.report.text), "storage is missing"));
	CU_ASSERT_EQUAL(open_descriptors(), before);
	strike(&s);
}

static void the_next_has_the_same_sockets(void)
{
	struct scene s;
	struct generation *next;
	unsigned before;

	set(&s, GOOD);
	start(&s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s.gen);
	before = open_descriptors();
	next = make(&s, s.gen);
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	CU_ASSERT_EQUAL(next->number, 2);
	CU_ASSERT(generation_has_socket(next, s.gen->listeners[0]));
	generation_free(&next); /* it was given up: the socket still listens */
	CU_ASSERT_EQUAL(open_descriptors(), before);
	next = make(&s, s.gen);
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	generation_stop_listening(s.gen, next);
	CU_ASSERT_EQUAL(s.gen->listeners[0], -1);
	int listens = 0;
	socklen_t len = sizeof(listens);
	CU_ASSERT_EQUAL(
		getsockopt(next->listeners[0], SOL_SOCKET, SO_ACCEPTCONN, &listens, &len), 0);
	CU_ASSERT_EQUAL(listens, 1);
	int copy = dup(next->listeners[0]);
	generation_stop_listening(next, NULL);
	CU_ASSERT_EQUAL(getsockopt(copy, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len), 0);
	CU_ASSERT_EQUAL(listens, 0);
	CU_ASSERT_EQUAL(close(copy), 0);
	generation_free(&next);
	strike(&s);
}

static void the_locks_stay_where_they_are(void)
{
	struct scene s;
	char locks[64], away[64];
	unsigned before;

	set(&s, GOOD);
	start(&s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s.gen);
	before = open_descriptors();
	(void)temporary_path(locks, sizeof(locks), s.top, "run/locks");
	(void)temporary_path(away, sizeof(away), s.top, "run/away");
	CU_ASSERT_EQUAL(rename(locks, away), 0);
	CU_ASSERT_EQUAL(mkdir(locks, 0700), 0);
	CU_ASSERT_PTR_NULL(make(&s, s.gen));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_cstr(&s.report.text), "run/locks was removed or replaced"));
	CU_ASSERT_EQUAL(rmdir(locks), 0);
	CU_ASSERT_EQUAL(rename(away, locks), 0);
	s.gen->account.uid++;
	CU_ASSERT_PTR_NULL(make(&s, s.gen));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&s.report.text), "main.conf:1: user is"));
	CU_ASSERT_EQUAL(open_descriptors(), before);
	strike(&s);
}

CU_TestInfo generation_tests[] = {
	{ "everything is open, and closed again", everything_is_open_and_is_closed_again },
	{ "the text is whole, sealed, and knows its places", the_text_is_whole_and_sealed },
	{ "what fails leaves nothing open", what_fails_leaves_nothing_open },
	{ "the next has the same sockets", the_next_has_the_same_sockets },
	{ "session locks stay where they are, and whose", the_locks_stay_where_they_are },
	CU_TEST_INFO_NULL,
};
