/* SPDX-License-Identifier: MIT */
#include "ctl/exits.h"

const struct ctl_exit_row ctl_exits[CTL_EXITS] = {
	[CTL_OK] = { "ok", "done" },
	[CTL_NO] = { "no", "the answer is no, or something is not as it should be" },
	[CTL_USAGE] = { "usage", "the command line is wrong" },
	[CTL_CONFIG] = { "config", "the configuration, or one of its modules, is wrong" },
	[CTL_ABSENT] = { "absent", "no server answers" },
	[CTL_DENIED] = { "denied", "not permitted" },
	[CTL_LATER] = { "later", "in use, or another reason that passes: try again" },
	[CTL_FAILED] = { "failed", "failed for another reason" },
};
