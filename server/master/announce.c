/* SPDX-License-Identifier: MIT */
#include "master/announce.h"
#include <inttypes.h>
#include <stdio.h>
#include "base/clock.h"
#include "master/listener.h"

#define TEXT_MAX 2048u
#define LINE_MAX 1024u
#define SLACK_MS 5000 /* for what is done before and after the waiting */

/* What does not fit is left out: a status with a few ports is better than none. */
static void add_ports(struct buf *text, const struct generation *g)
{
	for (size_t i = 0; g->listeners && i < g->conf->nlisten; i++) {
		struct buf where;

		if (g->listeners[i] < 0)
			continue;
		buf_init(&where, 128);
		listener_name(g->listeners[i], &where);
		buf_printf(text, "%s%s%s", i > 0 ? ", " : " on ", buf_cstr(&where),
			g->conf->listen[i].tls ? " (TLS)" : "");
		buf_free(&where);
	}
}

static void add_status(struct buf *text, const struct generation *g)
{
	unsigned serving = generation_count(g, WORKER_READY);

	buf_add_str(text, "STATUS=Serving");
	add_ports(text, g);
	if (serving < g->nworkers)
		buf_printf(text, " with %u of %u workers", serving, g->nworkers);
	else
		buf_printf(text, " with %u worker%s", serving, serving == 1 ? "" : "s");
}

static void say_status(const struct notify *n, const struct generation *g, const char *before)
{
	struct buf text;

	if (n->fd < 0)
		return;
	buf_init(&text, TEXT_MAX);
	buf_add_str(&text, before);
	add_status(&text, g);
	notify_say(n, buf_cstr(&text));
	buf_free(&text);
}

void announce_start(const struct notify *n, int64_t patience_ms)
{
	char text[96];

	(void)snprintf(text, sizeof(text),
		"EXTEND_TIMEOUT_USEC=%" PRId64 "\nSTATUS=Starting the workers",
		(patience_ms + SLACK_MS) * 1000);
	notify_say(n, text);
}

void announce_ready(const struct notify *n, const struct generation *g)
{
	say_status(n, g, "READY=1\n");
}

void announce_workers(const struct notify *n, const struct generation *g)
{
	say_status(n, g, "");
}

void announce_reload(const struct notify *n)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
		"RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=Reading the configuration",
		clock_us());
	notify_say(n, text);
}

void announce_stop(const struct notify *n, int64_t patience_ms)
{
	char text[160];

	(void)snprintf(text, sizeof(text),
		"STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64
		"\nSTATUS=Stopping: open sessions may finish, for %" PRId64 " s at most",
		(patience_ms + SLACK_MS) * 1000, (patience_ms + 999) / 1000);
	notify_say(n, text);
}

static bool is_warning(struct popart_str line)
{
	static const char mark[] = ": warning: ";

	return memmem(line.ptr, line.len, mark, sizeof(mark) - 1) != NULL;
}

void announce_failure(const struct notify *n, struct popart_str why)
{
	struct popart_str line;
	struct buf text;

	if (n->fd < 0)
		return;
	do {
		line = view_cut(&why, '\n');
	} while (why.len > 0 && is_warning(line));
	buf_init(&text, TEXT_MAX);
	buf_add_str(&text, "STATUS=Cannot start: ");
	buf_add(&text, view_of(line.ptr, line.len < LINE_MAX ? line.len : LINE_MAX));
	notify_say(n, buf_cstr(&text));
	buf_free(&text);
}
