/* SPDX-License-Identifier: MIT */
#ifndef NET_PREP_H
#define NET_PREP_H
/*
 * Names and passwords made ready for comparison: RFC 8265, profile OpaqueString (RFC
 * 6856 section 2.2 asks for SASLprep or its successor). Two ways of writing one "ä"
 * become the same octets; what must not occur (control characters, NUL) is refused.
 */
#include "base/buf.h"

/* Writes the prepared form to out, which is reset first. False: not well-formed UTF-8, a
 * forbidden character, nothing left, or out of memory. */
bool prep_credential(struct popart_str raw, struct buf *out) MUST_USE;

#endif
