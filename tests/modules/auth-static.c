/* SPDX-License-Identifier: MIT */
#include "modules/auth-target.h"

const struct popart_module *popart_module_entry_static(void);

static const char *const settings[] = { "user=demo", "password=se cret",
	"attributes=home=/srv/demo,storage=mail,empty=,two=a=b", NULL };

const struct auth_target auth_target = { .entry = popart_module_entry_static,
	.settings = settings };
