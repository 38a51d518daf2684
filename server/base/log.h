/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOG_H
#define BASE_LOG_H
/*
 * One event, one line. A line is begun with its level and event name, gets fields
 * in order, and is ended, which writes it whole. What a client sent goes in by
 * log_quoted, and last. Any thread may log; lines never mix, also not with those of other
 * processes on the same pipe, file or socket.
 *
 *	struct log_line l;
 *	log_begin(log, &l, LOG_EV_LOGIN);
 *	log_view(&l, "rip", peer);
 *	log_quoted(&l, "user", name);
 *	log_end(&l);
 *
 * A line is at most LOG_LINE_MAX octets: fields that do not fit are left out, and cut=true
 * says so. Logging never waits: what a full pipe or disk, or a syslog daemon that is not
 * there, does not take is kept for the next try, and past a bound it is dropped, which an
 * event of its own (log_lost) counts. SIGPIPE must be ignored by the process.
 *
 * Every event is a row of log_events: name, level, meaning, and its fields in their order.
 * Every field is a row of log_fields. A developer build aborts when a line has a field that
 * its event has not, or has it elsewhere; the manual's tables are held against both.
 */
#include "base/buf.h"

struct log;

#define LOG_LINE_MAX 4096u /* PIPE_BUF: what a pipe takes whole or not at all */

enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum log_to { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_FILE };

struct log_setup {
	enum log_to to;
	int fd;             /* FILE: open for appending; the log's own from here on, also when
	                       there is none in the end */
	const char *socket; /* SYSLOG: where the daemon listens for datagrams; copied */
	int facility;       /* SYSLOG: as in RFC 5424 */
	enum log_format format;
	int level;           /* enum popart_level: lines above it are dropped */
	const char *process; /* "master", "worker-1": a field of every line; copied */
};

/* NULL: out of memory. A syslog daemon that is not there yet is waited for, with lines
 * kept. To be called before the process is shut off from /etc/localtime. */
struct log *log_new(const struct log_setup *);
void log_free(struct log **); /* flushes; waits for a slow reader, but at most a second */
/* Lines of level info and below are written in batches, except to syslog: writes what is
 * waiting. Errors and warnings go out at once. Call it several times a second, and before
 * waiting long. False: some of it still waits. */
bool log_flush(struct log *);
/* Goes on in another file, which is the log's from here on. What waits is first offered to
 * the old one; no line is divided between them. A log that is no file stays where it is. */
void log_switch(struct log *, int fd);
/* A descriptor for log_setup.fd, the file made if it is not there, for its owner alone. -1:
 * errno. */
int log_open_file(const char *path);
/* Whether somebody listens there; errno. */
bool log_syslog_listens(const char *path);
/* Lines above the level (enum popart_level) are dropped from now on. Any thread. */
void log_set_level(struct log *, int level);
bool log_wants(const struct log *, int level);

/* The names that a configuration may give, least first, NULL-ended; enum popart_level of
 * the name at index. */
extern const char *const log_level_names[];
int log_level_at(size_t index);
/* The same for syslog's facilities. */
extern const char *const log_facility_names[];
int log_facility_at(size_t index);

enum log_event {
#define LOG_EVENT(id, name, level, fields, meaning) LOG_EV_##id,
#include "base/log_events.h"
#undef LOG_EVENT
	LOG_EV_COUNT
};
struct log_event_row {
	const char *name;
	int level;
	const char
		*fields; /* names in their order, a space between; those of every event aside */
	const char *meaning;
};
extern const struct log_event_row log_events[LOG_EV_COUNT];

struct log_field_row {
	const char *name;
	bool said; /* may hold what a client said: behind rip, and only others such behind it */
	const char *meaning;
};
extern const struct log_field_row log_fields[]; /* ends with a NULL name */

/* Not to be copied while it is open. */
struct log_line {
	struct log *log; /* NULL: dropped by level, adds cost nothing */
	enum log_event event;
	int level;
	const char *rest; /* of the event's fields: those that may still come */
	bool cut;         /* a field did not fit */
	bool json;
	struct buf text;
	char room[1024];
};

/* log NULL: the line goes nowhere. */
void log_begin(struct log *, struct log_line *, enum log_event);
/* The event's level replaced: for module lines, which bring their own. */
void log_begin_level(struct log *, struct log_line *, enum log_event, int level);
/* A bare word; quoted if it is none. */
void log_view(struct log_line *, const char *key, struct popart_str);
void log_str(struct log_line *, const char *key, const char *);
/* Always quoted, cut at 256. */
void log_quoted(struct log_line *, const char *key, struct popart_str);
/* A whole message of our own: quoted, cut at 1024. */
void log_message(struct log_line *, const char *key, struct popart_str);
void log_u64(struct log_line *, const char *key, uint64_t);
void log_i64(struct log_line *, const char *key, int64_t);
void log_hex(struct log_line *, const char *key, uint64_t); /* 16 digits, always */
void log_errno(struct log_line *, int os_error); /* error="No such file or directory" */
void log_end(struct log_line *);

#endif
