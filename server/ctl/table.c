/* SPDX-License-Identifier: MIT */
#include "ctl/table.h"
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <wchar.h>
#include "base/text.h"

#define CELLS_MAX (32u << 20) /* octets that are held at most */
#define CELL_MAX  4096u
#define GAP       2u
#define ELLIPSIS  "\xE2\x80\xA6"

static const char *const tones[] = {
	[TONE_PLAIN] = "",
	[TONE_GOOD] = "\033[32m",
	[TONE_WARN] = "\033[33m",
	[TONE_BAD] = "\033[1;31m",
	[TONE_DIM] = "\033[2m",
	[TONE_HEAD] = "\033[1m",
};

struct cell {
	size_t begin, len; /* in text */
	uint32_t width;
	enum tone tone;
};

struct table {
	const struct table_column *columns;
	size_t ncolumns;
	uint32_t *widths;
	struct buf cells, text; /* cells: struct cell, one after the other */
	bool colours, headed;
};

bool table_colours(bool terminal)
{
	const char *no = getenv("NO_COLOR"), *kind = getenv("TERM");

	return terminal && (!no || !*no) && kind && *kind && strcmp(kind, "dumb") != 0;
}

/* --- width ------------------------------------------------------------------------------- */

/* Asks libc for a locale of its own: the program's may be C, where nothing is wide. */
static locale_t begin_wide(locale_t *old)
{
	locale_t wide = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

	*old = wide ? uselocale(wide) : (locale_t)0;
	return wide;
}

static void end_wide(locale_t wide, locale_t old)
{
	if (!wide)
		return;
	(void)uselocale(old);
	freelocale(wide);
}

static uint32_t width_of(uint32_t code)
{
	int n = wcwidth((wchar_t)code);

	return n < 0 ? 1 : (uint32_t)n;
}

/* The octets of v that fit into most columns, and in *width how many those are. */
static size_t fit(struct popart_str v, uint32_t most, uint32_t *width)
{
	locale_t old, wide = begin_wide(&old);
	size_t taken = 0;

	*width = 0;
	while (taken < v.len) {
		uint32_t code = 0, more;
		size_t n = view_utf8_char(view_of(v.ptr + taken, v.len - taken), &code);

		more = n ? width_of(code) : 1;
		if (more > most - *width)
			break;
		*width += more;
		taken += n ? n : 1;
	}
	end_wide(wide, old);
	return taken;
}

uint32_t table_width(struct popart_str v)
{
	uint32_t width;

	(void)fit(v, UINT32_MAX, &width);
	return width;
}

uint32_t table_add_cut(struct buf *out, struct popart_str v, uint32_t most)
{
	struct buf shown;
	uint32_t width;
	size_t n;

	buf_init(&shown, CELL_MAX * 4 + 8);
	text_add_printable(&shown, v, CELL_MAX);
	n = fit(buf_view(&shown), most, &width);
	if (n < shown.len && most > 0)
		n = fit(buf_view(&shown), most - 1, &width);
	buf_add(out, view_of(shown.ptr, n));
	if (n < shown.len && most > 0) {
		buf_add_str(out, ELLIPSIS);
		width++;
	}
	buf_free(&shown);
	return width;
}

void table_tone(struct buf *out, bool colours, enum tone tone, struct popart_str text)
{
	bool wanted = colours && tone != TONE_PLAIN && text.len > 0;

	if (wanted)
		buf_add_str(out, tones[tone]);
	buf_add(out, text);
	if (wanted)
		buf_add_str(out, "\033[0m");
}

/* --- rows -------------------------------------------------------------------------------- */

struct table *table_new(const struct table_column *columns, size_t n, bool colours)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct table){ .columns = columns, .ncolumns = n, .colours = colours };
	buf_init(&t->cells, CELLS_MAX);
	buf_init(&t->text, CELLS_MAX);
	t->widths = calloc(n, sizeof(*t->widths));
	if (!t->widths)
		table_free(&t);
	for (size_t i = 0; t && i < n; i++)
		t->widths[i] = table_width(view_str(columns[i].title));
	return t;
}

void table_free(struct table **table)
{
	struct table *t = *table;

	if (!t)
		return;
	buf_free(&t->cells);
	buf_free(&t->text);
	free(t->widths);
	free(t);
	*table = NULL;
}

static size_t ncells(const struct table *t)
{
	return t->cells.len / sizeof(struct cell);
}

size_t table_rows(const struct table *t)
{
	return ncells(t) / t->ncolumns;
}

void table_add(struct table *t, enum tone tone, struct popart_str v)
{
	size_t column = ncells(t) % t->ncolumns;
	uint32_t most = t->columns[column].most;
	struct cell cell = { .begin = t->text.len, .tone = tone };

	cell.width = table_add_cut(&t->text, v, most ? most : UINT32_MAX);
	cell.len = t->text.len - cell.begin;
	if (cell.width > t->widths[column])
		t->widths[column] = cell.width;
	buf_add(&t->cells, view_of(&cell, sizeof(cell)));
}

void table_printf(struct table *t, enum tone tone, const char *fmt, ...)
{
	char text[CELL_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	table_add(t, tone, view_str(text));
}

void table_end_row(struct table *t)
{
	while (ncells(t) % t->ncolumns && !t->cells.failed)
		table_add(t, TONE_PLAIN, VIEW_NONE);
}

/* --- printing ---------------------------------------------------------------------------- */

static void pad(struct buf *out, size_t n)
{
	for (; n > 0; n--)
		buf_add_char(out, ' ');
}

/* Spaces only where something follows. */
static void add_cell(const struct table *t, size_t column, enum tone tone,
	struct popart_str text, uint32_t width, size_t *owed, struct buf *out)
{
	size_t spare = t->widths[column] - width;
	bool right = t->columns[column].right;

	if (right)
		*owed += spare;
	if (text.len > 0) {
		pad(out, *owed);
		table_tone(out, t->colours, tone, text);
		*owed = 0;
	} else {
		*owed += width;
	}
	*owed += (right ? 0 : spare) + GAP;
}

static void add_head(struct table *t, struct buf *out)
{
	size_t owed = 0, titles = 0;

	for (size_t i = 0; i < t->ncolumns; i++)
		titles += t->columns[i].title[0] != '\0';
	for (size_t i = 0; i < t->ncolumns && titles; i++) {
		struct popart_str title = view_str(t->columns[i].title);
		add_cell(t, i, TONE_HEAD, title, table_width(title), &owed, out);
	}
	if (titles)
		buf_add_char(out, '\n');
	t->headed = true;
}

static void add_row(const struct table *t, size_t row, struct buf *out)
{
	size_t owed = 0;

	for (size_t i = 0; i < t->ncolumns; i++) {
		struct cell cell;
		memcpy(&cell, t->cells.ptr + (row * t->ncolumns + i) * sizeof(cell),
			sizeof(cell));
		add_cell(t, i, cell.tone, view_of(t->text.ptr + cell.begin, cell.len),
			cell.width, &owed, out);
	}
	buf_add_char(out, '\n');
}

bool table_flush(struct table *t, struct buf *out)
{
	table_end_row(t);
	bool ok = !t->cells.failed && !t->text.failed;

	if (ok && !t->headed)
		add_head(t, out);
	for (size_t row = 0; ok && row < table_rows(t); row++)
		add_row(t, row, out);
	buf_reset(&t->cells);
	buf_reset(&t->text);
	return ok && !out->failed;
}

bool table_print(struct table *t, FILE *stream)
{
	struct buf out;
	bool ok;

	buf_init(&out, 2 * CELLS_MAX);
	ok = table_flush(t, &out) &&
		fwrite(out.ptr ? out.ptr : "", 1, out.len, stream) == out.len;
	buf_free(&out);
	return ok;
}
