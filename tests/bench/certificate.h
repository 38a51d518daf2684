/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CERTIFICATE_H
#define BENCH_CERTIFICATE_H
/* A certificate for tests and measurements. */
#include <stdbool.h>

/* Writes a P-256 key and a certificate that it has signed itself, both as PEM, into a file
 * that only its owner can read. False: said on stderr. */
bool certificate_write(const char *path);
#endif
