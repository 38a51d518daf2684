/* SPDX-License-Identifier: MIT */
#ifndef BIN_OPTIONS_H
#define BIN_OPTIONS_H
/* The command line of popartd. */
#include "base/buf.h"

enum action {
	ACTION_SERVE,
	ACTION_CHECK,   /* -t        */
	ACTION_DUMP,    /* -n        */
	ACTION_VERSION, /* -V        */
	ACTION_HELP,    /* --help    */
	ACTION_MODULES  /* --modules */
};

/* The strings are argv's own. NULL: not given. */
struct options {
	enum action action;
	const char *config, *maildir, *listen, *tls_listen, *certificate, *key, *module_path;
	char *user; /* NAME:PASSWORD; to be wiped once it is read */
	bool delete;
};

/* False: why says in one line what is wrong, about what, and what to do. */
bool options_parse(struct options *, int argc, char **argv, struct buf *why);

extern const char options_help[];

#endif
