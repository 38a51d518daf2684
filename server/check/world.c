/* SPDX-License-Identifier: MIT */
#include "check/world.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK      "@scratch@"
#define VALUE_MAX (1u << 20)

struct world {
	const struct worlds *worlds;
	const struct mock_watch *watch;
	char dir[PATH_MAX];
};

/* ---- directories ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	(void)remove(path);
	return 0;
}

static void remove_tree(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool worlds_begin(struct worlds *w)
{
	const char *tmp = getenv("TMPDIR");

	if (snprintf(w->base, sizeof(w->base), "%s/popart-module-check.XXXXXX",
		    tmp && tmp[0] ? tmp : "/tmp") >= (int)sizeof(w->base) - 32) {
		errno = ENAMETOOLONG;
		return false;
	}
	w->attrs = calloc(w->ngiven + 1, sizeof(*w->attrs));
	for (size_t i = 0; w->attrs && i < w->ngiven; i++)
		w->attrs[i] = w->given[i];
	return w->attrs && mkdtemp(w->base);
}

void worlds_end(struct worlds *w)
{
	remove_tree(w->base);
	free(w->attrs);
	w->attrs = NULL;
}

/* ---- values ---- */

/* The value with each mark filled in; malloc'ed. NULL: out of memory. */
static char *fill_in(const char *value, size_t len, const char *dir)
{
	const char *end = value + len, *mark;
	struct buf out;
	char *copy;

	buf_init(&out, VALUE_MAX);
	while ((mark = memmem(value, (size_t)(end - value), MARK, strlen(MARK))) != NULL) {
		buf_add(&out, view_of(value, (size_t)(mark - value)));
		buf_add_str(&out, dir);
		value = mark + strlen(MARK);
	}
	buf_add(&out, view_of(value, (size_t)(end - value)));
	copy = strdup(buf_cstr(&out));
	buf_wipe(&out);
	return copy;
}

/* They live as long as the process: that of one test. */
static bool fill_in_attributes(const struct worlds *w, const char *dir)
{
	for (size_t i = 0; i < w->ngiven; i++) {
		struct popart_str value = w->given[i].value;
		char *filled = NULL;

		if (!memmem(value.ptr, value.len, MARK, strlen(MARK)))
			continue;
		filled = fill_in(value.ptr, value.len, dir);
		if (!filled)
			return false;
		w->attrs[i].value = view_str(filled);
	}
	return true;
}

static struct mockhost *start_in(
	const struct world *world, const struct mock_watch *watch, const char **why)
{
	const struct settings *s = world->worlds->settings;
	const char **options = calloc(s->n + 1, sizeof(*options));
	struct mockhost *h = NULL;
	size_t n = 0;

	*why = "out of memory";
	while (options && n < s->n) {
		options[n] = fill_in(s->texts[n], strlen(s->texts[n]), world->dir);
		if (!options[n])
			break;
		n++;
	}
	if (options && n == s->n)
		h = mockhost_start_watched(
			world->worlds->module, options, SUITE_THREADS, watch, why);
	while (n > 0)
		free((void *)(uintptr_t)options[--n]);
	free(options);
	return h;
}

/* ---- commands ---- */

struct command {
	const char *text, *user, *message; /* the latter may be NULL */
	struct popart_str input;
};

static bool set(const char *name, const char *value)
{
	return !value || setenv(name, value, 1) == 0;
}

static void become(const struct world *world, const struct command *c, const int *input)
{
	(void)dup2(input[0], STDIN_FILENO);
	(void)close(input[0]);
	(void)close(input[1]);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO); /* standard output is TAP */
	(void)signal(SIGPIPE, SIG_DFL);
	if (set("SCRATCH", world->dir) && set("POPART_USER", c->user) &&
		set("POPART_MESSAGE", c->message))
		execl("/bin/sh", "sh", "-c", c->text, (char *)NULL);
	_exit(127);
}

static bool write_all(int fd, struct popart_str text)
{
	while (text.len) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0)
			return errno == EPIPE; /* its exit status will tell */
		text.ptr += n;
		text.len -= (size_t)n;
	}
	return true;
}

static bool run(const struct world *world, const struct command *c)
{
	int pipes[2], state = -1;
	pid_t pid;
	bool ok;

	(void)signal(SIGPIPE, SIG_IGN);
	fflush(NULL);
	if (pipe(pipes) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		become(world, c, pipes);
	(void)close(pipes[0]);
	ok = pid > 0 && write_all(pipes[1], c->input);
	(void)close(pipes[1]);
	return pid > 0 && waitpid(pid, &state, 0) == pid && ok && WIFEXITED(state) &&
		WEXITSTATUS(state) == 0;
}

/* A command is no operation of the module's, but while commands run the test goes on. */
static bool run_by_hand(const struct world *world, const char *what, const struct command *c)
{
	world->watch->enter(world->watch->ctx, 0, what);
	bool ok = run(world, c);

	world->watch->leave(world->watch->ctx, 0);
	return ok;
}

bool world_put(void *hands, const char *user, const char *name, struct popart_str text)
{
	const struct world *world = hands;

	return run_by_hand(world, "the command of --put",
		&(struct command){ world->worlds->put, user, name, text });
}

bool world_vanish(void *hands, const char *user, const char *name)
{
	const struct world *world = hands;

	return run_by_hand(world, "the command of --vanish",
		&(struct command){
			.text = world->worlds->vanish, .user = user, .message = name });
}

bool world_cut(void *hands, const char *user, const char *name)
{
	const struct world *world = hands;

	return run_by_hand(world, "the command of --cut",
		&(struct command){ .text = world->worlds->cut, .user = user, .message = name });
}

/* ---- worlds ---- */

struct mockhost *world_start(
	void *ctx, const struct mock_watch *watch, void **hands, const char **why)
{
	const struct worlds *w = ctx;
	struct world *world = calloc(1, sizeof(*world));

	*hands = world;
	*why = "out of memory";
	if (!world)
		return NULL;
	world->worlds = w;
	world->watch = watch;
	snprintf(world->dir, sizeof(world->dir), "%.*s/world.XXXXXX",
		(int)sizeof(world->dir) - 32, w->base);
	if (!mkdtemp(world->dir)) {
		*why = "no directory could be made for it";
		return NULL;
	}
	if (!fill_in_attributes(w, world->dir))
		return NULL;
	if (w->prepare && !run(world, &(struct command){ .text = w->prepare })) {
		*why = "the command of --prepare failed";
		return NULL;
	}
	return start_in(world, watch, why);
}

const char *world_dir(const void *hands)
{
	const struct world *world = hands;

	return world->dir;
}

struct mockhost *world_again(
	void *ctx, const struct mock_watch *watch, void *hands, const char **why)
{
	(void)ctx;
	return start_in(hands, watch, why);
}

void world_stop(void *ctx, struct mockhost **h, void *hands)
{
	struct world *world = hands;

	(void)ctx;
	if (*h)
		mockhost_stop(h);
	if (!world)
		return;
	remove_tree(world->dir);
	free(world);
}
