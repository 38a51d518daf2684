/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_SUM_H
#define SQLITE_SUM_H
/* A checksum against accidents, not against people. The same on every kind of machine. */
#include <stddef.h>
#include <stdint.h>

uint64_t sum64(const void *, size_t, uint64_t seed);

#endif
