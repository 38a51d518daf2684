/* SPDX-License-Identifier: MIT */
/* top: a server at work, again and again. */
#include <errno.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/text.h"
#include "ctl/frame.h"
#include "ctl/screen.h"
#include "ctl/server.h"
#include "ctl/table.h"

#define FRAME_MAX    (1u << 20)
#define INTERVAL_MS  2000
#define INTERVAL_MIN 200
#define INTERVAL_MAX 60000
#define BUSIEST      10u
#define OTHER_ROWS   14u /* what stands around the two lists */

const struct ctl_option ctl_top_options[] = {
	{ "once", NULL, "print one picture, and end" },
	{ "interval", "TIME", "how often it is drawn; 2s" },
	{ NULL, NULL, NULL },
};

struct top {
	struct client *client;
	struct frame *frame;
	struct screen *screen;
	struct buf picture;
	int64_t interval_ms;
	bool colours;
};

static int print_once(struct top *t)
{
	int status = frame_take(t->frame, BUSIEST, &t->picture);

	if (status != CTL_OK)
		return ctl_fail((enum ctl_exit)status, "%s", client_why(t->client));
	return server_printed(
		fwrite(t->picture.ptr, 1, t->picture.len, stdout) == t->picture.len);
}

/* A server that is away may come back: it is said where the picture would be. */
static void take(struct top *t)
{
	unsigned rows = screen_rows(t->screen);
	unsigned busiest = rows > OTHER_ROWS + 2 ? (rows - OTHER_ROWS) / 2 : 1;
	struct buf why;

	buf_reset(&t->picture);
	if (frame_take(t->frame, busiest, &t->picture) != CTL_OK) {
		buf_init(&why, 8192);
		(void)table_add_cut(&why, view_str(client_why(t->client)), UINT32_MAX);
		buf_reset(&t->picture);
		table_tone(&t->picture, t->colours, TONE_BAD, buf_view(&why));
		buf_add_char(&t->picture, '\n');
		buf_free(&why);
	}
	buf_add_str(&t->picture, "\nq ends");
	screen_draw(t->screen, buf_view(&t->picture));
}

static void watch(struct top *t)
{
	int64_t next = clock_ms();
	char key;

	for (;;) {
		if (clock_ms() >= next) {
			take(t);
			next = clock_ms() + t->interval_ms;
		}
		switch (screen_wait(t->screen, next - clock_ms(), &key)) {
		case SCREEN_END:
			return;
		case SCREEN_KEY:
			if (key == 'q' || key == 'Q')
				return;
			break;
		case SCREEN_RESIZE:
			screen_draw(t->screen, buf_view(&t->picture));
			break;
		case SCREEN_TIME:
			break;
		}
	}
}

/* The first answer decides, so that who may not ask is told so on a terminal of his own. */
static int watch_on_screen(struct top *t)
{
	json_t *answer;
	int status = client_ask(
		t->client, &(struct client_request){ .target = "/v1/status" }, &answer);

	json_decref(answer);
	if (status != CTL_OK)
		return status;
	t->screen = screen_take();
	if (!t->screen)
		return ctl_fail(CTL_FAILED, "cannot use the terminal: %s; --once needs none",
			strerror(errno));
	watch(t);
	screen_give_back(&t->screen);
	return CTL_OK;
}

static int take_options(struct ctl *c, struct top *t)
{
	const char *interval = ctl_value(c, "interval");

	t->interval_ms = INTERVAL_MS;
	if (c->json)
		return ctl_fail(CTL_USAGE, "top is for eyes; status --json has the figures");
	if (!c->terminal && !ctl_value(c, "once"))
		return ctl_fail(CTL_USAGE, "top needs a terminal; --once prints one picture");
	if (interval &&
		(!text_parse_duration(view_str(interval), &t->interval_ms) ||
			t->interval_ms < INTERVAL_MIN || t->interval_ms > INTERVAL_MAX))
		return ctl_fail(CTL_USAGE, "--interval: \"%.32s\" is no time from 200ms to 1m",
			interval);
	return CTL_OK;
}

int ctl_top_run(struct ctl *c)
{
	struct top t = { .colours = table_colours(c->terminal) };
	int status = take_options(c, &t);

	if (status != CTL_OK)
		return status;
	buf_init(&t.picture, FRAME_MAX);
	t.client = client_new(c->socket);
	t.frame = t.client ? frame_new(t.client, t.colours) : NULL;
	if (!t.frame)
		status = t.client ? ctl_fail(CTL_FAILED, "out of memory") : CTL_FAILED;
	else
		status = ctl_value(c, "once") ? print_once(&t) : watch_on_screen(&t);
	frame_free(&t.frame);
	client_free(&t.client);
	buf_free(&t.picture);
	return status;
}
