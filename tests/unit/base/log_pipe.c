/* SPDX-License-Identifier: MIT */
/* Standard error as a pipe or socket whose reader is slow, or gone. */
#include <fcntl.h>
#include <popart/host.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "suites.h"

#define LINES 20000u

struct fixture {
	int saved, reader; /* the true standard error; the end that we read */
	struct log *log;
	struct buf text;
};

static void begin(struct fixture *f, int ends[2])
{
	struct log_setup setup = {
		.target = "stderr", .level = POPART_LOG_INFO, .process = "worker-1"
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

static void log_number(struct log *log, uint64_t n)
{
	struct log_line l;

	log_begin(log, &l, n % 7 == 0 ? LOG_EV_AUTH_FAILED : LOG_EV_LOGIN);
	log_u64(&l, "n", n);
	log_end(&l);
}

/* Numbers rise, nothing is torn, and what is missing is counted. */
static void check_lines(struct popart_str text, uint64_t logged)
{
	uint64_t seen = 0, lost = 0, last = 0;

	CU_ASSERT(view_ends(text, VIEW_LIT("\n")));
	while (text.len > 0) {
		struct popart_str line = view_cut(&text, '\n');
		struct popart_str rest = line;
		uint64_t n;

		CU_ASSERT_FATAL(line.len > 24 && line.ptr[23] == 'Z');
		while (rest.len > 0 && !view_starts(rest, VIEW_LIT(" n=")) &&
			!view_starts(rest, VIEW_LIT(" lines=")))
			rest = view_of(rest.ptr + 1, rest.len - 1);
		bool number = view_starts(rest, VIEW_LIT(" n="));
		(void)view_cut(&rest, '=');
		CU_ASSERT_FATAL(view_u64(rest, UINT64_MAX, &n));
		if (number) {
			CU_ASSERT_FATAL(n > last);
			last = n;
			seen++;
		} else {
			lost += n;
		}
	}
	CU_ASSERT(seen > 0);
	CU_ASSERT_EQUAL(seen + lost, logged);
}

static void run_slow(int ends[2])
{
	struct fixture f;

	begin(&f, ends);
	(void)alarm(60); /* a log that waits would wait for ever */
	for (uint64_t n = 1; n <= LINES; n++)
		log_number(f.log, n);
	while (read_some(&f))
		log_flush(f.log);
	for (uint64_t n = LINES + 1; n <= LINES + 100; n++)
		log_number(f.log, n);
	log_flush(f.log);
	while (read_some(&f))
		log_flush(f.log);
	(void)alarm(0);
	check_lines(buf_view(&f.text), LINES + 100);
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
	begin(&f, ends);
	(void)close(f.reader);
	f.reader = -1;
	(void)alarm(60);
	for (uint64_t n = 1; n <= LINES; n++)
		log_number(f.log, n);
	log_flush(f.log);
	(void)alarm(0);
	end(&f);
	(void)signal(SIGPIPE, before);
}

CU_TestInfo log_pipe_tests[] = {
	{ "a pipe that nobody reads for a while: order kept, losses counted", test_slow_pipe },
	{ "a socket that nobody reads for a while", test_slow_socket },
	{ "a pipe whose reader is gone", test_no_reader },
	CU_TEST_INFO_NULL,
};
