/* SPDX-License-Identifier: MIT */
#include "master/spawn.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include "suites.h"

/* A process that lives until it is killed, in the place of a worker. */
static void live(struct child *c)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			(void)pause();
	*c = (struct child){ .pid = pid, .pidfd = pidfd_open(pid, 0), .chan = -1 };
	CU_ASSERT_FATAL(pid > 0 && c->pidfd >= 0);
}

static void note(
	struct board *b, uint32_t thread, const char *what, const char *peer, const char *user)
{
	struct board_thread *t = board_thread(b, 0, thread);

	(void)strcpy(t->what, what);
	(void)strcpy(t->peer, peer);
	(void)strcpy(t->user, user);
	atomic_store(&t->busy, 1);
}

/* What the master logs of a worker that was killed, with these threads inside a module. */
static void bury(unsigned busy, char text[4096])
{
	const struct board_shape shape = { .workers = 1, .threads = 3, .slots = 1 };
	struct log_setup setup = { .to = LOG_TO_FILE, .level = 6, .process = "master" };
	struct worker w = { .state = WORKER_READY };
	struct generation g = { .workers = &w, .nworkers = 1, .phase = PHASE_SERVING };
	char path[] = "/tmp/popart-test-spawn.XXXXXX";
	struct death death;
	struct log *log;
	int fd;
	ssize_t n;

	w.gen = &g;
	setup.fd = mkostemp(path, O_APPEND | O_CLOEXEC);
	CU_ASSERT_FATAL(setup.fd >= 0);
	log = log_new(&setup);
	g.board = board_create(&shape, &g.board_fd);
	CU_ASSERT_FATAL(log && g.board);
	if (busy > 0)
		note(g.board, 0, "mail.commit", "192.0.2.7", "bob\" rip=198.51.100.9");
	if (busy > 1)
		note(g.board, 2, "mail.list", "2001:db8::1", "eve");
	live(&w.child);
	CU_ASSERT_EQUAL(kill(w.child.pid, SIGKILL), 0);
	spawn_bury(&w, log, &death);
	CU_ASSERT_EQUAL(w.state, WORKER_DOWN);
	log_free(&log);
	board_unmap(&g.board);
	(void)close(g.board_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, 4095);
	text[n > 0 ? n : 0] = '\0';
	(void)close(fd);
	(void)unlink(path);
}

static void a_death_names_call_client_and_user(void)
{
	char text[4096];

	bury(0, text);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, " error event=worker_died process=master worker=1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " reason=\"signal SIGKILL\" sessions=0 "));
	CU_ASSERT_PTR_NULL(strstr(text, "doing"));
	CU_ASSERT_PTR_NULL(strstr(text, "rip"));
	bury(1, text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text,
		" doing=\"mail.commit\" rip=192.0.2.7 user=\"bob\\\" rip=198.51.100.9\"\n"));
	bury(2, text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text,
		" doing=\"mail.commit, mail.list\" rip=\"192.0.2.7, 2001:db8::1\" user=\"bob"));
}

/* The thread that was hit is named alone, with its place if that is about this call. */
static void only_who_was_hit(void)
{
	const struct board_shape shape = { .workers = 1, .threads = 3, .slots = 1 };
	struct generation g = { .nworkers = 1, .phase = PHASE_SERVING };
	struct worker w = { .gen = &g, .state = WORKER_READY };
	struct board_thread *t;
	struct death d;
	struct buf text;

	g.board = board_create(&shape, &g.board_fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g.board);
	note(g.board, 0, "mail.open", "192.0.2.7", "bob");
	note(g.board, 2, "mail.list", "2001:db8::1", "eve");
	board_thread(g.board, 0, 2)->key = 7;
	death_read(&w, 1, SIGABRT, &d);
	CU_ASSERT_TRUE(d.crashed);
	CU_ASSERT_EQUAL(d.key, 0); /* one of two */
	CU_ASSERT_STRING_EQUAL(d.what, "");
	t = board_thread(g.board, 0, 2);
	atomic_store(&t->signal, SIGABRT);
	atomic_store(&t->since_ms, 5);
	(void)strcpy(t->where, "mail.so+0x12");
	death_read(&w, 1, SIGABRT, &d);
	CU_ASSERT_EQUAL(d.key, 7);
	CU_ASSERT_STRING_EQUAL(d.what, "mail.list");
	CU_ASSERT_STRING_EQUAL(d.user, "eve");
	CU_ASSERT_STRING_EQUAL(d.where, ""); /* of an earlier call */
	atomic_store(&t->placed_ms, 5);
	death_read(&w, 1, SIGABRT, &d);
	CU_ASSERT_STRING_EQUAL(d.where, "mail.so+0x12");
	buf_init(&text, 256);
	death_describe(&d, &text);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&text), "signal SIGABRT in mail.list at mail.so+0x12");
	buf_free(&text);
	death_read(&w, 1, SIGKILL, &d);
	CU_ASSERT_FALSE(d.crashed);
	w.pulse.killed = true;
	death_read(&w, 1, SIGABRT, &d);
	CU_ASSERT_FALSE(d.crashed);
	board_unmap(&g.board);
	(void)close(g.board_fd);
}

CU_TestInfo spawn_tests[] = {
	{ "the line about a death names call, client and user",
		a_death_names_call_client_and_user },
	{ "a thread that was hit by a signal is named alone", only_who_was_hit },
	CU_TEST_INFO_NULL,
};
