/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ctl/ctl.h"

#define HELP_MAX 65536u

/* Letters of the common options. */
static char letter_of(const char *name)
{
	return name[0] == 'c' ? 'c' : name[0] == 's' ? 's' : name[0] == 'v' ? 'V' : '\0';
}

static void add_row(struct buf *b, int width, const char *left, const char *help)
{
	buf_printf(b, "  %-*s  %s\n", width, left, help);
}

static void add_options(struct buf *b, const struct ctl_option *rows, bool letters)
{
	char left[64];

	for (; rows && rows->name; rows++) {
		char letter = letters ? letter_of(rows->name) : '\0';
		(void)snprintf(left, sizeof(left), "%c%c%s --%s%s%s", letter ? '-' : ' ',
			letter ? letter : ' ', letter ? "," : " ", rows->name,
			rows->value ? " " : "", rows->value ? rows->value : "");
		add_row(b, 26, left, rows->help);
	}
}

static void add_exits(struct buf *b)
{
	char left[16];

	buf_add_str(b, "\nExit status:\n");
	for (unsigned i = 0; i < CTL_EXITS; i++) {
		(void)snprintf(left, sizeof(left), "%u", i);
		add_row(b, 2, left, ctl_exits[i].help);
	}
}

static void help_all(struct buf *b)
{
	char left[96];

	buf_add_str(b,
		"popartctl, looks after a popart server and its mail\n\n"
		"popartctl [OPTION]... COMMAND [OPTION]... [WORD]...\n\n");
	for (const struct ctl_command *row = ctl_commands; row->words; row++) {
		(void)snprintf(left, sizeof(left), "%s%s%s", row->words,
			row->operands[0] ? " " : "", row->operands);
		add_row(b, 34, left, row->help);
	}
	buf_add_str(b, "\nOptions:\n");
	add_options(b, ctl_options, true);
	add_exits(b);
	buf_add_str(
		b, "\npopartctl help COMMAND says what a command takes. See popartctl(8).\n");
}

void ctl_help(const struct ctl_command *row, struct buf *b)
{
	if (!row) {
		help_all(b);
		return;
	}
	buf_printf(b, "popartctl %s%s%s%s\n\n%s\n", row->words,
		row->options ? " [OPTION]..." : "", row->operands[0] ? " " : "", row->operands,
		row->help);
	if (row->options) {
		buf_add_str(b, "\nOptions:\n");
		add_options(b, row->options, false);
	}
	buf_add_str(b, "\nBesides, as for every command:\n");
	add_options(b, ctl_options, true);
}

/* A command, or those that begin with a word: help user. */
int ctl_help_run(struct ctl *c)
{
	struct buf wanted, text;
	bool found = c->noperands == 0;
	int status = CTL_OK;

	buf_init(&wanted, 256);
	buf_init(&text, HELP_MAX);
	for (size_t i = 0; i < c->noperands; i++)
		buf_printf(&wanted, "%s%.64s", i ? " " : "", c->operands[i]);
	if (found)
		ctl_help(NULL, &text);
	for (const struct ctl_command *row = ctl_commands; row->words && c->noperands; row++) {
		struct popart_str words = view_str(row->words);
		if (!view_eq(words, buf_view(&wanted)) &&
			!(view_starts(words, buf_view(&wanted)) &&
				row->words[wanted.len] == ' '))
			continue;
		if (found)
			buf_add_char(&text, '\n');
		ctl_help(row, &text);
		found = true;
	}
	if (!found) {
		buf_reset(&text);
		text_quote(&text, buf_view(&wanted), 128);
		status = ctl_fail(CTL_USAGE,
			"there is no command %s; popartctl help lists them", buf_cstr(&text));
	} else if (fputs(buf_cstr(&text), stdout) < 0) {
		status = CTL_FAILED;
	}
	buf_free(&wanted);
	buf_free(&text);
	return status;
}
