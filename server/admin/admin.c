/* SPDX-License-Identifier: MIT */
#include "admin/admin.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "admin/cage.h"
#include "admin/http.h"
#include "base/clock.h"

#define LAST_ANSWERS_MS 1000 /* once we are to end */
#define FLUSH_MS        250

struct admin {
	int chan;
	struct scene scene;
	struct conf *conf;
	struct rates *rates;
	struct operate *operate;
	struct http_world world;
	struct http *https[2]; /* the socket's; that for metrics, or NULL */
	int64_t end_ms;        /* INT64_MAX: nobody has said so */
};

/* --- what the master says ------------------------------------------------------------- */

static void add_board(struct admin *a, const struct chan_msg *msg, int fd)
{
	struct scene *s = &a->scene;
	struct scene_generation new = { .number = msg->generation, .since_ms = msg->at_ms };
	size_t i = s->n;

	if (s->n == SCENE_GENERATIONS_MAX)
		return;
	new.board = board_map(fd);
	if (!new.board)
		return;
	while (i > 0 && s->generations[i - 1].number < new.number) {
		s->generations[i] = s->generations[i - 1];
		i--;
	}
	s->generations[i] = new;
	s->n++;
}

static void remove_board(struct scene *s, unsigned number)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->generations[i].number != number)
			continue;
		board_unmap(&s->generations[i].board);
		s->n--;
		memmove(&s->generations[i], &s->generations[i + 1],
			(s->n - i) * sizeof(s->generations[0]));
		return;
	}
}

static void set_level(struct admin *a, int level)
{
	a->scene.log_level = level;
	log_set_level(a->scene.log, level);
}

static void begin_end(struct admin *a)
{
	if (a->end_ms == INT64_MAX)
		a->end_ms = a->scene.now_ms + LAST_ANSWERS_MS;
	for (size_t i = 0; i < ARRAY_LEN(a->https); i++)
		if (a->https[i])
			http_quiesce(a->https[i]);
}

/* One message. False: there was none; or the master is gone. */
static bool obey(struct admin *a)
{
	struct chan_msg msg;
	int fds[CHAN_FDS_MAX];
	size_t nfds = 0;
	int got = chan_recv(a->chan, &msg, fds, &nfds);

	if (got < 0)
		return errno == EPROTO;
	if (got == 0) {
		a->end_ms = 0;
		return false;
	}
	if (msg.kind == CHAN_LOG && nfds > 0)
		log_switch(a->scene.log, fds[--nfds]);
	else if (msg.kind == CHAN_BOARD && nfds > 0)
		add_board(a, &msg, fds[0]);
	else if (msg.kind == CHAN_GONE)
		remove_board(&a->scene, msg.generation);
	else if (msg.kind == CHAN_STOPPING)
		a->scene.stopping = true;
	else if (msg.kind == CHAN_LEVEL)
		set_level(a, (int)msg.value);
	else if (msg.kind == CHAN_DONE)
		operate_heard(a->operate, &msg);
	else if (msg.kind == CHAN_STOP)
		begin_end(a);
	while (nfds > 0)
		(void)close(fds[--nfds]);
	return true;
}

/* --- life ----------------------------------------------------------------------------- */

static bool is_busy(const struct admin *a)
{
	for (size_t i = 0; i < ARRAY_LEN(a->https); i++)
		if (a->https[i] && http_is_busy(a->https[i]))
			return true;
	return false;
}

static void tell_time(struct admin *a)
{
	a->scene.now_ms = clock_ms();
	a->scene.unix_ms = clock_unix_ms() - a->scene.now_ms;
}

static int until(const struct admin *a, int64_t due_ms)
{
	int64_t left;

	due_ms = a->end_ms < due_ms ? a->end_ms : due_ms;
	for (size_t i = 0; i < ARRAY_LEN(a->https); i++)
		if (a->https[i] && http_due(a->https[i]) < due_ms)
			due_ms = http_due(a->https[i]);
	left = due_ms - clock_ms();
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void serve(struct admin *a)
{
	struct pollfd fds[3] = { { .fd = a->chan, .events = POLLIN } };

	for (size_t i = 0; i < ARRAY_LEN(a->https); i++)
		fds[1 + i] = (struct pollfd){ .fd = a->https[i] ? http_fd(a->https[i]) : -1,
			.events = POLLIN };
	while (a->scene.now_ms < a->end_ms && (a->end_ms == INT64_MAX || is_busy(a))) {
		int64_t due_ms = rates_sample(a->rates, &a->scene);
		bool flushed = log_flush(a->scene.log);
		int wait = until(a, due_ms);

		if (poll(fds, ARRAY_LEN(fds), !flushed && wait > FLUSH_MS ? FLUSH_MS : wait) <
			0)
			continue;
		tell_time(a);
		while (fds[0].revents && obey(a))
			;
		operate_expire(a->operate, a->scene.now_ms);
		for (size_t i = 0; i < ARRAY_LEN(a->https); i++)
			if (a->https[i])
				http_turn(a->https[i]);
	}
}

static bool fail(struct report *r, const char *what)
{
	report_error(r, NULL, 0, "admin: %s: %s", what, strerror(errno));
	return false;
}

static bool open_log(struct admin *a, const struct chan_msg *msg, int fd, struct report *r)
{
	char process[32];

	(void)snprintf(process, sizeof(process), "admin.%u", (unsigned)msg->generation);
	a->scene.log = conf_log(a->conf, process, fd);
	a->scene.log_level = a->conf->log_level;
	return a->scene.log || fail(r, "log");
}

static bool start_http(struct admin *a, int *fds, bool metrics, struct report *r)
{
	a->operate = operate_new(a->chan, http_wake);
	if (!a->operate)
		return fail(r, "cannot start");
	a->world.scene = &a->scene;
	a->world.rates = a->rates;
	a->world.operate = a->operate;
	for (size_t i = 0; i <= (metrics ? 1u : 0u); i++) {
		a->https[i] = http_start(&a->world, fds[i], i == 1);
		fds[i] = -1;
		if (!a->https[i])
			return fail(r, "cannot serve HTTP");
	}
	return true;
}

/* The first message: everything that we need. fds are those of CHAN_START, in its order;
 * those that are taken become -1. */
static bool take_start(
	struct admin *a, struct chan_msg *msg, int *fds, size_t n, struct report *r)
{
	char name[CHAN_TEXT_MAX + 1];
	size_t want;

	memcpy(name, msg->text, msg->text_len);
	name[msg->text_len] = '\0';
	if (n < 3) {
		errno = EPROTO;
		return fail(r, "no start message from the master");
	}
	a->conf = conf_load_fd(fds[0], name, r);
	if (!a->conf)
		return false;
	want = 3u + (a->conf->admin_metrics != NULL) + (a->conf->log_to == LOG_TO_FILE);
	if (n != want) {
		errno = EPROTO;
		return fail(r, "descriptors from the master");
	}
	a->scene.conf = a->conf;
	a->scene.started_ms = msg->at_ms;
	a->world.group = msg->value;
	tell_time(a);
	a->rates = rates_open(fds[1], &a->scene);
	if (!a->rates)
		return fail(r, "history");
	if (!open_log(a, msg, a->conf->log_to == LOG_TO_FILE ? fds[n - 1] : -1, r))
		return false;
	if (a->conf->log_to == LOG_TO_FILE)
		fds[n - 1] = -1;
	cage_enter(a->scene.log);
	return start_http(a, fds + 2, a->conf->admin_metrics != NULL, r);
}

static bool begin(struct admin *a, struct report *r)
{
	struct chan_msg msg;
	int fds[CHAN_FDS_MAX];
	size_t n = 0;
	bool ok = false;
	int got = chan_recv(a->chan, &msg, fds, &n);

	if (got == 1 && msg.kind == CHAN_START)
		ok = take_start(a, &msg, fds, n, r);
	else
		report_error(r, NULL, 0, "admin: no start message from the master");
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	return ok;
}

static void tell(struct admin *a, enum chan_kind kind, const struct report *r)
{
	struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = kind };

	if (r) {
		msg.text_len =
			(uint32_t)(r->text.len < CHAN_TEXT_MAX ? r->text.len : CHAN_TEXT_MAX);
		memcpy(msg.text, r->text.ptr ? r->text.ptr : "", msg.text_len);
	}
	(void)chan_send(a->chan, &msg, NULL, 0);
}

static void end(struct admin *a)
{
	/* libmicrohttpd does not stop while a request waits for somebody. */
	if (a->operate)
		operate_expire(a->operate, INT64_MAX);
	for (size_t i = 0; i < ARRAY_LEN(a->https); i++) {
		if (!a->https[i])
			continue;
		http_turn(a->https[i]);
		http_free(&a->https[i]);
	}
	operate_free(&a->operate);
	rates_close(&a->rates);
	while (a->scene.n > 0)
		remove_board(&a->scene, a->scene.generations[0].number);
	log_free(&a->scene.log);
	conf_free(&a->conf);
	(void)close(a->chan);
}

int admin_main(int chan)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE,
		SIGXFSZ };
	struct admin a = { .chan = chan, .end_ms = INT64_MAX };
	struct report report;
	bool ok;

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	/* Who runs as the same user does not look into our memory. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	report_init(&report);
	ok = begin(&a, &report);
	if (ok && fcntl(chan, F_SETFL, O_NONBLOCK) != 0)
		ok = fail(&report, "channel");
	if (ok) {
		tell(&a, CHAN_READY, NULL);
		serve(&a);
	} else {
		tell(&a, CHAN_FAILED, &report);
	}
	end(&a);
	report_free(&report);
	return ok ? 0 : 1;
}
