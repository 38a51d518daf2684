/* SPDX-License-Identifier: MIT */
/*
 * The suite of all stores finds what is wrong with a store: one fault at a time, planted in
 * one that has none without it; and the sentence says what it is. It finds nothing in stores
 * of every kind that the header allows.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "check/suites.h"
#include "support/scratch.h"

const struct popart_module *popart_module_entry_filestore(void);

/* Which tests to run, by their titles, and what they have to say. */
static const struct row {
	const char *fault, *words[3], *sentence;
	bool traced; /* it takes ptrace to find it */
} rows[] = {
	{ "size", { "sizes and octets" }, "and a RETR would send", false },
	{ "uid-long", { "sizes and octets" }, "has a unique-id of 71 octets", false },
	{ "uid-twice", { "sizes and octets" }, "two messages have the unique-id", false },
	{ "uid-position", { "stay when others" }, "after others were removed it has", false },
	{ "uid-again", { "never given" }, "was that of a message that is removed", false },
	{ "lock-fcntl", { "second open" }, "in another thread and", false },
	{ "lock-kept", { "second open" }, "after close, the next open fails", false },
	{ "vanished-io", { "vanished" }, "not R_GONE", false },
	{ "drop-touched", { "second open" }, "has changed *drop", false },
	{ "commit-more", { "exactly what" }, "were removed, and", false },
	{ "commit-none", { "exactly what" }, "still in the store", false },
	{ "commit-counts", { "exactly what" }, "says that 4 were removed", false },
	{ "commit-unsynced", { "commit is synced" }, "commit has removed 2 files since", true },
	{ "commit-moves", { "session that commits" }, "which was not named, is gone", true },
	{ "commit-cancelled", { "never cancelled" }, "a deadline that is over failed", false },
	{ "leak-memory", { "leave no memory" }, "more octets of memory", false },
	{ "leak-descriptor", { "leave no memory" }, "more descriptors are open", false },
	{ "crash", { "sizes and octets" }, "in message (fourth call)", false },
	{ "exits", { "sizes and octets" },
		"ended the process with exit status 3 in list (first call)", false },
	{ "hangs", { "unique-ids stay" }, "gave no answer for 4 s in open (second call)",
		false },
	{ "thread-local", { "moves between" }, "moves between threads, list failed", false },
	{ "stat-index", { "an empty maildrop" }, "the table has 0 rows", false },
	{ "option", { "an empty maildrop" }, "asked for the option \"depth\"", false },
	{ "fail-status", { "sizes and octets" }, "open gave fail() E_IO and returned R_TEMP",
		false },
	{ "status", { "sizes and octets" }, "4711, which is no status", false },
	{ "call-kept", { "sizes and octets" }, "a call that is none, or has ended", false },
	{ "form", { "what is said" }, "has a bare LF, and its form says CRLF", false },
	{ "body", { "what is said" }, "and body_offset is 1", false },
	{ "mapping", { "cut short" }, "died of SIGBUS", false },
	{ "short-read", { "cut short" }, "and came, without an error, with", false },
	{ "sink-ignored", { "list stops" }, "list went on after the sink had said no", false },
	{ "not-frozen", { "by open, not by list" }, "were there at open, and", false },
	{ "abandoned", { "abandoned" }, "of one delivery and four that were abandoned", false },
	{ "deliver-unsynced", { "a delivery is synced" }, "synced none", true },
	{ "deliver-cut", { "without room a delivery" }, "that are not those", false },
	{ "stop", { "stop_asked" }, "asked to stop, returned R_TEMP", false },
	{ "id", { "maildrop_id" }, "another when it is asked again", false },
	{ "reserved", { "sizes and octets" }, "with reserved 1", false },
	{ "kind", { "sizes and octets" }, "a source of kind 4", false },
	{ "overlaps", { "side by side" }, "the module died of SIGABRT", false },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* ---- the worlds ---- */

/* What every world is one of. */
struct kind {
	const char *fault, *where; /* worlds are made */
	struct popart_module module;
	struct popart_storage_ops ops;
};

struct world {
	const struct popart_module *module;
	char dir[64];
};

static struct mockhost *again(
	void *ctx, const struct mock_watch *watch, void *hands, const char **why)
{
	const struct kind *kind = ctx;
	struct world *w = hands;
	char path[128], fault[64];

	snprintf(path, sizeof(path), "path=%s/%%{box}", w->dir);
	snprintf(fault, sizeof(fault), "fault=%s", kind->fault);
	const char *const options[] = { path, fault, NULL };
	return mockhost_start_watched(w->module, options, SUITE_THREADS, watch, why);
}

static struct mockhost *start(
	void *ctx, const struct mock_watch *watch, void **hands, const char **why)
{
	const struct kind *kind = ctx;
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->module = &kind->module;
	scratch_make(w->dir, sizeof(w->dir), kind->where);
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

/* ---- hands ---- */

static bool make(void *hands, const char *user)
{
	struct world *w = hands;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", w->dir, user);
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* Names begin as those of the store, so that they sort as messages arrive. */
static bool put(void *hands, const char *user, const char *name, struct popart_str text)
{
	struct world *w = hands;
	struct timespec now;
	char path[256];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(path, sizeof(path), "%s/%s/%020lld.%09ld-%s", w->dir, user,
		(long long)now.tv_sec, now.tv_nsec, name);
	FILE *f = make(hands, user) ? fopen(path, "wbxe") : NULL;
	bool whole = f && fwrite(text.ptr, 1, text.len, f) == text.len;

	return f && fclose(f) == 0 && whole;
}

static bool find(void *hands, const char *user, const char *name, char path[512])
{
	struct world *w = hands;
	char dir[128];
	bool found = false;

	snprintf(dir, sizeof(dir), "%s/%s", w->dir, user);
	DIR *d = opendir(dir);

	for (struct dirent *e; d && !found && (e = readdir(d));) {
		found = strstr(e->d_name, name) != NULL;
		snprintf(path, 512, "%s/%s", dir, e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

static bool vanish(void *hands, const char *user, const char *name)
{
	char path[512];

	return find(hands, user, name, path) && unlink(path) == 0;
}

static int has(void *hands, const char *user, const char *name)
{
	char path[512];

	return find(hands, user, name, path);
}

static bool cut(void *hands, const char *user, const char *name)
{
	char path[512];

	return find(hands, user, name, path) && truncate(path, 10) == 0;
}

static const struct suite_hands hands = {
	.make = make, .put = put, .vanish = vanish, .has = has, .cut = cut
};

/* ---- the test ---- */

static const char nothing[] = "none";

static struct kind kind_with(const char *fault, const char *where)
{
	const struct popart_module *m = popart_module_entry_filestore();

	return (struct kind){
		.fault = fault, .where = where, .module = *m, .ops = *m->storage
	};
}

/* What the suite says, malloc'ed; *passes: what its end says. */
static char *run(struct kind *kind, const char *const *words, const struct suite_hands *with,
	bool *passes)
{
	static const struct popart_attr box = { { "box", 3 }, { "%u", 2 } };
	const struct suite_module module = { .name = kind->fault,
		.module = &kind->module,
		.ctx = kind,
		.start = start,
		.again = again,
		.stop = stop,
		.attrs = &box,
		.nattrs = 1 };
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct tally *t = out ? tally_new(out, words) : NULL;

	if (!t)
		abort();
	kind->module.storage = &kind->ops;
	tally_limit(t, strcmp(kind->fault, "hangs") == 0 ? 4 : 600);
	suite_storage(t, &module, with);
	*passes = tally_end(&t) == 0;
	fclose(out);
	return text;
}

static void print_as_comment(const char *text)
{
	for (const char *line = text, *end; *line; line = end) {
		end = strchrnul(line, '\n');
		printf("# %.*s\n", (int)(end - line), line);
		end += *end != 0;
	}
}

static bool report(bool ok, unsigned nth, const char *title, const char *text)
{
	printf("%s %u - %s\n", ok ? "ok" : "not ok", nth, title);
	if (!ok)
		print_as_comment(text);
	fflush(stdout);
	return ok;
}

static bool finds(const struct row *r, const char *where, unsigned nth)
{
	struct kind kind = kind_with(r->fault, where);
	bool passes;
	char title[128];
	char *text = run(&kind, r->words, &hands, &passes);

	bool found = !passes && strstr(text, r->sentence), skipped = strstr(text, "# SKIP");

	snprintf(title, sizeof(title), "the fault \"%s\" is found", r->fault);
	if (!found && r->traced && skipped)
		printf("ok %u - %s # SKIP not without ptrace\n", nth, title);
	else
		(void)report(found, nth, title, text);
	free(text);
	return found || (r->traced && skipped);
}

static bool is_sound(
	struct kind *kind, const struct suite_hands *with, unsigned nth, const char *title)
{
	bool passes;
	char *text = run(kind, NULL, with, &passes);
	bool ok = report(passes, nth, title, text);

	free(text);
	return ok;
}

static int commit_refuses(void *drop, const struct popart_call *call, const uint64_t *refs,
	size_t n, size_t *removed)
{
	(void)drop;
	(void)call;
	(void)refs;
	(void)n;
	(void)removed;
	return POPART_R_PERM;
}

static bool kinds_are_sound(const char *where, unsigned *nth)
{
	struct kind plain = kind_with(nothing, where), serial = kind_with("overlaps", where),
		    fixed = kind_with(nothing, where), bare = kind_with(nothing, where);
	bool ok = is_sound(&plain, &hands, ++*nth, "a store without a fault passes");

	ok &= is_sound(&plain, NULL, ++*nth, "it passes with nothing but itself");
	serial.ops.caps = POPART_STORE_SERIAL;
	ok &= is_sound(&serial, &hands, ++*nth, "so does one that takes one call at a time");
	fixed.ops.caps = POPART_STORE_READ_ONLY;
	fixed.ops.commit = commit_refuses;
	ok &= is_sound(&fixed, &hands, ++*nth, "one that is read-only");
	bare.ops =
		(struct popart_storage_ops){ .size = offsetof(struct popart_storage_ops, check),
			.caps = POPART_STORE_READ_ONLY,
			.open = plain.ops.open,
			.list = plain.ops.list,
			.message = plain.ops.message,
			.close = plain.ops.close };
	ok &= is_sound(&bare, &hands, ++*nth, "one with the least that there can be");
	return ok & is_sound(&bare, NULL, ++*nth, "and that with nothing but itself");
}

int main(void)
{
	unsigned n = 0;
	char where[64];

	/* Whose process dies leaves its world, so they are all in one place. */
	scratch_make(where, sizeof(where), scratch_memory());
	bool ok = kinds_are_sound(where, &n);

	for (size_t i = 0; i < ROWS; i++)
		ok &= finds(&rows[i], where, ++n);
	scratch_remove(where);
	printf("1..%u\n", n);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
