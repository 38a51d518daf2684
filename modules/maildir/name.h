/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_NAME_H
#define MAILDIR_NAME_H
/*
 * File names of a Maildir: TIME.UNIQUE,S=OCTETS,W=OCTETS:2,FLAGS
 *
 * The base is what stands before ':'. The key is the base without its ,S= and ,W=
 * fields: it stays the same while a message is moved, flagged, or given a right size,
 * and the unique-id is made from it. In a plain directory the whole name is the key.
 *
 * A message that came with a unique-id of its own, which makes no file name that stands in
 * its order, has it in a field: TIME.~NUMBER,T=RECEIVED,U=ID; its key is that unique-id. ID
 * has '%' and a letter for what a name cannot have.
 */
#include <popart/module.h>
#include <stdbool.h>

enum { NAME_LEN = 255, UID_LEN = 70 };
#define NAME_NO_SIZE UINT64_MAX
/* The largest message. */
#define WIRE_MAX ((UINT64_C(1) << 40) - 1)

struct name {
	struct popart_str full;
	size_t base_len;
	size_t lead_len;        /* of the base before its first ,S= or ,W= field   */
	uint64_t stored, wire;  /* ,S= and ,W=; NAME_NO_SIZE: none                 */
	int64_t received_s;     /* ,T=; -1: none, name_time is it                  */
	int64_t eight;          /* number that its first eight octets are; -1: none */
	struct popart_str kept; /* ,U= as it stands there; none: len 0             */
	bool plain;             /* of a plain directory                            */
	bool only_sizes;        /* nothing else stands in the base behind lead_len  */
};

void name_parse(struct name *, struct popart_str full, bool plain);
/* Of delivery, which it begins with; -1: none. */
int64_t name_time(const struct name *);
/* Flag S. */
bool name_seen(const struct name *);
/* Whether it says how many octets a RETR takes; a hint that contradicts itself is none. */
bool name_has_hint(const struct name *);
/* Length of the key. */
size_t name_key(const struct name *, char key[NAME_LEN]);
/* The same: a part of the name where it stands there as it is, else in room. */
struct popart_str name_key_view(const struct name *, char room[NAME_LEN]);
/* 1 .. UID_LEN octets of 0x21..0x7E, no end. The key as it is when it fits, else '~' and a
 * hash; keys that begin with '~' are hashed, so that no file name can imitate one. */
size_t name_uid(const char *key, size_t len, char uid[UID_LEN]);
/* Whether octets from .. to of a name are of 0x21..0x7E, and none of them ends what stands
 * before it (',' and ':'). The first eight are such, or among them. */
bool name_is_inner(const char *name, size_t from, size_t to);
/* For the second of two messages with one key, where it cannot be given another name:
 * made from the key and the inode number. */
size_t name_uid_twin(const char *key, size_t len, uint64_t ino, char uid[UID_LEN]);

/* The base of a name that keeps a unique-id of UID_LEN octets at most. */
void name_keep(char out[NAME_LEN + 1], int64_t time_s, uint64_t number, int64_t received_s,
	struct popart_str uid);

/* The same name with another ,W= value; or with `base` in place of the key. Ends in NUL.
 * False: longer than a file name can be. */
bool name_with_wire(const struct name *, uint64_t wire, char out[NAME_LEN + 1]);
bool name_with_key(const struct name *, const char *key, char out[NAME_LEN + 1]);

/* For log lines: printable ASCII, anything else as '?'. */
const char *name_print(const char *name, char out[NAME_LEN + 1]);

#endif
