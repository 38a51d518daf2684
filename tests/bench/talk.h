/* SPDX-License-Identifier: MIT */
#ifndef BENCH_TALK_H
#define BENCH_TALK_H
/* One POP3 session as the client sees it: octets of answers in, commands out. Every answer
 * is checked: its status, the number of its lines, the sum of the sizes, and that a message
 * is as long as LIST has said. The messages have no line that begins with a dot. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum talk_workload {
	TALK_LOGIN, /* USER PASS QUIT */
	TALK_CHECK, /* USER PASS STAT UIDL LIST QUIT */
	TALK_FETCH, /* USER PASS STAT LIST RETR... QUIT */
	/* USER PASS STAT QUIT, and again from USER as long as the maildrop is in use. All
	 * have one maildrop: two who have it at once are an error. */
	TALK_CONTEND,
	TALK_VISIT,  /* USER PASS STAT UIDL QUIT */
	TALK_EXPIRE, /* USER PASS STAT, DELE of the first so many at once, QUIT */
	TALK_IDLE,   /* USER PASS STAT, then nothing until talk_leave, QUIT */
	TALK_SHAKE,  /* nothing: a connection that the server closes */
};

#define TALK_MAX_MESSAGES 2000000
#define TALK_MAX_OUT      (64 << 20) /* octets of commands that wait */
#define TALK_MAX_LINE     512

struct talk_plan {
	enum talk_workload workload;
	bool pipeline;      /* all RETR at once */
	size_t repeat;      /* how often a session of TALK_FETCH gets all messages */
	size_t deletions;   /* of TALK_EXPIRE */
	const char *prefix; /* users are called PREFIX0, PREFIX1, ... */
	const char *password;
	_Atomic unsigned *inside; /* of TALK_CONTEND: how many have the maildrop */
};

enum talk_step {
	TALK_GREETING,
	TALK_USER,
	TALK_PASS,
	TALK_STAT,
	TALK_UIDL,
	TALK_LIST,
	TALK_RETR,
	TALK_DELE,
	TALK_HOLD, /* nothing is asked, nothing may come */
	TALK_QUIT,
	TALK_DONE, /* the server has to close */
};

enum talk_part { TALK_STATUS, TALK_LINES, TALK_BODY, TALK_DOT };

struct talk {
	const struct talk_plan *plan;
	char user[64];
	bool hurry; /* set by the caller: no more messages than have been asked for */
	enum talk_step step;
	enum talk_part part;
	size_t count; /* as STAT has said */
	uint64_t octets;
	size_t lines; /* of the list at hand */
	uint64_t sum;
	uint64_t in_use; /* logins refused for that */
	size_t asked;    /* RETR or DELE sent, and answered */
	size_t got;
	size_t repeats;
	uint64_t left; /* of the message at hand */
	uint64_t *sizes;
	size_t sizes_room;
	char line[TALK_MAX_LINE];
	size_t line_len;
	char *out; /* to be sent: out_len octets; the caller lowers it */
	size_t out_len;
	size_t out_room;
	char error[160]; /* set when talk_feed has returned false */
};

void talk_init(struct talk *, const struct talk_plan *, unsigned number);
void talk_free(struct talk *);
/* A new session begins: waits for the greeting. */
void talk_start(struct talk *);
bool talk_feed(struct talk *, const char *, size_t);
/* One that holds asks to QUIT. False: out of memory. */
bool talk_leave(struct talk *);
#endif
