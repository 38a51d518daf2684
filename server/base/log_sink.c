/* SPDX-License-Identifier: MIT */
#include "base/log_sink.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_STEP_MS 50

static enum log_sink_kind kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return LOG_SINK_PIPE;
	if (S_ISSOCK(st.st_mode))
		return LOG_SINK_STREAM;
	return S_ISREG(st.st_mode) ? LOG_SINK_FILE : LOG_SINK_PIPE;
}

/* Root follows no link at the end: who may write the directory could lead it anywhere. A
 * pipe that nobody reads is no reason to wait. */
int log_open_file(const char *path)
{
	int no_link = geteuid() == 0 ? O_NOFOLLOW : 0;

	return open(path,
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | no_link,
		0600);
}

/* --- syslog -------------------------------------------------------------------------- */

/* A connected socket, or -1 with errno. */
static int dial(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd, error;

	if (len >= sizeof to.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

bool log_syslog_listens(const char *path)
{
	int fd = dial(path);

	return fd >= 0 && close(fd) == 0;
}

static void hang_up(struct log_sink *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

/* A daemon that was restarted has another socket of the same name. */
static ssize_t send_line(struct log_sink *s, struct popart_str line)
{
	for (bool again = s->fd >= 0;; again = false) {
		if (s->fd < 0)
			s->fd = dial(s->socket);
		if (s->fd < 0)
			return -1;
		if (send(s->fd, line.ptr, line.len - 1, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return (ssize_t)line.len;
		if (errno != ECONNREFUSED && errno != ECONNRESET && errno != ENOTCONN)
			return -1;
		hang_up(s);
		if (!again)
			return -1;
	}
}

/* --- every kind ---------------------------------------------------------------------- */

bool log_sink_open(struct log_sink *s, const struct log_setup *setup)
{
	*s = (struct log_sink){ .fd = -1 };
	switch (setup->to) {
	case LOG_TO_FILE:
		s->fd = setup->fd;
		s->own = true;
		break;
	case LOG_TO_STDERR:
		s->fd = STDERR_FILENO;
		break;
	case LOG_TO_SYSLOG:
		s->kind = LOG_SINK_SYSLOG;
		s->own = true;
		s->socket = strdup(setup->socket);
		return s->socket != NULL;
	}
	s->kind = kind_of(s->fd);
	return true;
}

void log_sink_close(struct log_sink *s)
{
	if (s->own)
		hang_up(s);
	free(s->socket);
	s->socket = NULL;
}

bool log_sink_is_journal(const struct log_sink *s)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char text[64];

	if (!stream || s->kind == LOG_SINK_SYSLOG || fstat(s->fd, &st) != 0)
		return false;
	(void)snprintf(
		text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, text) == 0;
}

/* How much goes out in one piece: as many lines as a pipe or socket takes whole. */
static size_t next_write(const struct log_sink *s, struct popart_str lines)
{
	const char *end;

	if (s->kind == LOG_SINK_SYSLOG) {
		end = memchr(lines.ptr, '\n', lines.len);
		return end ? (size_t)(end + 1 - lines.ptr) : lines.len;
	}
	if (s->kind == LOG_SINK_FILE || lines.len <= LOG_LINE_MAX)
		return lines.len;
	end = memrchr(lines.ptr, '\n', LOG_LINE_MAX);
	return end ? (size_t)(end + 1 - lines.ptr) : LOG_LINE_MAX;
}

static bool has_room(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, timeout_ms) > 0;
}

/*
 * Pipes and terminals: poll promises room for PIPE_BUF octets, and a write of no more
 * goes in whole, so lines of several processes do not mix either. Setting O_NONBLOCK
 * instead would change the descriptor for everybody who shares it.
 */
static ssize_t write_some(struct log_sink *s, struct popart_str octets)
{
	switch (s->kind) {
	case LOG_SINK_SYSLOG:
		return send_line(s, octets);
	case LOG_SINK_STREAM:
		return send(s->fd, octets.ptr, octets.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	case LOG_SINK_PIPE:
		if (!has_room(s->fd, 0)) {
			errno = EAGAIN;
			return -1;
		}
		break;
	case LOG_SINK_FILE:
		break;
	}
	return write(s->fd, octets.ptr, octets.len);
}

static bool may_work_later(const struct log_sink *s, int error)
{
	if (s->kind == LOG_SINK_SYSLOG)
		return error != EMSGSIZE;
	return error == EAGAIN || error == EINTR || error == ENOSPC || error == EDQUOT ||
		error == EFBIG;
}

static off_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : -1;
}

/* A full disk took a part of a line. It is taken back, lest the next line of another process
 * stands behind it; but not if somebody else may have written there, too. */
static void take_back(const struct log_sink *s, off_t before, size_t taken, size_t whole)
{
	if (s->own && before >= 0 && size_of(s->fd) == before + (off_t)taken)
		(void)!ftruncate(s->fd, before + (off_t)whole); /* else it is repeated only */
}

ssize_t log_sink_write(struct log_sink *s, struct popart_str lines)
{
	size_t part = s->part, want = next_write(s, lines), whole, taken;
	off_t before = s->kind == LOG_SINK_FILE ? size_of(s->fd) : -1;
	ssize_t n = write_some(s, view_of(lines.ptr + part, want - part));
	const char *end;

	if (n < 0 && may_work_later(s, errno))
		return 0;
	s->part = 0;
	if (n < 0)
		return -1;
	taken = part + (size_t)n;
	end = memrchr(lines.ptr, '\n', taken);
	whole = end ? (size_t)(end + 1 - lines.ptr) : 0;
	if (s->kind != LOG_SINK_FILE)
		s->part = taken - whole;
	else if (whole < taken)
		take_back(s, before, taken, whole);
	return (ssize_t)whole;
}

bool log_sink_wait(const struct log_sink *s, int64_t ms)
{
	if (s->kind == LOG_SINK_FILE || ms <= 0)
		return false;
	(void)has_room(s->fd, ms < WAIT_STEP_MS ? (int)ms : WAIT_STEP_MS);
	return true;
}

void log_sink_switch(struct log_sink *s, int fd)
{
	if (s->own)
		hang_up(s);
	s->fd = fd;
	s->own = true;
	s->part = 0;
	s->kind = kind_of(fd);
}
