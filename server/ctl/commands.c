/* SPDX-License-Identifier: MIT */
#include "ctl/ctl.h"

const struct ctl_command ctl_commands[] = {
	{ .words = "help",
		.operands = "[COMMAND]",
		.most = 2,
		.help = "what the commands are, or what one takes",
		.run = ctl_help_run },
	{ .words = NULL },
};
