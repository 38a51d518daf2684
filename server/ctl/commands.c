/* SPDX-License-Identifier: MIT */
#include "ctl/ctl.h"

const struct ctl_command ctl_commands[] = {
	{ .words = "help",
		.operands = "[COMMAND]",
		.most = 2,
		.help = "what the commands are, or what one takes",
		.run = ctl_help_run },
	{ .words = "web",
		.operands = "",
		.needs = CTL_SERVER,
		.options = ctl_web_options,
		.help = "a page to look at the server with, in a browser of this machine",
		.run = ctl_web_run },
	{ .words = NULL },
};
