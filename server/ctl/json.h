/* SPDX-License-Identifier: MIT */
#ifndef CTL_JSON_H
#define CTL_JSON_H
#include <jansson.h>
#include "base/view.h"

/* As it is, or, when it is not well-formed UTF-8, made printable. NULL: out of memory. */
json_t *json_text(struct popart_str);
/* On standard output, with a newline; frees it. NULL: out of memory, which is told. Returns
 * an exit status. */
int json_print(json_t *);

#endif
