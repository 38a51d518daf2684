/* SPDX-License-Identifier: MIT */
/* What is asked of any module, whatever it is for: its tables, and how it comes and goes. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "check/harmless.h"
#include "check/meter.h"
#include "check/settings.h"
#include "check/suites.h"

enum { ROUNDS = 10 };

static const char start_clause[] =
	"module.h: popart_module.start: On failure nothing is left behind";
static const char stop_clause[] = "module.h: popart_module.stop";

/* ---- the descriptor ---- */

static bool is_line(const char *text)
{
	return text && text[0] && !strpbrk(text, "\r\n");
}

/* first: a small letter; then small letters, digits and `more`. */
static bool is_name(const char *text, const char *more)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz", digits[] = "0123456789";

	for (size_t i = 0; text[i]; i++)
		if (!strchr(letters, text[i]) &&
			(i == 0 || (!strchr(digits, text[i]) && !strchr(more, text[i]))))
			return false;
	return text[0] != '\0';
}

static void store_caps(struct tally *t, uint32_t caps)
{
	const uint32_t known = POPART_STORE_BLOCKS | POPART_STORE_SERIAL |
		POPART_STORE_ATOMIC_COMMIT | POPART_STORE_READ_ONLY | POPART_STORE_QUICK_READS;

	tally_holds(t, (caps & ~known) == 0, "storage.h: popart_storage_ops.caps",
		"storage's caps have bits that mean nothing: 0x%x", caps & ~known);
	tally_holds(t, !(caps & POPART_STORE_QUICK_READS) || (caps & POPART_STORE_BLOCKS),
		"storage.h: POPART_STORE_QUICK_READS: with BLOCKS",
		"storage says QUICK_READS, which means nothing without BLOCKS");
}

static void descriptor(struct tally *t, void *ctx)
{
	const uint32_t auth_caps = POPART_AUTH_BLOCKS | POPART_AUTH_SERIAL | POPART_AUTH_ACT_AS;
	const struct suite_module *sm = ctx;
	const struct popart_module *m = sm->module;
	const uint32_t needs =
		POPART_NEEDS_NETWORK | POPART_NEEDS_USER_IDS | POPART_NEEDS_PROCESS;

	tally_holds(t, m->name && is_name(m->name, "_-"), "module.h: popart_module.name",
		"the name is \"%s\"; small letters, digits, \"_\" and \"-\" make one that fits "
		"a "
		"file and a configuration",
		m->name ? m->name : "");
	tally_holds(t, is_line(m->version), "module.h: popart_module.version",
		"there is no version, or it is not one line");
	tally_holds(t, is_line(m->license), "module.h: popart_module.license",
		"there is no license, or it is not one line");
	tally_holds(t, is_line(m->summary), "module.h: popart_module.summary",
		"there is no summary, or it is not one line");
	tally_holds(t, (m->needs & ~needs) == 0, "module.h: popart_module.needs",
		"needs has bits that mean nothing: 0x%x", m->needs & ~needs);
	tally_holds(t, m->storage || m->auth, "module.h: at least one of the two",
		"there is neither storage nor auth");
	if (m->storage)
		store_caps(t, m->storage->caps);
	if (m->auth)
		tally_holds(t, (m->auth->caps & ~auth_caps) == 0,
			"auth.h: popart_auth_ops.caps",
			"auth's caps have bits that mean nothing: 0x%x",
			m->auth->caps & ~auth_caps);
}

static void entry(struct tally *t, void *ctx)
{
	const struct suite_module *sm = ctx;

	if (!sm->entry) {
		tally_skip(t, "the entry is not known here");
		return;
	}
	const struct popart_module *first = sm->entry();

	tally_holds(t, sm->entry() == first, "module.h: Static and constant",
		"popart_module_entry returned two different pointers");
}

/* ---- options ---- */

static const struct popart_opt *option(const struct popart_module *m, size_t i)
{
	const char *rows = (const char *)m->options;
	const struct popart_opt *opt = rows ? (const void *)(rows + i * m->opt_stride) : NULL;

	return opt && opt->name ? opt : NULL;
}

/* As the host would read it: where that has something to say, so do we. */
static void check_default(
	struct tally *t, const struct popart_module *m, const struct popart_opt *opt)
{
	struct popart_opt rows[2] = { *opt, { 0 } };
	struct popart_module alone = *m;
	struct settings settings;
	struct buf why;

	alone.options = rows;
	alone.opt_stride = sizeof(rows[0]);
	buf_init(&why, 4096);
	rows[0].flags &= ~(uint32_t)POPART_OPT_REQUIRED;
	if (settings_read(&settings, &alone, NULL, &why))
		settings_free(&settings);
	while (why.len && why.ptr[why.len - 1] == '\n')
		why.len--;
	tally_holds(t, why.len == 0, "conf.h: popart_opt.fallback",
		"the default of option \"%s\" does not fit: %s", opt->name, buf_cstr(&why));
	buf_free(&why);
}

static void check_row(
	struct tally *t, const struct popart_module *m, const struct popart_opt *opt)
{
	bool is_text = opt->type == POPART_OPT_PATH || opt->type == POPART_OPT_STRING;

	tally_holds(t, is_name(opt->name, "_"), "conf.h: popart_opt.name",
		"the option \"%s\" is not snake_case", opt->name);
	tally_holds(t,
		strcmp(opt->name, "module") != 0 && strcmp(opt->name, "name") != 0 &&
			strcmp(opt->name, "as_user") != 0,
		"conf.h: popart_opt.name",
		"the option \"%s\" has a name that is the server's own in every block",
		opt->name);
	tally_holds(t, is_line(opt->help), "conf.h: popart_opt.help",
		"the option \"%s\" has no help, or it is not one sentence", opt->name);
	if (!tally_holds(t, opt->type <= POPART_OPT_LIST, "conf.h: enum popart_opt_type",
		    "the option \"%s\" has the type %u, which is none", opt->name, opt->type))
		return;
	tally_holds(t, opt->min <= opt->max, "conf.h: popart_opt.min, max",
		"the option \"%s\" has a range in which nothing is", opt->name);
	tally_holds(t, !(opt->flags & POPART_OPT_TEMPLATE) || is_text,
		"conf.h: POPART_OPT_TEMPLATE",
		"the option \"%s\" is a template, but neither a path nor a string", opt->name);
	tally_holds(t, !(opt->flags & POPART_OPT_BESIDE) || opt->type == POPART_OPT_PATH,
		"conf.h: POPART_OPT_BESIDE", "the option \"%s\" is \"beside\", but no path",
		opt->name);
	tally_holds(t, !(opt->flags & POPART_OPT_REQUIRED) || !opt->fallback,
		"conf.h: POPART_OPT_REQUIRED",
		"the option \"%s\" is required, and has a default that nobody gets", opt->name);
	if (tally_holds(t, opt->type != POPART_OPT_ENUM || (opt->choices && opt->choices[0]),
		    "conf.h: popart_opt.choices", "the option \"%s\" has no choices",
		    opt->name))
		check_default(t, m, opt);
}

static void options(struct tally *t, void *ctx)
{
	const struct suite_module *sm = ctx;
	const struct popart_module *m = sm->module;
	const struct popart_opt *opt, *other;

	for (size_t i = 0; (opt = option(m, i)) != NULL; i++) {
		check_row(t, m, opt);
		for (size_t j = 0; j < i && (other = option(m, j)) != NULL; j++)
			tally_holds(t, strcmp(opt->name, other->name) != 0,
				"conf.h: popart_opt.name", "the option \"%s\" is there twice",
				opt->name);
	}
}

/* ---- statistics ---- */

static const struct popart_stat *stat_row(const struct popart_module *m, size_t i)
{
	const char *rows = (const char *)m->stats;
	const struct popart_stat *s = rows ? (const void *)(rows + i * m->stat_stride) : NULL;

	return s && s->name ? s : NULL;
}

static void statistics(struct tally *t, void *ctx)
{
	const struct suite_module *sm = ctx;
	const struct popart_module *m = sm->module;
	const struct popart_stat *s, *other;

	for (size_t i = 0; (s = stat_row(m, i)) != NULL; i++) {
		tally_holds(t, is_name(s->name, "-"), "module.h: popart_stat.name",
			"the counter \"%s\" has other than small letters, digits and \"-\" in "
			"its "
			"name",
			s->name);
		tally_holds(t, s->kind == POPART_STAT_COUNTER || s->kind == POPART_STAT_GAUGE,
			"module.h: enum popart_stat_kind",
			"\"%s\" is of kind %u, which is neither counter nor gauge", s->name,
			s->kind);
		tally_holds(t, is_line(s->help), "module.h: popart_stat.help",
			"the counter \"%s\" has no help, or it is not one sentence", s->name);
		for (size_t j = 0; j < i && (other = stat_row(m, j)) != NULL; j++)
			tally_holds(t, strcmp(s->name, other->name) != 0,
				"module.h: popart_stat.name",
				"the counter \"%s\" is there twice", s->name);
	}
}

/* ---- life ---- */

struct world {
	struct tally *tally;
	const struct suite_module *module;
	struct mockhost *host;
	void *hands;
	unsigned failures;
	pthread_mutex_t one;
};

static bool begin(struct world *w, struct tally *t, void *ctx)
{
	const char *why = NULL;

	*w = (struct world){ .tally = t, .module = ctx };
	pthread_mutex_init(&w->one, NULL);
	w->host = w->module->start(w->module->ctx, tally_watch(t), &w->hands, &why);
	return tally_holds(t, w->host != NULL, "module.h: popart_module.start",
		"no instance came up: %s", why ? why : "no reason");
}

static void end(struct world *w)
{
	w->module->stop(w->module->ctx, &w->host, w->hands);
	pthread_mutex_destroy(&w->one);
}

static void has_no_effects(struct tally *t, void *ctx)
{
	struct world w;

	if (begin(&w, t, ctx)) {
		if (w.module->module->check)
			harmless_check(t, w.module->module, w.host);
		else
			tally_skip(t, "the module has no check()");
	}
	end(&w);
}

static bool once_more(struct world *w)
{
	const char *why = NULL;

	w->host = w->module->again(w->module->ctx, tally_watch(w->tally), w->hands, &why);
	if (!tally_holds(w->tally, w->host != NULL, "module.h: popart_module.start",
		    "no instance came up over data that were there: %s",
		    why ? why : "no reason"))
		return false;
	mockhost_stop(&w->host);
	return true;
}

static bool ten_times(void *arg)
{
	struct world *w = arg;
	bool ok = true;

	for (int i = 0; i < ROUNDS && ok; i++)
		ok = once_more(w);
	return ok;
}

static void comes_and_goes(struct tally *t, void *ctx)
{
	struct world w;
	bool ok = begin(&w, t, ctx);

	if (ok && !w.module->again) {
		tally_skip(t, "there is no second instance over the same data");
	} else if (ok) {
		mockhost_stop(&w.host);
		meter_rounds(t, ten_times, &w, 8 * ROUNDS, stop_clause, "ten starts and stops");
	}
	end(&w);
}

/* A start that gets no more than `spare` descriptors. True: it went well nevertheless. */
static bool start_with(struct world *w, unsigned spare)
{
	struct rlimit before, now;
	const char *why = NULL;

	if (getrlimit(RLIMIT_NOFILE, &before) != 0)
		return true;
	now = before;
	now.rlim_cur = meter_limit(spare);
	(void)setrlimit(RLIMIT_NOFILE, &now);
	w->host = w->module->again(w->module->ctx, tally_watch(w->tally), w->hands, &why);
	(void)setrlimit(RLIMIT_NOFILE, &before);
	if (!w->host)
		return false;
	mockhost_stop(&w->host);
	return true;
}

/* Ever more descriptors, until it starts. */
static bool poor_starts(void *arg)
{
	struct world *w = arg;

	for (unsigned i = 0; i < ROUNDS; i++)
		w->failures += !start_with(w, i);
	return true;
}

static void fails_cleanly(struct tally *t, void *ctx)
{
	struct world w;
	bool ok = begin(&w, t, ctx);

	if (ok && !w.module->again) {
		tally_skip(t, "there is no second instance over the same data");
	} else if (ok) {
		mockhost_stop(&w.host);
		meter_rounds(t, poor_starts, &w, 8 * ROUNDS, start_clause,
			"starts that failed for lack of descriptors");
		if (w.failures == 0)
			tally_skip(t, "it starts without opening anything");
	}
	end(&w);
}

static void two_at_once(struct tally *t, void *ctx)
{
	struct world w[2];
	bool ok = begin(&w[0], t, ctx);

	ok = begin(&w[1], t, ctx) && ok;
	if (ok)
		mockhost_stop(&w[0].host); /* the other one does not mind */
	end(&w[1]);
	end(&w[0]);
}

/* ---- threads ---- */

struct hand {
	struct world *world;
	unsigned thread;
	bool joined;
};

static void *goes_and_comes(void *arg)
{
	struct hand *hand = arg;
	struct world *w = hand->world;

	hand->joined = true;
	for (int i = 0; i < ROUNDS; i++) { /* a host does it one after the other, too */
		pthread_mutex_lock(&w->one);
		mockhost_thread_leave(w->host, hand->thread);
		hand->joined = mockhost_thread_join(w->host, hand->thread) && hand->joined;
		pthread_mutex_unlock(&w->one);
	}
	return NULL;
}

static void with_threads(struct world *w, void *(*job)(void *))
{
	pthread_t threads[SUITE_THREADS];
	struct hand hands[SUITE_THREADS];
	unsigned n = 0;

	for (; n < SUITE_THREADS; n++) {
		hands[n] = (struct hand){ w, n, true };
		if (pthread_create(&threads[n], NULL, job, &hands[n]) != 0)
			break;
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		tally_holds(w->tally, hands[i].joined, "module.h: popart_module.thread_start",
			"thread_start failed on thread %u, when it had been called before", i);
	}
}

static bool forty_pairs(void *arg)
{
	with_threads(arg, goes_and_comes);
	return true;
}

static void threads(struct tally *t, void *ctx)
{
	struct world w;

	if (begin(&w, t, ctx)) {
		if (w.module->module->thread_start)
			meter_rounds(t, forty_pairs, &w, 8 * ROUNDS,
				"module.h: popart_module.thread_stop",
				"forty pairs of thread_start and thread_stop");
		else
			tally_skip(t, "the module has no thread_start()");
	}
	end(&w);
}

void suite_module(struct tally *t, const struct suite_module *sm)
{
	static const struct tally_test tests[] = {
		{ "the descriptor says what it is", descriptor },
		{ "the entry returns the same descriptor again", entry },
		{ "each option has a name, a sentence, and a default that fits", options },
		{ "each counter has a name, a kind and a sentence", statistics },
		{ "check() looks, and leaves everything as it is", has_no_effects },
		{ "it starts and stops ten times, and nothing is left", comes_and_goes },
		{ "a start that fails leaves nothing behind", fails_cleanly },
		{ "two instances live beside each other", two_at_once },
		{ "thread_start and thread_stop, on their threads", threads },
		{ NULL, NULL },
	};

	tally_run(t, sm->name, tests, (void *)(uintptr_t)sm);
}
