/* SPDX-License-Identifier: MIT */
#include "master/notify.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#define US_PER_MS     1000u
#define PING_AGAIN_MS 100 /* for one that was not taken */

/* "/path", or "@name" for a name that is in no file system. */
static bool parse_address(struct notify *n, struct popart_str text)
{
	if (text.len < 2 || text.len >= sizeof(n->to.sun_path) ||
		(text.ptr[0] != '/' && text.ptr[0] != '@'))
		return false;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, text.ptr, text.len);
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + text.len);
	if (text.ptr[0] == '@')
		n->to.sun_path[0] = '\0';
	else
		n->to_len++; /* a path ends in NUL */
	return true;
}

/* Milliseconds between two pings; 0: nobody expects any, or not from us. */
static int64_t watchdog_interval(const char *usec, const char *pid)
{
	uint64_t us, who;

	if (!usec || !view_u64(view_str(usec), INT64_MAX, &us))
		return 0;
	if (pid && (!view_u64(view_str(pid), INT32_MAX, &who) || (pid_t)who != getpid()))
		return 0;
	return us == 0 ? 0 : (int64_t)(us / 2 / US_PER_MS) + 1;
}

static bool open_socket(struct notify *n)
{
	const struct timeval patience = { .tv_sec = 1 };

	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return n->fd >= 0 &&
		setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0;
}

void notify_open(struct notify *n, struct report *r)
{
	const char *socket_name = getenv("NOTIFY_SOCKET");

	*n = (struct notify){ .fd = -1 };
	if (socket_name && !parse_address(n, view_str(socket_name)))
		report_warn(r, NULL, 0,
			"NOTIFY_SOCKET is \"%s\", neither a path nor an abstract name: the "
			"service manager is told nothing",
			socket_name);
	else if (socket_name && !open_socket(n))
		report_warn(
			r, NULL, 0, "the service manager is told nothing: %s", strerror(errno));
	if (n->fd >= 0)
		n->ping_every_ms =
			watchdog_interval(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		(void)close(n->fd);
	n->fd = -1;
}

static bool send_to(const struct notify *n, const char *lines, int flags)
{
	return sendto(n->fd, lines, strlen(lines), flags | MSG_NOSIGNAL,
		       (const struct sockaddr *)(const void *)&n->to, n->to_len) >= 0;
}

void notify_say(const struct notify *n, const char *lines)
{
	if (n->fd < 0)
		return;
	while (!send_to(n, lines, 0) && errno == EINTR)
		;
}

int64_t notify_ping(struct notify *n, int64_t now_ms)
{
	if (n->fd < 0 || n->ping_every_ms == 0)
		return INT64_MAX;
	if (now_ms < n->ping_due_ms)
		return n->ping_due_ms;
	/* The manager's queue may be full, or the manager gone for a moment or for good: soon
	 * again, but not in every turn. */
	if (send_to(n, "WATCHDOG=1", MSG_DONTWAIT) || n->ping_every_ms < PING_AGAIN_MS)
		n->ping_due_ms = now_ms + n->ping_every_ms;
	else
		n->ping_due_ms = now_ms + PING_AGAIN_MS;
	return n->ping_due_ms;
}
