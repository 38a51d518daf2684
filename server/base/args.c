/* SPDX-License-Identifier: MIT */
#include "base/args.h"
#include "base/text.h"

#define NAMES_MAX 64u

static void add_unknown(const struct args *a, struct popart_str word, struct buf *why)
{
	const char *names[NAMES_MAX + 1] = { NULL };

	buf_add_str(why, "unknown option ");
	text_quote(why, word, 64);
	for (size_t i = 0; i < NAMES_MAX && a->options[i].name; i++)
		names[i] = a->options[i].name;
	while (view_starts(word, VIEW_LIT("-")))
		word = view_of(word.ptr + 1, word.len - 1);
	const char *nearest = text_nearest(view_cut(&word, '='), names);
	if (nearest)
		buf_printf(why, "; did you mean --%s?", nearest);
	else
		buf_printf(why, "; %s --help lists them", a->program);
}

/* c: what getopt_long has returned for word. */
static void complain(const struct args *a, int c, struct popart_str word, struct buf *why)
{
	const char letter[] = { '-', (char)optopt };
	bool is_long = view_starts(word, VIEW_LIT("--"));

	if (c == '?' && (!is_long || optopt == 0)) {
		add_unknown(a, is_long ? word : view_of(letter, sizeof(letter)), why);
		return;
	}
	buf_add_str(why, "option ");
	buf_add(why, view_cut(&word, '='));
	buf_add_str(why, c == ':' ? " needs a value" : " takes no value");
	buf_printf(why, "; see %s --help", a->program);
}

bool args_each(const struct args *a, int argc, char **argv, args_take take, void *self,
	struct buf *why)
{
	int c;

	opterr = 0;
	optind = 0; /* from the beginning, also the second time */
	while ((c = getopt_long(argc, argv, a->letters, a->options, NULL)) != -1) {
		if (c == '?' || c == ':') {
			complain(a, c, view_str(argv[optind - 1]), why);
			return false;
		}
		if (!take(self, c, why))
			return false;
	}
	return true;
}

bool args_end(int argc, char **argv, const char *remedy, struct buf *why)
{
	if (optind >= argc)
		return true;
	text_quote(why, view_str(argv[optind]), 64);
	buf_printf(why, " is no option; %s", remedy);
	return false;
}
