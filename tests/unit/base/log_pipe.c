/* SPDX-License-Identifier: MIT */
/* Standard error as a pipe or socket whose reader is slow, or gone. */
#include <fcntl.h>
#include <popart/host.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log_lines.h"
#include "suites.h"

#define LINES 20000u

struct fixture {
	int saved, reader; /* the true standard error; the end that we read */
	struct log *log;
	struct buf text;
};

static void begin(struct fixture *f, int ends[2], enum log_format format)
{
	struct log_setup setup = {
		.format = format, .level = POPART_LOG_INFO, .process = "worker-1"
	};

	f->saved = dup(STDERR_FILENO);
	f->reader = ends[0];
	CU_ASSERT_FATAL(f->saved >= 0);
	CU_ASSERT_FATAL(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	(void)close(ends[1]);
	CU_ASSERT_EQUAL_FATAL(fcntl(f->reader, F_SETFL, O_NONBLOCK), 0);
	f->log = log_new(&setup);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->log);
	buf_init(&f->text, 16u << 20);
}

static void end(struct fixture *f)
{
	log_free(&f->log);
	(void)dup2(f->saved, STDERR_FILENO);
	(void)close(f->saved);
	if (f->reader >= 0)
		(void)close(f->reader);
	buf_free(&f->text);
}

static bool read_some(struct fixture *f)
{
	char *room = buf_room(&f->text, 65536);
	ssize_t n = room ? read(f->reader, room, 65536) : -1;

	if (n > 0)
		f->text.len += (size_t)n;
	return n > 0;
}

static void run_slow(int ends[2])
{
	struct fixture f;

	begin(&f, ends, LOG_FORMAT_LOGFMT);
	(void)alarm(60); /* a log that waits would wait for ever */
	for (uint64_t n = 1; n <= LINES; n++)
		log_number(f.log, n);
	while (read_some(&f))
		(void)log_flush(f.log);
	for (uint64_t n = LINES + 1; n <= LINES + 100; n++)
		log_number(f.log, n);
	(void)log_flush(f.log);
	while (read_some(&f))
		(void)log_flush(f.log);
	(void)alarm(0);
	check_numbers(buf_view(&f.text), LINES + 100);
	end(&f);
}

static void test_slow_pipe(void)
{
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	run_slow(ends);
}

static void test_slow_socket(void)
{
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	run_slow(ends);
}

static void test_no_reader(void)
{
	struct fixture f;
	int ends[2];
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	begin(&f, ends, LOG_FORMAT_LOGFMT);
	(void)close(f.reader);
	f.reader = -1;
	(void)alarm(60);
	for (uint64_t n = 1; n <= LINES; n++)
		log_number(f.log, n);
	(void)log_flush(f.log);
	(void)log_flush(f.log); /* counts no line twice */
	(void)alarm(0);
	/* Somebody else comes and reads, as a test can arrange. */
	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	CU_ASSERT_FATAL(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	(void)close(ends[1]);
	f.reader = ends[0];
	log_number(f.log, LINES + 1);
	CU_ASSERT(log_flush(f.log));
	while (read_some(&f))
		;
	check_numbers(buf_view(&f.text), LINES + 1);
	end(&f);
	(void)signal(SIGPIPE, before);
}

/* What systemd sets for a service whose standard error is this pipe; off by some. */
static void claim_journal(const int ends[2], unsigned off)
{
	struct stat st;
	char text[64];

	CU_ASSERT_EQUAL_FATAL(fstat(ends[1], &st), 0);
	(void)snprintf(
		text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + off);
	CU_ASSERT_EQUAL_FATAL(setenv("JOURNAL_STREAM", text, 1), 0);
}

static void expect_journal(enum log_format format, unsigned off, const char *start)
{
	struct fixture f;
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	claim_journal(ends, off);
	begin(&f, ends, format);
	log_number(f.log, 7);
	log_number(f.log, 8);
	CU_ASSERT(log_flush(f.log));
	CU_ASSERT(read_some(&f));
	CU_ASSERT(view_starts(buf_view(&f.text), view_str(start)));
	end(&f);
	(void)unsetenv("JOURNAL_STREAM");
}

static void test_journal(void)
{
	expect_journal(LOG_FORMAT_LOGFMT, 0,
		"<3>event=worker_died process=worker-1 pid=7\n"
		"<6>event=worker_start process=worker-1 pid=8\n");
	expect_journal(LOG_FORMAT_JSON, 0, "<3>{\"time\":\"2");
	expect_journal(LOG_FORMAT_LOGFMT, 1, "2"); /* the stream of somebody else */
}

CU_TestInfo log_pipe_tests[] = {
	{ "a pipe that nobody reads for a while: order kept, losses counted", test_slow_pipe },
	{ "a socket that nobody reads for a while", test_slow_socket },
	{ "a pipe whose reader is gone: all that is lost is counted", test_no_reader },
	{ "lines for the journal begin with their level", test_journal },
	CU_TEST_INFO_NULL,
};
