/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include <errno.h>
#include <popart/host.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log_head.h"
#include "base/log_sink.h"

#define BATCH_FLUSH  (32u * 1024)  /* written when this much is waiting        */
#define BATCH_MAX    (256u * 1024) /* kept while nobody reads; then lines are lost */
#define FREE_WAIT_MS 1000
#define CUT_ROOM     16u /* kept free for the mark of a cut line and the newline */

struct log {
	pthread_mutex_t mutex; /* guards batch, sent, lost, stuck, sink */
	struct buf batch;      /* whole lines */
	size_t sent;           /* octets of batch that are written already: whole lines, too */
	uint64_t lost;
	bool stuck; /* the disk is full: to find that out again may take a while */
	struct log_sink sink;
	struct log_head head;
	enum log_to to;
	_Atomic int level;
	char *process;
};

static void init_head(struct log *log, const struct log_setup *setup)
{
	enum log_receiver receiver = LOG_RECEIVER_FILE;

	if (setup->to == LOG_TO_SYSLOG)
		receiver = LOG_RECEIVER_SYSLOG;
	else if (setup->to == LOG_TO_STDERR && log_sink_is_journal(&log->sink))
		receiver = LOG_RECEIVER_JOURNAL;
	log_head_init(&log->head, receiver, setup);
}

struct log *log_new(const struct log_setup *setup)
{
	struct log *log = calloc(1, sizeof *log);
	bool ok = log && pthread_mutex_init(&log->mutex, NULL) == 0;

	if (!ok) {
		if (setup->to == LOG_TO_FILE)
			(void)close(setup->fd);
		free(log);
		errno = ENOMEM;
		return NULL;
	}
	buf_init(&log->batch, BATCH_MAX);
	log->to = setup->to;
	log->level = setup->level;
	log->process = strdup(setup->process);
	ok = log_sink_open(&log->sink, setup) && log->process;
	init_head(log, setup);
	if (!ok) {
		log_free(&log);
		errno = ENOMEM;
	}
	return log;
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

static struct popart_str waiting(const struct log *log)
{
	return view_of(log->batch.ptr + log->sent, log->batch.len - log->sent);
}

static void forget_batch(struct log *log)
{
	buf_reset(&log->batch);
	log->sent = 0;
}

static void add_lost_line(struct log *);

/* With the mutex held. What cannot be written now stays. */
static void flush(struct log *log)
{
	uint64_t lost = 0; /* what the only line in the batch is about */
	ssize_t n;

	do {
		if (log->sent == log->batch.len) {
			forget_batch(log);
			lost = log->lost;
			if (lost == 0)
				return;
			add_lost_line(log);
		}
		n = log_sink_write(&log->sink, waiting(log));
		log->sent += n > 0 ? (size_t)n : 0;
		log->stuck = n == 0 && log->sink.kind == LOG_SINK_FILE;
	} while (n > 0);
	if (n < 0) { /* nobody will ever read this */
		log->lost = lost ? lost : log->lost + count_lines(waiting(log));
		forget_batch(log);
	}
}

bool log_flush(struct log *log)
{
	bool done;

	if (!log)
		return true;
	pthread_mutex_lock(&log->mutex);
	flush(log);
	done = log->batch.len == 0;
	pthread_mutex_unlock(&log->mutex);
	return done;
}

void log_switch(struct log *log, int fd)
{
	if (log->to != LOG_TO_FILE) {
		(void)close(fd);
		return;
	}
	pthread_mutex_lock(&log->mutex);
	flush(log);
	log_sink_switch(&log->sink, fd);
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
	while (log->batch.len > 0 && log_sink_wait(&log->sink, until - clock_ms()))
		flush(log);
	log_sink_close(&log->sink);
	buf_free(&log->batch);
	free(log->process);
	(void)pthread_mutex_destroy(&log->mutex);
	free(log);
	*p = NULL;
}

void log_set_level(struct log *log, int level)
{
	atomic_store_explicit(&log->level, level, memory_order_relaxed);
}

bool log_wants(const struct log *log, int level)
{
	return log && level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* What is written already makes room first. With the mutex held. */
static void append(struct log *log, struct popart_str line)
{
	size_t left = log->batch.len - log->sent;

	if (log->sent > 0 && line.len > BATCH_MAX - log->batch.len) {
		memmove(log->batch.ptr, log->batch.ptr + log->sent, left);
		log->batch.len = left;
		log->sent = 0;
	}
	buf_add(&log->batch, line);
	if (log->batch.failed) {
		log->batch.failed = false;
		log->lost++;
	}
}

static void open_line(struct log *log, struct log_line *l, enum log_event event, int level)
{
	l->log = log;
	l->event = event;
	l->level = level;
	l->rest = NULL;
	l->cut = false;
	l->json = log->head.json;
	buf_init_room(&l->text, l->room, sizeof l->room, LOG_LINE_MAX - CUT_ROOM);
	log_head_add(&log->head, &l->text, level, log_events[event].name);
	log_str(l, "process", log->process);
	l->rest = log_events[event].fields;
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

/* Who stamps lines on arrival gets them at once, and a daemon with a short queue a chance
 * to empty it between two lines. */
static bool is_due(const struct log *log, int level)
{
	if (log->stuck)
		return false;
	return level <= POPART_LOG_WARN || log->to == LOG_TO_SYSLOG ||
		log->batch.len - log->sent >= BATCH_FLUSH;
}

void log_end(struct log_line *l)
{
	struct log *log = l->log;

	if (!log)
		return;
	close_line(l);
	pthread_mutex_lock(&log->mutex);
	append(log, buf_view(&l->text));
	if (is_due(log, l->level))
		flush(log);
	pthread_mutex_unlock(&log->mutex);
	buf_free(&l->text);
	l->log = NULL;
}
