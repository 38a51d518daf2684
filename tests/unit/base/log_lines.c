/* SPDX-License-Identifier: MIT */
#include "log_lines.h"
#include "suites.h"

void log_number(struct log *log, uint64_t n)
{
	struct log_line l;

	log_begin(log, &l, n % 7 == 0 ? LOG_EV_WORKER_DIED : LOG_EV_WORKER_START);
	log_u64(&l, "pid", n);
	log_end(&l);
}

/* Goes on behind the word. */
static bool skip_to(struct popart_str *v, struct popart_str word)
{
	while (v->len > 0 && !view_starts(*v, word))
		*v = view_of(v->ptr + 1, v->len - 1);
	if (v->len == 0)
		return false;
	*v = view_of(v->ptr + word.len, v->len - word.len);
	return true;
}

void check_numbers(struct popart_str text, uint64_t logged)
{
	uint64_t seen = 0, lost = 0, last = 0, n;

	CU_ASSERT(view_ends(text, VIEW_LIT("\n")));
	while (text.len > 0) {
		struct popart_str line = view_cut(&text, '\n'), rest = line;

		CU_ASSERT_FATAL(
			view_starts(line, VIEW_LIT("20")) || view_starts(line, VIEW_LIT("<")));
		CU_ASSERT_FATAL(skip_to(&rest, VIEW_LIT("event=")));
		line = rest;
		CU_ASSERT(!skip_to(&line, VIEW_LIT("event=")));
		if (view_starts(rest, VIEW_LIT("log_lost"))) {
			CU_ASSERT_FATAL(skip_to(&rest, VIEW_LIT(" lines=")));
			CU_ASSERT_FATAL(view_u64(rest, UINT64_MAX, &n));
			lost += n;
		} else {
			CU_ASSERT_FATAL(skip_to(&rest, VIEW_LIT(" pid=")));
			CU_ASSERT_FATAL(view_u64(rest, UINT64_MAX, &n));
			CU_ASSERT_FATAL(n > last);
			last = n;
			seen++;
		}
	}
	CU_ASSERT(seen > 0);
	CU_ASSERT_EQUAL(seen + lost, logged);
}
