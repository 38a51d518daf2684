/* SPDX-License-Identifier: MIT */
#include "admin/peers.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_MAX 65536 /* the kernel's own limit */

struct peers {
	struct peer *first;
	unsigned n;
	int64_t group;
};

struct peers *peers_new(int64_t group)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (p)
		p->group = group;
	return p;
}

void peers_free(struct peers **pp)
{
	struct peers *p = *pp;

	while (p && p->first) {
		struct peer *one = p->first;
		peers_remove(p, &one);
	}
	free(p);
	*pp = NULL;
}

/* The kernel says who that was when it connected: no file has to be looked at. */
static bool is_member(int fd, gid_t group)
{
	socklen_t len = GROUPS_MAX * sizeof(gid_t);
	gid_t *groups = malloc(len);
	bool found = false;

	if (groups && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0)
		for (size_t i = 0; i < len / sizeof(gid_t) && !found; i++)
			found = groups[i] == group;
	free(groups);
	return found;
}

/* Nobody by TCP: it has no credentials. */
static void look_at(const struct peers *p, struct peer *one)
{
	struct ucred who = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	socklen_t len = sizeof(who);

	if (getsockopt(one->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 ||
		len != sizeof(who) || who.pid <= 0) {
		one->uid = (uid_t)-1;
		return;
	}
	one->uid = who.uid;
	one->pid = who.pid;
	one->may_operate = who.uid == 0 || who.uid == geteuid() ||
		(p->group >= 0 &&
			((int64_t)who.gid == p->group || is_member(one->fd, (gid_t)p->group)));
}

static unsigned count_of(const struct peers *p, uid_t uid)
{
	unsigned n = 0;

	for (const struct peer *one = p->first; one; one = one->next)
		n += one->uid == uid;
	return n;
}

struct peer *peers_add(struct peers *p, int fd, int64_t now_ms)
{
	struct peer *one = calloc(1, sizeof(*one));

	if (!one) {
		(void)shutdown(fd, SHUT_RDWR);
		return NULL;
	}
	one->fd = fd;
	look_at(p, one);
	one->until_ms = now_ms + PEERS_FIRST_MS;
	if (!one->may_operate && count_of(p, one->uid) >= PEERS_OF_USER) {
		(void)shutdown(fd, SHUT_RDWR);
		free(one);
		return NULL;
	}
	one->next = p->first;
	p->first = one;
	p->n++;
	return one;
}

void peers_remove(struct peers *p, struct peer **which)
{
	struct peer **link = &p->first;

	while (*link && *link != *which)
		link = &(*link)->next;
	if (*link) {
		*link = (*which)->next;
		p->n--;
		free(*which);
	}
	*which = NULL;
}

void peers_allow(struct peer *one, int64_t until_ms)
{
	one->until_ms = until_ms;
}

void peers_expire(struct peers *p, int64_t now_ms)
{
	for (struct peer *one = p->first; one; one = one->next) {
		if (now_ms < one->until_ms)
			continue;
		(void)shutdown(one->fd, SHUT_RDWR);
		one->until_ms = INT64_MAX;
	}
}

unsigned peers_count(const struct peers *p)
{
	return p->n;
}
