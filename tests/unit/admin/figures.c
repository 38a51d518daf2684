/* SPDX-License-Identifier: MIT */
#include "admin/locks.h"
#include "admin/metrics.h"
#include "admin/modules.h"
#include "admin/tls.h"
#include "suites.h"
#include "support/boards.h"

static void accept_header(void)
{
	static const struct {
		const char *accept;
		enum metrics_form form;
	} cases[] = {
		{ NULL, METRICS_TEXT },
		{ "", METRICS_TEXT },
		{ "*/*", METRICS_TEXT },
		{ "text/html, application/json", METRICS_TEXT },
		{ "application/openmetrics-text", METRICS_OPENMETRICS },
		{ "Application/OpenMetrics-Text; Version=1.0.0", METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0;q=0.8,"
		  "application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
			METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=2.0.0, text/plain;q=0.1",
			METRICS_TEXT },
		{ "application/openmetrics-text;q=0.2, text/plain;q=0.5", METRICS_TEXT },
		{ "application/openmetrics-text;q=0", METRICS_TEXT },
		{ "application/openmetrics-text;q=nonsense", METRICS_TEXT },
		{ ";;,,;q=,q=1", METRICS_TEXT },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CU_ASSERT_EQUAL(metrics_form(cases[i].accept), cases[i].form);
}

static bool has(const struct buf *b, const char *text)
{
	return memmem(b->ptr, b->len, text, strlen(text)) != NULL;
}

static void page(void)
{
	struct boards boards;
	struct buf out;

	CU_ASSERT_FATAL(boards_make(&boards));
	buf_init(&out, (size_t)1 << 20);
	metrics_write(&boards.scene, METRICS_TEXT, &out);
	CU_ASSERT_FALSE(out.failed);
	CU_ASSERT(has(&out, "# TYPE popart_logins_total counter\n"));
	CU_ASSERT(has(&out, "popart_logins_total{result=\"ok\",mechanism=\"USER\"} 2\n"));
	CU_ASSERT(has(&out, "instance=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\",operation=\"open\""));
	CU_ASSERT(has(&out, "popart_certificate_expiry_timestamp_seconds{file=\"a\\\"b"));
	CU_ASSERT_FALSE(has(&out, "bob"));
	CU_ASSERT_FALSE(has(&out, "# EOF"));
	buf_reset(&out);
	metrics_write(&boards.scene, METRICS_OPENMETRICS, &out);
	CU_ASSERT(has(&out, "# TYPE popart_logins counter\n"));
	CU_ASSERT(has(&out, "# EOF\n"));
	boards_free(&boards);
	buf_free(&out);
}

/* Counters that went to the newer generation are not counted twice, nor lost. */
static void passed(void)
{
	struct boards boards;

	CU_ASSERT_FATAL(boards_make(&boards));
	CU_ASSERT_EQUAL(tls_logins(&boards.scene, FIGURES_OK, 1), 2);
	CU_ASSERT_EQUAL(scene_total(&boards.scene, BOARD_CONNECTIONS), 2);
	board_pass_counters(
		boards.scene.generations[1].board, boards.scene.generations[0].board);
	CU_ASSERT_EQUAL(tls_logins(&boards.scene, FIGURES_OK, 1), 2);
	CU_ASSERT_EQUAL(scene_total(&boards.scene, BOARD_CONNECTIONS), 2);
	boards_free(&boards);
}

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void json(void)
{
	struct boards boards;
	struct scene nothing = { .n = 0 };
	json_t *o, *module, *op;

	CU_ASSERT_FATAL(boards_make(&boards));
	o = modules_json(&boards.scene);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "crashes")), 2);
	module = json_array_get(json_object_get(o, "modules"), 1);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(module, "options")), 2);
	CU_ASSERT_EQUAL(
		number(json_array_get(json_object_get(module, "statistics"), 0), "value"), 8);
	op = json_array_get(json_object_get(module, "operations"), 0);
	CU_ASSERT_EQUAL(number(op, "calls"), 2);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(op, "histogram")), FIGURES_BOUNDS + 1);
	json_decref(o);
	o = locks_json(&boards.scene);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "locks")), 2);
	json_decref(o);
	o = tls_json(&boards.scene);
	CU_ASSERT_EQUAL(number(o, "handshakes"), 4);
	CU_ASSERT_EQUAL(number(o, "resumed"), 2);
	CU_ASSERT_EQUAL(number(o, "failures"), 2);
	json_decref(o);
	json_t *empty[] = { modules_json(&nothing), locks_json(&nothing), tls_json(&nothing) };
	for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
		CU_ASSERT_PTR_NOT_NULL(empty[i]);
		json_decref(empty[i]);
	}
	boards_free(&boards);
}

CU_TestInfo figures_tests[] = {
	{ "which form a client wants", accept_header },
	{ "a page of metrics", page },
	{ "counters that were passed on", passed },
	{ "modules, locks, tls", json },
	CU_TEST_INFO_NULL,
};
