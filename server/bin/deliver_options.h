/* SPDX-License-Identifier: MIT */
#ifndef BIN_DELIVER_OPTIONS_H
#define BIN_DELIVER_OPTIONS_H
/* The command line of popart-deliver. */
#include "base/buf.h"
#include "deliver/head.h"

enum deliver_action { DELIVER_MESSAGE, DELIVER_VERSION, DELIVER_HELP };

/* The strings are argv's own. NULL: not given. */
struct deliver_options {
	enum deliver_action action;
	const char *user, *config, *module_path;
	struct head head;
	bool bounce_full, bounce_refused;
	int64_t timeout_ms;
};

/* False: why says in one line what is wrong, about what, and what to do. */
bool deliver_options_parse(struct deliver_options *, int argc, char **argv, struct buf *why);

extern const char deliver_options_help[];

#endif
