/* SPDX-License-Identifier: MIT */
/* The manual is held against the rows, and its example is loaded. */
#include <stdlib.h>
#include "loaded.h"
#include "suites.h"

static char *read_manual(void)
{
	const char *srcdir = getenv("TEST_SRCDIR");
	char path[4096], *text;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/docs/man/popart.conf.5", srcdir ? srcdir : ".");
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	text = calloc(1, 100000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT(fread(text, 1, 99999, f) > 0);
	(void)fclose(f);
	return text;
}

static void test_example(void)
{
	char *manual = read_manual();
	char *text = strstr(manual, ".Sh EXAMPLES"), *end = NULL;
	struct loaded l;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	text = strstr(text, ".Bd -literal");
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	text = strchr(text, '\n') + 1;
	end = strstr(text, "\n.Ed");
	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	end[1] = '\0';
	CU_ASSERT_PTR_NULL(strchr(text, '\\')); /* nothing that roff would change */
	load_good(&l, text);
	CU_ASSERT_EQUAL(l.report.warnings, 0);
	unload(&l);
	free(manual);
}

/* Every key has its own entry, with its default. */
static void check_rows(const char *manual, const struct popart_opt *rows)
{
	char item[128], fallback[128];

	for (; rows->name; rows++) {
		const char *entry, *next, *found;

		(void)snprintf(item, sizeof item, "\n.It Ic %s ", rows->name);
		entry = strstr(manual, item);
		if (!entry)
			printf("# the manual lacks %s\n", rows->name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
		if (!rows->fallback || strcmp(rows->name, "module_path") == 0)
			continue;
		next = strstr(entry + 1, "\n.It Ic ");
		(void)snprintf(fallback, sizeof fallback, "Default: %s%s%s.",
			rows->type == POPART_OPT_STRING || rows->type == POPART_OPT_ENUM ||
					rows->type == POPART_OPT_MSEC
				? "\\(dq"
				: "",
			rows->fallback,
			rows->type == POPART_OPT_STRING || rows->type == POPART_OPT_ENUM ||
					rows->type == POPART_OPT_MSEC
				? "\\(dq"
				: "");
		found = strstr(entry, fallback);
		if (!found || (next && found > next))
			printf("# the manual lacks of %s: %s\n", rows->name, fallback);
		CU_ASSERT(found && (!next || found < next));
	}
}

static void test_rows(void)
{
	char *manual = read_manual();

	check_rows(manual, conf_server_rows);
	check_rows(manual, conf_listen_rows);
	check_rows(manual, conf_tls_rows);
	check_rows(manual, conf_certificate_rows);
	check_rows(manual, conf_log_rows);
	check_rows(manual, conf_admin_rows);
	free(manual);
}

CU_TestInfo example_tests[] = {
	{ "the manual's example loads without a warning", test_example },
	{ "the manual has every key and its default", test_rows },
	CU_TEST_INFO_NULL,
};
