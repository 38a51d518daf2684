/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <popart/host.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"

#define BATCH_FLUSH  (32u * 1024)  /* written when this much is waiting        */
#define BATCH_MAX    (256u * 1024) /* kept while nobody reads; then lines are lost */
#define FREE_WAIT_MS 1000
#define CUT_ROOM     16u /* kept free for the mark of a cut line and the newline */

const struct log_event_row log_events[LOG_EV_COUNT] = {
#define LOG_EVENT(id, name, level, meaning) { name, level, meaning },
#include "base/log_events.h"
#undef LOG_EVENT
};

/* How a descriptor is written to without waiting for its reader. */
enum sink_kind { SINK_FILE, SINK_SOCKET, SINK_POLLED };

struct log {
	pthread_mutex_t mutex; /* guards batch, sent, lost */
	struct buf batch;
	size_t sent; /* octets of batch that are written already */
	uint64_t lost;
	int fd;
	bool own_fd;
	enum sink_kind kind;
	enum log_format format;
	int level;
	char *process;
};

static enum sink_kind kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return SINK_POLLED;
	if (S_ISSOCK(st.st_mode))
		return SINK_SOCKET;
	return S_ISREG(st.st_mode) ? SINK_FILE : SINK_POLLED;
}

struct log *log_new(const struct log_setup *setup)
{
	struct log *log = calloc(1, sizeof *log);
	int error;

	if (!log)
		return NULL;
	error = pthread_mutex_init(&log->mutex, NULL);
	if (error) {
		free(log);
		errno = error;
		return NULL;
	}
	buf_init(&log->batch, BATCH_MAX);
	log->format = setup->format;
	log->level = setup->level;
	log->fd = STDERR_FILENO;
	log->process = strdup(setup->process);
	if (!log->process)
		goto fail;
	if (strcmp(setup->target, "stderr") != 0) {
		/* O_NONBLOCK: a pipe that nobody reads must not hold us up. */
		log->fd = open(setup->target,
			O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			0600);
		if (log->fd < 0)
			goto fail;
		log->own_fd = true;
	}
	log->kind = kind_of(log->fd);
	return log;
fail:
	error = errno;
	log_free(&log);
	errno = error;
	return NULL;
}

static bool can_write_now(const struct log *log, int timeout_ms)
{
	struct pollfd p = { .fd = log->fd, .events = POLLOUT };

	return poll(&p, 1, timeout_ms) > 0;
}

/*
 * Pipes and terminals: poll promises room for PIPE_BUF octets, and a write of no more
 * goes in whole, so lines of several processes do not mix either. Setting O_NONBLOCK
 * instead would change the descriptor for everybody who shares it.
 */
static ssize_t write_some(const struct log *log, const char *p, size_t n)
{
	if (log->kind == SINK_SOCKET)
		return send(log->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (log->kind == SINK_POLLED && !can_write_now(log, 0)) {
		errno = EAGAIN;
		return -1;
	}
	return write(log->fd, p, n);
}

/* As many whole lines as go in one write. */
static size_t next_write(const struct log *log, struct popart_str rest)
{
	const char *end;

	if (log->kind != SINK_POLLED || rest.len <= LOG_LINE_MAX)
		return rest.len;
	end = memrchr(rest.ptr, '\n', LOG_LINE_MAX);
	return end ? (size_t)(end + 1 - rest.ptr) : LOG_LINE_MAX;
}

static uint64_t count_lines(struct popart_str v)
{
	uint64_t n = 0;

	while (v.len > 0) {
		(void)view_cut(&v, '\n');
		n++;
	}
	return n;
}

static void add_lost_line(struct log *);

/* With the mutex held. What cannot be written now stays. */
static void flush(struct log *log)
{
	for (;;) {
		struct popart_str rest;
		ssize_t n;

		if (log->sent == log->batch.len) {
			buf_reset(&log->batch);
			log->sent = 0;
			if (log->lost == 0)
				return;
			add_lost_line(log);
		}
		rest = view_of(log->batch.ptr + log->sent, log->batch.len - log->sent);
		n = write_some(log, rest.ptr, next_write(log, rest));
		if (n > 0) {
			log->sent += (size_t)n;
		} else if (n == 0 || errno == EAGAIN || errno == ENOSPC || errno == EDQUOT) {
			return;
		} else if (errno != EINTR) {
			/* Nobody will ever read this. */
			log->lost += count_lines(rest);
			buf_reset(&log->batch);
			log->sent = 0;
			return;
		}
	}
}

void log_flush(struct log *log)
{
	if (!log)
		return;
	pthread_mutex_lock(&log->mutex);
	flush(log);
	pthread_mutex_unlock(&log->mutex);
}

void log_free(struct log **p)
{
	struct log *log = *p;
	int64_t until;

	if (!log)
		return;
	until = clock_ms() + FREE_WAIT_MS;
	flush(log);
	while (log->batch.len > log->sent && log->kind != SINK_FILE && clock_ms() < until) {
		(void)can_write_now(log, (int)(until - clock_ms()));
		flush(log);
	}
	if (log->own_fd)
		(void)close(log->fd);
	buf_free(&log->batch);
	free(log->process);
	(void)pthread_mutex_destroy(&log->mutex);
	free(log);
	*p = NULL;
}

bool log_wants(const struct log *log, int level)
{
	return log && level <= log->level;
}

/* What is written already makes room first. With the mutex held. */
static void append(struct log *log, struct popart_str line)
{
	size_t waiting = log->batch.len - log->sent;

	if (log->sent > 0 && line.len > BATCH_MAX - log->batch.len) {
		memmove(log->batch.ptr, log->batch.ptr + log->sent, waiting);
		log->batch.len = waiting;
		log->sent = 0;
	}
	buf_add(&log->batch, line);
	if (log->batch.failed) {
		log->batch.failed = false;
		log->lost++;
	}
}

const char *const log_level_names[] = { "error", "warn", "info", "debug", NULL };
static const int levels[] = { POPART_LOG_ERROR, POPART_LOG_WARN, POPART_LOG_INFO,
	POPART_LOG_DEBUG };

_Static_assert(ARRAY_LEN(log_level_names) == ARRAY_LEN(levels) + 1, "a name for each level");

int log_level_at(size_t index)
{
	return levels[index < ARRAY_LEN(levels) ? index : ARRAY_LEN(levels) - 1];
}

/* A level between two is named as the less urgent of them. */
static const char *level_name(int level)
{
	size_t i = 0;

	while (i < ARRAY_LEN(levels) - 1 && level > levels[i])
		i++;
	return log_level_names[i];
}

static void put_digits(char *to, unsigned width, uint64_t n)
{
	while (width-- > 0) {
		to[width] = (char)('0' + n % 10);
		n /= 10;
	}
}

/* "2026-11-23T17:30:00.123Z". The calendar is counted from 1 March of the year 0, so
 * that the leap day is the last of its year. */
static void add_time(struct buf *b, int64_t unix_ms)
{
	char text[] = "0000-00-00T00:00:00.000Z";
	uint64_t ms = unix_ms > 0 ? (uint64_t)unix_ms : 0;
	uint64_t seconds = ms / 1000, days = seconds / 86400 + 719468;
	uint64_t era = days / 146097, day_of_era = days % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) /
		365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t month = (5 * day_of_year + 2) / 153; /* 0: March */

	put_digits(text + 8, 2, day_of_year - (153 * month + 2) / 5 + 1);
	put_digits(text + 5, 2, month < 10 ? month + 3 : month - 9);
	put_digits(text, 4, era * 400 + year_of_era + (month >= 10));
	put_digits(text + 11, 2, seconds / 3600 % 24);
	put_digits(text + 14, 2, seconds / 60 % 60);
	put_digits(text + 17, 2, seconds % 60);
	put_digits(text + 20, 3, ms % 1000);
	buf_add(b, view_of(text, sizeof text - 1));
}

static void open_line(struct log *log, struct log_line *l, enum log_event event, int level)
{
	l->log = log;
	l->level = level;
	l->cut = false;
	l->json = log->format == LOG_FORMAT_JSON;
	buf_init_room(&l->text, l->room, sizeof l->room, LOG_LINE_MAX - CUT_ROOM);
	buf_add_str(&l->text, l->json ? "{\"time\":\"" : "");
	add_time(&l->text, clock_unix_ms());
	buf_add_str(&l->text, l->json ? "\",\"level\":\"" : " ");
	buf_add_str(&l->text, level_name(level));
	buf_add_str(&l->text, l->json ? "\",\"event\":\"" : " event=");
	buf_add_str(&l->text, log_events[event].name);
	buf_add_str(&l->text, l->json ? "\"" : "");
	log_str(l, "process", log->process);
}

static void close_line(struct log_line *l)
{
	l->text.max = LOG_LINE_MAX;
	if (l->cut)
		buf_add_str(&l->text, l->json ? ",\"cut\":true" : " cut=true");
	buf_add_str(&l->text, l->json ? "}\n" : "\n");
}

static void add_lost_line(struct log *log)
{
	struct log_line l;

	open_line(log, &l, LOG_EV_LOG_LOST, log_events[LOG_EV_LOG_LOST].level);
	log_u64(&l, "lines", log->lost);
	close_line(&l);
	log->lost = 0;
	append(log, buf_view(&l.text));
	buf_free(&l.text);
}

void log_begin_level(struct log *log, struct log_line *l, enum log_event event, int level)
{
	if (log_wants(log, level))
		open_line(log, l, event, level);
	else
		l->log = NULL;
}

void log_begin(struct log *log, struct log_line *l, enum log_event event)
{
	log_begin_level(log, l, event, log_events[event].level);
}

void log_end(struct log_line *l)
{
	struct log *log = l->log;

	if (!log)
		return;
	close_line(l);
	pthread_mutex_lock(&log->mutex);
	append(log, buf_view(&l->text));
	if (l->level <= POPART_LOG_WARN || log->batch.len - log->sent >= BATCH_FLUSH)
		flush(log);
	pthread_mutex_unlock(&log->mutex);
	buf_free(&l->text);
	l->log = NULL;
}
