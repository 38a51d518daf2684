/* SPDX-License-Identifier: MIT */
#include "talk.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_SIZE ((size_t)TALK_MAX_MESSAGES * TALK_MAX_COMMAND)

static const char *const step_names[] = { "the greeting", "USER", "PASS", "STAT", "UIDL",
	"LIST", "RETR", "QUIT", "the end" };

bool talk_init(struct talk *t, const struct talk_plan *plan, unsigned number)
{
	*t = (struct talk){ .plan = plan };
	snprintf(t->user, sizeof(t->user), "%s%u", plan->prefix, number);
	t->sizes = calloc(TALK_MAX_MESSAGES, sizeof(*t->sizes));
	t->out = malloc(OUT_SIZE);
	return t->sizes && t->out;
}

void talk_free(struct talk *t)
{
	free(t->sizes);
	free(t->out);
	t->sizes = NULL;
	t->out = NULL;
}

void talk_start(struct talk *t)
{
	t->step = TALK_GREETING;
	t->part = TALK_STATUS;
	t->line_len = 0;
	t->out_len = 0;
	t->in_use = 0;
	t->asked = 0;
	t->got = 0;
}

__attribute__((format(printf, 2, 3))) static bool wrong(struct talk *t, const char *format, ...)
{
	va_list args;
	int n = snprintf(t->error, sizeof(t->error), "%s as answer to %s: ", t->user,
		step_names[t->step]);

	va_start(args, format);
	vsnprintf(t->error + n, sizeof(t->error) - (size_t)n, format, args);
	va_end(args);
	return false;
}

__attribute__((format(printf, 2, 3))) static bool ask(struct talk *t, const char *format, ...)
{
	va_list args;
	size_t room = OUT_SIZE - t->out_len;
	int n;

	va_start(args, format);
	n = vsnprintf(t->out + t->out_len, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		return wrong(t, "no room for the commands");
	t->out_len += (size_t)n;
	return true;
}

static bool ask_messages(struct talk *t)
{
	size_t last = t->plan->pipeline ? t->count : t->got + 1;

	while (t->asked < last)
		if (!ask(t, "RETR %zu\r\n", ++t->asked))
			return false;
	return true;
}

static enum talk_step step_after(const struct talk *t)
{
	const enum talk_workload workload = t->plan->workload;

	if (t->step == TALK_PASS && workload == TALK_LOGIN)
		return TALK_QUIT;
	if (t->step == TALK_STAT && workload == TALK_FETCH)
		return TALK_LIST;
	if (t->step == TALK_STAT && workload == TALK_CONTEND)
		return TALK_QUIT;
	if (t->step == TALK_LIST && (workload == TALK_CHECK || t->count == 0))
		return TALK_QUIT;
	if (t->step == TALK_RETR && t->got < t->count)
		return TALK_RETR;
	return t->step + 1;
}

static bool advance(struct talk *t)
{
	t->part = TALK_STATUS;
	t->step = step_after(t);
	t->lines = 0;
	t->sum = 0;
	switch (t->step) {
	case TALK_USER:
		return ask(t, "USER %s\r\n", t->user);
	case TALK_PASS:
		return ask(t, "PASS %s\r\n", t->plan->password);
	case TALK_RETR:
		return ask_messages(t);
	case TALK_STAT:
	case TALK_UIDL:
	case TALK_LIST:
	case TALK_QUIT:
		return ask(t, "%s\r\n", step_names[t->step]);
	case TALK_GREETING:
	case TALK_DONE:
		break;
	}
	return true;
}

static bool take_stat(struct talk *t)
{
	if (sscanf(t->line, "+OK %zu %" SCNu64, &t->count, &t->octets) != 2)
		return wrong(t, "%s", t->line);
	if (t->count > TALK_MAX_MESSAGES)
		return wrong(t, "too many messages for this program");
	return advance(t);
}

/* The maildrop is ours from the answer to PASS until we say QUIT. */
static bool contend(struct talk *t)
{
	if (t->step == TALK_PASS && atomic_fetch_add(t->plan->inside, 1) != 0)
		return wrong(t, "two have the maildrop");
	if (t->step == TALK_STAT)
		atomic_fetch_sub(t->plan->inside, 1);
	return true;
}

static bool try_again(struct talk *t)
{
	t->in_use++;
	t->step = TALK_GREETING;
	return advance(t);
}

static bool take_status(struct talk *t)
{
	static const char in_use[] = "-ERR [IN-USE]";

	if (t->plan->workload == TALK_CONTEND) {
		if (t->step == TALK_PASS && strncmp(t->line, in_use, sizeof(in_use) - 1) == 0)
			return try_again(t);
		if (!contend(t))
			return false;
	}
	if (strncmp(t->line, "+OK", 3) != 0)
		return wrong(t, "%s", t->line);
	switch (t->step) {
	case TALK_STAT:
		return take_stat(t);
	case TALK_UIDL:
	case TALK_LIST:
		t->part = TALK_LINES;
		return true;
	case TALK_RETR:
		t->part = TALK_BODY;
		t->left = t->sizes[t->got];
		return true;
	case TALK_DONE:
		return wrong(t, "more than was asked for");
	default:
		return advance(t);
	}
}

/* "NUMBER WHAT": WHAT is a unique-id, or the size. */
static bool take_list_line(struct talk *t)
{
	char *end;
	unsigned long long number = strtoull(t->line, &end, 10);

	if (number != t->lines + 1 || number > t->count || *end != ' ' || end[1] == '\0')
		return wrong(t, "line %zu is: %s", t->lines + 1, t->line);
	t->lines++;
	if (t->step == TALK_LIST) {
		t->sizes[number - 1] = strtoull(end + 1, NULL, 10);
		t->sum += t->sizes[number - 1];
	}
	return true;
}

static bool end_list(struct talk *t)
{
	if (t->lines != t->count)
		return wrong(t, "%zu lines, not %zu", t->lines, t->count);
	if (t->step == TALK_LIST && t->sum != t->octets)
		return wrong(t, "%" PRIu64 " octets, not %" PRIu64, t->sum, t->octets);
	return advance(t);
}

static bool take_line(struct talk *t)
{
	bool dot = strcmp(t->line, ".") == 0;

	switch (t->part) {
	case TALK_STATUS:
		return take_status(t);
	case TALK_LINES:
		return dot ? end_list(t) : take_list_line(t);
	case TALK_BODY:
		break;
	case TALK_DOT:
		if (!dot)
			return wrong(t, "message %zu is longer than LIST says", t->got + 1);
		t->got++;
		return advance(t);
	}
	return wrong(t, "cannot be");
}

/* Returns how many octets belong to the line; *whole once it has its end. */
static size_t gather_line(struct talk *t, const char *data, size_t n, bool *whole)
{
	const char *end = memchr(data, '\n', n);
	size_t take = end ? (size_t)(end - data) + 1 : n;

	*whole = end != NULL;
	if (take > sizeof(t->line) - t->line_len)
		return 0;
	memcpy(t->line + t->line_len, data, take);
	t->line_len += take;
	return take;
}

static bool feed_line(struct talk *t, const char **data, size_t *n)
{
	bool whole;
	size_t take = gather_line(t, *data, *n, &whole);

	if (take == 0)
		return wrong(t, "a line too long");
	*data += take;
	*n -= take;
	if (!whole)
		return true;
	if (t->line_len < 2 || t->line[t->line_len - 2] != '\r')
		return wrong(t, "a line without CRLF");
	t->line[t->line_len - 2] = '\0';
	t->line_len = 0;
	return take_line(t);
}

static void feed_body(struct talk *t, const char **data, size_t *n)
{
	size_t take = t->left < *n ? (size_t)t->left : *n;

	*data += take;
	*n -= take;
	t->left -= take;
	if (t->left == 0)
		t->part = TALK_DOT;
}

bool talk_feed(struct talk *t, const char *data, size_t n)
{
	while (n > 0) {
		if (t->part == TALK_BODY)
			feed_body(t, &data, &n);
		else if (!feed_line(t, &data, &n))
			return false;
	}
	return true;
}
