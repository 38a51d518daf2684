/* SPDX-License-Identifier: MIT */
#ifndef MBOX_FROM_H
#define MBOX_FROM_H
/* The line that begins a message: "From SENDER DATE", with a date as asctime(3) writes it,
 * give or take its seconds and a time zone. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FROM_MAX = 1000 }; /* octets of the longest that is one, LF included */

/* p: a line start; n: what there is of the file behind it (FROM_MAX are enough). Octets of
 * the line with its LF; 0: this is none. *when: Unix time, taking it for UTC where it names
 * no offset; may be NULL. */
size_t from_line(const unsigned char *p, size_t n, int64_t *when);
/* The same for the first line of a mailbox, where any line that begins with "From " will do. */
size_t from_first(const unsigned char *p, size_t n, int64_t *when);

/*
 * A line for a message that came at `when`, in UTC; its length. Where the message is to keep
 * a unique-id (1 to FROM_UID_MAX octets of 0x21 to 0x7E; none: len 0) the sender is that:
 * "uidl=..." without an '@', which no sender of a message has: it has a domain, or is
 * MAILER-DAEMON. So nobody who sends mail chooses unique-ids.
 */
enum { FROM_UID_MAX = 70, FROM_MADE_MAX = 40 + 3 * FROM_UID_MAX };
size_t from_make(char line[FROM_MADE_MAX], int64_t when, const char *uid, size_t uid_len);
/* The unique-id in a "From " line of n octets; its length, 0: there is none. */
size_t from_uid(const unsigned char *line, size_t n, char uid[FROM_UID_MAX]);

#endif
