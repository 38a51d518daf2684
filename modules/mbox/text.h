/* SPDX-License-Identifier: MIT */
#ifndef MBOX_TEXT_H
#define MBOX_TEXT_H
/*
 * What of a stored message is sent: everything but the header lines that programs keep
 * their own notes in, and (mboxrd) the '>' that a line got so as not to look like the
 * beginning of a message. One machine says so to whoever counts and to whoever sends.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum format { FORMAT_MBOXRD, FORMAT_MBOXO, FORMAT_MBOXCL, FORMAT_MBOXCL2 };

/* What the line under way is; a header field keeps its kind over its further lines. */
enum text_line {
	TEXT_START,  /* none: at a line start                   */
	TEXT_QUOTES, /* so far nothing but '>'                  */
	TEXT_SHOWN,
	TEXT_HIDDEN
};
enum text_field {
	FIELD_OTHER,
	FIELD_HIDDEN, /* Status, X-UID and the like */
	FIELD_STABLE, /* delivery or the author wrote it, and nobody changes it */
	FIELD_TRACE   /* as stable, and alone enough to tell messages apart */
};

struct text {
	enum format format;
	bool body;
	enum text_line line;
	enum text_field field;
};

/* A run of octets that is shown or not. */
struct piece {
	size_t n;
	bool shown;
	bool starts, ends; /* begins at a line start; ends in LF */
	bool blank;        /* a whole empty line */
};

void text_begin(struct text *, enum format);
/* The next piece of what is at p; never more than one line. last: the message ends with
 * these octets. False: it takes more octets to tell (there were less than TEXT_LOOK), or
 * n is 0. */
enum { TEXT_LOOK = 16 };
bool text_next(struct text *, const unsigned char *p, size_t n, bool last, struct piece *);
/* The same for who does not care where lines begin and end, which the piece does not say then:
 * many lines of a body may come at once. */
bool text_run(struct text *, const unsigned char *p, size_t n, bool last, struct piece *);

/* Where Content-Length decides, and where lines are unquoted. */
static inline bool format_counts(enum format f)
{
	return f == FORMAT_MBOXCL || f == FORMAT_MBOXCL2;
}
/* Those that are hidden, without their colons, NULL-ended. */
extern const char *const text_hidden_fields[];
/* Which header field begins at p; n: octets that are there. */
enum text_field field_of(const unsigned char *p, size_t n);

#endif
