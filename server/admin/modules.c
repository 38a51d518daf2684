/* SPDX-License-Identifier: MIT */
#include "admin/modules.h"
#include <stdlib.h>

static void add_histogram(struct figures_histogram *to, const struct figures_histogram *from)
{
	for (unsigned i = 0; i <= FIGURES_BOUNDS; i++)
		to->counts[i] += from->counts[i];
	to->ns += from->ns;
	to->failures += from->failures;
	to->crashes += from->crashes;
	to->late += from->late;
}

void modules_histogram(const struct scene *s, uint32_t instance,
	const struct figures_instance *about, unsigned op, struct figures_histogram *sum)
{
	struct figures_histogram one;
	uint32_t other;

	figures_histogram(s->generations[0].board, instance, op, sum);
	for (size_t g = 1; g < s->n; g++) {
		const struct board *b = s->generations[g].board;

		if (figures_passed(b) || !figures_find(b, about, &other))
			continue;
		figures_histogram(b, other, op, &one);
		add_histogram(sum, &one);
	}
}

int64_t modules_stat(const struct scene *s, uint32_t instance,
	const struct figures_instance *about, uint32_t stat)
{
	int64_t sum = figures_stat_sum(s->generations[0].board, instance, stat);
	uint32_t other;

	for (size_t g = 1; g < s->n; g++) {
		const struct board *b = s->generations[g].board;

		if (!figures_passed(b) && figures_find(b, about, &other))
			sum += figures_stat_sum(b, other, stat);
	}
	return sum;
}

static json_t *buckets(const struct figures_histogram *h)
{
	json_t *array = json_array();
	uint64_t n = 0, bound = FIGURES_FIRST_US;

	for (unsigned i = 0; array && i <= FIGURES_BOUNDS; i++, bound *= 2) {
		n += h->counts[i];
		(void)json_array_append_new(array,
			json_pack("{s:o, s:I}", "le_s",
				i < FIGURES_BOUNDS ? json_real((double)bound / 1e6)
						   : json_null(),
				"count", (json_int_t)n));
	}
	return array;
}

/* Those that were never called are left out. */
static json_t *operations(
	const struct scene *s, uint32_t instance, const struct figures_instance *about)
{
	json_t *array = json_array();
	struct figures_histogram h;

	for (unsigned op = 0; array && op < FIGURES_OPS; op++) {
		modules_histogram(s, instance, about, op, &h);
		if (figures_calls(&h) + h.crashes + h.late == 0)
			continue;
		(void)json_array_append_new(array,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:o}", "operation",
				figures_op_names[op], "calls", (json_int_t)figures_calls(&h),
				"failures", (json_int_t)h.failures, "crashes",
				(json_int_t)h.crashes, "late", (json_int_t)h.late, "time_s",
				(double)h.ns / 1e9, "histogram", buckets(&h)));
	}
	return array;
}

/* "key = value;" */
static void add_option(json_t *array, struct popart_str line)
{
	const char *at = line.len > 0 ? memmem(line.ptr, line.len, " = ", 3) : NULL;
	struct popart_str name, value;

	if (!at || *line.ptr == '#')
		return;
	name = view_of(line.ptr, (size_t)(at - line.ptr));
	value = view_of(at + 3, line.len - name.len - 3);
	if (value.len > 0 && value.ptr[value.len - 1] == ';')
		value.len--;
	(void)json_array_append_new(array,
		json_pack("{s:o, s:o}", "name", scene_text(name), "value", scene_text(value)));
}

static json_t *options(const char *lines)
{
	struct popart_str rest = view_str(lines);
	json_t *array = json_array();

	while (array && rest.len > 0)
		add_option(array, view_cut(&rest, '\n'));
	return array;
}

static json_t *statistics(
	const struct scene *s, uint32_t instance, const struct figures_instance *about)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < about->nstats; i++)
		(void)json_array_append_new(array,
			json_pack("{s:o, s:I, s:o}", "name",
				scene_text(view_str(about->stats[i].name)), "value",
				(json_int_t)modules_stat(s, instance, about, i), "help",
				scene_text(view_str(about->stats[i].help))));
	return array;
}

static json_t *module(
	const struct scene *s, uint32_t instance, const struct figures_instance *about)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "list",
		about->storage ? "storage" : "auth", "name", scene_text(view_str(about->name)),
		"module", scene_text(view_str(about->module)), "version",
		scene_text(view_str(about->version)), "description",
		scene_text(view_str(about->summary)), "capabilities", (json_int_t)about->caps,
		"options", options(about->options), "operations",
		operations(s, instance, about), "statistics", statistics(s, instance, about));
}

static json_t *modules(const struct scene *s)
{
	json_t *array = json_array();
	struct figures_instance about;

	for (uint32_t i = 0;
		array && s->n > 0 && i < board_shape(s->generations[0].board).instances; i++)
		if (figures_instance(s->generations[0].board, i, &about))
			(void)json_array_append_new(array, module(s, i, &about));
	return array;
}

/* --- crashes --- */

static int newest_first(const void *a, const void *b)
{
	int64_t left = ((const struct figures_crash *)a)->at_ms;
	int64_t right = ((const struct figures_crash *)b)->at_ms;

	return (left < right) - (left > right);
}

static json_t *crash(const struct scene *s, const struct figures_crash *c)
{
	return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I}", "at",
		scene_time(s, c->at_ms), "generation", (json_int_t)c->generation, "worker",
		(json_int_t)c->worker + 1, "reason", scene_text(view_str(c->reason)), "doing",
		scene_text_or_null(view_str(c->doing)), "where",
		scene_text_or_null(view_str(c->where)), "address",
		scene_text_or_null(view_str(c->address)), "user",
		scene_text_or_null(view_str(c->user)), "sessions", (json_int_t)c->sessions);
}

static json_t *crashes(const struct scene *s)
{
	struct figures_crash *all = calloc(s->n * FIGURES_CRASHES + 1, sizeof(*all));
	json_t *array = all ? json_array() : NULL;
	size_t n = 0;

	for (size_t g = 0; all && g < s->n; g++)
		for (uint32_t i = 0; i < FIGURES_CRASHES; i++)
			n += !figures_passed(s->generations[g].board) &&
				figures_crash(s->generations[g].board, i, &all[n]);
	if (n > 0)
		qsort(all, n, sizeof(*all), newest_first);
	for (size_t i = 0; array && i < n; i++)
		(void)json_array_append_new(array, crash(s, &all[i]));
	free(all);
	return array;
}

json_t *modules_json(const struct scene *s)
{
	return json_pack("{s:o, s:o}", "modules", modules(s), "crashes", crashes(s));
}
