/* SPDX-License-Identifier: MIT */
#include <popart/module.h>

/* A shared object that takes the server for a library. */

void popart_log(const char *text);

POPART_EXPORT const struct popart_module *popart_module_entry(void);
const struct popart_module *popart_module_entry(void)
{
	popart_log("hello");
	return NULL;
}
