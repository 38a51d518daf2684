/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modules/target.h"
#include "support/scratch.h"

struct world {
	char dir[64];
};

static const struct popart_module *load(const char **why)
{
	const char *build = getenv("TEST_BUILDDIR");
	popart_module_entry_fn *entry = NULL;
	char file[PATH_MAX];

	snprintf(
		file, sizeof(file), "%s/modules/maildir/.libs/maildir.so", build ? build : ".");
	if (access(file, R_OK) != 0) {
		*why = "the module maildir is not built";
		return NULL;
	}
	void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	void *symbol = handle ? dlsym(handle, "popart_module_entry") : NULL;

	if (!symbol) {
		fprintf(stderr, "%s\n", dlerror());
		abort();
	}
	memcpy(&entry, &symbol, sizeof(entry));
	return entry();
}

static struct mockhost *again(
	void *ctx, const struct mock_watch *watch, void *hands, const char **why)
{
	const struct popart_module *module = ctx;
	struct world *w = hands;
	char path[128];

	snprintf(path, sizeof(path), "path=%s/%%u", w->dir);
	const char *const options[] = { path, NULL };
	return mockhost_start_watched(module, options, SUITE_THREADS, watch, why);
}

static struct mockhost *start(
	void *ctx, const struct mock_watch *watch, void **hands, const char **why)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	scratch_make(w->dir, sizeof(w->dir), scratch_memory());
	*hands = w;
	return again(ctx, watch, w, why);
}

static void stop(void *ctx, struct mockhost **host, void *hands)
{
	struct world *w = hands;

	(void)ctx;
	mockhost_stop(host);
	scratch_remove(w->dir);
	free(w);
}

static bool make_part(const char *dir, const char *user, const char *sub)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", dir, user, sub);
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool make(void *hands, const char *user)
{
	struct world *w = hands;

	return make_part(w->dir, user, "") && make_part(w->dir, user, "tmp") &&
		make_part(w->dir, user, "new") && make_part(w->dir, user, "cur");
}

static bool put(void *hands, const char *user, const char *name, struct popart_str text)
{
	struct world *w = hands;
	char path[PATH_MAX];

	if (!make(w, user))
		return false;
	snprintf(path, sizeof(path), "%s/%s/new/1700000000.%s.example", w->dir, user, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool whole = write(fd, text.ptr, text.len) == (ssize_t)text.len;
	close(fd);
	return whole;
}

/* The message's file in new or cur, with whatever flags it has by now. */
static bool find(struct world *w, const char *user, const char *name, char path[PATH_MAX])
{
	static const char *const subs[] = { "new", "cur" };
	char base[256];
	bool found = false;

	int len = snprintf(base, sizeof(base), "1700000000.%s.example", name);
	for (size_t i = 0; i < 2 && !found; i++) {
		char dir[PATH_MAX / 2];
		snprintf(dir, sizeof(dir), "%s/%s/%s", w->dir, user, subs[i]);
		DIR *d = opendir(dir);
		if (!d)
			continue;
		for (struct dirent *e; !found && (e = readdir(d));) {
			if (strncmp(e->d_name, base, (size_t)len) == 0) {
				snprintf(path, PATH_MAX, "%s/%s", dir, e->d_name);
				found = true;
			}
		}
		closedir(d);
	}
	return found;
}

static bool vanish(void *hands, const char *user, const char *name)
{
	char path[PATH_MAX];

	return find(hands, user, name, path) && unlink(path) == 0;
}

static int has(void *hands, const char *user, const char *name)
{
	char path[PATH_MAX];

	return find(hands, user, name, path);
}

static bool cut(void *hands, const char *user, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return find(hands, user, name, path) && stat(path, &st) == 0 &&
		truncate(path, st.st_size / 2) == 0;
}

unsigned target_ways(struct target ways[TARGET_WAYS], const char **why)
{
	const struct popart_module *module = load(why);

	const struct suite_module own = { .name = "maildir",
		.module = module,
		.ctx = (void *)(uintptr_t)module,
		.start = start,
		.again = again,
		.stop = stop };

	ways[0].module = own;
	ways[0].hands = (struct suite_hands){
		.make = make, .put = put, .vanish = vanish, .has = has, .cut = cut
	};
	/* As somebody's module is checked: with nothing but itself. */
	ways[1].module = own;
	ways[1].module.name = "maildir, no hands";
	return module ? 2 : 0;
}
