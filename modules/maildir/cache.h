/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_CACHE_H
#define MAILDIR_CACHE_H
/*
 * The message set of a maildrop as one run of octets, which is also the cache file:
 *
 *	head, then for each message in maildrop order: record, name, NUL, up to 8 octets
 *
 * The file belongs to the machine that wrote it (byte order, word size); any other one,
 * and whatever fails its checksum, counts as no cache at all and is replaced.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Which directory, in which state. A change of its entries changes the times. */
struct stamp {
	uint64_t ino; /* 0: there is none */
	int64_t mtime_ns, ctime_ns;
};

enum {
	RECORD_CUR = 1u << 0,  /* is in cur/ (of a Maildir)                          */
	RECORD_HINT = 1u << 1, /* wire is what the name says; the file was never read:
	                          stored and ctime_ns are 0, form and body unknown    */
	RECORD_TWIN = 1u << 2  /* shares its key with a message before it            */
};

struct record {
	uint64_t stored;            /* octets of the file */
	int64_t mtime_ns, ctime_ns; /* mtime of a HINT: 0 when nobody had to ask */
	uint64_t ino;
	uint64_t wire; /* octets of a RETR          */
	uint32_t body; /* offset; 0: not known      */
	uint8_t form;  /* POPART_FORM_*             */
	uint8_t flags; /* RECORD_*                  */
	uint8_t name_len;
	uint8_t reserved;
};

/* The largest message. */
#define WIRE_MAX ((UINT64_C(1) << 40) - 1)

struct image {
	unsigned char *data;
	size_t len, cap;
};

enum { IMAGE_LISTING = 1u << 0 }; /* complete as of the two stamps: may stand for a listing */

struct image_head {
	char magic[8];
	uint32_t order, version;
	uint64_t sum; /* of everything behind it */
	uint64_t size, count;
	uint32_t flags, reserved;
	int64_t listed_ns;    /* when the listing began, by the clock of the file system */
	struct stamp dirs[2]; /* new/ and cur/ */
};

/* The largest file that is read or written. */
#define CACHE_MAX (UINT64_C(256) << 20)

/* An image that grows. False: out of memory (the image is still good), or full. */
bool image_begin(struct image *);
bool image_add(struct image *, const struct record *, const char *name);
void image_free(struct image *);
struct image_head *image_head(const struct image *);
/* Walk: start with *pos = 0; NULL at the end. The name follows the record. */
struct record *image_next(const struct image *, size_t *pos);
const char *record_name(const struct record *);

/* Writes size and checksum into the head. */
void image_seal(struct image *);
/* Takes over malloc'ed octets as they came from a file. False (and freed): not ours. */
bool image_adopt(struct image *, unsigned char *data, size_t len);

/* Whole file, copied. False: no file, or none that holds. */
bool cache_load(struct image *, const char *path);
/* Replaces path by way of path_new. elapsed_ns: since the listing began, which sets the
 * head's listed_ns; negative: that stays. Seals. 0 or errno. */
int cache_store(struct image *, const char *path, const char *path_new, int64_t elapsed_ns);

struct stamp stamp_of(const struct stat *);
bool stamp_equal(const struct stamp *, const struct stamp *);
/* Whether the record was made of this very file in this very state. */
bool record_holds(const struct record *, const struct stat *);
void record_set_file(struct record *, const struct stat *);
int64_t nanoseconds(struct timespec);

#endif
