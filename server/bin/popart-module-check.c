/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bin/module_check_options.h"
#include "check/describe.h"
#include "check/meter.h"
#include "check/world.h"
#include "host/loader.h"

enum { ALL_HOLDS = 0, NOT_ALL = 1, NOTHING_ASKED = 2, START_PATIENCE_S = 60 };

#define PROGRAM  "popart-module-check"
#define TEXT_MAX (256u << 10)

struct run {
	const struct module_check_options *options;
	struct module *module;
	struct settings settings;
	struct worlds worlds;
};

static void POPART_PRINTF(1, 2) complain(const char *fmt, ...)
{
	char line[4096];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, PROGRAM ": %s\n", line);
}

/* ---- the module ---- */

/* Where only we can write, under the same name: of that the loader has nothing to say. */
static bool copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	struct stat st;
	bool ok = in >= 0 && out >= 0 && fstat(in, &st) == 0;

	for (off_t at = 0; ok && at < st.st_size;)
		ok = sendfile(out, in, &at, (size_t)(st.st_size - at)) > 0;
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		ok = close(out) == 0 && ok;
	return ok;
}

static struct module *open_copy(struct run *r, struct buf *why)
{
	const char *file = r->options->file, *slash = strrchr(file, '/');
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s/%s", r->worlds.base, slash ? slash + 1 : file) >=
		(int)sizeof(copy)) {
		buf_printf(why, "%s: the name is too long", file);
		return NULL;
	}
	if (!copy_file(file, copy)) {
		buf_printf(why, "%s: cannot be copied: %s", file, strerror(errno));
		return NULL;
	}
	return loader_open(copy, why);
}

/* Whether others could write the file: then, and only then, --trust helps. */
static bool is_open_to_others(const char *file)
{
	char dir[PATH_MAX];
	struct stat st[2];
	const char *slash = strrchr(file, '/');

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - file + 1) : 1,
		slash ? file : ".");
	if (stat(file, &st[0]) != 0 || stat(dir, &st[1]) != 0)
		return false;
	for (int i = 0; i < 2; i++)
		if ((st[i].st_mode & (S_IWGRP | S_IWOTH)) ||
			(st[i].st_uid != 0 && st[i].st_uid != geteuid()))
			return true;
	return false;
}

/* What is said of a copy is meant of the file. */
static void say_refusal(const struct run *r, const char *why, bool curable)
{
	const char *file = r->options->file;
	size_t base = strlen(r->worlds.base);

	if (r->options->trust && strncmp(why, r->worlds.base, base) == 0) {
		const char *slash = strrchr(file, '/');

		why += base + 1 + strlen(slash ? slash + 1 : file);
		complain("%s%s", file, why);
	} else {
		complain("%s%s", why, curable ? "; or look past it, here, with --trust" : "");
	}
}

static bool load(struct run *r)
{
	const struct module_check_options *o = r->options;
	char path[PATH_MAX];
	struct buf why;

	/* As dlopen would look along its path for a name without a slash. */
	snprintf(path, sizeof(path), "%s%s", strchr(o->file, '/') ? "" : "./", o->file);
	buf_init(&why, TEXT_MAX);
	r->module = o->trust ? open_copy(r, &why) : loader_open(path, &why);
	if (!r->module)
		say_refusal(r, buf_cstr(&why), !o->trust && is_open_to_others(path));
	else if (o->trust && is_open_to_others(path))
		complain("warning: %s can be written by others; a server would not load it",
			o->file);
	buf_free(&why);
	return r->module;
}

static bool configure(struct run *r)
{
	struct buf why;
	bool ok;

	buf_init(&why, TEXT_MAX);
	ok = settings_read(&r->settings, &r->module->desc, r->options->settings, &why);
	for (struct popart_str rest = buf_view(&why); rest.ptr && rest.len;) {
		struct popart_str line = view_cut(&rest, '\n');

		complain("%s: %.*s", r->options->file, VIEW_FMT(line));
	}
	buf_free(&why);
	return ok;
}

/* ---- a first start, to say why there is none ---- */

static void ignore_enter(void *ctx, unsigned thread, const char *op)
{
	(void)ctx;
	(void)thread;
	(void)op;
}

static void ignore_leave(void *ctx, unsigned thread)
{
	(void)ctx;
	(void)thread;
}

static void say_broken(void *ctx, const char *clause, const char *sentence)
{
	(void)ctx;
	complain("%s (%s)", sentence, clause);
}

static void say_refused(void *ctx, const char *why, const char *log)
{
	const struct run *r = ctx;
	struct popart_str rest = view_str(log);

	complain("%s: does not start: %s", r->options->file, why);
	while (rest.ptr && rest.len) {
		struct popart_str line = view_cut(&rest, '\n');

		complain("%s: it says: %.*s", r->options->file, VIEW_FMT(line));
	}
}

static int start_once(struct run *r)
{
	const struct mock_watch watch = { r, ignore_enter, ignore_leave, say_broken,
		say_refused };
	const char *why = "";
	void *hands = NULL;
	struct mockhost *h;
	int status;

	(void)alarm(r->options->limit_s ? r->options->limit_s : START_PATIENCE_S);
	h = world_start(&r->worlds, &watch, &hands, &why);
	status = h ? ALL_HOLDS : NOTHING_ASKED;
	if (!h && !hands)
		complain("%s", why);
	world_stop(&r->worlds, &h, hands);
	return status;
}

/* In a process of its own, as it may crash. */
static bool starts(struct run *r)
{
	int state = -1;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(start_once(r));
	if (pid < 0 || waitpid(pid, &state, 0) != pid) {
		complain("no process could be made: %s", strerror(errno));
		return false;
	}
	if (WIFSIGNALED(state))
		complain("%s: does not start: %s", r->options->file,
			WTERMSIG(state) == SIGALRM ? "it gives no answer"
						   : strsignal(WTERMSIG(state)));
	return WIFEXITED(state) && WEXITSTATUS(state) == ALL_HOLDS;
}

/* ---- the suites ---- */

static void run_suites(struct run *r, struct tally *t, popart_module_entry_fn *entry)
{
	const struct module_check_options *o = r->options;
	const struct popart_module *m = &r->module->desc;
	const struct suite_module suite = { .name = m->name,
		.module = m,
		.entry = entry,
		.ctx = &r->worlds,
		.start = world_start,
		.again = world_again,
		.stop = world_stop,
		.attrs = r->worlds.attrs,
		.nattrs = r->worlds.ngiven,
		.mail = o->mail };
	const struct suite_hands hands = { .put = o->put ? world_put : NULL,
		.slow = true,
		.vanish = o->vanish ? world_vanish : NULL,
		.cut = o->cut ? world_cut : NULL };
	struct suite_account account = o->account;

	suite_module(t, &suite);
	if (m->storage && o->storage)
		suite_storage(t, &suite, &hands);
	if (m->auth && o->auth) {
		suite_auth(t, &suite, &account);
		suite_accounts(t, &suite);
	}
}

static popart_module_entry_fn *entry_of(const struct module *m)
{
	popart_module_entry_fn *entry = NULL;
	void *symbol = dlsym(m->handle, "popart_module_entry");

	memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast for this */
	return entry;
}

static int ask(struct run *r)
{
	const struct module_check_options *o = r->options;
	struct tally *t = tally_new(stdout, o->words);
	struct buf text;

	if (!t) {
		complain("out of memory");
		return NOTHING_ASKED;
	}
	if (o->limit_s)
		tally_limit(t, o->limit_s);
	if (o->action == MODULE_CHECK_LIST)
		tally_titles(t);
	buf_init(&text, TEXT_MAX);
	describe(&text, &r->module->desc);
	(void)fputs(buf_cstr(&text), stdout);
	buf_free(&text);
	run_suites(r, t, entry_of(r->module));
	return tally_end(&t) == 0 ? ALL_HOLDS : NOT_ALL;
}

static int work(struct run *r)
{
	bool lists = r->options->action == MODULE_CHECK_LIST;
	int status = NOTHING_ASKED;

	if (load(r) && (lists || configure(r))) {
		r->worlds.module = &r->module->desc;
		r->worlds.settings = &r->settings;
		if (lists || starts(r))
			status = ask(r);
	}
	settings_free(&r->settings);
	loader_close(&r->module);
	return status;
}

/* In a process of its own: whoever interrupts it, somebody is left to tidy up. */
static int guarded(struct run *r)
{
	int state = 0, signal;
	sigset_t signals, before;
	pid_t pid;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &before);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(work(r));
	}
	while (pid > 0 && waitpid(pid, &state, WNOHANG) == 0)
		if (sigwait(&signals, &signal) == 0 && signal != SIGCHLD)
			(void)kill(pid, SIGTERM);
	if (pid < 0)
		complain("no process could be made: %s", strerror(errno));
	return pid > 0 && WIFEXITED(state) ? WEXITSTATUS(state) : NOTHING_ASKED;
}

static int run(const struct module_check_options *o)
{
	struct run r = { .options = o };
	int status;

	r.worlds.prepare = o->prepare;
	r.worlds.put = o->put;
	r.worlds.vanish = o->vanish;
	r.worlds.cut = o->cut;
	r.worlds.given = o->attrs;
	r.worlds.ngiven = o->nattrs;
	if (!worlds_begin(&r.worlds)) {
		complain("no directory can be made in TMPDIR or /tmp: %s", strerror(errno));
		return NOTHING_ASKED;
	}
	status = guarded(&r);
	worlds_end(&r.worlds);
	return status;
}

int main(int argc, char **argv)
{
	struct module_check_options options;
	int status = NOTHING_ASKED;
	struct buf why;

	meter_exactly(argv);
	buf_init(&why, 1024);
	if (!module_check_options_parse(&options, argc, argv, &why))
		complain("%s", buf_cstr(&why));
	else if (options.action == MODULE_CHECK_HELP)
		status = fputs(module_check_options_help, stdout) < 0 ? NOT_ALL : ALL_HOLDS;
	else if (options.action == MODULE_CHECK_VERSION)
		status = printf(PROGRAM " %s (module ABI %u.%u)\n", POPART_VERSION,
				 POPART_API_MAJOR, POPART_API_MINOR) < 0
			? NOT_ALL
			: ALL_HOLDS;
	else
		status = run(&options);
	buf_free(&why);
	return status;
}
