/* SPDX-License-Identifier: MIT */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
/* Text for people: bytes made printable, amounts with units, the nearest word. */
#include "base/buf.h"

/* How many octets at the beginning of v (looking at max of them) are printable ASCII that
 * needs no escape in any quoted string: neither `"` nor `\`. */
size_t text_plain_run(struct popart_str v, size_t max);

/* Adds v between double quotes: printable ASCII as it is, `"` and `\` with a
 * backslash, well-formed UTF-8 beyond ASCII as it is except control characters, any
 * other octet as \xHH; cut after max octets of v, then "...". One line, always. */
void text_quote(struct buf *, struct popart_str v, size_t max);

/* The same without the quotes, and `"` and `\` as they are: to show, not to read back. */
void text_add_printable(struct buf *, struct popart_str v, size_t max);

/* "500ms" "30s" "10m" "2h" "1d", or plain seconds -> milliseconds. */
bool text_parse_duration(struct popart_str, int64_t *ms) MUST_USE;
/* "64K" "2M" "2G" "1T" (powers of 1024), or plain octets. */
bool text_parse_size(struct popart_str, int64_t *octets) MUST_USE;
void text_add_duration(struct buf *, int64_t ms); /* the largest unit that is exact */
void text_add_size(struct buf *, int64_t octets);

/* The words of a NULL-ended list with commas between. */
void text_add_list(struct buf *, const char *const *words);
/* The word of the NULL-ended list that is nearest to v by edits (at most a third of
 * its length, rounded up), or NULL. For "did you mean". */
const char *text_nearest(struct popart_str v, const char *const *words);

#endif
