/* SPDX-License-Identifier: MIT */
#include "bin/deliver_options.h"
#include "suites.h"

#define ARGS_MAX 16

/* line: words divided by spaces. */
static bool parse(const char *line, struct deliver_options *o, struct buf *why)
{
	static char words[512]; /* what the options point into */
	char *argv[ARGS_MAX + 2] = { (char[]){ "popart-deliver" } };
	int argc = 1;

	(void)strncpy(words, line, sizeof(words) - 1);
	for (char *w = strtok(words, " "); w && argc <= ARGS_MAX; w = strtok(NULL, " "))
		argv[argc++] = w;
	return deliver_options_parse(o, argc, argv, why);
}

static void each_option_is_understood(void)
{
	struct deliver_options o;
	struct buf why;

	buf_init(&why, 1024);
	CU_ASSERT_TRUE(parse("-u bob@x", &o, &why));
	CU_ASSERT_EQUAL(o.action, DELIVER_MESSAGE);
	CU_ASSERT_STRING_EQUAL(o.user, "bob@x");
	CU_ASSERT_PTR_NULL(o.config);
	CU_ASSERT_PTR_NULL(o.head.return_path);
	CU_ASSERT_PTR_NULL(o.head.delivered_to);
	CU_ASSERT_FALSE(o.head.strip_from || o.bounce_full || o.bounce_refused);
	CU_ASSERT_EQUAL(o.timeout_ms, 300000);
	CU_ASSERT_TRUE(parse("--user=bob -c a.conf --module-path m --return-path= "
			     "--delivered-to b --strip-from --bounce-full --bounce-refused "
			     "--timeout 2s",
		&o, &why));
	CU_ASSERT_STRING_EQUAL(o.config, "a.conf");
	CU_ASSERT_STRING_EQUAL(o.module_path, "m");
	CU_ASSERT_STRING_EQUAL(o.head.return_path, "");
	CU_ASSERT_STRING_EQUAL(o.head.delivered_to, "b");
	CU_ASSERT_TRUE(o.head.strip_from && o.bounce_full && o.bounce_refused);
	CU_ASSERT_EQUAL(o.timeout_ms, 2000);
	CU_ASSERT_TRUE(parse("-u -x", &o, &why)); /* an MTA's user may be called so */
	CU_ASSERT_STRING_EQUAL(o.user, "-x");
	CU_ASSERT_TRUE(parse("--version", &o, &why));
	CU_ASSERT_EQUAL(o.action, DELIVER_VERSION);
	CU_ASSERT_TRUE(parse("--help", &o, &why));
	CU_ASSERT_EQUAL(o.action, DELIVER_HELP);
	CU_ASSERT_EQUAL(why.len, 0);
	buf_free(&why);
}

static void mistakes_are_told(void)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "", "name a user with -u USER" },
		{ "-c a.conf", "name a user with -u USER" },
		{ "-u", "option -u needs a value; see popart-deliver --help" },
		{ "-u bob --return-pth a", "did you mean --return-path?" },
		{ "-u bob --qqqqqqqqqqqqqq", "popart-deliver --help lists them" },
		{ "-u bob --strip-from=yes", "option --strip-from takes no value" },
		{ "-u bob eve", "\"eve\" is no option" },
		{ "-u bob --timeout 0", "--timeout \"0\" is no duration" },
		{ "-u bob --timeout 2d", "--timeout \"2d\"" },
		{ "-u bob --timeout soon", "write it like 30s or 5m" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct deliver_options o;
		struct buf why;

		buf_init(&why, 1024);
		CU_ASSERT_FALSE(parse(cases[i].line, &o, &why));
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&why), cases[i].says));
		CU_ASSERT_PTR_NULL(strchr(buf_cstr(&why), '\n'));
		buf_free(&why);
	}
}

CU_TestInfo options_tests[] = {
	{ "each option is understood", each_option_is_understood },
	{ "mistakes are told in one line, with a remedy", mistakes_are_told },
	CU_TEST_INFO_NULL,
};
