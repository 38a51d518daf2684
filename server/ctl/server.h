/* SPDX-License-Identifier: MIT */
#ifndef CTL_SERVER_H
#define CTL_SERVER_H
/* The commands that ask the server that runs, and what they share. */
#include "ctl/client.h"

/* Asks for one thing and hands it to show; with --json, prints the answer as it is. What show
 * returns is an exit status. */
int server_show(struct ctl *, const char *target, int (*show)(struct ctl *, const json_t *));
/* What a command that prints ends with. */
int server_printed(bool ok);

int ctl_status_run(struct ctl *);
int ctl_workers_run(struct ctl *);
int ctl_sessions_run(struct ctl *);
int ctl_kick_run(struct ctl *);
int ctl_modules_run(struct ctl *);
int ctl_quarantine_run(struct ctl *);
int ctl_release_run(struct ctl *);
int ctl_locks_run(struct ctl *);
int ctl_tls_run(struct ctl *);
int ctl_reload_run(struct ctl *);
int ctl_stop_run(struct ctl *);
int ctl_log_run(struct ctl *);
int ctl_top_run(struct ctl *);
int ctl_web_run(struct ctl *);
int ctl_why_run(struct ctl *);
int ctl_completion_run(struct ctl *);
extern const struct ctl_option ctl_sessions_options[], ctl_kick_options[],
	ctl_modules_options[], ctl_stop_options[], ctl_top_options[], ctl_web_options[],
	ctl_why_options[];

#endif
