/* SPDX-License-Identifier: MIT */
#ifndef UNIT_PASSWD_FILE_TESTS_H
#define UNIT_PASSWD_FILE_TESTS_H
#include <stdlib.h>
#include <string.h>
#include "octets.h"
#include "support/tap.h"

#define KNOWN_PASSWORD "correct horse"

extern CU_TestInfo line_tests[], secret_tests[], users_tests[], cache_tests[], file_tests[],
	edit_tests[];

/* Calls each() with every secret that other programs have written for KNOWN_PASSWORD;
 * returns how many. */
size_t each_known(void *ctx,
	void (*each)(void *ctx, const char *from, struct popart_str secret, bool legacy));

static inline struct popart_str str(const char *s)
{
	return (struct popart_str){ .ptr = s, .len = strlen(s) };
}

#endif
