/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <popart/host.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "suites.h"

#define THREADS 4u
#define LINES   2000u

/* A log that goes to a file, and what came out of it. */
struct fixture {
	char path[64];
	struct log *log;
	char *text; /* NUL-terminated */
};

static void open_log(struct fixture *f, enum log_format format, int level)
{
	struct log_setup setup = {
		.to = LOG_TO_FILE, .format = format, .level = level, .process = "worker-1"
	};

	*f = (struct fixture){ .path = "/tmp/popart-test-log.XXXXXX" };
	setup.fd = mkostemp(f->path, O_APPEND | O_CLOEXEC);
	CU_ASSERT_FATAL(setup.fd >= 0);
	f->log = log_new(&setup);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->log);
}

static size_t file_size(const struct fixture *f)
{
	struct stat st;

	return stat(f->path, &st) == 0 ? (size_t)st.st_size : 0;
}

static void close_log(struct fixture *f)
{
	size_t size;
	int fd;

	log_free(&f->log);
	CU_ASSERT_PTR_NULL(f->log);
	size = file_size(f);
	f->text = calloc(1, size + 1);
	fd = open(f->path, O_RDONLY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->text);
	CU_ASSERT_EQUAL_FATAL(read(fd, f->text, size), (ssize_t)size);
	(void)close(fd);
	(void)unlink(f->path);
}

/* "2026-11-23T17:30:00.123Z": its digits are anybody's guess. */
static bool is_time(const char *s)
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";

	for (size_t i = 0; shape[i]; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';
		if (shape[i] == '0' ? !digit : s[i] != shape[i])
			return false;
	}
	return true;
}

static void log_samples(struct log *log)
{
	struct log_line l;

	log_begin(log, &l, LOG_EV_SESSION_END);
	log_str(&l, "rip", "127.0.0.1");
	log_hex(&l, "session", 0xAB01);
	log_str(&l, "reason", "two words");
	log_i64(&l, "ms", INT64_MIN);
	log_u64(&l, "in", UINT64_MAX);
	log_view(&l, "tls", VIEW_NONE);
	log_quoted(&l, "user", VIEW_LIT("de\"mo\" rip=6.6.6.6\r\n\xFF\xC3\xA5"));
	log_end(&l);
	log_begin(log, &l, LOG_EV_MODULE);
	log_errno(&l, ENOENT);
	log_quoted(&l, "text", VIEW_LIT("5 of x\ny"));
	log_end(&l);
}

/* Ends the first line, and returns what follows it. */
static char *cut_line(char *text)
{
	char *end = strchr(text, '\n');

	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	*end = '\0';
	return end + 1;
}

static void test_logfmt(void)
{
	struct fixture f;
	char *second;

	open_log(&f, LOG_FORMAT_LOGFMT, POPART_LOG_INFO);
	log_samples(f.log);
	close_log(&f);
	CU_ASSERT(is_time(f.text));
	second = cut_line(f.text);
	CU_ASSERT_STRING_EQUAL(f.text + 24,
		" info event=session_end process=worker-1 rip=127.0.0.1 "
		"session=000000000000ab01 "
		"reason=\"two words\" ms=-9223372036854775808 in=18446744073709551615 "
		"tls=\"\" user=\"de\\\"mo\\\" rip=6.6.6.6\\x0d\\x0a\\xff\xC3\xA5\"");
	CU_ASSERT(is_time(second));
	CU_ASSERT_STRING_EQUAL(second + 24,
		" info event=module process=worker-1 error=\"No such file or directory\" "
		"text=\"5 of x\\x0ay\"\n");
	free(f.text);
}

static void test_json(void)
{
	struct fixture f;
	char *second;

	open_log(&f, LOG_FORMAT_JSON, POPART_LOG_INFO);
	log_samples(f.log);
	close_log(&f);
	CU_ASSERT_EQUAL(strncmp(f.text, "{\"time\":\"", 9), 0);
	CU_ASSERT(is_time(f.text + 9));
	second = cut_line(f.text);
	CU_ASSERT_STRING_EQUAL(f.text + 33,
		"\",\"level\":\"info\",\"event\":\"session_end\",\"process\":\"worker-1\","
		"\"rip\":\"127.0.0.1\",\"session\":\"000000000000ab01\",\"reason\":\"two "
		"words\","
		"\"ms\":-9223372036854775808,\"in\":18446744073709551615,\"tls\":\"\","
		"\"user\":\"de\\\"mo\\\" rip=6.6.6.6\\u000d\\u000a\\ufffd\xC3\xA5\"}");
	CU_ASSERT_STRING_EQUAL(second + 33,
		"\",\"level\":\"info\",\"event\":\"module\",\"process\":\"worker-1\","
		"\"error\":\"No such file or directory\",\"text\":\"5 of x\\u000ay\"}\n");
	free(f.text);
}

/* Every octet, and every pair that begins past ASCII: what is written is UTF-8. */
static void test_json_is_utf8(void)
{
	struct fixture f;
	struct log_line l;

	open_log(&f, LOG_FORMAT_JSON, POPART_LOG_INFO);
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = a < 0x80 ? 255 : 0x70; b < 256; b++) {
			char v[] = { (char)a, (char)b };
			log_begin(f.log, &l, LOG_EV_AUTH_FAILED);
			log_quoted(&l, "user", view_of(v, sizeof v));
			log_end(&l);
		}
	}
	close_log(&f);
	CU_ASSERT(view_is_utf8(view_str(f.text)));
	for (const char *p = f.text; *p; p++)
		CU_ASSERT_FATAL(*p == '\n' || (unsigned char)*p >= ' ');
	free(f.text);
}

static void test_levels(void)
{
	struct fixture f;
	struct log_line l;

	open_log(&f, LOG_FORMAT_LOGFMT, POPART_LOG_WARN);
	CU_ASSERT(log_wants(f.log, POPART_LOG_ERROR));
	CU_ASSERT(!log_wants(f.log, POPART_LOG_INFO));
	CU_ASSERT(!log_wants(NULL, POPART_LOG_ERROR));
	log_samples(f.log);
	log_begin_level(f.log, &l, LOG_EV_MODULE, POPART_LOG_ERROR);
	log_end(&l);
	CU_ASSERT(file_size(&f) > 0); /* at once */
	log_begin(NULL, &l, LOG_EV_START);
	log_u64(&l, "workers", 1);
	log_end(&l);
	CU_ASSERT(log_flush(NULL));
	close_log(&f);
	CU_ASSERT_STRING_EQUAL(f.text + 24, " error event=module process=worker-1\n");
	free(f.text);
}

static void test_batches(void)
{
	struct fixture f;

	open_log(&f, LOG_FORMAT_LOGFMT, POPART_LOG_INFO);
	log_samples(f.log);
	CU_ASSERT_EQUAL(file_size(&f), 0);
	CU_ASSERT(log_flush(f.log));
	CU_ASSERT(file_size(&f) > 0);
	for (size_t before = file_size(&f); file_size(&f) == before;)
		log_samples(f.log);
	CU_ASSERT(file_size(&f) >= 32768);
	close_log(&f);
	free(f.text);
}

static void test_message(void)
{
	static char long_value[1500];
	struct fixture f;
	struct log_line l;

	memset(long_value, 'x', sizeof long_value);
	open_log(&f, LOG_FORMAT_LOGFMT, POPART_LOG_INFO);
	for (size_t len = 1000; len <= sizeof long_value; len += 500) {
		log_begin(f.log, &l, LOG_EV_CONFIG);
		log_message(&l, "text", view_of(long_value, len));
		log_end(&l);
	}
	close_log(&f);
	CU_ASSERT_PTR_NOT_NULL(strstr(f.text, "xxx\"\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(f.text, "xxx...\"\n"));
	CU_ASSERT(strlen(f.text) > 2000 && strlen(f.text) < 2200);
	free(f.text);
}

static void test_long_lines(void)
{
	static const enum log_format formats[] = { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
	static char long_value[300], key[32];
	struct fixture f;
	struct log_line l;

	memset(long_value, 0xFF, sizeof long_value);
	for (size_t n = 0; n < ARRAY_LEN(formats); n++) {
		open_log(&f, formats[n], POPART_LOG_INFO);
		log_begin(f.log, &l, LOG_EV_SESSION_END);
		for (const char *rest = log_events[LOG_EV_SESSION_END].fields; *rest;) {
			size_t len = strcspn(rest, " ");
			memcpy(key, rest, len);
			key[len] = '\0';
			rest += len + (rest[len] == ' ');
			if (*rest)
				log_quoted(&l, key, view_of(long_value, sizeof long_value));
			else
				log_u64(&l, key, 1); /* still fits */
		}
		log_end(&l);
		close_log(&f);
		CU_ASSERT(strlen(f.text) <= LOG_LINE_MAX);
		CU_ASSERT(strlen(f.text) > LOG_LINE_MAX / 2);
		CU_ASSERT_PTR_NOT_NULL(strstr(f.text,
			n == 0 ? "...\" user=1 cut=true\n"
			       : "...\",\"user\":1,\"cut\":true}\n"));
		free(f.text);
	}
}

static void *log_lines(void *arg)
{
	struct log_line l;

	for (uint64_t i = 0; i < LINES; i++) {
		log_begin(arg, &l, i % 100 == 0 ? LOG_EV_MODULE_FAILED : LOG_EV_MODULE);
		log_u64(&l, "session", i);
		log_str(&l, "call", "yes");
		log_end(&l);
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[THREADS];
	struct fixture f;
	unsigned lines = 0;

	open_log(&f, LOG_FORMAT_LOGFMT, POPART_LOG_INFO);
	for (size_t i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, log_lines, f.log), 0);
	for (size_t i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_join(threads[i], NULL), 0);
	close_log(&f);
	for (char *line = f.text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		lines++;
		CU_ASSERT_FATAL(is_time(line));
		CU_ASSERT_STRING_EQUAL_FATAL(end - 9, " call=yes");
		CU_ASSERT_PTR_EQUAL(strstr(line, " call=yes"), end - 9);
	}
	CU_ASSERT_EQUAL(lines, THREADS * LINES);
	free(f.text);
}

static const struct log_field_row *field_row(struct popart_str name)
{
	const struct log_field_row *row = log_fields;

	while (row->name && !view_eq(name, view_str(row->name)))
		row++;
	return row->name ? row : NULL;
}

/* Each field is known and stands there once; rip before what a client said, and nothing but
 * that behind it. */
static void check_order(const struct log_event_row *event)
{
	struct popart_str rest = view_str(event->fields), done;
	/* popart-deliver has no client: its user is whom the MTA names. */
	bool delivery = event == &log_events[LOG_EV_DELIVERED] ||
		event == &log_events[LOG_EV_DELIVERY_FAILED];
	bool said = false, rip = delivery;

	while (rest.len > 0) {
		struct popart_str name = view_cut(&rest, ' ');
		const struct log_field_row *row = field_row(name);

		CU_ASSERT_PTR_NOT_NULL_FATAL(row);
		CU_ASSERT(row->said || !said);
		said = row->said;
		rip = rip || view_eq(name, VIEW_LIT("rip"));
		/* Without rip the client's name is of no use. */
		CU_ASSERT(rip || !view_eq(name, VIEW_LIT("user")));
		CU_ASSERT(!view_eq(name, VIEW_LIT("user")) || rest.len == 0);
		done = rest;
		while (done.len > 0)
			CU_ASSERT(!view_eq(view_cut(&done, ' '), name));
	}
}

static void test_table(void)
{
	for (size_t i = 0; i < LOG_EV_COUNT; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(log_events[i].name);
		CU_ASSERT(strlen(log_events[i].meaning) > 0);
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(log_events[i].name, log_events[j].name);
		check_order(&log_events[i]);
	}
	CU_ASSERT_STRING_EQUAL(log_events[LOG_EV_WORKER_DIED].name, "worker_died");
	CU_ASSERT_EQUAL(log_events[LOG_EV_WORKER_DIED].level, POPART_LOG_ERROR);
	CU_ASSERT_EQUAL(log_level_at(0), POPART_LOG_ERROR);
	CU_ASSERT_EQUAL(log_level_at(3), POPART_LOG_DEBUG);
	CU_ASSERT_EQUAL(log_facility_at(0), 2);
	CU_ASSERT_STRING_EQUAL(log_facility_names[9], "local7");
	CU_ASSERT_EQUAL(log_facility_at(9), 23);
}

/* Every field is some event's. */
static void test_fields(void)
{
	for (const struct log_field_row *row = log_fields; row->name; row++) {
		unsigned events = 0;

		CU_ASSERT(strlen(row->meaning) > 0);
		CU_ASSERT(row == log_fields || strcmp(row[-1].name, row->name) < 0);
		for (size_t i = 0; i < LOG_EV_COUNT; i++) {
			struct popart_str rest = view_str(log_events[i].fields);
			while (rest.len > 0)
				events += view_eq(view_cut(&rest, ' '), view_str(row->name));
		}
		CU_ASSERT(events > 0);
	}
}

#ifdef POPART_DEVELOPER
/* In a child: whether the log lets a line of auth_failed have these two fields. */
static bool may_log(const char *first, const char *second)
{
	struct log_setup setup = { .to = LOG_TO_FILE, .process = "x" };
	struct log_line l;
	int status = 0;
	pid_t child;

	setup.fd = open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC);
	setup.level = POPART_LOG_DEBUG;
	child = fork();
	if (child == 0) {
		struct log *log = log_new(&setup);
		(void)close(STDERR_FILENO);
		(void)prctl(PR_SET_DUMPABLE, 0);
		(void)signal(SIGABRT, SIG_DFL);
		log_begin(log, &l, LOG_EV_AUTH_FAILED);
		log_str(&l, first, "1");
		log_quoted(&l, second, VIEW_LIT("2"));
		log_end(&l);
		_exit(0);
	}
	CU_ASSERT_FATAL(child > 0);
	CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
	(void)close(setup.fd);
	CU_ASSERT(WIFEXITED(status) || WTERMSIG(status) == SIGABRT);
	return WIFEXITED(status);
}

static void test_misplaced(void)
{
	CU_ASSERT(may_log("rip", "user"));
	CU_ASSERT(!may_log("user", "rip"));
	CU_ASSERT(!may_log("user", "user"));
	CU_ASSERT(!may_log("rip", "password"));
}
#else
static void test_misplaced(void)
{
}
#endif

CU_TestInfo log_tests[] = {
	{ "logfmt: values cannot imitate fields", test_logfmt },
	{ "JSON lines", test_json },
	{ "JSON is UTF-8 whatever a client sends", test_json_is_utf8 },
	{ "levels, and no log at all", test_levels },
	{ "lines are written in batches", test_batches },
	{ "a message of our own may be long", test_message },
	{ "a line has an end", test_long_lines },
	{ "lines of several threads never mix", test_threads },
	{ "events have names of their own, and rip before what a client said", test_table },
	{ "fields are in order, and used", test_fields },
	{ "a developer build stops at a field that is not where it belongs", test_misplaced },
	CU_TEST_INFO_NULL,
};
