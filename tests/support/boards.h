/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_BOARDS_H
#define SUPPORT_BOARDS_H
/* Two generations with something of everything in their scoreboards. */
#include "admin/scene.h"

/* What a page has to keep apart: an instance is called so, and a certificate's file. */
#define BOARDS_ODD_NAME "a\"b\\c\nd\xff"

struct boards {
	struct scene scene;
	uint64_t floor[BOARD_COUNTERS];
};
/* False: no memory. */
bool boards_make(struct boards *);
void boards_free(struct boards *);

#endif
