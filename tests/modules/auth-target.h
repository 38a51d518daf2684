/* SPDX-License-Identifier: MIT */
#ifndef MODULES_AUTH_TARGET_H
#define MODULES_AUTH_TARGET_H
/* An auth module that the suites of all are run with. One implementation per module,
 * auth-NAME.c. */
#include "check/world.h"

/* With one user: demo, password "se cret" in plain text, home=/srv/demo, storage=mail, empty=
 * and two=a=b. */
struct auth_target {
	popart_module_entry_fn *entry;
	const char *const *settings; /* "key=value", NULL-ended */
	const char *prepare;         /* as in struct worlds */
	/* Once an instance has been there; may be NULL. */
	bool (*fill)(const char *dir);
};
extern const struct auth_target auth_target;

#endif
