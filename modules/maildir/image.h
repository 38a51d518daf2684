/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_IMAGE_H
#define MAILDIR_IMAGE_H
/*
 * The message set of a maildrop, in maildrop order: what a session keeps of each message, the
 * names, and the details that only a changed directory asks for. In memory it is what the
 * cache file is, so that an unchanged maildrop is read and used as it lies.
 */
#include <popart/module.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include "names.h"

/* Which directory, in which state. A change of its entries changes the times. */
struct stamp {
	uint64_t ino; /* 0: there is none */
	int64_t mtime_ns, ctime_ns;
};

/* A message of an idle session. */
struct message {
	uint32_t renamed;  /* its name's place in drop->renamed, from 1; 0: is in names   */
	uint32_t proof;    /* of size, times and inode; what is known holds while it does */
	uint32_t file;     /* which file in which state, wherever it is; 0: not known     */
	uint32_t wire_low; /* octets of a RETR, 40 bits in two parts                      */
	uint16_t body;     /* offset; 0: not known                                        */
	uint8_t wire_high;
	uint8_t bits; /* MESSAGE_* */
};
enum {
	MESSAGE_FORM = POPART_FORM_CRLF | POPART_FORM_NO_DOTS | POPART_FORM_ENDS_LINE,
	MESSAGE_CUR = 1u << 4,  /* is in cur/ (of a Maildir)                          */
	MESSAGE_HINT = 1u << 5, /* wire is what the name says; the file was never read:
	                           stored and ctime_ns are 0, form and body unknown    */
	MESSAGE_TWIN = 1u << 6, /* shares its key with a message before it             */
	MESSAGE_HERE = 1u << 7  /* of use while moved messages are looked for          */
};

/* The file that it was made of. */
struct detail {
	uint64_t stored;            /* octets */
	int64_t mtime_ns, ctime_ns; /* mtime of a HINT: 0 when nobody had to ask */
	uint64_t ino;
};

/* Both, as somebody finds them out. */
struct record {
	struct detail file;
	uint64_t wire; /* octets of a RETR                          */
	uint32_t body; /* offset; 0: not known                      */
	uint8_t bits;  /* MESSAGE_*, of which the form is a part    */
};

enum {
	IMAGE_LISTING = 1u << 0,  /* complete as of the two stamps: may stand for a listing */
	IMAGE_DETAILED = 1u << 1, /* some unique-id or time of arrival is in the details   */
	IMAGE_STIRRED = 1u << 2   /* some time has changed since they were put in order     */
};

struct image_head {
	char magic[8];
	uint32_t order, version;
	uint64_t sum;         /* of the rest of the head, the messages and the names */
	uint64_t details_sum; /* of the details */
	uint64_t count;
	uint32_t names_len, flags;
	int64_t listed_ns;    /* when the listing began, by the clock of the file system */
	struct stamp dirs[2]; /* new/ and cur/ */
};

struct image {
	struct image_head head;
	struct message *v; /* head.count of them */
	struct names names;
	struct detail *details; /* NULL: not read */
	const char *last;       /* while it grows: the name that was added last */
	bool there;             /* false: none, and all is 0 */
};

/* An image for so many messages, to be added one by one; a name must stay where it is until
 * the next one is added. False: out of memory (there
 * is none; when adding: what is there is still good). */
bool image_begin(struct image *, size_t room);
bool image_add(struct image *, const struct record *, const char *name, size_t len);
/* As it is in another one, but for the directory: bits is MESSAGE_CUR or 0. */
bool image_copy(struct image *, const struct image *from, size_t index, uint8_t bits,
	const char *name, size_t len);
/* Gives back what was allocated ahead. */
void image_end(struct image *);
void image_free(struct image *);

/* index < head.count; the details must be there. */
struct record image_record(const struct image *, size_t index);
void image_set(struct image *, size_t index, const struct record *);

uint64_t message_wire(const struct message *);
uint32_t proof_of_stat(const struct stat *);
/* The same without ctime, which a change of the name changes as well. Never 0. */
uint32_t file_of_stat(const struct stat *);

struct stamp stamp_of(const struct stat *);
bool stamp_equal(const struct stamp *, const struct stamp *);
struct detail detail_of(const struct stat *);
/* Whether the record was made of this very file in this very state. */
bool record_holds(const struct record *, const struct stat *);
int64_t nanoseconds(struct timespec);
int64_t now_ns(clockid_t);

#endif
