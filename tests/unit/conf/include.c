/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "loaded.h"
#include "suites.h"

static char top[] = "/tmp/popart-test-conf.XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", top, name);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT(fputs(text, f) >= 0);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

static void make_files(void)
{
	char path[256];

	(void)strcpy(top, "/tmp/popart-test-conf.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(top));
	(void)snprintf(path, sizeof path, "%s/d", top);
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/fifo", top);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	write_file("needed.cfg", "# one\n" NEEDED);
	write_file("d/one.cfg", "threads = 3;\n@include \"two.cfg\"\napop = true;");
	write_file("d/two.cfg", "workers = 2;\r\n@include \"../needed.cfg\"\r\n");
	write_file("self.cfg", "@include \"self.cfg\"\n");
	write_file("bad.cfg", "threads = 3;\n\nworkers = x;\n");
	write_file("unknown.cfg", "\nworkerz = 2;");
	write_file("open.cfg", "/* here");
}

static void remove_files(void)
{
	static const char *const names[] = { "d/one.cfg", "d/two.cfg", "needed.cfg", "self.cfg",
		"bad.cfg", "unknown.cfg", "open.cfg", "fifo", "d", "" };
	char path[256];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", top, names[i]);
		CU_ASSERT_EQUAL(remove(path), 0);
	}
}

/* text, as if it stood in "main.conf" of the directory (it is in no file at all). */
static void load_main(struct loaded *l, const char *text)
{
	char name[256];

	(void)snprintf(name, sizeof name, "%s/main.conf", top);
	report_init(&l->report);
	l->conf = conf_load(view_str(text), name, &l->report);
}

static void check_main(const char *text, const char *said)
{
	struct loaded l;
	struct buf expected;

	load_main(&l, text);
	CU_ASSERT_PTR_NULL(l.conf);
	buf_init(&expected, 10000);
	buf_printf(&expected, "%s/%s\n", top, said);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&l.report.text), buf_cstr(&expected));
	buf_free(&expected);
	unload(&l);
}

static void test_include(void)
{
	struct loaded l;

	make_files();
	load_main(
		&l, "idle_timeout = 1000;\n  @include \"d/one.cfg\" # more\nhostname = \"h\";");
	CU_ASSERT_PTR_NOT_NULL_FATAL(l.conf);
	CU_ASSERT_EQUAL(l.conf->threads, 3);
	CU_ASSERT_EQUAL(l.conf->workers, 2);
	CU_ASSERT(l.conf->apop);
	CU_ASSERT_EQUAL(l.conf->idle_timeout_ms, 1000000);
	CU_ASSERT_STRING_EQUAL(l.conf->hostname, "h");
	CU_ASSERT_EQUAL(l.conf->storage[0].line, 2);
	CU_ASSERT(view_ends(view_str(l.conf->storage[0].file), VIEW_LIT("/d/../needed.cfg")));
	unload(&l);

	/* Not at the beginning of a line, not in a comment. */
	load_main(&l,
		"@include \"needed.cfg\"\n/*\n@include \"nothing\"\n*/\n# @include \"x\"\n");
	CU_ASSERT_PTR_NOT_NULL(l.conf);
	unload(&l);
	remove_files();
}

static void test_places(void)
{
	make_files();
	check_main("@include \"needed.cfg\"\n@include \"bad.cfg\"",
		"bad.cfg:3: syntax error in `workers = x;`: text needs double quotes; truth is "
		"true or false");
	check_main("@include \"needed.cfg\"\n@include \"unknown.cfg\"\n",
		"unknown.cfg:2: unknown key \"workerz\"; did you mean \"workers\"?");
	check_main("@include \"needed.cfg\"\n\nthreadz = 1;",
		"main.conf:3: unknown key \"threadz\"; did you mean \"threads\"?");
	check_main("@include \"open.cfg\"\n@include \"needed.cfg\"\n",
		"open.cfg:1: this comment has no end");
	remove_files();
}

static void test_refused(void)
{
	make_files();
	check_main("\n@include \"nothing.cfg\"",
		"main.conf:2: cannot include \"nothing.cfg\": No such file or directory");
	check_main("@include \"d\"", "main.conf:1: cannot include \"d\": Is a directory");
	check_main("@include \"fifo\"",
		"main.conf:1: cannot include \"fifo\": not a regular file");
	check_main("@include nothing.cfg", "main.conf:1: write @include \"FILE\"");
	check_main("@include \"needed.cfg\" apop = true;",
		"main.conf:1: nothing may follow @include \"FILE\" on its line");
	check_main("@include \"self.cfg\"",
		"self.cfg:1: too many files include each other; does one include itself?");
	remove_files();
}

CU_TestInfo include_tests[] = {
	{ "a path is relative to the file it stands in", test_include },
	{ "mistakes are shown where they are", test_places },
	{ "what cannot be included", test_refused },
	CU_TEST_INFO_NULL,
};
