/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>
#include "base/args.h"
#include "base/text.h"
#include "ctl/ctl.h"

#define OPTIONS_MAX 48u
#define WORDS_MAX   96u
#define FIRST_OWN   1024 /* getopt's values of a command's own options, from here on */

enum { OPT_HELP = 256, OPT_JSON, OPT_MODULE_PATH };

const struct ctl_option ctl_options[] = {
	{ "config", "FILE", "by this configuration of popartd" },
	{ "socket", "PATH", "the server's status socket" },
	{ "module-path", "DIRS", "look for modules there (several: divided by ':')" },
	{ "json", NULL, "answer in JSON, for scripts" },
	{ "version", NULL, "print the version" },
	{ "help", NULL, "print this, or what a command takes" },
	{ NULL, NULL, NULL },
};

static const struct option common[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "socket", required_argument, NULL, 's' },
	{ "module-path", required_argument, NULL, OPT_MODULE_PATH },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, OPT_HELP },
};

static void take_common(struct ctl *c, int option)
{
	switch (option) {
	case 'c':
		c->config = optarg;
		break;
	case 's':
		c->socket = optarg;
		break;
	case 'V':
		c->version = true;
		break;
	case OPT_MODULE_PATH:
		c->module_path = optarg;
		break;
	case OPT_JSON:
		c->json = true;
		break;
	default:
		c->help = true;
		break;
	}
}

/* The common options, and the command's own behind them. */
static void all_options(const struct ctl_command *command, struct option rows[OPTIONS_MAX + 1])
{
	size_t n = 0;

	for (; n < ARRAY_LEN(common); n++)
		rows[n] = common[n];
	if (command && command->options) {
		for (int i = 0; command->options[i].name && n < OPTIONS_MAX; i++)
			rows[n++] = (struct option){ command->options[i].name,
				command->options[i].value ? required_argument : no_argument,
				NULL, FIRST_OWN + i };
	}
	rows[n] = (struct option){ NULL, 0, NULL, 0 };
}

static bool take(void *self, int option, struct buf *why)
{
	struct ctl *c = self;

	if (option < FIRST_OWN) {
		take_common(c, option);
		return true;
	}
	if (c->ngiven == CTL_GIVEN_MAX) {
		buf_printf(why, "more than %u options", CTL_GIVEN_MAX);
		return false;
	}
	c->given[c->ngiven++] =
		(struct ctl_given){ .option = &c->command->options[option - FIRST_OWN],
			.value = optarg };
	return true;
}

/* Up to the command with "+" first, else wherever options stand. */
static bool take_options(
	struct ctl *c, int argc, char **argv, const char *letters, struct buf *why)
{
	struct option rows[OPTIONS_MAX + 1];

	all_options(c->command, rows);
	return args_each(
		&(struct args){ "popartctl", letters, rows }, argc, argv, take, c, why);
}

static size_t count_words(const char *words)
{
	size_t n = 1;

	for (; *words; words++)
		n += *words == ' ';
	return n;
}

/* Whether argv begins with these words. */
static bool begins(const char *words, int argc, char **argv)
{
	struct popart_str rest = view_str(words);

	for (int i = 0; rest.len > 0; i++) {
		struct popart_str word = view_cut(&rest, ' ');
		if (i == argc || !view_eq(word, view_str(argv[i])))
			return false;
	}
	return true;
}

static void complain_of_command(int argc, char **argv, struct buf *why)
{
	const char *known[WORDS_MAX + 1] = { NULL };
	struct buf said;
	size_t n = 0;

	buf_init(&said, 256);
	/* "user ad" is near "user add", and "user" alone begins several. */
	for (int i = 0; i < argc && i < 2; i++)
		buf_printf(&said, "%s%.64s", i ? " " : "", argv[i]);
	for (const struct ctl_command *row = ctl_commands; row->words && n < WORDS_MAX; row++)
		known[n++] = row->words;
	buf_add_str(why, "unknown command ");
	text_quote(why, buf_view(&said), 128);
	const char *nearest = text_nearest(buf_view(&said), known);
	if (!nearest)
		nearest = text_nearest(view_str(argv[0]), known);
	if (nearest)
		buf_printf(why, "; did you mean \"%s\"?", nearest);
	else
		buf_add_str(why, "; popartctl help lists them");
	buf_free(&said);
}

static bool count_operands(const struct ctl *c, struct buf *why)
{
	const struct ctl_command *row = c->command;

	if (c->help || (c->noperands >= row->least && c->noperands <= row->most))
		return true;
	buf_printf(why, "%s: too %s words; it takes %s: popartctl %s%s%s", row->words,
		c->noperands < row->least ? "few" : "many",
		row->operands[0] ? row->operands : "none", row->words,
		row->operands[0] ? " " : "", row->operands);
	return false;
}

bool ctl_parse(struct ctl *c, int argc, char **argv, struct buf *why)
{
	*c = (struct ctl){ .terminal = isatty(STDOUT_FILENO) };
	if (!take_options(c, argc, argv, "+:c:s:V", why))
		return false;
	argv += optind;
	argc -= optind;
	if (argc == 0) {
		if (!c->help && !c->version)
			buf_add_str(why, "what shall be done? popartctl help lists commands");
		return c->help || c->version;
	}
	for (const struct ctl_command *row = ctl_commands; row->words && !c->command; row++) {
		if (begins(row->words, argc, argv))
			c->command = row;
	}
	if (!c->command) {
		complain_of_command(argc, argv, why);
		return false;
	}
	/* The last word of the command takes the place of the program's name. */
	argv += count_words(c->command->words) - 1;
	argc -= (int)count_words(c->command->words) - 1;
	if (!take_options(c, argc, argv, ":c:s:V", why))
		return false;
	c->operands = argv + optind;
	c->noperands = (size_t)(argc - optind);
	return count_operands(c, why);
}

const char *ctl_next(const struct ctl *c, const char *name, size_t *from)
{
	while (*from < c->ngiven) {
		const struct ctl_given *given = &c->given[(*from)++];
		if (strcmp(given->option->name, name) == 0)
			return given->value ? given->value : "";
	}
	return NULL;
}

const char *ctl_value(const struct ctl *c, const char *name)
{
	const char *value = NULL, *more;
	size_t from = 0;

	while ((more = ctl_next(c, name, &from)))
		value = more;
	return value;
}
