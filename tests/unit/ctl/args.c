/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "ctl/ctl.h"
#include "suites.h"

#define ARGS_MAX 16

/* line: words divided by spaces. */
static bool parse(const char *line, struct ctl *c, struct buf *why)
{
	static char name[] = "popartctl", words[512]; /* what values and operands point into */
	static char *argv[ARGS_MAX + 2];
	int argc = 1;

	buf_reset(why);
	memset(argv, 0, sizeof(argv));
	argv[0] = name;
	(void)strncpy(words, line, sizeof(words) - 1);
	for (char *w = strtok(words, " "); w && argc <= ARGS_MAX; w = strtok(NULL, " "))
		argv[argc++] = w;
	return ctl_parse(c, argc, argv, why);
}

static void options_stand_anywhere(void)
{
	struct ctl c;
	struct buf why;

	buf_init(&why, 1024);
	CU_ASSERT_TRUE(parse("-c a help --json -s b", &c, &why));
	CU_ASSERT_STRING_EQUAL(c.command->words, "help");
	CU_ASSERT_STRING_EQUAL(c.config, "a");
	CU_ASSERT_STRING_EQUAL(c.socket, "b");
	CU_ASSERT_TRUE(c.json);
	CU_ASSERT_EQUAL(c.noperands, 0);
	CU_ASSERT_TRUE(parse("help --socket=b user add", &c, &why));
	CU_ASSERT_EQUAL(c.noperands, 2);
	CU_ASSERT_STRING_EQUAL(c.operands[1], "add");
	buf_free(&why);
}

static void operands_after_two_dashes(void)
{
	struct ctl c;
	struct buf why;

	buf_init(&why, 1024);
	CU_ASSERT_TRUE(parse("help -- --json", &c, &why));
	CU_ASSERT_FALSE(c.json);
	CU_ASSERT_EQUAL(c.noperands, 1);
	CU_ASSERT_STRING_EQUAL(c.operands[0], "--json");
	buf_free(&why);
}

static void help_and_version_need_no_command(void)
{
	struct ctl c;
	struct buf why;

	buf_init(&why, 1024);
	CU_ASSERT_TRUE(parse("--help", &c, &why) && c.help);
	CU_ASSERT_TRUE(parse("-V", &c, &why) && c.version);
	CU_ASSERT_TRUE(parse("help a b c d --help", &c, &why) && c.help);
	buf_free(&why);
}

static void mistakes_are_told(void)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "", "what shall be done? popartctl help lists commands" },
		{ "hepl", "unknown command \"hepl\"; did you mean \"help\"?" },
		{ "quux me", "unknown command \"quux me\"; popartctl help lists them" },
		{ "--jsn", "unknown option \"--jsn\"; did you mean --json?" },
		{ "help -c", "option -c needs a value; see popartctl --help" },
		{ "help a b c",
			"help: too many words; it takes [COMMAND]: popartctl help [COMMAND]" },
	};
	struct ctl c;
	struct buf why;

	buf_init(&why, 1024);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CU_ASSERT_FALSE(parse(cases[i].line, &c, &why));
		CU_ASSERT_STRING_EQUAL(buf_cstr(&why), cases[i].says);
	}
	buf_free(&why);
}

/* Every row can be parsed, is legal to read, and its help names it. */
static void rows_are_whole(void)
{
	struct buf help;

	buf_init(&help, 65536);
	for (const struct ctl_command *row = ctl_commands; row->words; row++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(row->operands);
		CU_ASSERT_PTR_NOT_NULL(row->help);
		CU_ASSERT_TRUE(row->least <= row->most);
		CU_ASSERT_TRUE((row->operands[0] != '\0') == (row->most > 0));
		CU_ASSERT_TRUE(!(row->needs & CTL_MODULES) || (row->needs & CTL_CONF));
		buf_reset(&help);
		ctl_help(row, &help);
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&help), row->words));
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&help), "--json"));
	}
	buf_free(&help);
}

CU_TestInfo args_tests[] = {
	{ "options stand before the command and behind it", options_stand_anywhere },
	{ "what follows -- is no option", operands_after_two_dashes },
	{ "help and version need no command", help_and_version_need_no_command },
	{ "mistakes are told with a remedy", mistakes_are_told },
	{ "every command's row is whole", rows_are_whole },
	CU_TEST_INFO_NULL,
};
