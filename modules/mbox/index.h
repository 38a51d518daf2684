/* SPDX-License-Identifier: MIT */
#ifndef MBOX_INDEX_H
#define MBOX_INDEX_H
/*
 * What is known of a mailbox: where its messages are, how large they are when sent, and
 * their unique-ids. Kept in a file of ours (kept.h), so that a login reads only what is new.
 * The file belongs to the machine that wrote it; any other, and whatever fails its checksum,
 * counts as none. Nothing is lost with it: all of it is made from the mail again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

/* A file in a state. Any change of its octets changes the times. */
struct stamp {
	uint64_t ino, size;
	int64_t mtime_ns, ctime_ns;
};
struct stamp stamp_of(const struct stat *);
bool stamp_equal(const struct stamp *, const struct stamp *);

enum {
	RECORD_PSEUDO = 1u << 0, /* c-client's own: not a message of the user's     */
	RECORD_SEEN = 1u << 1,   /* its Status says so                              */
	RECORD_KEPT = 1u << 2,   /* the name is its unique-id: no other one has it  */
	RECORD_NAMED = 1u << 3   /* in the file: it has a name                      */
};

struct record {
	uint64_t offset, length; /* of the "From " line, and up to the next one           */
	uint64_t wire;           /* octets of a RETR                                      */
	uint64_t hash;           /* of what is shown of it                                */
	int64_t received_s;      /* by its "From " line; 0: unknown                       */
	unsigned char uid[16];
	uint32_t twin; /* 0, or how many messages before it have the same uid   */
	uint32_t name; /* 0, or 1 + where in index.names the unique-id stands that its
	                  "From " line has                                      */
	uint16_t from; /* octets of the "From " line                            */
	uint8_t tail;  /* octets at the end that are no part of the message     */
	uint8_t flags; /* RECORD_*                                              */
};

/* What a session keeps of it. Lengths have 40 bits, in two parts. */
struct message {
	uint64_t offset;
	uint64_t hash;
	uint64_t uid; /* the first octets of it */
	uint32_t length_low;
	uint8_t length_high;
	uint8_t bits; /* MESSAGE_* and, in the low four, octets of the tail */
	uint16_t from;
};
enum {
	MESSAGE_TAIL = 15,
	MESSAGE_TRUSTED = 1u << 4, /* found there while the file was as drop->stamp says */
	MESSAGE_GONE = 1u << 5,
	MESSAGE_NAMED = 1u << 6,  /* to be removed */
	MESSAGE_CHANGED = 1u << 7 /* GONE, but one with its uid and another text is there */
};

/* The largest message, and the most messages. */
#define RECORD_MAX      ((UINT64_C(1) << 40) - 1)
#define INDEX_MAX       ((size_t)1 << 24)
#define INDEX_NAMES_MAX ((size_t)1 << 31)

struct index {
	struct stamp stamp;  /* of the file when it was read; times 0: changed since        */
	uint64_t covered;    /* octets that the records speak for                          */
	uint64_t head, tail; /* hashes of the first and last octets of these              */
	uint32_t format;
	struct record *v;
	size_t n, cap;
	char *names; /* NUL after each */
	size_t names_len, names_cap;
};

/* False: out of memory, or too many. */
bool index_add(struct index *, const struct record *);
/* What record.name is to be. 0: out of memory. */
uint32_t index_add_name(struct index *, const char *name, size_t len);
void index_free(struct index *);
/* Counts the equal ones, and sees who has its name as a unique-id. False: out of memory. */
bool index_number(struct index *);
/* The unique-id: the name that is kept, or 32 hexadecimal digits, and "-2" for the second of
 * equals and so on. */
enum { UID_MAX = 72 };
size_t index_uid(const struct index *, const struct record *, char uid[UID_MAX]);
/* The same of one that has no name of its own, and of one that has. */
size_t index_uid_of(const unsigned char hash[16], uint32_t twin, char uid[UID_MAX]);
size_t index_name(const struct index *, uint32_t name, char uid[UID_MAX]);
static inline uint64_t record_uid_hash(const struct record *r)
{
	uint64_t h;

	memcpy(&h, r->uid, sizeof(h));
	return h;
}

struct message message_of(const struct record *, bool trusted);
static inline uint64_t message_length(const struct message *m)
{
	return (uint64_t)m->length_high << 32 | m->length_low;
}

/* Hashes of up to 4 KiB at both ends of the first `covered` octets. 0 or errno. */
int index_proof(int fd, uint64_t covered, uint64_t *head, uint64_t *tail);

#endif
