/* SPDX-License-Identifier: MIT */
#ifndef BASE_HASH_H
#define BASE_HASH_H
/* Hashes for tables and lock places; not for secrets. */
#include "base/view.h"

/* 64 well-mixed bits, the same in every process and build: lock files depend on it. */
uint64_t hash_bytes(struct popart_str, uint64_t seed);
uint64_t hash_mix(uint64_t);

#endif
