/* SPDX-License-Identifier: MIT */
#include "host/ids.h"
#include "host/instance.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include "base/clock.h"

#define TEXT_MAX 1024u

#ifndef POPART_VERSION
#define POPART_VERSION "unknown"
#endif

/* The call as the host made it. Its members are the host's to change, whatever the module
 * was promised. */
static struct host_call *call_of(const struct popart_call *call)
{
	return call ? CONTAINER_OF(call, struct host_call, pub) : NULL;
}

static int clamp_level(int level)
{
	if (level <= POPART_LOG_ERROR)
		return POPART_LOG_ERROR;
	if (level <= POPART_LOG_WARN)
		return POPART_LOG_WARN;
	return level <= POPART_LOG_INFO ? POPART_LOG_INFO : POPART_LOG_DEBUG;
}

static void log_text(struct popart_instance *inst, const struct host_call *c, int level,
	int os_error, const char *text)
{
	struct log_line l;

	log_begin_level(inst->host->setup.log, &l, LOG_EV_MODULE, level);
	if (c && c->peer.len)
		log_view(&l, "rip", c->peer);
	if (c && c->pub.session)
		log_hex(&l, "session", c->pub.session);
	log_str(&l, "module", inst->module->desc.name);
	log_str(&l, "instance", inst->name);
	if (os_error)
		log_errno(&l, os_error);
	log_quoted(&l, "text", view_str(text));
	if (c && c->user.len)
		log_quoted(&l, "user", c->user);
	log_end(&l);
}

static void table_log(struct popart_instance *inst, const struct popart_call *call, int level,
	const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	level = clamp_level(level);
	if (!log_wants(inst->host->setup.log, level) &&
		(!inst->warnings || level > POPART_LOG_WARN))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (inst->warnings)
		report_warn(inst->warnings, inst->block->file, inst->block->line,
			"%s \"%s\": %s", instance_kind(inst), inst->name, text);
	else
		log_text(inst, call_of(call), level, 0, text);
}

/* Outside of a session: for the report, or, when nobody waits for a reason, for the log. */
static void fail_without_call(struct popart_instance *inst, int os_error, const char *text)
{
	bool taken;

	pthread_mutex_lock(&inst->reason_lock);
	taken = inst->wants_reason;
	if (taken) {
		buf_reset(&inst->reason);
		buf_add_str(&inst->reason, text);
		if (os_error)
			buf_printf(&inst->reason, ": %s", strerror(os_error));
		if (os_error == EACCES && inst->host->setup.account)
			buf_printf(&inst->reason, " for user \"%s\", as whom the workers run",
				inst->host->setup.account);
	}
	pthread_mutex_unlock(&inst->reason_lock);
	if (!taken)
		log_text(inst, NULL, POPART_LOG_ERROR, os_error, text);
}

static int table_fail(struct popart_instance *inst, const struct popart_call *call, int status,
	const char *client, int os_error, const char *fmt, ...)
{
	struct host_call *c = call_of(call);
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (status == POPART_OK) /* a failure that says success must not pass for one */
		status = POPART_E_BUG;
	if (!c) {
		fail_without_call(inst, os_error, text);
		return status;
	}
	c->status = status;
	c->os_error = os_error;
	buf_reset(&c->client);
	buf_reset(&c->detail);
	buf_add_str(&c->detail, text);
	if (client && status > 0)
		buf_add(&c->client, view_of(client, strnlen(client, TEXT_MAX)));
	return status;
}

static void table_stat_add(struct popart_instance *inst, const struct popart_call *call,
	uint32_t index, int64_t delta)
{
	size_t row = call ? call->thread : inst->host->setup.threads;

	if (index < inst->nstats)
		atomic_fetch_add_explicit(&inst->stats[row * inst->stats_width + index], delta,
			memory_order_relaxed);
}

static int table_stop_asked(const struct popart_call *call)
{
	const struct host_call *c = call_of(call);

	if (!c || c->must_finish)
		return 0;
	const _Atomic uint32_t *stopping = c->host->setup.stopping;
	return (stopping && atomic_load_explicit(stopping, memory_order_relaxed)) ||
		(call->deadline_ms != INT64_MAX && clock_ms() >= call->deadline_ms);
}

static void table_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

static int table_random(void *p, size_t n)
{
	char *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return POPART_E_IO;
		at += got;
		n -= (size_t)got;
	}
	return POPART_OK;
}

static int table_reach_as(const struct popart_call *call, int whom)
{
	struct host_call *c = call_of(call);

	if (!c || !c->as_user)
		return POPART_OK;
	if (whom == POPART_AS_SERVER)
		ids_give_back();
	else if (!ids_take(c->who->uid, c->who->gid))
		return POPART_E_UNAVAIL;
	return POPART_OK;
}

static void *table_scratch(const struct popart_call *call, size_t n)
{
	struct host_call *c = call_of(call);

	return c ? arena_alloc(&c->scratch, n) : NULL;
}

void table_init(struct host *h)
{
	h->table = (struct popart_host){ .size = sizeof(h->table),
		.api_major = POPART_API_MAJOR,
		.api_minor = POPART_API_MINOR,
		.threads = h->setup.threads,
		.role = h->setup.role,
		.server_id = "popartd " POPART_VERSION,
		.log = table_log,
		.fail = table_fail,
		.conf_int = conf_int,
		.conf_str = conf_str,
		.conf_list = conf_list,
		.stat_add = table_stat_add,
		.now_ms = clock_ms,
		.stop_asked = table_stop_asked,
		.wipe = table_wipe,
		.random = table_random,
		.scratch = table_scratch,
		.expand = expand_option,
		.reach_as = table_reach_as };
}
