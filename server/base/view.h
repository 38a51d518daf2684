/* SPDX-License-Identifier: MIT */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H
/*
 * Borrowed runs of bytes (struct popart_str): made, compared, cut and read.
 * Nothing here allocates or looks for a NUL in what came from outside.
 */
#include <popart/abi.h>
#include <stdbool.h>
#include <string.h>
#include "base/macros.h"

#define VIEW_LIT(s) \
	((struct popart_str){ .ptr = (s), .len = sizeof(s) - 1 }) /* of a string literal */
#define VIEW_NONE   ((struct popart_str){ .ptr = NULL, .len = 0 })
#define VIEW_FMT(v) (int)(v).len, (v).ptr /* for "%.*s" */

static inline struct popart_str view_of(const void *p, size_t n)
{
	return (struct popart_str){ .ptr = p, .len = n };
}

/* Of a NUL-terminated string from inside the program; NULL is empty. */
static inline struct popart_str view_str(const char *s)
{
	return view_of(s, s ? strlen(s) : 0);
}

static inline bool view_eq(struct popart_str a, struct popart_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII only, whatever the locale. */
bool view_eq_nocase(struct popart_str a, struct popart_str b);
bool view_starts(struct popart_str v, struct popart_str prefix);
bool view_ends(struct popart_str v, struct popart_str suffix);
bool view_has(struct popart_str v, char c);

/* Cuts v at the first c: returns what stands before, leaves in *v what follows
 * (empty, with a NULL pointer, when c was not there: *v is used up). */
struct popart_str view_cut(struct popart_str *v, char c);
/* Of 0x21..0x7E only: visible ASCII, no space. */
bool view_is_graphic(struct popart_str v);
/* Without SP and HT at both ends. */
struct popart_str view_trim(struct popart_str v);

/* Decimal digits only, all of v. False on anything else, and past max. */
bool view_u64(struct popart_str v, uint64_t max, uint64_t *out) MUST_USE;

/* Well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, nothing past U+10FFFF). */
bool view_is_utf8(struct popart_str v);
/* Length of the well-formed character that v begins with, its number in *code; 0: v is
 * empty or does not begin with one. */
size_t view_utf8_char(struct popart_str v, uint32_t *code);

/* Compares in time that depends on lengths alone. */
bool view_eq_secret(struct popart_str a, struct popart_str b);

#endif
