/* SPDX-License-Identifier: MIT */
/*
 * completion: what may come next on a command line, by the rows that commands are run by. The
 * scripts for shells only ask: popartctl completion words -- WORD... prints a line for each
 * word that the last one may become, with its help behind a tab; or ":files".
 */
#include <ctype.h>
#include <stdio.h>
#include "ctl/server.h"

static const char bash[] =
	"# Completion of popartctl's command line for bash.\n"
	"_popartctl()\n"
	"{\n"
	"\tlocal line\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tif [[ $line == :files ]]; then\n"
	"\t\t\tcompopt -o filenames\n"
	"\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
	"\t\telse\n"
	"\t\t\tCOMPREPLY+=(\"${line%%$'\\t'*}\")\n"
	"\t\tfi\n"
	"\tdone < <(\"${COMP_WORDS[0]}\" completion words -- \\\n"
	"\t\t\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _popartctl popartctl\n";

static const char zsh[] = "#compdef popartctl\n"
			  "# Completion of popartctl's command line for zsh.\n"
			  "_popartctl()\n"
			  "{\n"
			  "\tlocal line\n"
			  "\tlocal -a found\n"
			  "\twhile IFS= read -r line; do\n"
			  "\t\tif [[ $line == :files ]]; then\n"
			  "\t\t\t_files\n"
			  "\t\t\treturn\n"
			  "\t\tfi\n"
			  "\t\tline=${line//:/\\\\:}\n"
			  "\t\tfound+=(\"${line/$'\\t'/:}\")\n"
			  "\tdone < <(\"${(Q)words[1]}\" completion words -- \\\n"
			  "\t\t\"${(Q@)words[2,CURRENT]}\" 2>/dev/null)\n"
			  "\t_describe -t words popartctl found\n"
			  "}\n"
			  "if [[ $funcstack[1] == _popartctl ]]; then\n"
			  "\t_popartctl\n"
			  "else\n"
			  "\tcompdef _popartctl popartctl\n"
			  "fi\n";

struct completing {
	const struct ctl_command *command; /* NULL: not known yet */
	struct buf words;                  /* of it, so far: "user" or "user add" */
	const struct ctl_option *pending;  /* takes its value from the next word */
	bool literal;                      /* behind --: no options any more */
	struct popart_str last;            /* what is to be completed */
};

/* --- what has been written so far -------------------------------------------------------- */

static const struct ctl_option *find_option(
	const struct ctl_option *rows, struct popart_str name)
{
	for (; rows && rows->name; rows++)
		if (view_eq(view_str(rows->name), name))
			return rows;
	return NULL;
}

/* "--name", "-c"; NULL: not one, or one with its value already. */
static const struct ctl_option *option_of(const struct completing *k, const char *word)
{
	const struct ctl_option *option;

	if (strcmp(word, "-c") == 0)
		return find_option(ctl_options, VIEW_LIT("config"));
	if (strcmp(word, "-s") == 0)
		return find_option(ctl_options, VIEW_LIT("socket"));
	if (strncmp(word, "--", 2) != 0)
		return NULL;
	option = find_option(ctl_options, view_str(word + 2));
	return !option && k->command ? find_option(k->command->options, view_str(word + 2))
				     : option;
}

static void read_word(struct completing *k, const char *word)
{
	if (k->pending) {
		k->pending = NULL;
	} else if (!k->literal && word[0] == '-') {
		const struct ctl_option *option = option_of(k, word);
		k->literal = strcmp(word, "--") == 0;
		k->pending = option && option->value ? option : NULL;
	} else if (!k->command) {
		buf_printf(&k->words, "%s%.64s", k->words.len ? " " : "", word);
		for (const struct ctl_command *r = ctl_commands; r->words && !k->command; r++)
			if (view_eq(view_str(r->words), buf_view(&k->words)))
				k->command = r;
	}
}

/* --- what may come ----------------------------------------------------------------------- */

static void offer(const struct completing *k, struct popart_str word, const char *help)
{
	if (view_starts(word, k->last))
		(void)printf("%.*s%s%s\n", VIEW_FMT(word), help[0] ? "\t" : "", help);
}

static void offer_options(const struct completing *k, const struct ctl_option *rows)
{
	char word[80];

	for (; rows && rows->name; rows++) {
		(void)snprintf(word, sizeof(word), "--%s", rows->name);
		offer(k, view_str(word), rows->help);
	}
}

/* "error|warn" can be completed, "USER" cannot. */
static void offer_choice(const struct completing *k, const char *choice)
{
	struct popart_str rest = view_str(choice);

	for (const char *c = choice; *c; c++)
		if (*c != '|' && !islower((unsigned char)*c))
			return;
	while (rest.len > 0)
		offer(k, view_cut(&rest, '|'), "");
}

static void offer_value(const struct completing *k)
{
	static const char *const paths[] = { "FILE", "PATH", "DIRS" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (strcmp(k->pending->value, paths[i]) == 0)
			(void)puts(":files");
	offer_choice(k, k->pending->value);
}

/* The next word of commands that begin with these; each once. */
static void offer_commands(const struct completing *k, struct popart_str begun)
{
	struct popart_str before = VIEW_NONE;

	for (const struct ctl_command *r = ctl_commands; r->words; r++) {
		struct popart_str rest = view_str(r->words);
		if (begun.len > 0 && (!view_starts(rest, begun) || r->words[begun.len] != ' '))
			continue;
		if (begun.len > 0)
			rest = view_str(r->words + begun.len + 1);
		struct popart_str word = view_cut(&rest, ' ');
		if (!view_eq(word, before))
			offer(k, word, rest.len ? "several commands" : r->help);
		before = word;
	}
}

static void offer_next(const struct completing *k)
{
	bool option = k->last.len > 0 && k->last.ptr[0] == '-' && !k->literal;

	if (k->pending) {
		offer_value(k);
	} else if (option) {
		offer_options(k, ctl_options);
		if (k->command)
			offer_options(k, k->command->options);
	} else if (!k->command) {
		offer_commands(k, buf_view(&k->words));
	} else if (k->command->run == ctl_help_run) {
		offer_commands(k, VIEW_NONE);
	} else {
		offer_choice(k, k->command->operands);
	}
}

int ctl_completion_run(struct ctl *c)
{
	const char *shell = c->operands[0];
	struct completing k = { .last = VIEW_NONE };

	if (strcmp(shell, "bash") == 0 && c->noperands == 1)
		return server_printed(fputs(bash, stdout) >= 0);
	if (strcmp(shell, "zsh") == 0 && c->noperands == 1)
		return server_printed(fputs(zsh, stdout) >= 0);
	if (strcmp(shell, "words") != 0)
		return ctl_fail(CTL_USAGE,
			"completion: it is for bash or zsh, not \"%.32s\"; and alone", shell);
	buf_init(&k.words, 512);
	for (size_t i = 1; i + 1 < c->noperands; i++)
		read_word(&k, c->operands[i]);
	if (c->noperands > 1)
		k.last = view_str(c->operands[c->noperands - 1]);
	offer_next(&k);
	buf_free(&k.words);
	return CTL_OK;
}
