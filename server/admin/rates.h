/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_RATES_H
#define ADMIN_RATES_H
/*
 * What totals were in the last quarter of an hour, for rates. It is kept in memory that the
 * master has, too, so that it outlives this process, and reloads.
 */
#include "admin/scene.h"

struct rates;

#define RATES_SIZE 65536u /* octets of that memory */

/* fd: a memfd of RATES_SIZE octets; zeros, or what an earlier one left. The scene's floor
 * is there, too. NULL: errno. */
struct rates *rates_open(int fd, struct scene *);
void rates_close(struct rates **);
/* To be called often: takes a sample if one is due. Returns when the next is. */
int64_t rates_sample(struct rates *, struct scene *);
/* As the API has it; NULL: out of memory. */
json_t *rates_show(const struct rates *, struct scene *);

#endif
