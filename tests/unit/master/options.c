/* SPDX-License-Identifier: MIT */
#include "bin/options.h"
#include "suites.h"

#define ARGS_MAX 12

/* line: words divided by spaces. */
static bool parse(const char *line, struct options *o, struct buf *why)
{
	static char words[512]; /* what the options point into */
	char *argv[ARGS_MAX + 2] = { (char[]){ "popartd" } };
	int argc = 1;

	(void)strncpy(words, line, sizeof(words) - 1);
	for (char *w = strtok(words, " "); w && argc <= ARGS_MAX; w = strtok(NULL, " "))
		argv[argc++] = w;
	return options_parse(o, argc, argv, why);
}

static void each_option_is_understood(void)
{
	struct options o;
	struct buf why;

	buf_init(&why, 1024);
	CU_ASSERT_TRUE(parse("", &o, &why));
	CU_ASSERT_EQUAL(o.action, ACTION_SERVE);
	CU_ASSERT_PTR_NULL(o.config);
	CU_ASSERT_TRUE(parse("-c a.conf -t --module-path m", &o, &why));
	CU_ASSERT_EQUAL(o.action, ACTION_CHECK);
	CU_ASSERT_STRING_EQUAL(o.config, "a.conf");
	CU_ASSERT_STRING_EQUAL(o.module_path, "m");
	CU_ASSERT_TRUE(parse("--config=a.conf --dump", &o, &why));
	CU_ASSERT_EQUAL(o.action, ACTION_DUMP);
	CU_ASSERT_TRUE(parse("-tV", &o, &why));
	CU_ASSERT_EQUAL(o.action, ACTION_VERSION);
	CU_ASSERT_TRUE(parse("--help", &o, &why));
	CU_ASSERT_EQUAL(o.action, ACTION_HELP);
	CU_ASSERT_TRUE(parse("--modules", &o, &why));
	CU_ASSERT_EQUAL(o.action, ACTION_MODULES);
	CU_ASSERT_TRUE(parse("--maildir d --listen [::1]:2 --user n:p:q --delete", &o, &why));
	CU_ASSERT_EQUAL(o.action, ACTION_SERVE);
	CU_ASSERT_STRING_EQUAL(o.maildir, "d");
	CU_ASSERT_STRING_EQUAL(o.listen, "[::1]:2");
	CU_ASSERT_STRING_EQUAL(o.user, "n:p:q");
	CU_ASSERT_TRUE(o.delete);
	CU_ASSERT_TRUE(
		parse("--maildir d --tls-listen [::1]:2 --certificate c --key k", &o, &why));
	CU_ASSERT_STRING_EQUAL(o.tls_listen, "[::1]:2");
	CU_ASSERT_STRING_EQUAL(o.certificate, "c");
	CU_ASSERT_STRING_EQUAL(o.key, "k");
	CU_ASSERT_EQUAL(why.len, 0);
	buf_free(&why);
}

static void mistakes_are_told(void)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "--maildri d", "unknown option \"--maildri\"; did you mean --maildir?" },
		{ "--qqqqqqqqq", "unknown option \"--qqqqqqqqq\"; popartd --help" },
		{ "-x", "unknown option \"-x\"" },
		{ "-tx", "unknown option \"-x\"" },
		{ "-c", "option -c needs a value" },
		{ "--maildir", "option --maildir needs a value" },
		{ "--maildir d --listen", "option --listen needs a value" },
		{ "--delete=yes --maildir d", "option --delete takes no value" },
		{ "--check=x", "option --check takes no value" },
		{ "mail", "\"mail\" is no option" },
		{ "-t mail", "--maildir DIR" },
		{ "--maildir d -c f", "exclude each other" },
		{ "--delete", "--delete goes with --maildir" },
		{ "-c f --listen 127.0.0.1:1", "--listen goes with --maildir" },
		{ "-c f --tls-listen 127.0.0.1:1", "--tls-listen goes with --maildir" },
		{ "-c f --key x", "--key goes with --maildir" },
		{ "--maildir d --tls-listen 127.0.0.1:1",
			"--tls-listen needs a certificate: --certificate FILE" },
		{ "--maildir d --certificate x", "--certificate goes with --tls-listen" },
		{ "--maildir d --key x", "--key goes with --tls-listen" },
		{ "-c f --user a:b", "--user goes with --maildir" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct options o;
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
