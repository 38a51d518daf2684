/* SPDX-License-Identifier: MIT */
#include "master/logfile.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "ipc/chan.h"
#include "master/limits.h"
#include "suites.h"
#include "temporary.h"

/* The configuration with a log at target (NULL: none); line 4 has it. */
static struct conf *load(const char *target, struct report *r)
{
	struct buf text;
	struct conf *conf;

	buf_init(&text, 4096);
	buf_add_str(&text,
		"listen = { address = \"127.0.0.1:0\"; };\n"
		"auth = { module = \"a\"; };\nstorage = { module = \"s\"; };\n");
	if (target)
		buf_printf(&text, "log = { target = \"%s\"; };\n", target);
	buf_add_str(&text, "max_connections = 1000000;\n");
	report_init(r);
	conf = conf_load(buf_view(&text), "x.conf", r);
	buf_free(&text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	return conf;
}

/* Whether a log in the file name below top would do. */
static bool check(const char *top, const char *name, bool open_it)
{
	char path[256];
	struct report r;
	struct conf *conf = load(temporary_path(path, sizeof(path), top, name), &r);
	bool ok = logfile_check(conf, &r);
	int fd = -1;

	if (open_it) {
		CU_ASSERT_EQUAL(logfile_open(conf, &fd, &r), ok);
		CU_ASSERT_EQUAL(fd >= 0, ok);
		if (fd >= 0)
			CU_ASSERT_EQUAL(close(fd), 0);
	}
	if (!ok)
		CU_ASSERT_PTR_NOT_NULL(
			strstr(buf_cstr(&r.text), "x.conf:4: cannot open the log /"));
	CU_ASSERT_EQUAL(r.errors, ok ? 0 : 1 + open_it);
	conf_free(&conf);
	report_free(&r);
	return ok;
}

static void a_check_says_what_a_start_would(void)
{
	char top[] = TEMPORARY, path[256], link[256];
	struct stat st;

	temporary_make(top);
	(void)temporary_path(path, sizeof(path), top, "log");
	CU_ASSERT_TRUE(check(top, "log", false));
	CU_ASSERT_EQUAL(stat(path, &st), -1);
	CU_ASSERT_TRUE(check(top, "log", true));
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode, S_IFREG | 0600);
	CU_ASSERT_FALSE(check(top, "none/log", true));
	CU_ASSERT_FALSE(check(top, "log/log", true));
	CU_ASSERT_FALSE(check(top, "", true));
	CU_ASSERT_EQUAL(symlink(path, temporary_path(link, sizeof(link), top, "link")), 0);
	CU_ASSERT_EQUAL(check(top, "link", true), geteuid() != 0);
	if (geteuid() != 0) {
		CU_ASSERT_EQUAL(chmod(path, 0400), 0);
		CU_ASSERT_FALSE(check(top, "log", true));
	}
	CU_ASSERT_EQUAL(unlink(link), 0);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(rmdir(top), 0);
}

static void standard_error_is_always_there(void)
{
	struct report r;
	struct conf *conf = load(NULL, &r);
	int fd = 7;

	CU_ASSERT_TRUE(logfile_check(conf, &r));
	CU_ASSERT_TRUE(logfile_open(conf, &fd, &r));
	CU_ASSERT_EQUAL(fd, -1);
	conf_free(&conf);
	report_free(&r);
}

static void a_syslog_that_is_not_there_is_told(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char top[] = TEMPORARY, path[256], target[300];
	struct report r;
	struct conf *conf;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	temporary_make(top);
	(void)temporary_path(path, sizeof(path), top, "socket");
	(void)snprintf(target, sizeof(target), "syslog:%s", path);
	conf = load(target, &r);
	CU_ASSERT_TRUE(logfile_check(conf, &r));
	CU_ASSERT_EQUAL(r.warnings, 1);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_cstr(&r.text), "x.conf:4: warning: no syslog daemon listens at /"));
	(void)strcpy(at.sun_path, path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	CU_ASSERT_TRUE(logfile_check(conf, &r));
	CU_ASSERT_EQUAL(r.warnings, 1);
	CU_ASSERT_EQUAL(close(fd), 0);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(rmdir(top), 0);
	conf_free(&conf);
	report_free(&r);
}

/* A generation of two workers, one of which is down; top has its log. */
struct scene {
	char top[sizeof(TEMPORARY)], path[256];
	struct report report;
	struct worker workers[2];
	struct generation g;
	struct log *log;
	int chan; /* the worker's end */
};

static void set(struct scene *s)
{
	int ends[2];

	*s = (struct scene){ .top = TEMPORARY };
	temporary_make(s->top);
	(void)temporary_path(s->path, sizeof(s->path), s->top, "log");
	CU_ASSERT_EQUAL_FATAL(chan_pair(ends), 0);
	s->chan = ends[1];
	s->workers[0].child.chan = -1;
	s->workers[1] = (struct worker){ .index = 1, .child.chan = ends[0] };
	s->g = (struct generation){
		.conf = load(s->path, &s->report), .workers = s->workers, .nworkers = 2
	};
	CU_ASSERT_TRUE_FATAL(logfile_open(s->g.conf, &s->g.log_fd, &s->report));
	s->log = logfile_master(&s->g);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->log);
}

static void strike(struct scene *s)
{
	log_free(&s->log);
	CU_ASSERT_EQUAL(close(s->chan), 0);
	CU_ASSERT_EQUAL(close(s->workers[1].child.chan), 0);
	CU_ASSERT_EQUAL(close(s->g.log_fd), 0);
	conf_free(&s->g.conf);
	report_free(&s->report);
	CU_ASSERT_EQUAL(unlink(s->path), 0);
	CU_ASSERT_EQUAL(rmdir(s->top), 0);
}

static bool has(const char *path, const char *word)
{
	char text[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	CU_ASSERT_EQUAL(fclose(f), 0);
	return strstr(text, word) != NULL;
}

static bool is_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino;
}

static void a_new_file_goes_to_every_worker(void)
{
	struct chan_msg msg;
	struct scene s;
	char old[256];
	int fds[CHAN_FDS_MAX];
	size_t n = 0;

	set(&s);
	(void)temporary_path(old, sizeof(old), s.top, "log.1");
	CU_ASSERT_EQUAL(rename(s.path, old), 0);
	CU_ASSERT_TRUE(logfile_reopen(&s.g, s.log));
	CU_ASSERT_TRUE(is_file(s.g.log_fd, s.path));
	CU_ASSERT_EQUAL_FATAL(chan_recv(s.chan, &msg, fds, &n), 1);
	CU_ASSERT_EQUAL(msg.kind, CHAN_LOG);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT_TRUE(is_file(fds[0], s.path));
	CU_ASSERT_EQUAL(close(fds[0]), 0);
	logfile_follow(&s.g, s.log);
	CU_ASSERT_TRUE(log_flush(s.log));
	CU_ASSERT_TRUE(has(s.path, "event=log_reopen"));
	CU_ASSERT_FALSE(has(old, "event"));
	CU_ASSERT_EQUAL(unlink(old), 0);
	strike(&s);
}

static void without_a_new_file_the_old_one_goes_on(void)
{
	struct chan_msg msg;
	struct scene s;
	char old[256];
	int fds[CHAN_FDS_MAX], before;
	size_t n = 0;

	set(&s);
	(void)temporary_path(old, sizeof(old), s.top, "log.1");
	CU_ASSERT_EQUAL(rename(s.path, old), 0);
	CU_ASSERT_EQUAL(mkdir(s.path, 0700), 0);
	before = s.g.log_fd;
	CU_ASSERT_FALSE(logfile_reopen(&s.g, s.log));
	CU_ASSERT_EQUAL(s.g.log_fd, before);
	CU_ASSERT_EQUAL(fcntl(s.chan, F_SETFL, O_NONBLOCK), 0);
	CU_ASSERT_EQUAL(chan_recv(s.chan, &msg, fds, &n), -1);
	CU_ASSERT_TRUE(has(old, "event=log_reopen_failed"));
	CU_ASSERT_TRUE(has(old, "error=\"Is a directory\""));
	CU_ASSERT_EQUAL(rmdir(s.path), 0);
	CU_ASSERT_EQUAL(rename(old, s.path), 0);
	strike(&s);
}

static void a_worker_that_cannot_be_told_is_named(void)
{
	struct scene s;
	struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = CHAN_PROBE };

	set(&s);
	while (chan_send(s.workers[1].child.chan, &msg, NULL, 0) == 0)
		;
	CU_ASSERT_TRUE(logfile_reopen(&s.g, s.log));
	CU_ASSERT_TRUE(has(s.path, "event=log_reopen_failed process=master worker=2 path=/"));
	strike(&s);
}

static void more_connections_than_descriptors_are_told(void)
{
	struct report r;
	struct conf *conf = load(NULL, &r);

	conf->max_connections = 0x7FFFFFFF; /* no machine has so many */
	limits_check(conf, &r);
	CU_ASSERT_EQUAL(r.warnings, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&r.text), "x.conf:4: warning: max_connections"));
	conf->max_connections = 1;
	r.warnings = 0;
	limits_check(conf, &r);
	CU_ASSERT_EQUAL(r.warnings, 0);
	conf_free(&conf);
	report_free(&r);
}

CU_TestInfo logfile_tests[] = {
	{ "a check says what a start would", a_check_says_what_a_start_would },
	{ "standard error is always there", standard_error_is_always_there },
	{ "a syslog that is not there is told", a_syslog_that_is_not_there_is_told },
	{ "a new file goes to every worker", a_new_file_goes_to_every_worker },
	{ "without a new file the old one goes on", without_a_new_file_the_old_one_goes_on },
	{ "a worker that cannot be told is named", a_worker_that_cannot_be_told_is_named },
	{ "more connections than descriptors are told",
		more_connections_than_descriptors_are_told },
	CU_TEST_INFO_NULL,
};
