/* SPDX-License-Identifier: MIT */
#include "master/logfile.h"
#include "base/log.h"
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
	const struct account me = { .uid = geteuid(), .gid = getegid() };
	char path[256];
	struct report r;
	struct conf *conf = load(temporary_path(path, sizeof(path), top, name), &r);
	bool ok = logfile_check(conf, &me, &r);

	if (open_it) {
		struct log *log = logfile_open(conf, &me, &r);
		CU_ASSERT_EQUAL(log != NULL, ok);
		log_free(&log);
	}
	if (!ok)
		CU_ASSERT_PTR_NOT_NULL(
			strstr(buf_cstr(&r.text), "x.conf:4: cannot open the log /"));
	conf_free(&conf);
	report_free(&r);
	return ok;
}

static void a_check_says_what_a_start_would(void)
{
	char top[] = TEMPORARY, path[256];
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
	if (geteuid() != 0) {
		CU_ASSERT_EQUAL(chmod(path, 0400), 0);
		CU_ASSERT_FALSE(check(top, "log", true));
	}
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(rmdir(top), 0);
}

static void standard_error_is_always_there(void)
{
	const struct account me = { .uid = geteuid() };
	struct report r;
	struct conf *conf = load(NULL, &r);

	CU_ASSERT_TRUE(logfile_check(conf, &me, &r));
	conf_free(&conf);
	report_free(&r);
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
	{ "more connections than descriptors are told",
		more_connections_than_descriptors_are_told },
	CU_TEST_INFO_NULL,
};
