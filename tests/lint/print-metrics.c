/* SPDX-License-Identifier: MIT */
/* Prints the page of metrics in the form that is asked for, "text" or "openmetrics"; "rows":
 * the table, name, kind, unit and help divided by tabs. */
#include <stdio.h>
#include <stdlib.h>
#include "admin/metrics.h"
#include "support/boards.h"

static bool print_page(enum metrics_form form)
{
	struct boards boards;
	struct buf out;
	bool ok = boards_make(&boards);

	buf_init(&out, (size_t)1 << 20);
	if (ok)
		metrics_write(&boards.scene, form, &out);
	ok = ok && !out.failed && fwrite(out.ptr, 1, out.len, stdout) == out.len;
	buf_free(&out);
	boards_free(&boards);
	return ok;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "rows";

	if (strcmp(what, "rows") != 0)
		return print_page(strcmp(what, "openmetrics") == 0 ? METRICS_OPENMETRICS
								   : METRICS_TEXT)
			? EXIT_SUCCESS
			: EXIT_FAILURE;
	for (const struct metrics_row *row = metrics_rows; row->name; row++)
		printf("%s\t%s\t%s\t%s\n", row->name, row->kind, row->unit, row->help);
	return EXIT_SUCCESS;
}
