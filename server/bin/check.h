/* SPDX-License-Identifier: MIT */
#ifndef BIN_CHECK_H
#define BIN_CHECK_H
/* A configuration and its modules looked at in this process, without serving. */
#include "base/view.h"

/* popartd -t: messages on standard error, or one line that says that all is well. Run by
 * root it becomes whom the workers would become, to see what they would see. Returns the
 * exit status. */
int check_configuration(struct popart_str text, const char *name);
/* popartd -n: the effective configuration on standard output. */
int check_dump(struct popart_str text, const char *name);
/* popartd --modules. */
int check_list_modules(const char *module_path);

#endif
