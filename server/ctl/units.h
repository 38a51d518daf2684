/* SPDX-License-Identifier: MIT */
#ifndef CTL_UNITS_H
#define CTL_UNITS_H
/* Amounts for eyes: rounded, with the unit that keeps them short. */
#include "base/buf.h"

void units_add_octets(
	struct buf *, uint64_t octets);         /* "512", "1.2K", "340M": powers of 1024 */
void units_add_count(struct buf *, uint64_t);   /* "1 234 567" */
void units_add_span(struct buf *, uint64_t ms); /* "12ms" "3.4s" "12m 05s" "3h 04m" "5d 03h" */
void units_add_seconds(struct buf *, uint64_t s);     /* the same of what is not known finer */
void units_add_us(struct buf *, uint64_t us);         /* "80us" "1.3ms" "2.5s" */
void units_add_rate(struct buf *, double per_second); /* "0" "0.25" "3.1" "1200" */
/* When it was, in the zone of the machine: "2026-11-26 00:37:33". */
void units_add_time(struct buf *, int64_t unix_s);

#endif
