/* SPDX-License-Identifier: MIT */
#ifndef POPART_CONF_H
#define POPART_CONF_H
/*
 * What a module may be configured with, as data. The host parses, range-checks,
 * fills defaults, prints the effective configuration (popartd -n) and hides secrets
 * by these rows; a module never parses text, and asks for the values by
 * popart_host.conf_int, conf_str and conf_list.
 */
#include "abi.h"
POPART_BEGIN_DECLS

enum popart_opt_type {
	POPART_OPT_BOOL, /* true or false                                          */
	POPART_OPT_INT,  /* 64 bits, signed                                        */
	POPART_OPT_SIZE, /* octets: 4096, "64K", "2G"                              */
	POPART_OPT_MSEC, /* milliseconds; written as seconds, or "500ms" to "2h"   */
	POPART_OPT_STRING,
	POPART_OPT_PATH, /* never empty where it is given. The sandbox leaves open: a file,
	                      and reading the others in its directory; a directory and all
	                      beneath; of what does not exist yet, the nearest directory that
	                      does; of a TEMPLATE, what is beneath its fixed part      */
	POPART_OPT_ENUM, /* one of `choices`                                       */
	POPART_OPT_LIST  /* of strings                                             */
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
	const char *name; /* snake_case, but not module, name or as_user, which every
	                     block has; NULL ends the table                 */
	uint32_t type, flags;
	int64_t min, max;           /* INT, SIZE, MSEC; both 0: unbounded, but SIZE and MSEC
	                               are never negative                          */
	const char *fallback;       /* as it would be written, without quotes, commas between
	                               a LIST's; NULL: 0, an empty string, an empty list */
	const char *const *choices; /* ENUM: NULL-ended                            */
	const char *help;           /* one sentence                                */
};

struct popart_conf; /* host-owned, immutable, lives as long as the instance */

POPART_END_DECLS
#endif
