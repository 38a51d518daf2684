/* SPDX-License-Identifier: MIT */
#ifndef CHECK_REMAINS_H
#define CHECK_REMAINS_H
/* Whether a secret is still somewhere in the memory of this process. */
#include <popart/abi.h>
#include <stdbool.h>

enum { REMAINS_SECRET = 40 };

/* A password that nobody has, of printable ASCII; in the caller's memory alone, which is on
 * its stack: there nobody looks. */
void remains_invent(char secret[REMAINS_SECRET]);
/* Looks through what malloc and mmap have given, for the end of it: its beginning may be
 * overwritten where it was freed. */
bool remains_of(const char secret[REMAINS_SECRET]);

#endif
