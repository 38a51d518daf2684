/* SPDX-License-Identifier: MIT */
#ifndef POPART_CONF_H
#define POPART_CONF_H
/*
 * What a module may be configured with, as data. The host parses, range-checks,
 * fills defaults, prints `config dump`, redacts secrets and generates the
 * manual's option table from these rows; a module never parses text.
 */
#include "abi.h"
POPART_BEGIN_DECLS

enum popart_opt_type {
	POPART_OPT_BOOL,
	POPART_OPT_INT,
	POPART_OPT_SIZE,
	POPART_OPT_MSEC,
	POPART_OPT_STRING,
	POPART_OPT_PATH,
	POPART_OPT_ENUM,
	POPART_OPT_LIST
};
enum {
	POPART_OPT_REQUIRED = 1u << 0,
	POPART_OPT_SECRET = 1u << 1,   /* never printed, wiped on free         */
	POPART_OPT_TEMPLATE = 1u << 2, /* %u %n %d %h expand per user          */
	POPART_OPT_ADVANCED = 1u << 3, /* left out of the sample configuration */
	/* PATH: a file beside which the module makes and removes others, as a database does.
	 * The sandbox leaves its directory open. */
	POPART_OPT_BESIDE = 1u << 4
};

struct popart_opt {
	const char *name; /* snake_case; NULL ends the table             */
	uint32_t type, flags;
	int64_t min, max;           /* INT, SIZE, MSEC; both 0: unbounded          */
	const char *fallback;       /* as it would be written; NULL: none          */
	const char *const *choices; /* ENUM: NULL-ended                            */
	const char *help;           /* one sentence                                */
};

struct popart_conf; /* host-owned, immutable, lives as long as the instance */

POPART_END_DECLS
#endif
