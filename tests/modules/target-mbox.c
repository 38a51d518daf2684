/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modules/target.h"
#include "support/scratch.h"

enum { FORMATS = 4 };
static const char *const formats[FORMATS] = { "mboxrd", "mboxo", "mboxcl", "mboxcl2" };

struct way {
	const struct popart_module *module;
	unsigned format;
	char name[32];
};

struct world {
	unsigned format;
	char dir[64];
};

static const struct popart_module *load(const char **why)
{
	const char *build = getenv("TEST_BUILDDIR");
	popart_module_entry_fn *entry = NULL;
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s/modules/mbox/.libs/mbox.so", build ? build : ".");
	if (access(file, R_OK) != 0) {
		*why = "the module mbox is not built";
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
	const struct way *way = ctx;
	struct world *w = hands;
	char path[128], state[128], format[32];

	snprintf(path, sizeof(path), "path=%s/%%u", w->dir);
	snprintf(state, sizeof(state), "state_dir=%s/.state", w->dir);
	snprintf(format, sizeof(format), "format=%s", formats[w->format]);
	const char *const options[] = { path, state, format, NULL };
	return mockhost_start_watched(way->module, options, SUITE_THREADS, watch, why);
}

static struct mockhost *start(
	void *ctx, const struct mock_watch *watch, void **hands, const char **why)
{
	const struct way *way = ctx;
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->format = way->format;
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

/* ---- the mailbox, by a hand that is not the module's ---- */

static int open_box(const struct world *w, const char *user, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", w->dir, user);
	return open(path, flags | O_CLOEXEC, 0600);
}

static bool make(void *hands, const char *user)
{
	struct world *w = hands;
	int fd = open_box(w, user, O_WRONLY | O_CREAT);

	return fd >= 0 && close(fd) == 0;
}

static size_t line_len(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? (size_t)(lf - p) + 1 : (size_t)(end - p);
}

/* mboxcl2 needs no quotes where Content-Length counts. */
static bool to_be_quoted(const struct world *w, const char *p, size_t n, bool body)
{
	size_t skip = 0;

	while (w->format == 0 && skip < n && p[skip] == '>')
		skip++;
	return (w->format != 3 || !body) && n - skip >= 5 && memcmp(p + skip, "From ", 5) == 0;
}

/* Octets behind the first empty line; counts: whether there is one. */
static size_t body_len(struct popart_str text, bool *counts)
{
	const char *p = text.ptr, *end = p + text.len;

	for (*counts = false; p < end; p += line_len(p, end)) {
		if (*p == '\n' || (end - p > 1 && p[0] == '\r' && p[1] == '\n')) {
			*counts = true;
			return (size_t)(end - p) - line_len(p, end);
		}
	}
	return 0;
}

static bool put(void *hands, const char *user, const char *name, struct popart_str text)
{
	struct world *w = hands;
	const char *p = text.ptr, *end = p + text.len;
	int fd = open_box(w, user, O_WRONLY | O_CREAT | O_APPEND);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "ab");
	bool counts;
	size_t body = body_len(text, &counts);

	if (!f)
		return false;
	const char *behind = counts ? end - body : end;

	for (const char *q = end - body; q < end; q += line_len(q, end))
		body += to_be_quoted(w, q, line_len(q, end), true);
	counts = counts && w->format >= 2;
	fprintf(f, "From %s Thu Jan  1 00:00:00 2026\n", name);
	for (; p < end; p += line_len(p, end)) {
		if (counts && p + line_len(p, end) == behind)
			fprintf(f, "Content-Length: %zu\n", body);
		if (to_be_quoted(w, p, line_len(p, end), p >= behind))
			putc('>', f);
		fwrite(p, 1, line_len(p, end), f);
	}
	if (text.len && end[-1] == '\r')
		fputs("\r\n", f);
	else if (text.len && end[-1] != '\n')
		putc('\n', f);
	putc('\n', f);
	return fclose(f) == 0;
}

/* The whole file, malloc'ed, ending in NUL. */
static char *slurp(int fd, size_t *n)
{
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) != 0)
		return NULL;
	*n = (size_t)st.st_size;
	text = malloc(*n + 1);
	if (!text || pread(fd, text, *n, 0) != (ssize_t)*n)
		abort();
	text[*n] = 0;
	return text;
}

/* Begin and end of a message in the file. */
static bool find(const char *text, size_t n, const char *name, size_t *begin, size_t *end)
{
	char from[64];
	const char *at, *next;

	snprintf(from, sizeof(from), "From %s Thu ", name);
	at = memmem(text, n, from, strlen(from));
	if (!at)
		return false;
	*begin = (size_t)(at - text);
	next = memmem(at + 1, n - *begin - 1, "\nFrom M", 7);
	*end = next ? (size_t)(next - text) + 1 : n;
	return true;
}

/* As a mail reader does it that knows the lock: in place. */
static bool vanish(void *hands, const char *user, const char *name)
{
	struct world *w = hands;
	int fd = open_box(w, user, O_RDWR);
	size_t n = 0, begin, end;
	char *text = slurp(fd, &n);
	bool found = text && find(text, n, name, &begin, &end);

	if (found &&
		(pwrite(fd, text + end, n - end, (off_t)begin) != (ssize_t)(n - end) ||
			ftruncate(fd, (off_t)(n - (end - begin))) != 0))
		abort();
	free(text);
	if (fd >= 0)
		close(fd);
	return found;
}

static int has(void *hands, const char *user, const char *name)
{
	struct world *w = hands;
	int fd = open_box(w, user, O_RDONLY);
	size_t n = 0, begin, end;
	char *text = slurp(fd, &n);
	bool found = text && find(text, n, name, &begin, &end);

	free(text);
	if (fd >= 0)
		close(fd);
	return found;
}

/* And what is behind it goes, too. */
static bool cut(void *hands, const char *user, const char *name)
{
	struct world *w = hands;
	int fd = open_box(w, user, O_RDWR);
	size_t n = 0, begin, end;
	char *text = slurp(fd, &n);
	bool found = text && find(text, n, name, &begin, &end) &&
		ftruncate(fd, (off_t)((begin + end) / 2)) == 0;

	free(text);
	if (fd >= 0)
		close(fd);
	return found;
}

/* ---- what is to be seen of a message ---- */

static bool is_hidden(const char *p)
{
	static const char *const names[] = { "Status:", "X-Status:", "X-Keywords:", "X-UID:",
		"X-IMAP:", "X-IMAPbase:", "Content-Length:" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncasecmp(p, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static char *shown(void *hands, struct popart_str text, size_t *n)
{
	struct world *w = hands;
	const char *p = text.ptr, *end = p + text.len;
	char *out = malloc(text.len * 2 + 1);
	bool body = false, hidden = false;

	if (!out)
		abort();
	for (*n = 0; p < end; p += line_len(p, end)) {
		size_t len = line_len(p, end);

		if (p[0] == '\n' || (len == 2 && p[0] == '\r'))
			body = true;
		else if (!body && p[0] != ' ' && p[0] != '\t')
			hidden = is_hidden(p);
		if (!body && hidden)
			continue;
		/* Nobody can tell who wrote the '>'. */
		if (w->format > 0 && to_be_quoted(w, p, len, body))
			out[(*n)++] = '>';
		memcpy(out + *n, p, len);
		*n += len;
	}
	return out;
}

unsigned target_ways(struct target ways[TARGET_WAYS], const char **why)
{
	static struct way mine[FORMATS];
	const struct popart_module *module = load(why);

	for (unsigned i = 0; i < FORMATS; i++) {
		mine[i] = (struct way){ .module = module, .format = i };
		snprintf(mine[i].name, sizeof(mine[i].name), "mbox, %s", formats[i]);
		ways[i].module = (struct suite_module){ .name = mine[i].name,
			.module = module,
			.ctx = &mine[i],
			.start = start,
			.again = again,
			.stop = stop };
		ways[i].hands = (struct suite_hands){ .make = make,
			.put = put,
			.vanish = vanish,
			.has = has,
			.cut = cut,
			.shown = shown };
	}
	/* As somebody's module is checked: with nothing but itself. */
	ways[FORMATS].module = ways[0].module;
	ways[FORMATS].module.name = "mbox, no hands";
	return module ? FORMATS + 1 : 0;
}
