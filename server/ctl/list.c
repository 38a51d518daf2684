/* SPDX-License-Identifier: MIT */
#include "ctl/list.h"
#include <inttypes.h>
#include <stdlib.h>
#include "ctl/units.h"

#define COLUMNS_MAX 24u

struct list {
	struct table_column heads[COLUMNS_MAX];
	const struct list_column *columns;
	size_t ncolumns;
	struct table *table;
	bool filled;
};

struct popart_str list_text(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return json_is_string(v) ? view_of(json_string_value(v), json_string_length(v))
				 : VIEW_NONE;
}

int64_t list_signed(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

uint64_t list_count(const json_t *object, const char *key)
{
	int64_t n = list_signed(object, key);

	return n > 0 ? (uint64_t)n : 0;
}

double list_real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

bool list_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* --- cells ------------------------------------------------------------------------------- */

static enum tone tone_of_state(struct popart_str state)
{
	static const struct {
		const char *word;
		enum tone tone;
	} known[] = {
		{ "down", TONE_BAD },
		{ "stuck", TONE_BAD },
		{ "starting", TONE_WARN },
		{ "draining", TONE_WARN },
		{ "serving", TONE_GOOD },
		{ "authorization", TONE_DIM },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (view_eq(state, view_str(known[i].word)))
			return known[i].tone;
	return TONE_PLAIN;
}

static enum tone add_expiry(struct buf *b, int64_t seconds)
{
	if (seconds < 0)
		buf_add_str(b, "since ");
	units_add_seconds(b, (uint64_t)(seconds < 0 ? -seconds : seconds));
	return seconds < 0 ? TONE_BAD : seconds < LIST_SOON_S ? TONE_WARN : TONE_GOOD;
}

static void add_words(struct buf *b, const json_t *array)
{
	const json_t *word;
	size_t i;

	json_array_foreach (array, i, word)
		buf_printf(b, "%s%s", i ? " " : "",
			json_is_string(word) ? json_string_value(word) : "?");
}

/* "2026-11-26T00:37:33Z" -> "2026-11-26 00:37:33Z" */
static void add_time(struct buf *b, struct popart_str text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(b, i == 10 && text.ptr[i] == 'T' ? ' ' : text.ptr[i]);
}

static enum tone add_value(
	struct buf *b, const struct list_column *column, const json_t *object)
{
	const json_t *value = json_object_get(object, column->key);
	enum tone tone = TONE_PLAIN;

	if (!value || json_is_null(value)) {
		buf_add_char(b, '-');
		return TONE_DIM;
	}
	switch (column->kind) {
	case LIST_STATE:
		tone = tone_of_state(list_text(object, column->key));
		buf_add(b, list_text(object, column->key));
		break;
	case LIST_TROUBLE:
		tone = list_count(object, column->key) ? TONE_WARN : TONE_PLAIN;
		units_add_count(b, list_count(object, column->key));
		break;
	case LIST_COUNT:
		units_add_count(b, list_count(object, column->key));
		break;
	case LIST_NUMBER:
		buf_printf(b, "%" PRIu64, list_count(object, column->key));
		break;
	case LIST_OCTETS:
		units_add_octets(b, list_count(object, column->key));
		break;
	case LIST_SPAN:
		units_add_seconds(b, list_count(object, column->key));
		break;
	case LIST_EXPIRY:
		tone = add_expiry(b, list_signed(object, column->key));
		break;
	case LIST_WORDS:
		add_words(b, value);
		break;
	case LIST_TIME:
		add_time(b, list_text(object, column->key));
		break;
	case LIST_YES:
		buf_add_str(b, json_is_true(value) ? "yes" : "no");
		break;
	case LIST_TEXT:
		buf_add(b, list_text(object, column->key));
		break;
	}
	return tone;
}

/* --- tables ------------------------------------------------------------------------------ */

static bool is_number(enum list_kind kind)
{
	return kind == LIST_COUNT || kind == LIST_NUMBER || kind == LIST_OCTETS ||
		kind == LIST_SPAN || kind == LIST_TROUBLE;
}

struct list *list_new(const struct list_column *columns, size_t n, bool colours)
{
	struct list *l = n <= COLUMNS_MAX ? calloc(1, sizeof(*l)) : NULL;

	if (!l)
		return NULL;
	l->columns = columns;
	l->ncolumns = n;
	for (size_t i = 0; i < n; i++)
		l->heads[i] = (struct table_column){ columns[i].title,
			is_number(columns[i].kind), columns[i].most };
	l->table = table_new(l->heads, n, colours);
	if (!l->table)
		list_free(&l);
	return l;
}

void list_free(struct list **list)
{
	struct list *l = *list;

	if (!l)
		return;
	table_free(&l->table);
	free(l);
	*list = NULL;
}

void list_add(struct list *l, const json_t *array)
{
	const json_t *object;
	struct buf cell;
	size_t i;

	buf_init(&cell, 1u << 20);
	json_array_foreach (array, i, object) {
		for (size_t column = 0; column < l->ncolumns; column++) {
			buf_reset(&cell);
			enum tone tone = add_value(&cell, &l->columns[column], object);
			table_add(l->table, tone, buf_view(&cell));
		}
		l->filled = true;
	}
	buf_free(&cell);
}

bool list_print(struct list *l, FILE *out, const char *none)
{
	if (l->filled)
		return table_print(l->table, out);
	return !none || fprintf(out, "%s\n", none) >= 0;
}

bool list_show(const struct list_column *columns, size_t n, bool colours, const json_t *array,
	const char *none)
{
	struct list *l = list_new(columns, n, colours);
	bool ok = l != NULL;

	if (ok) {
		list_add(l, array);
		ok = list_print(l, stdout, none);
	}
	list_free(&l);
	return ok;
}
