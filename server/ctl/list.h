/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIST_H
#define CTL_LIST_H
/* The server's JSON as tables: a column is a title, a field, and how that is to be shown. */
#include <jansson.h>
#include "ctl/table.h"

/* What an object has under this key; nothing (0, false, empty) if it has not, or has another
 * type, as null has: answers come from outside. */
struct popart_str list_text(const json_t *object, const char *key);
uint64_t list_count(const json_t *object, const char *key);
int64_t list_signed(const json_t *object, const char *key);
double list_real(const json_t *object, const char *key);
bool list_true(const json_t *object, const char *key);

enum list_kind {
	LIST_TEXT,    /* "-" for none */
	LIST_COUNT,   /* 1 234 */
	LIST_NUMBER,  /* 1234: a process, a port */
	LIST_OCTETS,  /* 1.2M */
	LIST_SPAN,    /* seconds; "-" for null */
	LIST_STATE,   /* a word, in its tone */
	LIST_TROUBLE, /* a count, in a tone unless it is 0 */
	LIST_EXPIRY,  /* seconds until then; negative: since then */
	LIST_WORDS,   /* an array of strings */
	LIST_TIME,    /* a date and time of JSON, as short as people write it */
	LIST_YES      /* yes or no */
};
/* Expires so soon that somebody should look. */
#define LIST_SOON_S (14 * 86400)

struct list_column {
	const char *title, *key;
	enum list_kind kind;
	uint32_t most; /* columns of the screen; 0: any */
};

struct list;
/* columns: n of them, which outlive the list. NULL: out of memory. */
struct list *list_new(const struct list_column *columns, size_t n, bool colours);
void list_free(struct list **);
/* A row for each object. */
void list_add(struct list *, const json_t *array);
/* What has been added since the last time; then `none` if that is given and there never was a
 * row. False: it cannot be written. */
bool list_print(struct list *, FILE *, const char *none) MUST_USE;
/* One table, all at once. */
bool list_show(const struct list_column *, size_t n, bool colours, const json_t *array,
	const char *none) MUST_USE;

#endif
