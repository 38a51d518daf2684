/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CHECK_FAULTY_H
#define TESTS_CHECK_FAULTY_H
/*
 * A small module that keeps what it promises, but for the one fault that its option "fault"
 * names: popart-module-check has to find each. A user's mail is a directory, a message a file
 * in it, in order of arrival; a user is a file, too.
 */
#include <pthread.h>
#include <stdbool.h>
#include <popart/module.h>

#define FAULTS(F)                                 \
	F(NONE, "none")                           \
	/* tables, start and stop */              \
	F(CHECK_WRITES, "check-writes")           \
	F(START_LEAKS, "start-leaks")             \
	F(START_KEEPS, "start-keeps-descriptor")  \
	F(START_FAILS, "start-fails")             \
	F(STOP_THREAD, "stop-leaves-thread")      \
	F(THREAD_LEAKS, "thread-leaks")           \
	F(STAT_BEYOND, "stat-beyond-table")       \
	/* listing */                             \
	F(SIZE_SHORT, "size-short")               \
	F(SIZE_LF, "size-lf")                     \
	F(UID_SPACE, "uid-space")                 \
	F(UID_TWICE, "uid-twice")                 \
	F(UID_POSITION, "uid-position")           \
	F(UID_REUSED, "uid-reused")               \
	F(LIST_LIVE, "list-live")                 \
	F(SINK_IGNORED, "sink-ignored")           \
	/* locks, threads, life */                \
	F(LOCK_FCNTL, "lock-fcntl")               \
	F(LOCK_LOST, "lock-lost")                 \
	F(LOCK_KEPT, "lock-kept")                 \
	F(THREAD_LOCAL, "thread-local")           \
	F(STATIC_BUFFER, "static-buffer")         \
	F(LEAK_CLOSE, "leak-close")               \
	F(LEAK_OPEN, "leak-open")                 \
	F(DROP_SET, "drop-set")                   \
	F(HANG_OPEN, "hang-open")                 \
	F(ID_SAME, "id-same")                     \
	F(KEEPS_USER, "keeps-user")               \
	/* sources */                             \
	F(SOURCE_MOVES, "source-moves")           \
	F(SOURCE_SHORT, "source-short")           \
	F(FORM_DOTS, "form-no-dots")              \
	F(BODY_OFFSET, "body-offset")             \
	F(TRUNCATION, "truncation")               \
	F(CRASH, "crash")                         \
	F(FAIL_OTHER, "fail-other")               \
	/* commit */                              \
	F(COMMIT_UNSYNCED, "commit-unsynced")     \
	F(COMMIT_MORE, "commit-more")             \
	F(COMMIT_TORN, "commit-torn")             \
	F(COMMIT_LATE, "commit-late")             \
	F(CLOSE_REMOVES, "close-removes")         \
	/* delivery */                            \
	F(DELIVER_VISIBLE, "deliver-visible")     \
	F(DELIVER_UNSYNCED, "deliver-unsynced")   \
	F(DELIVER_ABANDONED, "deliver-abandoned") \
	F(DELIVER_MIXED, "deliver-mixed")         \
	/* logins */                              \
	F(AUTH_EMPTY, "auth-empty")               \
	F(AUTH_PREFIX, "auth-prefix")             \
	F(AUTH_NUL, "auth-nul")                   \
	F(AUTH_OVERREAD, "auth-overread")         \
	F(AUTH_REPLY, "auth-reply")               \
	F(AUTH_UNKNOWN, "auth-unknown")           \
	F(AUTH_NEXT_TEXT, "auth-next-text")       \
	F(AUTH_SILENT, "auth-silent")             \
	F(AUTH_LOG_SECRET, "auth-log-secret")     \
	F(AUTH_LOG_LINE, "auth-log-line")         \
	F(AUTH_KEEPS, "auth-keeps")               \
	F(AUTH_STOP, "auth-stop")                 \
	F(AUTH_STATIC, "auth-static")             \
	F(AUTH_LEAKS, "auth-leaks")               \
	F(AUTH_PATH, "auth-path")                 \
	F(LOOKUP_DIFFERS, "lookup-differs")       \
	F(ITERATE_ON, "iterate-on")               \
	/* accounts */                            \
	F(REMOVE_KEEPS, "remove-keeps")           \
	F(CHANGE_CACHED, "change-cached")         \
	F(ADD_OVER, "add-over")                   \
	F(DISABLED_IN, "disabled-in")             \
	F(CHANGE_DROPS, "change-drops")

#define FAULT_NUMBER(id, name) FAULT_##id,
enum fault { FAULTS(FAULT_NUMBER) FAULT_COUNT };

struct faulty {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
	enum fault fault;
	struct popart_str users; /* directory */
	int dir;                 /* the same, open */
	pthread_mutex_t mutex;
	char remembered[256]; /* CHANGE_CACHED: a name and a password that were right */
};

int faulty_errno(const struct faulty *, const struct popart_call *, const char *what);

extern const struct popart_storage_ops faulty_storage;
extern const struct popart_auth_ops faulty_auth;
extern const struct popart_account_ops faulty_accounts;

#endif
