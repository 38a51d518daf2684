/* SPDX-License-Identifier: MIT */
#include "deliver/deliver.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include "base/clock.h"

#define BLOCK 65536u

struct work {
	const struct deliver_order *order;
	struct deliver_outcome *out;
	int wake;
	struct host_call call;
	struct host_identity *who;
	void *delivery;
	char block[BLOCK]; /* what was read and is not yet written */
	size_t len;
	bool at_end;
};

static void explain(char *room, size_t size, struct popart_str text)
{
	(void)snprintf(room, size, "%.*s", VIEW_FMT(text));
}

/* False, so that a step that fails reads as one line. */
static bool end(struct work *w, enum verdict v, const char *why)
{
	explain(w->out->why, sizeof(w->out->why), view_str(why));
	atomic_store(&w->out->verdict, (uint32_t)v);
	return false;
}

/* What a call into a module has come to; true: it has done what it should. */
static bool came_to(struct work *w, int status)
{
	if (status == POPART_OK)
		return true;
	explain(w->out->say, sizeof(w->out->say), buf_view(&w->call.client));
	return end(w, verdict_of(status),
		w->call.detail.len ? buf_cstr(&w->call.detail) : host_status_name(status));
}

static void set_deadline(struct work *w)
{
	w->call.pub.deadline_ms = clock_ms() + w->order->timeout_ms;
}

/* --- the message ------------------------------------------------------------------------- */

static bool wait_for_input(struct work *w)
{
	struct pollfd fds[] = { { .fd = w->order->input, .events = POLLIN },
		{ .fd = w->wake, .events = POLLIN } };
	int timeout = w->order->timeout_ms < INT_MAX ? (int)w->order->timeout_ms : INT_MAX;
	int n;

	do {
		n = poll(fds, ARRAY_LEN(fds), timeout);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return end(w, VERDICT_INPUT, strerror(errno));
	if (n == 0)
		return end(w, VERDICT_TIMEOUT, "no more of the message came");
	if (fds[1].revents)
		return end(w, VERDICT_STOPPED, "stopped by a signal");
	return true;
}

/* Adds to the block what there is. */
static bool read_some(struct work *w)
{
	ssize_t n;

	if (!wait_for_input(w))
		return false;
	n = read(w->order->input, w->block + w->len, BLOCK - w->len);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ||
			end(w, VERDICT_INPUT, strerror(errno));
	w->len += (size_t)n;
	w->at_end = n == 0;
	return true;
}

/* Enough to see how its lines end. */
static bool read_first(struct work *w)
{
	while (!w->at_end && w->len < BLOCK && !memchr(w->block, '\n', w->len)) {
		if (!read_some(w))
			return false;
	}
	return true;
}

static bool put(struct work *w, struct popart_str octets)
{
	if (octets.len == 0)
		return true;
	set_deadline(w);
	if (!came_to(w,
		    store_deliver_write(
			    &w->call, w->who->store, w->delivery, octets.ptr, octets.len)))
		return false;
	w->out->octets += octets.len;
	return true;
}

static bool pour(struct work *w)
{
	struct popart_str message;
	char room[HEAD_MAX];
	struct buf first;

	if (!read_first(w))
		return false;
	buf_init_room(&first, room, sizeof(room), sizeof(room));
	message = view_of(w->block, w->len);
	head_make(&w->order->head, &message, &first);
	if (first.failed)
		return end(w, VERDICT_TEMPORARY, "no room for the header");
	if (!put(w, buf_view(&first)) || !put(w, message))
		return false;
	while (!w->at_end) {
		w->len = 0;
		if (!read_some(w) || !put(w, view_of(w->block, w->len)))
			return false;
	}
	return true;
}

/* --- the store --------------------------------------------------------------------------- */

static bool find_user(struct work *w)
{
	int status;

	if (w->order->user.len == 0)
		return end(w, VERDICT_NO_USER, "the name is empty");
	set_deadline(w);
	status = host_auth_lookup(&w->call, w->order->user, &w->who);
	if (status == POPART_R_DENIED)
		return end(w, VERDICT_NO_USER, buf_cstr(&w->call.detail));
	if (!came_to(w, status))
		return false;
	w->call.who = w->who;
	explain(w->out->store, sizeof(w->out->store),
		view_str(host_instance_name(w->who->store)));
	return true;
}

static bool store_message_of(struct work *w)
{
	const struct popart_delivery about = { .size = sizeof(about) };

	set_deadline(w);
	if (!came_to(w, store_deliver_begin(&w->call, w->who, &about, &w->delivery)) ||
		!pour(w))
		return false;
	/* From here on it is the store's: a signal no longer changes what happens. */
	set_deadline(w);
	if (!came_to(w, store_deliver_finish(&w->call, w->who->store, &w->delivery)))
		return false;
	atomic_store(&w->out->verdict, VERDICT_DELIVERED);
	return true;
}

static void run(const struct deliver_order *order, struct deliver_outcome *out, int wake,
	struct host *host)
{
	struct work w = { .order = order, .out = out, .wake = wake };

	host_call_begin(&w.call, host, 0, 0, INT64_MAX);
	w.call.user = order->user;
	w.call.doing = out->doing;
	if (find_user(&w) && !store_message_of(&w))
		store_deliver_abandon(&w.call, w.who->store, &w.delivery);
	host_call_end(&w.call);
	host_identity_free(&w.who);
}

void deliver(const struct deliver_order *order, struct deliver_outcome *out, int wake)
{
	struct host_setup setup = { .log = order->log, .stopping = &out->stopping };
	struct report report;

	report_init(&report);
	struct host *host = host_tool_new(setup, order->conf, &report);
	if (host) {
		run(order, out, wake, host);
		host_tool_free(&host);
	} else {
		explain(out->why, sizeof(out->why), buf_view(&report.text));
		atomic_store(&out->verdict, VERDICT_CONFIG);
	}
	report_free(&report);
	if (order->log)
		log_flush(order->log);
}
