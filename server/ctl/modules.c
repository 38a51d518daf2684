/* SPDX-License-Identifier: MIT */
/* modules: what is configured, how fast it answers, what it died of. */
#include <inttypes.h>
#include "ctl/list.h"
#include "ctl/server.h"
#include "ctl/units.h"

const struct ctl_option ctl_modules_options[] = {
	{ "options", NULL, "their configuration, too" },
	{ "statistics", NULL, "what they count themselves, too" },
	{ NULL, NULL, NULL },
};

static const struct table_column operation_columns[] = {
	{ "MODULE", false, 0 },
	{ "OPERATION", false, 0 },
	{ "CALLS", true, 0 },
	{ "FAILURES", true, 0 },
	{ "LATE", true, 0 },
	{ "MEAN", true, 0 },
	{ "HALF WITHIN", true, 0 },
	{ "99% WITHIN", true, 0 },
};

static const struct list_column crash_columns[] = {
	{ "DIED", "at", LIST_TIME, 0 },
	{ "WORKER", "worker", LIST_NUMBER, 0 },
	{ "GENERATION", "generation", LIST_NUMBER, 0 },
	{ "OF", "reason", LIST_TEXT, 0 },
	{ "IN", "doing", LIST_TEXT, 64 },
	{ "FOR", "user", LIST_TEXT, 32 },
	{ "SESSIONS", "sessions", LIST_COUNT, 0 },
	{ "AT", "where", LIST_TEXT, 0 },
};

static const struct list_column option_columns[] = {
	{ "", "name", LIST_TEXT, 0 },
	{ "", "value", LIST_TEXT, 0 },
};

static const struct list_column statistic_columns[] = {
	{ "", "name", LIST_TEXT, 0 },
	{ "", "value", LIST_COUNT, 0 },
	{ "", "help", LIST_TEXT, 0 },
};

/* The bound that this share of the calls stayed within. */
static void add_quantile(struct table *t, const json_t *operation, double share)
{
	double wanted = share * (double)list_count(operation, "calls");
	const json_t *bucket, *bound = NULL;
	struct buf cell;
	size_t i;

	buf_init(&cell, 64);
	json_array_foreach (json_object_get(operation, "histogram"), i, bucket) {
		bound = json_object_get(bucket, "le_s");
		if ((double)list_count(bucket, "count") >= wanted)
			break;
	}
	if (json_is_number(bound))
		units_add_us(&cell, (uint64_t)(json_number_value(bound) * 1e6 + 0.5));
	else
		buf_add_char(&cell, '-');
	table_add(t, json_is_number(bound) ? TONE_PLAIN : TONE_DIM, buf_view(&cell));
	buf_free(&cell);
}

static void add_operation(struct table *t, const json_t *module, const json_t *operation)
{
	uint64_t calls = list_count(operation, "calls"),
		 failures = list_count(operation, "failures"),
		 late = list_count(operation, "late");
	struct buf cell;

	if (calls == 0)
		return;
	buf_init(&cell, 64);
	table_add(t, TONE_PLAIN, list_text(module, "name"));
	table_add(t, TONE_PLAIN, list_text(operation, "operation"));
	units_add_count(&cell, calls);
	table_add(t, TONE_PLAIN, buf_view(&cell));
	buf_reset(&cell);
	units_add_count(&cell, failures);
	table_add(t, failures ? TONE_WARN : TONE_PLAIN, buf_view(&cell));
	buf_reset(&cell);
	units_add_count(&cell, late);
	table_add(t, late ? TONE_WARN : TONE_PLAIN, buf_view(&cell));
	buf_reset(&cell);
	units_add_us(&cell, (uint64_t)(list_real(operation, "time_s") * 1e6 / (double)calls));
	table_add(t, TONE_PLAIN, buf_view(&cell));
	add_quantile(t, operation, 0.5);
	add_quantile(t, operation, 0.99);
	buf_free(&cell);
}

static bool print_operations(const struct ctl *c, const json_t *modules)
{
	struct table *t = table_new(
		operation_columns, ARRAY_LEN(operation_columns), table_colours(c->terminal));
	const json_t *module, *operation;
	bool ok = t != NULL;
	size_t i, k;

	json_array_foreach (modules, i, module) {
		json_array_foreach (json_object_get(module, "operations"), k, operation)
			if (ok)
				add_operation(t, module, operation);
	}
	ok = ok && (table_rows(t) == 0 || (putchar('\n') != EOF && table_print(t, stdout)));
	table_free(&t);
	return ok;
}

static const struct list_column module_columns[] = {
	{ "LIST", "list", LIST_TEXT, 0 },
	{ "NAME", "name", LIST_TEXT, 0 },
	{ "MODULE", "module", LIST_TEXT, 0 },
	{ "VERSION", "version", LIST_TEXT, 0 },
	{ "", "description", LIST_TEXT, 72 },
};

/* A part of each module: its options, or its statistics. */
static bool print_parts(const struct ctl *c, const json_t *modules, const char *part,
	const struct list_column *columns, size_t n)
{
	const json_t *module;
	bool ok = true;
	struct buf name;
	size_t i;

	buf_init(&name, 4096);
	json_array_foreach (modules, i, module) {
		const json_t *rows = json_object_get(module, part);
		if (json_array_size(rows) == 0)
			continue;
		buf_reset(&name);
		(void)table_add_cut(&name, list_text(module, "name"), 128);
		ok = ok &&
			printf("\n%.*s \"%s\", %s:\n", VIEW_FMT(list_text(module, "list")),
				buf_cstr(&name), part) >= 0 &&
			list_show(columns, n, table_colours(c->terminal), rows, NULL);
	}
	buf_free(&name);
	return ok;
}

static int show_modules(struct ctl *c, const json_t *answer)
{
	const json_t *modules = json_object_get(answer, "modules");
	const json_t *crashes = json_object_get(answer, "crashes");
	bool ok = list_show(module_columns, ARRAY_LEN(module_columns),
		table_colours(c->terminal), modules, "There is no module.");

	ok = ok && print_operations(c, modules);
	if (ok && ctl_value(c, "options"))
		ok = print_parts(
			c, modules, "options", option_columns, ARRAY_LEN(option_columns));
	if (ok && ctl_value(c, "statistics"))
		ok = print_parts(c, modules, "statistics", statistic_columns,
			ARRAY_LEN(statistic_columns));
	if (ok && json_array_size(crashes) > 0)
		ok = putchar('\n') != EOF &&
			list_show(crash_columns, ARRAY_LEN(crash_columns),
				table_colours(c->terminal), crashes, NULL);
	return server_printed(ok);
}

int ctl_modules_run(struct ctl *c)
{
	return server_show(c, "/v1/modules", show_modules);
}
