/* SPDX-License-Identifier: MIT */
#ifndef BIN_MODULE_CHECK_OPTIONS_H
#define BIN_MODULE_CHECK_OPTIONS_H
/* The command line of popart-module-check. */
#include "base/buf.h"
#include "check/suites.h"

enum module_check_action {
	MODULE_CHECK_RUN,
	MODULE_CHECK_LIST,
	MODULE_CHECK_VERSION,
	MODULE_CHECK_HELP
};

enum { MODULE_CHECK_WORDS = 64, MODULE_CHECK_ATTRS = 64 };

/* The strings are argv's own. NULL: not given. */
struct module_check_options {
	enum module_check_action action;
	const char *file;
	const char *const *settings; /* "key=value", NULL-ended */
	const char *put, *vanish, *cut, *prepare, *mail;
	bool trust, storage, auth;                 /* which suites beside the module's own */
	unsigned limit_s;                          /* 0: the usual */
	const char *words[MODULE_CHECK_WORDS + 1]; /* NULL-ended */
	struct popart_attr attrs[MODULE_CHECK_ATTRS];
	size_t nwords, nattrs;
	struct suite_account account;
};

/* False: why says in one line what is wrong, about what, and what to do. */
bool module_check_options_parse(
	struct module_check_options *, int argc, char **argv, struct buf *why);

extern const char module_check_options_help[];

#endif
