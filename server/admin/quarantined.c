/* SPDX-License-Identifier: MIT */
#include "admin/quarantined.h"
#include "ipc/quarantine.h"

/* All generations have the same; one that changes just now is left out. */
static bool get(const struct scene *s, uint32_t *index, struct quarantine_row *row)
{
	while (s->n > 0 && board_quarantine_get(s->generations[0].board, (*index)++, row))
		if (row->key != 0)
			return true;
	return false;
}

uint32_t quarantined_count(const struct scene *s)
{
	struct quarantine_row row;
	uint32_t index = 0, n = 0;

	while (get(s, &index, &row))
		n++;
	return n;
}

static json_t *show(const struct scene *s, const struct quarantine_row *row)
{
	int64_t left_ms = row->until_ms - s->now_ms;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I}", "user",
		scene_text_or_null(view_str(row->user)), "address",
		scene_text_or_null(view_str(row->peer)), "call",
		scene_text(view_str(row->what)), "key", scene_hex(row->key), "since",
		scene_time(s, row->since_ms), "left_s",
		(json_int_t)(left_ms > 0 ? (left_ms + 999) / 1000 : 0), "crashes",
		(json_int_t)row->crashes, "times", (json_int_t)row->times);
}

json_t *quarantined_json(const struct scene *s)
{
	json_t *list = json_array();
	struct quarantine_row row;
	uint32_t index = 0;

	while (list && get(s, &index, &row))
		(void)json_array_append_new(list, show(s, &row));
	return json_pack("{s:o}", "quarantined", list);
}
