/* SPDX-License-Identifier: MIT */
#include "proto/script.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX (64u << 20)

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "(N*text)": v begins behind the parenthesis, and is moved behind the closing one. */
static bool repeat(struct buf *to, struct popart_str *v)
{
	struct popart_str count = view_cut(v, '*'), text = view_cut(v, ')');
	uint64_t n;

	if (!v->ptr || !view_u64(count, TEXT_MAX, &n))
		return false;
	while (n-- > 0)
		if (!script_unescape(to, text))
			return false;
	return !to->failed;
}

static bool escape(struct buf *to, struct popart_str *v)
{
	static const char names[] = "0trn\\_", octets[] = "\0\t\r\n\\ ";
	char c = v->len > 0 ? v->ptr[0] : 'X';
	const char *at = strchr(names, c);

	v->ptr++;
	v->len -= v->len > 0;
	if (c == '(')
		return repeat(to, v);
	if (c == 'x' && v->len >= 2) {
		int high = hex_digit(v->ptr[0]), low = hex_digit(v->ptr[1]);

		buf_add_char(to, (char)(unsigned char)(high * 16 + low));
		*v = view_of(v->ptr + 2, v->len - 2);
		return high >= 0 && low >= 0;
	}
	if (at)
		buf_add_char(to, octets[at - names]);
	return at;
}

bool script_unescape(struct buf *to, struct popart_str v)
{
	while (v.len > 0) {
		char c = *v.ptr++;

		v.len--;
		if (c != '\\')
			buf_add_char(to, c);
		else if (!escape(to, &v))
			return false;
	}
	return !to->failed;
}

static struct script_step *add_step(struct script *s, enum step_kind kind, unsigned line)
{
	struct script_step *grown = realloc(s->steps, (s->nsteps + 1) * sizeof(*grown));

	if (!grown)
		abort();
	s->steps = grown;
	grown += s->nsteps++;
	*grown = (struct script_step){ .kind = kind, .line = line };
	buf_init(&grown->bytes, TEXT_MAX);
	return grown;
}

static bool add_sent(struct script *s, struct popart_str text, bool crlf, unsigned line)
{
	struct script_step *step = s->nsteps > 0 ? &s->steps[s->nsteps - 1] : NULL;

	if (!step || step->kind != STEP_SEND)
		step = add_step(s, STEP_SEND, line);
	if (!script_unescape(&step->bytes, text))
		return false;
	if (crlf)
		buf_add_str(&step->bytes, "\r\n");
	return true;
}

static bool add_expected(struct script *s, struct popart_str text, bool crlf)
{
	if (!script_unescape(&s->expect, text))
		return false;
	if (crlf)
		buf_add_str(&s->expect, "\r\n");
	return true;
}

static bool add_action(struct script *s, struct popart_str text, unsigned line)
{
	struct script_step *step = add_step(s, STEP_ACTION, line);

	while (text.len > 0) {
		/* The last word takes the rest of the line. */
		bool last = step->words + 1 == SCRIPT_WORDS;
		struct popart_str word = last ? text : view_cut(&text, ' ');

		if (last)
			text = VIEW_NONE;
		step->word[step->words++] = word;
	}
	return step->words > 0;
}

static bool add_line(struct script *s, struct popart_str line, unsigned number)
{
	struct popart_str kind = line, text = line;

	if (line.len == 0)
		return true;
	if (line.ptr[0] == '#') {
		if (!s->title)
			s->title = strndup(line.ptr + 1, line.len - 1);
		return true;
	}
	kind = view_cut(&text, ' ');
	if (view_eq(kind, VIEW_LIT("!")))
		return add_action(s, text, number);
	if (kind.len != 2 || kind.ptr[1] != ':')
		return false;
	switch (kind.ptr[0]) {
	case 'C':
	case 'c':
		return add_sent(s, text, kind.ptr[0] == 'C', number);
	case 'S':
	case 's':
		return add_expected(s, text, kind.ptr[0] == 'S');
	case 'E':
		buf_add(&s->events, text);
		buf_add_char(&s->events, '\n');
		return true;
	default:
		return false;
	}
}

static bool read_text(struct buf *to, const char *path)
{
	FILE *f = fopen(path, "rb");
	char piece[4096];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(to, view_of(piece, n));
	n = (size_t)ferror(f);
	fclose(f);
	return n == 0 && !to->failed;
}

bool script_read(struct script *s, const char *path)
{
	struct popart_str rest;
	unsigned number = 0;

	*s = (struct script){ 0 };
	buf_init(&s->text, TEXT_MAX);
	buf_init(&s->expect, TEXT_MAX);
	buf_init(&s->events, TEXT_MAX);
	if (!read_text(&s->text, path)) {
		printf("# %s: cannot be read\n", path);
		return false;
	}
	rest = buf_view(&s->text);
	while (rest.len > 0)
		if (!add_line(s, view_cut(&rest, '\n'), ++number)) {
			printf("# %s:%u: not understood\n", path, number);
			return false;
		}
	return true;
}

void script_free(struct script *s)
{
	for (size_t i = 0; i < s->nsteps; i++)
		buf_free(&s->steps[i].bytes);
	free(s->steps);
	free((void *)(uintptr_t)s->title);
	buf_free(&s->text);
	buf_free(&s->expect);
	buf_free(&s->events);
}
