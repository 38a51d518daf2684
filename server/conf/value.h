/* SPDX-License-Identifier: MIT */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H
/* One value, read and checked by its row. */
#include "conf/values.h"

struct value_reading {
	struct arena *arena; /* takes strings and lists */
	struct conf_value *value;
	const config_setting_t *setting; /* NULL: the fallback */
	const char *where;               /* in messages */
	struct report *report;
};

/* text: what stands in the setting if it is a string, or in the fallback. False: reported. */
bool value_read(const struct value_reading *, struct popart_str text);
/* What to write for a row's type: "an integer". */
const char *value_form(const struct popart_opt *row);
/* With the unit of the row's type. */
void value_add_amount(struct buf *, const struct popart_opt *row, int64_t);

#endif
