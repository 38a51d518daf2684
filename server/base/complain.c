/* SPDX-License-Identifier: MIT */
#include "base/complain.h"
#include "base/text.h"

#define NAMES_MAX 64u

static void add_unknown(struct buf *why, const char *program, const struct option *options,
	struct popart_str word)
{
	const char *names[NAMES_MAX + 1] = { NULL };

	buf_add_str(why, "unknown option ");
	text_quote(why, word, 64);
	for (size_t i = 0; i < NAMES_MAX && options[i].name; i++)
		names[i] = options[i].name;
	while (view_starts(word, VIEW_LIT("-")))
		word = view_of(word.ptr + 1, word.len - 1);
	const char *nearest = text_nearest(view_cut(&word, '='), names);
	if (nearest)
		buf_printf(why, "; did you mean --%s?", nearest);
	else
		buf_printf(why, "; %s --help lists them", program);
}

void complain(struct buf *why, const char *program, const struct option *options, int c,
	struct popart_str word)
{
	const char letter[] = { '-', (char)optopt };
	bool is_long = view_starts(word, VIEW_LIT("--"));

	if (c == '?' && (!is_long || optopt == 0)) {
		add_unknown(why, program, options,
			is_long ? word : view_of(letter, sizeof(letter)));
		return;
	}
	buf_add_str(why, "option ");
	buf_add(why, view_cut(&word, '='));
	buf_add_str(why, c == ':' ? " needs a value" : " takes no value");
	buf_printf(why, "; see %s --help", program);
}
