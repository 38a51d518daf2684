/* SPDX-License-Identifier: MIT */
#include "ctl/json.h"
#include <stdio.h>
#include "base/text.h"
#include "ctl/ctl.h"

#define TEXT_MAX 65536u

json_t *json_text(struct popart_str text)
{
	json_t *value = json_stringn(text.len ? text.ptr : "", text.len);
	struct buf line;

	if (value)
		return value;
	buf_init(&line, TEXT_MAX);
	text_add_printable(&line, text, TEXT_MAX / 4);
	value = json_string(buf_cstr(&line));
	buf_free(&line);
	return value;
}

int json_print(json_t *value)
{
	bool ok = value && json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) == 0 &&
		fputs("\n", stdout) >= 0;

	json_decref(value);
	return ok ? CTL_OK : ctl_fail(CTL_FAILED, "cannot print the answer");
}
