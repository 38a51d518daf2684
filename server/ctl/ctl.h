/* SPDX-License-Identifier: MIT */
#ifndef CTL_CTL_H
#define CTL_CTL_H
/*
 * The commands of popartctl, as data: the command line's parser, the help and the shells'
 * completions come from the rows in commands.c, and what a command needs is there before it
 * runs.
 */
#include <stdatomic.h>
#include "conf/conf.h"
#include "ctl/exits.h"
#include "host/host.h"

/* The maximum of what may be given on one command line. */
#define CTL_GIVEN_MAX 64u

struct ctl_option {
	const char *name;  /* without the dashes; NULL ends the table */
	const char *value; /* what it takes, for the help: "NAME"; NULL: nothing */
	const char *help;  /* one line, lower case, no full stop */
};

enum ctl_needs {
	CTL_CONF = 1u << 0,    /* the configuration has been read                   */
	CTL_MODULES = 1u << 1, /* with CTL_CONF: and its modules are up, as in a tool */
	/* Root has the file-system ids of the server's user, and may have its own back
	 * (ids_give_back); else it becomes that user. */
	CTL_STAY = 1u << 2,
	CTL_SERVER = 1u << 3, /* speaks with the server that runs, over its socket    */
	CTL_LOCKS = 1u << 4   /* with CTL_CONF: there is run_dir/locks, server or not */
};

struct ctl;
struct ctl_command {
	const char *words;                /* "user add"; NULL ends the table           */
	const char *operands;             /* for the help: "USER"; "": none            */
	uint32_t least, most;             /* how many operands                         */
	uint32_t needs;                   /* enum ctl_needs                            */
	const struct ctl_option *options; /* besides those that all have; may be NULL */
	const char *help;                 /* one line, lower case, no full stop       */
	/* Returns enum ctl_exit; what went wrong is said already (ctl_fail). */
	int (*run)(struct ctl *);
};

/* Ends with a row without words. */
extern const struct ctl_command ctl_commands[];
/* What every command takes. */
extern const struct ctl_option ctl_options[];

struct ctl_given {
	const struct ctl_option *option;
	const char *value; /* NULL: the option takes none */
};

/* One run of the program. The strings are argv's own; NULL: not given. */
struct ctl {
	const struct ctl_command *command; /* NULL: none; version or help is wanted */
	const char *config, *socket, *module_path;
	bool json, version, help;
	bool terminal; /* standard output is one, for people */
	char **operands;
	size_t noperands;
	struct ctl_given given[CTL_GIVEN_MAX]; /* the command's own options, in their order */
	size_t ngiven;

	struct conf *conf;         /* with CTL_CONF    */
	struct host *host;         /* with CTL_MODULES; thread 0 is the caller's */
	_Atomic uint32_t stopping; /* non-zero: modules break off long calls */
};

/* False: why says in one line what is wrong, about what, and what to do. */
bool ctl_parse(struct ctl *, int argc, char **argv, struct buf *why);

/* The value of one of the command's options, as it was given last; "" for one that takes
 * none; NULL: it was not given. */
const char *ctl_value(const struct ctl *, const char *name);
/* The same, one after the other: *from is 0 at first. */
const char *ctl_next(const struct ctl *, const char *name, size_t *from);

/* "popartctl: ..." on standard error, a line. Returns status, so that a command can end in
 * one step. */
int ctl_fail(enum ctl_exit status, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* What a call into a module has come to, told for people: the exit status that fits, and
 * the reason as the module gave it. about: a word or two, "user \"anna\"". */
int ctl_fail_call(const struct host_call *, int status, const char *about);
/* The exit status for a status of the ABI. */
enum ctl_exit ctl_exit_for(int status);
/* Of two, the one that counts for a command that did several things. */
enum ctl_exit ctl_exit_worse(enum ctl_exit, enum ctl_exit);

/* All commands, or all of one: command NULL, or its row. */
void ctl_help(const struct ctl_command *, struct buf *);

/* commands.c's rows. */
int ctl_help_run(struct ctl *);
int ctl_store_check_run(struct ctl *);
int ctl_copy_run(struct ctl *);
int ctl_user_list_run(struct ctl *);
int ctl_user_show_run(struct ctl *);
int ctl_user_add_run(struct ctl *);
int ctl_user_passwd_run(struct ctl *);
int ctl_user_set_run(struct ctl *);
int ctl_user_disable_run(struct ctl *);
int ctl_user_enable_run(struct ctl *);
int ctl_user_del_run(struct ctl *);
extern const struct ctl_option ctl_user_options[], ctl_user_add_options[],
	ctl_user_passwd_options[], ctl_user_set_options[];
extern const struct ctl_option ctl_store_check_options[], ctl_copy_options[];

#endif
