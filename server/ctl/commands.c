/* SPDX-License-Identifier: MIT */
#include "ctl/ctl.h"

const struct ctl_command ctl_commands[] = {
	{ .words = "help",
		.operands = "[COMMAND]",
		.most = 2,
		.help = "what the commands are, or what one takes",
		.run = ctl_help_run },
	{ .words = "store check",
		.operands = "USER... | --all",
		.most = UINT32_MAX,
		.needs = CTL_CONF | CTL_MODULES,
		.options = ctl_store_check_options,
		.help = "look over what is kept of a user's mail",
		.run = ctl_store_check_run },
	{ .words = "copy",
		.operands = "--from INSTANCE --to INSTANCE USER... | --all",
		.most = UINT32_MAX,
		.needs = CTL_CONF | CTL_MODULES | CTL_LOCKS,
		.options = ctl_copy_options,
		.help = "copy users' mail from one storage into another",
		.run = ctl_copy_run },
	{ .words = NULL },
};
