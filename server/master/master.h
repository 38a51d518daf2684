/* SPDX-License-Identifier: MIT */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H
/* The master process: binds, spawns, watches, drains, stops. Single-threaded. */
#include "base/view.h"

struct activation;

struct master_setup {
	struct popart_str conf_text;     /* libconfig source                      */
	const char *conf_name;           /* its file name, or "(command line)"    */
	int binary_fd;                   /* O_PATH descriptor of the own program  */
	const struct activation *passed; /* NULL: none; filled in by master_main */
};
/* Runs until stopped. Returns the exit status: 0, or one of popartd(8)'s. */
int master_main(const struct master_setup *);

#endif
