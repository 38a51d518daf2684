/* SPDX-License-Identifier: MIT */
#include "host/instance.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include "base/clock.h"

#define SCRATCH_MAX ((size_t)4 << 20)
#define TEXT_MAX    1024u

void host_call_begin(struct host_call *c, struct host *host, unsigned thread, uint64_t session,
	int64_t deadline_ms)
{
	assert(thread < host->setup.threads);
	*c = (struct host_call){ .pub = { .size = sizeof(c->pub),
					 .thread = thread,
					 .session = session,
					 .deadline_ms = deadline_ms },
		.host = host };
	buf_init(&c->client, TEXT_MAX);
	buf_init(&c->detail, TEXT_MAX);
	arena_init(&c->scratch, SCRATCH_MAX);
}

void host_call_end(struct host_call *c)
{
	buf_free(&c->client);
	buf_free(&c->detail);
	arena_free(&c->scratch);
}

static void forget_failure(struct host_call *c)
{
	c->status = POPART_OK;
	c->os_error = 0;
	buf_reset(&c->client);
	buf_reset(&c->detail);
}

/* Cut to fit, with a NUL. */
static void note(char *room, const char *op)
{
	size_t n = strnlen(op, HOST_DOING_SIZE - 1);

	memcpy(room, op, n);
	room[n] = '\0';
}

void call_enter(struct host_call *c, struct popart_instance *inst, enum host_op op)
{
	forget_failure(c);
	c->inst = inst;
	c->op = inst->doing[op];
	c->op_index = op;
	c->pub.thread_state = inst->thread_states[c->pub.thread];
	if (c->host->setup.measured && c->clock_ns == 0)
		c->clock_ns = clock_ns();
	if (inst->serial)
		pthread_mutex_lock(&inst->serial_lock);
	if (c->doing)
		note(c->doing, c->op);
}

static int known_status(int status)
{
	if (status > POPART_R_PARTIAL)
		return POPART_R_TEMP;
	if (status < POPART_E_BUG)
		return POPART_E_BUG;
	return status;
}

/* "No", "not mine" and "somebody else has it" are answers, and the caller's lines tell of
 * them. Who was told to stop has not failed. */
static bool deserves_line(const struct host_call *c, int status)
{
	switch (status) {
	case POPART_OK:
	case POPART_R_DENIED:
	case POPART_R_NEXT:
	case POPART_R_IN_USE:
	case POPART_R_LOGIN_DELAY:
	case POPART_E_CANCELLED:
		return false;
	default:
		return status < 0 || c->detail.len > 0;
	}
}

static void log_failure(const struct host_call *c, int status)
{
	struct log_line l;

	if (status < 0)
		log_begin(c->host->setup.log, &l, LOG_EV_MODULE_FAILED);
	else
		log_begin_level(c->host->setup.log, &l, LOG_EV_MODULE, POPART_LOG_WARN);
	if (c->peer.len)
		log_view(&l, "rip", c->peer);
	if (c->pub.session)
		log_hex(&l, "session", c->pub.session);
	log_str(&l, "module", c->inst->module->desc.name);
	log_str(&l, "instance", c->inst->name);
	log_str(&l, "call", c->op);
	log_str(&l, "status", host_status_name(status));
	if (c->os_error)
		log_errno(&l, c->os_error);
	if (c->detail.len)
		log_quoted(&l, "text", buf_view(&c->detail));
	if (c->user.len)
		log_quoted(&l, "user", c->user);
	log_end(&l);
}

int call_leave(struct host_call *c, int status)
{
	const struct host_setup *setup = &c->host->setup;

	if (c->inst->serial)
		pthread_mutex_unlock(&c->inst->serial_lock);
	if (setup->measured) {
		int64_t began = c->clock_ns;

		c->clock_ns = clock_ns();
		setup->measured(setup->measured_ctx, c->pub.thread, c->inst->index, c->op_index,
			(uint64_t)(c->clock_ns - began), status < 0);
	}
	if (status == POPART_OK) /* fail() was called, and the module thought better of it */
		forget_failure(c);
	else if (c->status != status) /* the client's text was for another outcome */
		buf_reset(&c->client);
	status = known_status(status);
	c->status = status;
	if (deserves_line(c, status))
		log_failure(c, status);
	return status;
}

int call_refuse(struct host_call *c, int status, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	forget_failure(c);
	c->status = status;
	buf_add_str(&c->detail, text);
	if (c->inst && deserves_line(c, status))
		log_failure(c, status);
	return status;
}

const char *host_status_name(int status)
{
	switch (known_status(status)) {
	case POPART_OK:
		return "ok";
	case POPART_R_DENIED:
		return "denied";
	case POPART_R_IN_USE:
		return "in-use";
	case POPART_R_LOGIN_DELAY:
		return "login-delay";
	case POPART_R_TEMP:
		return "temporary";
	case POPART_R_PERM:
		return "permanent";
	case POPART_R_GONE:
		return "gone";
	case POPART_R_OVER_QUOTA:
		return "over-quota";
	case POPART_R_UNSUPPORTED:
		return "unsupported";
	case POPART_R_NEXT:
		return "next";
	case POPART_R_PARTIAL:
		return "partial";
	case POPART_E_IO:
		return "io";
	case POPART_E_NOMEM:
		return "no-memory";
	case POPART_E_CORRUPT:
		return "corrupt";
	case POPART_E_UNAVAIL:
		return "unavailable";
	case POPART_E_DEADLINE:
		return "deadline";
	case POPART_E_CANCELLED:
		return "cancelled";
	default:
		return "bug";
	}
}
