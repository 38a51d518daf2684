/* SPDX-License-Identifier: MIT */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H
/* The master process: binds, spawns, watches, reloads, drains, stops. Single-threaded. */
#include "base/view.h"

struct master_setup {
	struct popart_str conf_text; /* libconfig source                                 */
	const char *conf_name;       /* its file's absolute name, or "(command line)"    */
	bool conf_is_file;           /* a reload reads that file; else the text stands   */
	const char *binary;          /* the own program's path: a reload runs what is there
	                                then; NULL: it cannot be known                   */
	int binary_fd;               /* O_PATH descriptor of the own program             */
};
/* Runs until stopped. Returns the exit status: 0, or one of popartd(8)'s. */
int master_main(const struct master_setup *);

#endif
