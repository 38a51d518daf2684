/* SPDX-License-Identifier: MIT */
#ifndef CTL_EXITS_H
#define CTL_EXITS_H
/* What popartctl ends with. The manual has these rows, too. */

enum ctl_exit {
	CTL_OK,
	CTL_NO,     /* the answer is no, or something was found that is not as it should be */
	CTL_USAGE,  /* the command line */
	CTL_CONFIG, /* the configuration, or a module of it */
	CTL_ABSENT, /* no server answers */
	CTL_DENIED, /* not permitted */
	CTL_LATER,  /* in use, or another reason that passes */
	CTL_FAILED, /* everything else */
	CTL_EXITS
};

struct ctl_exit_row {
	const char *name, *help;
};
/* By enum ctl_exit. */
extern const struct ctl_exit_row ctl_exits[CTL_EXITS];

#endif
