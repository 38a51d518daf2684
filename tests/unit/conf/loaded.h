/* SPDX-License-Identifier: MIT */
#ifndef CONF_LOADED_H
#define CONF_LOADED_H
/* A configuration loaded from a test's text, and what was said about it. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include "conf/conf.h"

/* What every configuration needs, on one line. */
#define NEEDED                                                                       \
	"listen = { address = \"127.0.0.1:0\"; }; auth = { module = \"static\"; }; " \
	"storage = { module = \"maildir\"; };\n"

struct loaded {
	struct report report;
	struct conf *conf;
};

static inline void load(struct loaded *l, struct popart_str text)
{
	report_init(&l->report);
	l->conf = conf_load(text, "popart.conf", &l->report);
	CU_ASSERT((l->conf == NULL) == (l->report.errors > 0));
}

static inline void unload(struct loaded *l)
{
	conf_free(&l->conf);
	CU_ASSERT_PTR_NULL(l->conf);
	report_free(&l->report);
}

static inline void load_good(struct loaded *l, const char *text)
{
	load(l, view_str(text));
	if (!l->conf)
		printf("# %s\n", buf_cstr(&l->report.text));
	CU_ASSERT_PTR_NOT_NULL_FATAL(l->conf);
}

/* Whether exactly this is said. */
static inline bool says(struct popart_str text, const char *expected)
{
	struct loaded l;
	bool same;

	load(&l, text);
	same = strcmp(buf_cstr(&l.report.text), expected) == 0;
	if (!same)
		printf("# said:\n# %s# expected:\n# %s", buf_cstr(&l.report.text), expected);
	unload(&l);
	return same;
}

#endif
