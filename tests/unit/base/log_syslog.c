/* SPDX-License-Identifier: MIT */
/* A syslog daemon that comes late, goes away, comes back, or does not read. */
#include <errno.h>
#include <popart/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "log_lines.h"
#include "suites.h"

#define LINES 20000u

struct fixture {
	char top[32];
	struct sockaddr_un at;
	int daemon; /* -1: there is none */
	struct log *log;
	struct buf text; /* what it got, a newline behind each message */
};

static void daemon_up(struct fixture *f)
{
	f->daemon = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CU_ASSERT_FATAL(f->daemon >= 0);
	CU_ASSERT_EQUAL_FATAL(bind(f->daemon, (struct sockaddr *)&f->at, sizeof f->at), 0);
}

static void daemon_down(struct fixture *f)
{
	CU_ASSERT_EQUAL(close(f->daemon), 0);
	CU_ASSERT_EQUAL(unlink(f->at.sun_path), 0);
	f->daemon = -1;
}

static void begin(struct fixture *f, enum log_format format, bool up)
{
	struct log_setup setup = { .to = LOG_TO_SYSLOG,
		.facility = 2,
		.format = format,
		.level = POPART_LOG_DEBUG,
		.process = "worker-1" };

	*f = (struct fixture){
		.top = "/tmp/popart-test-log.XXXXXX", .daemon = -1, .at.sun_family = AF_UNIX
	};
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->top));
	(void)snprintf(f->at.sun_path, sizeof f->at.sun_path, "%s/log", f->top);
	if (up)
		daemon_up(f);
	setup.socket = f->at.sun_path;
	f->log = log_new(&setup);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->log);
	buf_init(&f->text, 16u << 20);
	(void)alarm(60); /* a log that waits would wait for ever */
}

static void end(struct fixture *f)
{
	log_free(&f->log);
	(void)alarm(0);
	if (f->daemon >= 0)
		daemon_down(f);
	CU_ASSERT_EQUAL(rmdir(f->top), 0);
	buf_free(&f->text);
}

static bool read_one(struct fixture *f)
{
	char *room = buf_room(&f->text, 2 * LOG_LINE_MAX);
	ssize_t n = room ? recv(f->daemon, room, 2 * LOG_LINE_MAX, 0) : -1;

	if (n < 0)
		return false;
	f->text.len += (size_t)n;
	buf_add_char(&f->text, '\n');
	return true;
}

static void read_all(struct fixture *f)
{
	while (read_one(f))
		(void)log_flush(f->log);
}

/* "<19>Nov 25 21:04:05 popartd[77]: " and what follows. */
static bool is_message(const char *text, int pri, const char *rest)
{
	char month[4], head[64];
	int day, hour, minute, second, n = 0;

	(void)snprintf(head, sizeof head, "<%d>%%3c %%2d %%2d:%%2d:%%2d popartd[%d]: %%n", pri,
		(int)getpid());
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)sscanf(text, head, month, &day, &hour, &minute, &second, &n);
#pragma GCC diagnostic pop
	return n > 0 && text[6 + (pri > 99) + 1] == ' ' && strcmp(text + n, rest) == 0;
}

static void expect(struct fixture *f, enum log_event event, int pri, const char *rest)
{
	struct log_line l;

	buf_reset(&f->text);
	log_begin(f->log, &l, event);
	log_end(&l);
	CU_ASSERT(read_one(f)); /* without a flush */
	CU_ASSERT(is_message(buf_cstr(&f->text), pri, rest));
}

static void test_shape(void)
{
	struct fixture f;

	begin(&f, LOG_FORMAT_LOGFMT, true);
	CU_ASSERT(log_syslog_listens(f.at.sun_path));
	expect(&f, LOG_EV_INTERNAL, 19, "event=internal process=worker-1\n");
	expect(&f, LOG_EV_CONFIG, 20, "event=config process=worker-1\n");
	expect(&f, LOG_EV_LOGIN, 22, "event=login process=worker-1\n");
	expect(&f, LOG_EV_COMMIT, 23, "event=commit process=worker-1\n");
	end(&f);
	begin(&f, LOG_FORMAT_JSON, true);
	log_number(f.log, 7);
	CU_ASSERT(read_one(&f));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&f.text), "]: {\"time\":\"2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&f.text), "\"level\":\"error\""));
	end(&f);
}

static void test_late(void)
{
	struct fixture f;

	begin(&f, LOG_FORMAT_LOGFMT, false);
	CU_ASSERT(!log_syslog_listens(f.at.sun_path));
	CU_ASSERT_EQUAL(errno, ENOENT);
	for (uint64_t n = 1; n <= 50; n++)
		log_number(f.log, n);
	CU_ASSERT(!log_flush(f.log));
	daemon_up(&f);
	read_all(&f);
	(void)log_flush(f.log);
	read_all(&f);
	CU_ASSERT(log_flush(f.log));
	check_numbers(buf_view(&f.text), 50);
	end(&f);
}

static void test_restarted(void)
{
	struct fixture f;

	begin(&f, LOG_FORMAT_LOGFMT, true);
	for (uint64_t n = 1; n <= 30; n++) {
		if (n == 10) {
			daemon_down(&f);
			CU_ASSERT(!log_syslog_listens(f.at.sun_path));
		}
		if (n == 20)
			daemon_up(&f);
		log_number(f.log, n);
		if (f.daemon >= 0)
			read_all(&f);
	}
	CU_ASSERT(log_flush(f.log));
	check_numbers(buf_view(&f.text), 30);
	end(&f);
}

/* Between two lines, so that the first one finds out. */
static void test_replaced(void)
{
	struct fixture f;

	begin(&f, LOG_FORMAT_LOGFMT, true);
	for (uint64_t n = 1; n <= 30; n++) {
		daemon_down(&f);
		daemon_up(&f);
		log_number(f.log, n);
		read_all(&f);
	}
	check_numbers(buf_view(&f.text), 30);
	end(&f);
}

static void test_deaf(void)
{
	struct fixture f;

	begin(&f, LOG_FORMAT_LOGFMT, true);
	for (uint64_t n = 1; n <= LINES; n++)
		log_number(f.log, n);
	CU_ASSERT(!log_flush(f.log));
	read_all(&f);
	for (uint64_t n = LINES + 1; n <= LINES + 100; n++)
		log_number(f.log, n);
	read_all(&f);
	CU_ASSERT(log_flush(f.log));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&f.text), "event=log_lost"));
	check_numbers(buf_view(&f.text), LINES + 100);
	end(&f);
}

/* Its end is waited for, a little; if it has gone, too. */
static void test_end(void)
{
	struct fixture f;

	begin(&f, LOG_FORMAT_LOGFMT, false);
	log_number(f.log, 1);
	end(&f);
	begin(&f, LOG_FORMAT_LOGFMT, true);
	daemon_down(&f);
	log_number(f.log, 1);
	daemon_up(&f);
	log_free(&f.log);
	CU_ASSERT(read_one(&f));
	end(&f);
}

CU_TestInfo log_syslog_tests[] = {
	{ "syslog: one message a line, as local daemons expect it", test_shape },
	{ "a daemon that comes late gets what was kept for it", test_late },
	{ "a daemon that is stopped and started again", test_restarted },
	{ "a daemon that is replaced between two lines", test_replaced },
	{ "a daemon that does not read: nobody waits, losses are counted", test_deaf },
	{ "the last lines", test_end },
	CU_TEST_INFO_NULL,
};
