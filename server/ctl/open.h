/* SPDX-License-Identifier: MIT */
#ifndef CTL_OPEN_H
#define CTL_OPEN_H
/*
 * A link that is a secret, opened in the browser of whoever sits here. What a program is
 * started with every account can read, so the browser is given a file, which only this one
 * can, and which leads there.
 */
#include <stdbool.h>

struct ctl_open {
	char directory[96]; /* "": nothing is left to remove */
	char file[128];
};

/* False: there is no screen here, or no program for it. Either way ctl_open_end follows. */
bool ctl_open(struct ctl_open *, const char *url);
void ctl_open_end(struct ctl_open *);

#endif
