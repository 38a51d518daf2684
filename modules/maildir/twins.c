/* SPDX-License-Identifier: MIT */
/*
 * Two files with one key. Mostly it is one file that was renamed while we read, or that is
 * being moved by link and unlink: then one of them is left out. Two messages get two keys,
 * so that each keeps its unique-id whatever happens to the other.
 */
#include "pass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Gives the message a key of its own, for ever. The name is short, begins with the same
 * time, and keeps sizes and flags. */
static bool separate(struct pass *p, struct item *it, const struct stat *st)
{
	const struct found *f = &p->scan.v[it->found];
	struct name n;
	char from[4096], to[4096], key[64], name[NAME_LEN + 1], what[NAME_LEN + 64];
	int len = snprintf(what, sizeof(what), "%s/%ju/%jd.%ld", it->name,
		(uintmax_t)st->st_ino, (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);

	name_parse(&n, (struct popart_str){ it->name, f->len }, false);
	snprintf(key, sizeof(key), "%jd.popart%016jx",
		(intmax_t)(name_time(&n) >= 0 ? name_time(&n) : st->st_mtim.tv_sec),
		(uintmax_t)hash64(what, (size_t)len, 0));
	return !p->last && !p->drop->store->read_only && name_with_key(&n, key, name) &&
		drop_path(p->drop, f->flags, it->name, from) &&
		drop_path(p->drop, f->flags, name, to) && rename_apart(from, to) == 0;
}

/* Which of two messages keeps the key: the one that had it at the last login; else what
 * was there first most likely: cur/ before new/, then the lesser name. */
static bool first_keeps(const struct item *a, const struct stat *sa, const struct item *b,
	const struct stat *sb, const struct detail *old)
{
	if (old && old->ino && (old->ino == sa->st_ino) != (old->ino == sb->st_ino))
		return old->ino == sa->st_ino;
	if ((a->record.bits & MESSAGE_CUR) != (b->record.bits & MESSAGE_CUR))
		return a->record.bits & MESSAGE_CUR;
	return strcmp(a->name, b->name) < 0;
}

struct item *twins_meet(
	struct pass *p, struct item *a, struct item *b, const struct detail *old)
{
	struct stat sa, sb;
	bool a_is = fstatat(pass_dir(p, &p->scan.v[a->found]), a->name, &sa,
			    AT_SYMLINK_NOFOLLOW) == 0;
	bool b_is = fstatat(pass_dir(p, &p->scan.v[b->found]), b->name, &sb,
			    AT_SYMLINK_NOFOLLOW) == 0;
	bool keep_a;

	if (!a_is || !b_is || (sa.st_ino == sb.st_ino && sa.st_dev == sb.st_dev)) {
		keep_a = a_is && !b_is;
		(keep_a ? b : a)->listed = false;
		return keep_a ? a : b;
	}
	a->unread = b->unread = true; /* the cache may have meant the other one */
	keep_a = first_keeps(a, &sa, b, &sb, old);

	struct item *loser = keep_a ? b : a;

	if (separate(p, loser, keep_a ? &sb : &sa)) {
		p->separated++;
		p->moved = true;
		loser->listed = false;
	} else {
		loser->twin = true;
		p->listing = false;
	}
	return keep_a ? a : b;
}
