/* SPDX-License-Identifier: MIT */
#include "master/admin_socket.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "conf/address.h"

#define BACKLOG 1024 /* whoever is too many waits, rather than being refused */
#define BESIDE  "~"  /* behind the path, until it gets there */

static bool find_group(const struct conf *c, int64_t *gid, struct report *r)
{
	struct place at = conf_place(c, "admin.group");
	const struct group *found;
	uint64_t number;

	*gid = -1;
	if (!c->admin_group)
		return true;
	errno = 0;
	found = getgrnam(c->admin_group);
	if (found)
		*gid = found->gr_gid;
	else if (view_u64(view_str(c->admin_group), UINT32_MAX - 1, &number))
		*gid = (int64_t)number;
	else
		report_error(r, at.file, at.line, "admin: %s \"%s\"%s%s",
			errno ? "cannot look up the group" : "there is no group",
			c->admin_group, errno ? ": " : "; create it (groupadd --system)",
			errno ? strerror(errno) : "");
	return *gid >= 0;
}

static bool address_of(const char *path, struct sockaddr_un *addr)
{
	size_t len = strlen(path);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len >= sizeof(addr->sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(addr->sun_path, path, len);
	return true;
}

/* Whether somebody answers there. */
static bool is_alive(const char *path)
{
	struct sockaddr_un addr;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive = fd >= 0 && address_of(path, &addr) &&
		(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN);

	if (fd >= 0)
		(void)close(fd);
	return alive;
}

/* That nobody else is there. */
static bool is_free(const struct conf *c, struct place at, struct report *r)
{
	struct stat st;

	if (lstat(c->admin_socket, &st) != 0)
		return true;
	if (!S_ISSOCK(st.st_mode))
		report_error(r, at.file, at.line,
			"admin: %s is there already and no socket; remove it, or set another "
			"socket = \"...\"",
			c->admin_socket);
	else if (is_alive(c->admin_socket))
		report_error(r, at.file, at.line,
			"admin: another program answers at %s; is popartd running already?",
			c->admin_socket);
	else
		return true;
	return false;
}

/* The mode comes with the name: chmod would follow a link that somebody puts there. */
static int bind_beside(const char *path, unsigned mode, const struct account *a, int64_t group)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	gid_t gid = group >= 0 ? (gid_t)group : a->gid;
	struct sockaddr_un addr;
	mode_t before;
	bool ok;
	int why;

	if (fd < 0)
		return -1;
	(void)unlink(path);
	before = umask(0777 & ~mode);
	ok = address_of(path, &addr) && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	why = errno;
	(void)umask(before);
	errno = why;
	if (ok && a->change)
		ok = lchown(path, a->uid, gid) == 0;
	else if (ok && group >= 0)
		ok = lchown(path, (uid_t)-1, gid) == 0;
	if (ok && listen(fd, BACKLOG) == 0)
		return fd;
	why = errno;
	(void)close(fd);
	errno = why;
	return -1;
}

static bool make_socket(
	struct admin_socket *s, const struct conf *c, const struct account *a, struct report *r)
{
	struct place at = conf_place(c, "admin.socket");

	if (asprintf(&s->path, "%s" BESIDE, c->admin_socket) < 0)
		s->path = NULL;
	if (s->path)
		s->fd = bind_beside(s->path, c->admin_mode, a, s->group);
	if (s->fd < 0)
		report_error(r, at.file, at.line, "admin: cannot make the socket %s: %s%s",
			c->admin_socket, strerror(errno),
			errno == EPERM ? "; only root, or a member, can give it that group"
				       : "");
	return s->fd >= 0;
}

static bool make_metrics(struct admin_socket *s, const struct conf *c, struct report *r)
{
	struct place at = conf_place(c, "admin.metrics");
	const struct sockaddr *addr = (const struct sockaddr *)&c->admin_metrics_addr;
	int on = 1;
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0 && bind(fd, addr, c->admin_metrics_len) == 0 && listen(fd, BACKLOG) == 0) {
		s->metrics = fd;
		return true;
	}
	report_error(r, at.file, at.line, "admin: metrics: cannot listen on %s: %s",
		c->admin_metrics, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return false;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool keep(int *to, int from)
{
	*to = fcntl(from, F_DUPFD_CLOEXEC, 3);
	return *to >= 0;
}

bool admin_socket_open(struct admin_socket *s, const struct conf *c, const struct account *a,
	const struct admin_socket *before, const struct conf *before_conf, struct report *r)
{
	bool kept_socket = before && same(c->admin_socket, before_conf->admin_socket);
	bool kept_metrics = before && same(c->admin_metrics, before_conf->admin_metrics);
	bool ok;

	*s = (struct admin_socket){ .fd = -1, .metrics = -1, .group = -1 };
	if (!c->admin_socket)
		return true;
	if (!find_group(c, &s->group, r) ||
		(!kept_socket && !is_free(c, conf_place(c, "admin.socket"), r)))
		return false;
	if (kept_socket && c->admin_mode == before_conf->admin_mode &&
		s->group == before->group)
		ok = keep(&s->fd, before->fd);
	else
		ok = make_socket(s, c, a, r);
	if (ok && kept_metrics && c->admin_metrics)
		ok = keep(&s->metrics, before->metrics);
	else if (ok && c->admin_metrics)
		ok = make_metrics(s, c, r);
	if (!ok)
		admin_socket_close(s);
	return ok;
}

bool admin_socket_place(
	struct admin_socket *s, const struct conf *c, const struct conf *before_conf)
{
	if (before_conf && before_conf->admin_socket &&
		!same(c->admin_socket, before_conf->admin_socket))
		(void)unlink(before_conf->admin_socket);
	if (!s->path)
		return true;
	if (rename(s->path, c->admin_socket) != 0)
		return false;
	free(s->path);
	s->path = NULL;
	return true;
}

void admin_socket_close(struct admin_socket *s)
{
	if (s->path)
		(void)unlink(s->path);
	free(s->path);
	if (s->fd >= 0)
		(void)close(s->fd);
	if (s->metrics >= 0)
		(void)close(s->metrics);
	*s = (struct admin_socket){ .fd = -1, .metrics = -1, .group = -1 };
}

bool admin_socket_check(const struct conf *c, struct report *r)
{
	int64_t group;

	return !c->admin_socket || find_group(c, &group, r);
}
