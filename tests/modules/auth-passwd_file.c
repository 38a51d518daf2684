/* SPDX-License-Identifier: MIT */
#include "modules/auth-target.h"

const struct popart_module *popart_module_entry_passwd_file(void);

static const char *const settings[] = { "path=@scratch@/users", NULL };

const struct auth_target auth_target = { .entry = popart_module_entry_passwd_file,
	.settings = settings,
	.prepare = "echo 'demo:{PLAIN}se cret::::/srv/demo::storage=mail empty= two=a=b' "
		   ">$SCRATCH/users" };
