/* SPDX-License-Identifier: MIT */
#include "admin/scene.h"
#include <stdio.h>
#include <time.h>
#include "ipc/figures.h"

uint64_t scene_total(struct scene *s, enum board_counter counter)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!figures_passed(s->generations[i].board))
			sum += board_total(s->generations[i].board, counter);
	if (sum < s->floor[counter])
		sum = s->floor[counter];
	s->floor[counter] = sum;
	return sum;
}

json_t *scene_text(struct popart_str v)
{
	struct buf clean;
	uint32_t code;
	json_t *text;

	if (view_is_utf8(v))
		return json_stringn(v.ptr ? v.ptr : "", v.len);
	buf_init(&clean, 3 * v.len);
	while (v.len > 0) {
		size_t n = view_utf8_char(v, &code);

		buf_add(&clean, n > 0 ? view_of(v.ptr, n) : VIEW_LIT("\xef\xbf\xbd"));
		n = n > 0 ? n : 1;
		v = view_of(v.ptr + n, v.len - n);
	}
	text = clean.failed ? NULL : json_stringn(clean.ptr, clean.len);
	buf_free(&clean);
	return text;
}

json_t *scene_text_or_null(struct popart_str v)
{
	return v.len > 0 ? scene_text(v) : json_null();
}

json_t *scene_time(const struct scene *s, int64_t at_ms)
{
	time_t at = (time_t)((at_ms + s->unix_ms) / 1000);
	char text[32];
	struct tm tm;

	if (!gmtime_r(&at, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_string("1970-01-01T00:00:00Z");
	return json_string(text);
}

json_t *scene_hex(uint64_t n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%016llx", (unsigned long long)n);
	return json_string(text);
}

json_t *scene_age(const struct scene *s, int64_t at_ms)
{
	return json_integer(s->now_ms > at_ms ? (s->now_ms - at_ms) / 1000 : 0);
}
