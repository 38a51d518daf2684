/* SPDX-License-Identifier: MIT */
#ifndef CONF_VALUES_H
#define CONF_VALUES_H
/* One group's values, checked against option rows. */
#include "conf/conf.h"
#include "conf/tree.h"

/* Flag of the server's own rows: a STRING that may also be written as an integer. */
#define CONF_OPT_OR_INTEGER (1u << 31)

struct conf_value {
	const struct popart_opt *row;
	bool given; /* in the text; false: the fallback, or empty */
	bool bad;   /* reported already */
	const char *file;
	unsigned line;
	int64_t number;
	struct popart_str text;
	struct popart_str *list;
	size_t nlist;
};

struct popart_conf {
	struct arena arena;
	size_t n;
	struct conf_value *values;
};

/* A group, and what it is called in messages ("storage \"maildir\""; "" is the file's top). */
struct conf_group {
	const config_setting_t *group;
	const char *where;
	const char *const *others; /* keys that somebody else reads; NULL-ended */
	const char *const *later;  /* keys that a later version will have; may be NULL */
};

/* What is wrong is in report, and in the value's bad. NULL: out of memory, reported. */
struct popart_conf *values_read(const struct conf_group *, const struct popart_opt *rows,
	size_t stride, struct report *);
const struct conf_value *values_find(const struct popart_conf *, const char *name);
#endif
