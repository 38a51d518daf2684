/* SPDX-License-Identifier: MIT */
#include "talk.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const step_names[] = { "the greeting", "USER", "PASS", "STAT", "UIDL",
	"LIST", "RETR", "DELE", "nothing", "QUIT", "the end" };

void talk_init(struct talk *t, const struct talk_plan *plan, unsigned number)
{
	*t = (struct talk){ .plan = plan };
	snprintf(t->user, sizeof(t->user), "%s%u", plan->prefix, number);
}

void talk_free(struct talk *t)
{
	free(t->sizes);
	free(t->out);
	t->sizes = NULL;
	t->out = NULL;
	t->sizes_room = 0;
	t->out_room = 0;
}

void talk_start(struct talk *t)
{
	t->step = t->plan->workload == TALK_SHAKE ? TALK_DONE : TALK_GREETING;
	t->part = TALK_STATUS;
	t->line_len = 0;
	t->out_len = 0;
	t->in_use = 0;
	t->asked = 0;
	t->got = 0;
	t->repeats = 0;
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

static bool make_room(struct talk *t, size_t n)
{
	size_t room = t->out_room ? t->out_room : 256;

	while (room - t->out_len < n)
		room *= 2;
	if (room == t->out_room)
		return true;
	char *out = room <= TALK_MAX_OUT ? realloc(t->out, room) : NULL;
	if (!out)
		return wrong(t, "no room for the commands");
	t->out = out;
	t->out_room = room;
	return true;
}

__attribute__((format(printf, 2, 3))) static bool ask(struct talk *t, const char *format, ...)
{
	char command[TALK_MAX_LINE];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(command))
		return wrong(t, "a command too long");
	if (!make_room(t, (size_t)n))
		return false;
	memcpy(t->out + t->out_len, command, (size_t)n);
	t->out_len += (size_t)n;
	return true;
}

static bool ask_messages(struct talk *t, const char *verb, size_t last)
{
	while (t->asked < last)
		if (!ask(t, "%s %zu\r\n", verb, ++t->asked))
			return false;
	return true;
}

static bool ask_retr(struct talk *t)
{
	return ask_messages(t, "RETR", t->plan->pipeline ? t->count : t->got + 1);
}

/* QUIT waits for all their answers, so that it can be measured alone. */
static bool ask_dele(struct talk *t)
{
	if (t->count < t->plan->deletions)
		return wrong(t, "fewer messages than are to be deleted");
	return ask_messages(t, "DELE", t->plan->deletions);
}

static enum talk_step after_stat(enum talk_workload workload)
{
	switch (workload) {
	case TALK_FETCH:
		return TALK_LIST;
	case TALK_CONTEND:
		return TALK_QUIT;
	case TALK_EXPIRE:
		return TALK_DELE;
	case TALK_IDLE:
		return TALK_HOLD;
	default:
		return TALK_UIDL;
	}
}

/* Whether all messages are to come once more. */
static bool anew(struct talk *t)
{
	if (t->hurry || ++t->repeats >= t->plan->repeat)
		return false;
	t->asked = 0;
	t->got = 0;
	return true;
}

static enum talk_step step_after(struct talk *t)
{
	const enum talk_workload workload = t->plan->workload;

	switch (t->step) {
	case TALK_PASS:
		return workload == TALK_LOGIN ? TALK_QUIT : TALK_STAT;
	case TALK_STAT:
		return after_stat(workload);
	case TALK_UIDL:
		return workload == TALK_VISIT ? TALK_QUIT : TALK_LIST;
	case TALK_LIST:
		return workload == TALK_CHECK || t->count == 0 ? TALK_QUIT : TALK_RETR;
	case TALK_RETR:
		if (t->got < t->asked)
			return TALK_RETR;
		return (t->got < t->count && !t->hurry) || anew(t) ? TALK_RETR : TALK_QUIT;
	case TALK_DELE:
		return t->got < t->plan->deletions ? TALK_DELE : TALK_QUIT;
	default:
		return t->step + 1;
	}
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
		return ask_retr(t);
	case TALK_DELE:
		return ask_dele(t);
	case TALK_STAT:
	case TALK_UIDL:
	case TALK_LIST:
	case TALK_QUIT:
		return ask(t, "%s\r\n", step_names[t->step]);
	case TALK_GREETING:
	case TALK_HOLD:
	case TALK_DONE:
		break;
	}
	return true;
}

bool talk_leave(struct talk *t)
{
	return advance(t);
}

static bool grow_sizes(struct talk *t)
{
	if (t->count <= t->sizes_room)
		return true;
	uint64_t *sizes = realloc(t->sizes, t->count * sizeof(*sizes));
	if (!sizes)
		return wrong(t, "out of memory");
	t->sizes = sizes;
	t->sizes_room = t->count;
	return true;
}

static bool take_stat(struct talk *t)
{
	if (sscanf(t->line, "+OK %zu %" SCNu64, &t->count, &t->octets) != 2)
		return wrong(t, "%s", t->line);
	if (t->count > TALK_MAX_MESSAGES)
		return wrong(t, "too many messages for this program");
	return grow_sizes(t) && advance(t);
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
	case TALK_DELE:
		t->got++;
		return advance(t);
	case TALK_HOLD:
	case TALK_DONE:
		return wrong(t, "more than was asked for");
	default:
		return advance(t);
	}
}

/* The number whose digits begin at p; where it ends, which is p if there is none. */
static const char *read_number(const char *p, const char *end, uint64_t *number)
{
	uint64_t n = 0;

	for (; p < end && (unsigned char)(*p - '0') <= 9; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	*number = n;
	return p;
}

/* "NUMBER WHAT": WHAT is a unique-id, or the size. */
static bool take_list_line(struct talk *t, const char *line, size_t len)
{
	const char *const end = line + len;
	uint64_t number, size = 0;
	const char *p = read_number(line, end, &number);
	bool ok = number == t->lines + 1 && number <= t->count && end - p >= 2 && *p == ' ';

	if (ok && t->step == TALK_LIST)
		ok = read_number(p + 1, end, &size) > p + 1;
	if (!ok)
		return wrong(t, "line %zu is: %.*s", t->lines + 1, (int)len, line);
	t->lines++;
	if (t->step == TALK_LIST) {
		t->sizes[number - 1] = size;
		t->sum += size;
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
		return dot ? end_list(t) : take_list_line(t, t->line, strlen(t->line));
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

/* The lines of a list that have come whole, where they lie. */
static bool feed_list(struct talk *t, const char **data, size_t *n)
{
	const char *p = *data, *const end = p + *n, *lf;
	bool ok = true;

	while (ok && t->part == TALK_LINES &&
		(lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		const size_t len = (size_t)(lf - p);

		if (len >= TALK_MAX_LINE)
			ok = wrong(t, "a line too long");
		else if (len == 0 || lf[-1] != '\r')
			ok = wrong(t, "a line without CRLF");
		else if (len == 2 && *p == '.')
			ok = end_list(t);
		else
			ok = take_list_line(t, p, len - 1);
		p = lf + 1;
	}
	*n = (size_t)(end - p);
	*data = p;
	return ok;
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
		if (t->part == TALK_LINES && t->line_len == 0 && !feed_list(t, &data, &n))
			return false;
		if (t->part == TALK_BODY)
			feed_body(t, &data, &n);
		else if (n > 0 && !feed_line(t, &data, &n))
			return false;
	}
	return true;
}
