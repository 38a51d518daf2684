/* SPDX-License-Identifier: MIT */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H
/*
 * Tables for people: aligned columns, whatever script a name is in, and nothing in a cell
 * that a terminal would obey. Rows are held until they are flushed, so that the columns fit;
 * a long list is flushed now and then, and its columns never become narrower.
 */
#include <stdio.h>
#include "base/buf.h"

enum tone { TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_DIM, TONE_HEAD };

struct table_column {
	const char *title; /* "": none; a table whose titles are all empty has no head */
	bool right;        /* for numbers */
	uint32_t most; /* columns of the screen; what is longer ends in an ellipsis. 0: any */
};

struct table;

/* Whether what goes to standard output may have colours: it is a terminal that knows them,
 * and NO_COLOR (no-color.org) is not set. */
bool table_colours(bool terminal);

/* columns: n of them, which outlive the table. The rows are appended to out, which is the
 * caller's, when they are flushed. NULL: out of memory. */
struct table *table_new(const struct table_column *columns, size_t n, bool colours);
void table_free(struct table **);

/* The next cell; behind a row's last one begins the next row. */
void table_add(struct table *, enum tone, struct popart_str);
void table_printf(struct table *, enum tone, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Cells without text, up to the end of the row; a row that is at its beginning gets none. */
void table_end_row(struct table *);
/* How many whole rows are held. */
size_t table_rows(const struct table *);
/* Adds them to out, the head first if it has not been there yet, and forgets them. False: out
 * of memory, or too much for a buffer. */
bool table_flush(struct table *, struct buf *out) MUST_USE;
/* The same, to a stream. False: also when it cannot be written. */
bool table_print(struct table *, FILE *) MUST_USE;

/* Columns of the screen that v takes: none for what combines, two for what is wide. */
uint32_t table_width(struct popart_str v);
/* Adds v made harmless, cut to so many columns; its width. */
uint32_t table_add_cut(struct buf *, struct popart_str v, uint32_t most);
/* Adds text in a tone, if colours is true. Text is as it is: harmless already. */
void table_tone(struct buf *, bool colours, enum tone, struct popart_str text);

#endif
