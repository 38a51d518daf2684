/* SPDX-License-Identifier: MIT */
/* A file that is replaced, or cannot grow: RLIMIT_FSIZE is as good as a full disk. */
#include <fcntl.h>
#include <popart/host.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log_lines.h"
#include "suites.h"

#define LINES 20000u

struct fixture {
	char path[32];
	struct log *log;
	struct rlimit limit; /* what it was before */
	void (*handler)(int);
};

static int make_file(char path[32])
{
	int fd;

	(void)snprintf(path, 32, "/tmp/popart-test-log.XXXXXX");
	fd = mkostemp(path, O_APPEND | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	return fd;
}

static void begin(struct fixture *f)
{
	struct log_setup setup = {
		.to = LOG_TO_FILE, .level = POPART_LOG_INFO, .process = "worker-1"
	};

	setup.fd = make_file(f->path);
	f->handler = signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &f->limit), 0);
	f->log = log_new(&setup);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->log);
}

static void end(struct fixture *f)
{
	log_free(&f->log);
	(void)signal(SIGXFSZ, f->handler);
	(void)unlink(f->path);
}

static void grow_to(const struct fixture *f, rlim_t octets)
{
	struct rlimit limit = { .rlim_cur = octets, .rlim_max = f->limit.rlim_max };

	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void grow_freely(const struct fixture *f)
{
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &f->limit), 0);
}

static void read_file(const char *path, struct buf *text)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *room;

	buf_init(text, 16u << 20);
	CU_ASSERT_FATAL(fd >= 0 && fstat(fd, &st) == 0);
	room = buf_room(text, (size_t)st.st_size + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(room);
	CU_ASSERT_EQUAL(read(fd, room, (size_t)st.st_size), st.st_size);
	text->len = (size_t)st.st_size;
	(void)close(fd);
}

/* Two lines that fit, and one of which the first octets do. */
static void fill_disk(const struct fixture *f)
{
	log_number(f->log, 1);
	log_number(f->log, 2);
	log_number(f->log, 3);
	grow_to(f, 150);
	CU_ASSERT(!log_flush(f->log));
	CU_ASSERT(!log_flush(f->log));
}

static void test_cut_line(void)
{
	static const char other[] = "<6>event=worker_start process=worker-2 pid=4\n";
	struct fixture f;
	struct popart_str rest;
	struct buf text;
	int fd;

	begin(&f);
	fill_disk(&f);
	read_file(f.path, &text);
	check_numbers(buf_view(&text), 2);
	buf_free(&text);
	grow_freely(&f);
	fd = open(f.path, O_WRONLY | O_APPEND | O_CLOEXEC);
	CU_ASSERT_EQUAL(write(fd, other, sizeof other - 1), (ssize_t)sizeof other - 1);
	(void)close(fd);
	CU_ASSERT(log_flush(f.log));
	read_file(f.path, &text);
	rest = buf_view(&text);
	for (int i = 0; i < 2; i++)
		(void)view_cut(&rest, '\n');
	CU_ASSERT(view_eq(view_cut(&rest, '\n'), view_of(other, sizeof other - 2)));
	check_numbers(rest, 1); /* 3 */
	buf_free(&text);
	end(&f);
}

static void test_full_disk(void)
{
	struct fixture f;
	struct buf text;

	begin(&f);
	grow_to(&f, 2000);
	for (uint64_t n = 1; n <= LINES; n++)
		log_number(f.log, n);
	CU_ASSERT(!log_flush(f.log));
	grow_freely(&f);
	CU_ASSERT(log_flush(f.log));
	log_number(f.log, LINES + 1);
	CU_ASSERT(log_flush(f.log));
	read_file(f.path, &text);
	CU_ASSERT(text.len > 200000 && text.len < 300000);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&text), "event=log_lost"));
	check_numbers(buf_view(&text), LINES + 1);
	buf_free(&text);
	end(&f);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* What the disk has refused is tried again by log_flush only: that may take a while. */
static void test_full_disk_is_left_alone(void)
{
	struct fixture f;
	off_t before;

	begin(&f);
	fill_disk(&f);
	grow_freely(&f);
	before = size_of(f.path);
	log_number(f.log, 7); /* an error */
	CU_ASSERT_EQUAL(size_of(f.path), before);
	CU_ASSERT(log_flush(f.log));
	before = size_of(f.path);
	log_number(f.log, 14);
	CU_ASSERT(size_of(f.path) > before);
	end(&f);
}

/* The lines of both files, one after the other. */
static void check_both(struct fixture *f, const char *second, uint64_t logged)
{
	struct buf text, more;

	log_free(&f->log);
	read_file(f->path, &text);
	read_file(second, &more);
	CU_ASSERT(more.len > 0);
	CU_ASSERT(view_starts(buf_view(&more), VIEW_LIT("20")));
	buf_add(&text, buf_view(&more));
	check_numbers(buf_view(&text), logged);
	buf_free(&text);
	buf_free(&more);
	(void)unlink(second);
	end(f);
}

static void test_switch(void)
{
	struct fixture f;
	char second[32];

	begin(&f);
	for (uint64_t n = 1; n <= 1003; n++) {
		if (n == 502) /* 501 still waits */
			log_switch(f.log, make_file(second));
		log_number(f.log, n);
	}
	check_both(&f, second, 1003);
}

static void test_switch_when_full(void)
{
	struct fixture f;
	char second[32];

	begin(&f);
	fill_disk(&f);
	log_switch(f.log, make_file(second));
	grow_freely(&f);
	log_number(f.log, 4);
	check_both(&f, second, 4);
}

static void test_switch_elsewhere(void)
{
	struct log_setup setup = { .level = POPART_LOG_INFO, .process = "worker-1" };
	struct log *log = log_new(&setup);
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	CU_ASSERT_PTR_NOT_NULL_FATAL(log);
	CU_ASSERT_FATAL(fd >= 0);
	log_switch(log, fd);
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1); /* closed */
	CU_ASSERT(fcntl(STDERR_FILENO, F_GETFD) >= 0);
	log_free(&log);
}

CU_TestInfo log_file_tests[] = {
	{ "a line that does not fit on a disk is taken back, and written later",
		test_cut_line },
	{ "a full disk: lines are kept up to a bound, then counted", test_full_disk },
	{ "a full disk is not tried with every line", test_full_disk_is_left_alone },
	{ "another file: every line is in one of them", test_switch },
	{ "another file while the disk is full", test_switch_when_full },
	{ "standard error stays where it is", test_switch_elsewhere },
	CU_TEST_INFO_NULL,
};
