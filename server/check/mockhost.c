/* SPDX-License-Identifier: MIT */
#include "check/mockhost.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { MAX_STATS = 64, MAX_OPTIONS = 64 };

struct value {
	const struct popart_opt *opt;
	int64_t number;
	struct popart_str text;
	struct popart_str *list;
	size_t n;
	char *copy; /* what text and list point into */
};

struct popart_conf {
	struct mockhost *host;
	struct value v[MAX_OPTIONS];
	size_t n;
};

struct popart_instance {
	struct mockhost *host;
};

struct mockhost {
	struct popart_host table;
	struct popart_instance self;
	struct popart_conf conf;
	const struct popart_module *module;
	const struct mock_watch *watch; /* NULL: misuse aborts */
	void *state;
	void **thread_states;
	unsigned threads;
	atomic_uint stop_in; /* 0: never; 1: now */
	_Atomic int64_t stats[MAX_STATS];
	pthread_mutex_t mutex; /* of what follows */
	struct mock_call *calls;
	char *log;
	size_t log_len, log_lines;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static struct mock_call *mine(const struct popart_call *call)
{
	return (struct mock_call *)(uintptr_t)call; /* first member */
}

void mockhost_broken(struct mockhost *h, const char *clause, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!h->watch) {
		fprintf(stderr, "mockhost: %s (%s)\n", text, clause);
		abort();
	}
	h->watch->broken(h->watch->ctx, clause, text);
}

static bool is_running(struct mockhost *h, const struct popart_call *call)
{
	bool found = !h->watch;

	pthread_mutex_lock(&h->mutex);
	for (const struct mock_call *c = h->calls; c && !found; c = c->next)
		found = &c->pub == call;
	pthread_mutex_unlock(&h->mutex);
	return found;
}

/* NULL is one that may be left out. */
static bool may_name(struct mockhost *h, const struct popart_call *call, const char *function)
{
	if (!call || is_running(h, call))
		return true;
	mockhost_broken(h, "abi.h: popart_call: valid for that call only",
		"host->%s was given a call that is none, or has ended", function);
	return false;
}

static void enter(struct mockhost *h, unsigned thread, const char *op)
{
	if (h->watch)
		h->watch->enter(h->watch->ctx, thread, op);
}

static void leave(struct mockhost *h, unsigned thread)
{
	if (h->watch)
		h->watch->leave(h->watch->ctx, thread);
}

/* ---- the host's table ---- */

static void log_add(struct mockhost *h, const char *word, const char *text)
{
	size_t more = strlen(word) + strlen(text) + 2;

	pthread_mutex_lock(&h->mutex);
	h->log = must(realloc(h->log, h->log_len + more + 1));
	snprintf(h->log + h->log_len, more + 1, "%s %s\n", word, text);
	h->log_len += more;
	h->log_lines++;
	pthread_mutex_unlock(&h->mutex);
}

static void do_log(struct popart_instance *inst, const struct popart_call *call, int level,
	const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)may_name(inst->host, call, "log");
	if (level != POPART_LOG_ERROR && level != POPART_LOG_WARN && level != POPART_LOG_INFO &&
		level != POPART_LOG_DEBUG)
		mockhost_broken(inst->host, "host.h: popart_host.log",
			"host->log was given the level %d, which is none", level);
	if (strchr(text, '\n'))
		mockhost_broken(inst->host, "host.h: popart_host.log: One line, no newline",
			"host->log was given a text with a newline: %.*s...",
			(int)strcspn(text, "\n"), text);
	log_add(inst->host,
		level <= POPART_LOG_ERROR          ? "ERROR"
			: level <= POPART_LOG_WARN ? "WARN"
			: level <= POPART_LOG_INFO ? "INFO"
						   : "DEBUG",
		text);
}

static int do_fail(struct popart_instance *inst, const struct popart_call *call, int status,
	const char *client, int os_error, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (status == POPART_OK || status < POPART_E_BUG || status > POPART_R_PARTIAL)
		mockhost_broken(inst->host, "abi.h: enum popart_status",
			"host->fail was given the status %d: %s", status, text);
	if (!may_name(inst->host, call, "fail"))
		call = NULL;
	log_add(inst->host, "FAIL", text);
	if (call) {
		struct mock_call *c = mine(call);

		c->status = status;
		c->os_error = os_error;
		snprintf(c->client, sizeof(c->client), "%s", client ? client : "");
		snprintf(c->detail, sizeof(c->detail), "%s", text);
	}
	return status;
}

static const char asked_clause[] = "host.h: An unknown name or a wrong type is POPART_E_BUG";

/* An option that is not there, or not of that type, reads as nothing. */
static const struct value nothing = { .text = { "", 0 } };

static const struct value *option(
	const struct popart_conf *conf, const char *name, const char *function, unsigned types)
{
	for (size_t i = 0; i < conf->n; i++) {
		const struct value *v = &conf->v[i];

		if (strcmp(v->opt->name, name) != 0)
			continue;
		if (types & (1u << v->opt->type))
			return v;
		mockhost_broken(conf->host, asked_clause,
			"host->%s asked for the option \"%s\", which has another type",
			function, name);
		return &nothing;
	}
	mockhost_broken(conf->host, asked_clause,
		"host->%s asked for the option \"%s\", which the module's table does not have",
		function, name);
	return &nothing;
}

enum {
	TEXTS = 1u << POPART_OPT_STRING | 1u << POPART_OPT_PATH,
	LISTS = 1u << POPART_OPT_LIST,
	NUMBERS = 1u << POPART_OPT_BOOL | 1u << POPART_OPT_INT | 1u << POPART_OPT_SIZE |
		1u << POPART_OPT_MSEC | 1u << POPART_OPT_ENUM
};

static int64_t do_conf_int(const struct popart_conf *conf, const char *name)
{
	return option(conf, name, "conf_int", NUMBERS)->number;
}

static struct popart_str do_conf_str(const struct popart_conf *conf, const char *name)
{
	return option(conf, name, "conf_str", TEXTS)->text;
}

static size_t do_conf_list(
	const struct popart_conf *conf, const char *name, const struct popart_str **list)
{
	const struct value *v = option(conf, name, "conf_list", LISTS);

	*list = v->list;
	return v->n;
}

static size_t count_stats(const struct popart_module *m)
{
	const char *row = (const char *)m->stats;
	size_t n = 0;

	for (; row && ((const struct popart_stat *)(const void *)row)->name; n++)
		row += m->stat_stride;
	return n;
}

static void do_stat_add(struct popart_instance *inst, const struct popart_call *call,
	uint32_t index, int64_t delta)
{
	(void)may_name(inst->host, call, "stat_add");
	if (index >= count_stats(inst->host->module) || index >= MAX_STATS)
		mockhost_broken(inst->host, "host.h: popart_host.stat_add",
			"host->stat_add was given the index %u, and the table has %zu rows",
			index, count_stats(inst->host->module));
	else
		atomic_fetch_add(&inst->host->stats[index], delta);
}

static int64_t do_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int do_stop_asked(const struct popart_call *call)
{
	if (!call)
		return 0;

	struct mockhost *h = mine(call)->host;
	unsigned left = atomic_load(&h->stop_in);

	(void)may_name(h, call, "stop_asked");
	if (mine(call)->must_finish)
		return 0;
	if (call->deadline_ms != INT64_MAX && do_now_ms() >= call->deadline_ms)
		return 1;
	if (left == 0)
		return 0;
	if (left == 1)
		return 1;
	return atomic_fetch_sub(&h->stop_in, 1) <= 2;
}

static void do_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

static int do_random(void *p, size_t n)
{
	return getrandom(p, n, 0) == (ssize_t)n ? POPART_OK : POPART_E_IO;
}

struct piece {
	struct piece *next;
	size_t n;
	max_align_t bytes[];
};

static void *do_scratch(const struct popart_call *call, size_t n)
{
	struct piece *p;

	if (!call || !may_name(mine(call)->host, call, "scratch"))
		return NULL;
	p = malloc(sizeof(*p) + n);
	if (!p)
		return NULL;
	p->n = n;
	p->next = mine(call)->scratch;
	mine(call)->scratch = p;
	return p->bytes;
}

static bool fits_a_path(struct popart_str v)
{
	return v.len && v.ptr[0] != '.' && !memchr(v.ptr, '/', v.len) &&
		!memchr(v.ptr, 0, v.len);
}

/* The value of what follows a '%' at t; *used: length of that name. */
static bool variable(
	const struct popart_user *user, struct popart_str t, size_t *used, struct popart_str *v)
{
	const char *at = user->name.len ? memchr(user->name.ptr, '@', user->name.len) : NULL;
	struct popart_str key = { NULL, 0 };

	*v = (struct popart_str){ "", 0 };
	*used = 1;
	if (t.len == 0)
		return false;
	switch (t.ptr[0]) {
	case 'u':
		*v = user->name;
		return fits_a_path(*v);
	case 'n':
		*v = user->name;
		if (at)
			v->len = (size_t)(at - user->name.ptr);
		return fits_a_path(*v);
	case 'd':
		if (at)
			*v = (struct popart_str){ at + 1,
				(size_t)(user->name.ptr + user->name.len - at - 1) };
		return fits_a_path(*v);
	case 'h':
		key = (struct popart_str){ "home", 4 };
		break;
	case '{': {
		const char *end = memchr(t.ptr, '}', t.len);

		if (!end)
			return false;
		key = (struct popart_str){ t.ptr + 1, (size_t)(end - t.ptr - 1) };
		*used = key.len + 2;
		break;
	}
	default:
		return false;
	}
	for (uint32_t i = 0; i < user->nattrs; i++)
		if (user->attrs[i].key.len == key.len &&
			memcmp(user->attrs[i].key.ptr, key.ptr, key.len) == 0) {
			*v = user->attrs[i].value;
			return t.ptr[0] == 'h' ? v->len > 0 : fits_a_path(*v);
		}
	return false;
}

static int do_reach_as(const struct popart_call *call, int whom)
{
	if (call && whom != POPART_AS_USER && whom != POPART_AS_SERVER)
		mockhost_broken(mine(call)->host, "host.h: enum popart_whom",
			"host->reach_as was asked for %d", whom);
	return POPART_OK;
}

static int do_expand(struct popart_instance *inst, const struct popart_call *call,
	const struct popart_conf *conf, const char *name, const struct popart_user *user,
	struct popart_str *out)
{
	struct popart_str t = option(conf, name, "expand", TEXTS)->text;
	char path[4096];
	size_t n = 0;

	for (size_t i = 0; i < t.len;) {
		struct popart_str v = { t.ptr + i, 1 };
		size_t used = 0;

		if (t.ptr[i] == '%' && i + 1 < t.len && t.ptr[i + 1] == '%')
			used = 1;
		else if (t.ptr[i] == '%' &&
			!variable(user, (struct popart_str){ t.ptr + i + 1, t.len - i - 1 },
				&used, &v))
			return do_fail(inst, call, POPART_R_DENIED, NULL, 0,
				"option \"%s\": no fit value for this user", name);
		if (n + v.len >= sizeof(path))
			return do_fail(inst, call, POPART_R_DENIED, NULL, 0, "path too long");
		memcpy(path + n, v.ptr, v.len);
		n += v.len;
		i += 1 + used;
	}
	char *copy = do_scratch(call, n + 1);

	if (!copy) {
		mockhost_broken(inst->host, "host.h: popart_host.expand",
			"host->expand was called without a call, whose memory it takes");
		return POPART_E_BUG;
	}
	memcpy(copy, path, n);
	copy[n] = 0;
	*out = (struct popart_str){ copy, n };
	return POPART_OK;
}

/* ---- options ---- */

static bool set_list(struct value *v)
{
	size_t n = 1;
	char *rest = v->copy, *word;

	for (const char *c = v->copy; *c; c++)
		n += *c == ',';
	v->list = must(calloc(n, sizeof(*v->list)));
	while (*v->copy && (word = strsep(&rest, ",")) != NULL)
		v->list[v->n++] = (struct popart_str){ word, strlen(word) };
	return true;
}

static bool set_value(struct value *v, const char *text)
{
	char *end = NULL;

	v->copy = must(strdup(text));
	v->text = (struct popart_str){ v->copy, strlen(v->copy) };
	switch (v->opt->type) {
	case POPART_OPT_BOOL:
		v->number = strcmp(text, "true") == 0;
		return v->number || strcmp(text, "false") == 0;
	case POPART_OPT_INT:
	case POPART_OPT_SIZE:
	case POPART_OPT_MSEC:
		errno = 0;
		v->number = strtoll(text, &end, 10);
		if (errno || end == text)
			return false;
		if (*end == 'K' || *end == 'k')
			v->number *= 1024, end++;
		else if (strcmp(end, "ms") == 0)
			end += 2;
		else if (*end == 's')
			v->number *= 1000, end++;
		else if (*end == 'm')
			v->number *= 60 * 1000, end++;
		else if (*end == 'h')
			v->number *= 3600 * 1000, end++;
		if ((v->opt->min || v->opt->max) &&
			(v->number < v->opt->min || v->number > v->opt->max))
			return false;
		return *end == 0;
	case POPART_OPT_ENUM:
		for (v->number = 0; v->opt->choices[v->number]; v->number++)
			if (strcmp(v->opt->choices[v->number], text) == 0)
				return true;
		return false;
	case POPART_OPT_LIST:
		return set_list(v);
	default:
		return true;
	}
}

static const char *given(const char *const *options, const char *name)
{
	size_t len = strlen(name);

	for (; options && *options; options++)
		if (strncmp(*options, name, len) == 0 && (*options)[len] == '=')
			return *options + len + 1;
	return NULL;
}

static const char *configure(struct mockhost *h, const char *const *options)
{
	const struct popart_module *m = h->module;
	size_t known = 0, named = 0;

	for (const char *row = (const char *)m->options; row; row += m->opt_stride) {
		const struct popart_opt *opt = (const void *)row;
		struct value *v;
		const char *text;

		if (!opt->name)
			break;
		if (h->conf.n == MAX_OPTIONS)
			return "too many options";
		v = &h->conf.v[h->conf.n++];
		v->opt = opt;
		text = given(options, opt->name);
		known += text != NULL;
		if (!text)
			text = opt->fallback;
		if (!text && (opt->flags & POPART_OPT_REQUIRED))
			return "a required option is missing";
		if (text && !set_value(v, text))
			return "a value does not fit its option";
	}
	for (; options && options[named]; named++)
		;
	return known == named ? NULL : "unknown option";
}

/* ---- life ---- */

static void set_table(struct mockhost *h)
{
	h->table = (struct popart_host){
		.size = sizeof(h->table),
		.api_major = POPART_API_MAJOR,
		.api_minor = POPART_API_MINOR,
		.threads = h->threads,
		.role = POPART_ROLE_WORKER,
		.server_id = "mockhost",
		.log = do_log,
		.fail = do_fail,
		.conf_int = do_conf_int,
		.conf_str = do_conf_str,
		.conf_list = do_conf_list,
		.stat_add = do_stat_add,
		.now_ms = do_now_ms,
		.stop_asked = do_stop_asked,
		.wipe = do_wipe,
		.random = do_random,
		.scratch = do_scratch,
		.expand = do_expand,
		.reach_as = do_reach_as,
	};
}

static void mockhost_free(struct mockhost *h)
{
	for (size_t i = 0; i < h->conf.n; i++) {
		free(h->conf.v[i].copy);
		free(h->conf.v[i].list);
	}
	pthread_mutex_destroy(&h->mutex);
	free(h->thread_states);
	free(h->log);
	free(h);
}

static int start_thread(struct mockhost *h, unsigned i, const char *op)
{
	int status = POPART_OK;

	if (!h->module->thread_start)
		return POPART_OK;
	enter(h, i, op);
	status = h->module->thread_start(h->state, i, &h->thread_states[i]);
	leave(h, i);
	return status;
}

static void stop_thread(struct mockhost *h, unsigned i)
{
	if (!h->module->thread_stop)
		return;
	enter(h, i, "thread_stop");
	h->module->thread_stop(h->state, i, h->thread_states[i]);
	leave(h, i);
}

static void stop_module(struct mockhost *h)
{
	if (!h->module->stop)
		return;
	enter(h, 0, "stop");
	h->module->stop(h->state);
	leave(h, 0);
}

static int check_and_start(struct mockhost *h, const char **why)
{
	const struct popart_module *m = h->module;
	int status = POPART_OK;

	if (m->check) {
		enter(h, 0, "check");
		status = m->check(&h->table, &h->self, &h->conf);
		leave(h, 0);
		*why = status ? "check() refused" : NULL;
	}
	if (!status && m->start) {
		enter(h, 0, "start");
		status = m->start(&h->table, &h->self, &h->conf, &h->state);
		leave(h, 0);
		*why = status ? "start() refused" : NULL;
	}
	return status;
}

static const char *bring_up(struct mockhost *h)
{
	const char *why = NULL;

	if (check_and_start(h, &why) != POPART_OK)
		return why;
	for (unsigned i = 0; i < h->threads; i++)
		if (start_thread(h, i, "thread_start") != POPART_OK) {
			while (i-- > 0)
				stop_thread(h, i);
			stop_module(h);
			return "thread_start() refused";
		}
	return NULL;
}

bool mockhost_thread_leave(struct mockhost *h, unsigned thread)
{
	stop_thread(h, thread);
	h->thread_states[thread] = NULL;
	return true;
}

bool mockhost_thread_join(struct mockhost *h, unsigned thread)
{
	return start_thread(h, thread, "thread_start") == POPART_OK;
}

struct mockhost *mockhost_start_watched(const struct popart_module *m,
	const char *const *options, unsigned threads, const struct mock_watch *watch,
	const char **why)
{
	struct mockhost *h = must(calloc(1, sizeof(*h)));
	const char *wrong;

	h->module = m;
	h->watch = watch;
	h->threads = threads ? threads : 1;
	h->thread_states = must(calloc(h->threads, sizeof(*h->thread_states)));
	h->self.host = h;
	h->conf.host = h;
	pthread_mutex_init(&h->mutex, NULL);
	set_table(h);
	wrong = configure(h, options);
	if (!wrong)
		wrong = bring_up(h);
	if (why)
		*why = wrong;
	if (wrong) {
		if (watch && watch->refused)
			watch->refused(watch->ctx, wrong, mockhost_log(h));
		mockhost_free(h);
		return NULL;
	}
	return h;
}

struct mockhost *mockhost_start(const struct popart_module *m, const char *const *options,
	unsigned threads, const char **why)
{
	return mockhost_start_watched(m, options, threads, NULL, why);
}

void mockhost_stop(struct mockhost **hp)
{
	struct mockhost *h = *hp;

	if (!h)
		return;
	*hp = NULL;
	for (unsigned i = 0; i < h->threads; i++)
		stop_thread(h, i);
	stop_module(h);
	mockhost_free(h);
}

void *mockhost_state(const struct mockhost *h)
{
	return h->state;
}

struct popart_instance *mockhost_instance(struct mockhost *h)
{
	return &h->self;
}

const struct popart_conf *mockhost_conf(const struct mockhost *h)
{
	return &h->conf;
}

const struct popart_host *mockhost_table(const struct mockhost *h)
{
	return &h->table;
}

const struct popart_storage_ops *mockhost_storage(const struct mockhost *h)
{
	return h->module->storage;
}

const struct popart_auth_ops *mockhost_auth(const struct mockhost *h)
{
	return h->module->auth;
}

const struct popart_account_ops *mockhost_accounts(const struct mockhost *h)
{
	return h->module->accounts;
}

void mock_call_begin(struct mock_call *c, struct mockhost *h, unsigned thread, uint64_t session)
{
	memset(c, 0, sizeof(*c));
	c->pub.size = sizeof(c->pub);
	c->pub.thread = thread;
	c->pub.thread_state = h->thread_states[thread];
	c->pub.session = session;
	c->pub.deadline_ms = INT64_MAX;
	c->host = h;
	if (!h->watch)
		return;
	pthread_mutex_lock(&h->mutex);
	c->next = h->calls;
	h->calls = c;
	pthread_mutex_unlock(&h->mutex);
}

void mock_call_named(struct mock_call *c, const char *op)
{
	c->named = true;
	enter(c->host, c->pub.thread, op);
}

static void forget(struct mockhost *h, const struct mock_call *c)
{
	pthread_mutex_lock(&h->mutex);
	for (struct mock_call **at = &h->calls; *at; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			break;
		}
	}
	pthread_mutex_unlock(&h->mutex);
}

void mock_call_end(struct mock_call *c)
{
	if (c->named)
		leave(c->host, c->pub.thread);
	if (c->host && c->host->watch)
		forget(c->host, c);
	for (struct piece *p = c->scratch, *next; p; p = next) {
		next = p->next;
		memset(p->bytes, 0xdd,
			p->n); /* who still reads it is not to get away with it */
		free(p);
	}
	c->scratch = NULL;
	c->named = false;
	c->host = NULL; /* it may be gone when the call is ended once more */
}

const char *mockhost_log(const struct mockhost *h)
{
	return h->log ? h->log : "";
}

size_t mockhost_log_lines(const struct mockhost *h)
{
	return h->log_lines;
}

void mockhost_log_clear(struct mockhost *h)
{
	free(h->log);
	h->log = NULL;
	h->log_len = h->log_lines = 0;
}

int64_t mockhost_stat(const struct mockhost *h, const char *name)
{
	const char *row = (const char *)h->module->stats;

	for (size_t i = 0; row; i++, row += h->module->stat_stride) {
		const struct popart_stat *s = (const void *)row;

		if (!s->name)
			break;
		if (strcmp(s->name, name) == 0)
			return atomic_load(&h->stats[i]);
	}
	fprintf(stderr, "mockhost: the module has no counter \"%s\"\n", name);
	abort();
}

void mockhost_stop_at(struct mockhost *h, unsigned nth)
{
	atomic_store(&h->stop_in, nth);
}

/* ---- a session's list, a source's octets ---- */

static int list_add(
	struct popart_msg_sink *sink, const struct popart_msg *msgs, size_t n, size_t stride)
{
	struct mock_list *l = (struct mock_list *)(void *)sink;

	for (size_t i = 0; i < n; i++) {
		const struct popart_msg *m = (const void *)((const char *)msgs + i * stride);
		struct mock_msg *to;

		if (l->fail_at && l->n >= l->fail_at)
			return POPART_E_NOMEM;
		if (l->n == l->cap) {
			l->cap = l->cap ? l->cap * 2 : 64;
			l->v = must(realloc(l->v, l->cap * sizeof(*l->v)));
		}
		to = &l->v[l->n++];
		memset(to, 0, sizeof(*to));
		to->ref = m->ref;
		to->wire_size = m->wire_size;
		to->received_s = m->received_s;
		to->flags = m->flags;
		to->uid_len = m->uid.len;
		if (m->uid.len < sizeof(to->uid) && m->uid.len)
			memcpy(to->uid, m->uid.ptr, m->uid.len);
	}
	return POPART_OK;
}

void mock_list_init(struct mock_list *l)
{
	memset(l, 0, sizeof(*l));
	l->sink.size = sizeof(l->sink);
	l->sink.add = list_add;
}

void mock_list_free(struct mock_list *l)
{
	free(l->v);
	mock_list_init(l);
}

unsigned char *mock_source_read(
	struct mock_call *c, struct popart_source *s, size_t *n, int64_t *error)
{
	size_t cap = 4096;
	unsigned char *buf = must(malloc(cap));

	*n = 0;
	*error = 0;
	for (;;) {
		int64_t got = 0;

		if (cap - *n < 2048)
			buf = must(realloc(buf, cap *= 2));
		if (s->kind == POPART_SRC_MEM)
			got = (int64_t)(s->length - *n < cap - *n ? s->length - *n : cap - *n);
		if (s->kind == POPART_SRC_MEM && got)
			memcpy(buf + *n, (const char *)s->mem + *n, (size_t)got);
		if (s->kind == POPART_SRC_FD && *n < s->length) {
			size_t want =
				s->length - *n < cap - *n ? (size_t)s->length - *n : cap - *n;

			got = pread(s->fd, buf + *n, want, (off_t)(s->offset + *n));
			if (got == 0)
				got = -EIO; /* shorter than promised */
			else if (got < 0)
				got = -errno;
		}
		if (s->kind == POPART_SRC_READ)
			got = s->read(s, &c->pub, buf + *n, cap - *n);
		if (got == 0 && s->kind == POPART_SRC_READ && s->length && *n != s->length)
			got = -EIO;
		if (got == 0)
			return buf;
		if (got < 0) {
			*error = got;
			free(buf);
			return NULL;
		}
		*n += (size_t)got;
	}
}

unsigned char *mock_wire(const unsigned char *in, size_t n, size_t *wire_n)
{
	unsigned char *out = must(malloc(n * 2 + 2));
	size_t o = 0;

	for (size_t i = 0; i < n; i++) {
		if (in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
			out[o++] = '\r';
		out[o++] = in[i];
	}
	if (n && in[n - 1] != '\n') {
		out[o++] = '\r';
		out[o++] = '\n';
	}
	*wire_n = o;
	return out;
}
