/* SPDX-License-Identifier: MIT */
/* Real mail, and much of it. */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "check/session.h"
#include "check/storage.h"

enum { MAILS_MAX = 1000, MAIL_SIZE_MAX = 4 << 20, LARGE = 9 << 20 };

static bool load(const char *dir, const char *name, struct popart_str *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = name[0] == '.' ? NULL : fopen(path, "rbe");

	if (!f)
		return false;
	char *p = malloc(MAIL_SIZE_MAX);

	text->ptr = p;
	text->len = p ? fread(p, 1, MAIL_SIZE_MAX, f) : 0;
	fclose(f);
	return p != NULL;
}

static size_t load_all(const char *dir, struct popart_str *texts)
{
	struct dirent **found = NULL;
	int files = scandir(dir, &found, NULL, alphasort);
	size_t n = 0;

	for (int i = 0; i < files; i++) {
		if (n < MAILS_MAX && load(dir, found[i]->d_name, &texts[n]))
			n++;
		free(found[i]);
	}
	free(found);
	return n;
}

static void put_and_read(struct scene *s, const struct popart_str *texts, size_t n)
{
	struct session x;

	for (size_t i = 0; i < n; i++)
		if (!scene_put(s, USER_A, i, texts[i]))
			return;
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, n);
	for (size_t i = 0; i < x.list.n && i < n; i++)
		session_shows(&x, 0, i, texts[i]);
	session_close(&x, 0);
}

static void real_mail(struct scene *s)
{
	struct popart_str *texts;
	size_t n;

	if (!s->module->mail) {
		tally_skip(s->tally, "no directory of real mail was named");
		return;
	}
	texts = calloc(MAILS_MAX, sizeof(*texts));
	if (!texts)
		abort();
	n = load_all(s->module->mail, texts);
	tally_holds(s->tally, n > 0, "the suite", "there is no mail in %s", s->module->mail);
	put_and_read(s, texts, n);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)texts[i].ptr);
	free(texts);
}

/* Larger than any buffer, in two endless lines. */
static void large_message(struct scene *s)
{
	char *large = malloc(LARGE);

	if (!large)
		abort();
	memset(large, 'a', LARGE);
	large[LARGE / 2 + 1] = '\n';
	put_and_read(s, &(struct popart_str){ large, LARGE }, 1);
	free(large);
}

/* By hand that is quick; a delivery is as slow as a disk. */
static void many_messages(struct scene *s)
{
	static const char text[] = "Subject: one of many\n\n.\n";
	size_t many = s->hands->put && !s->hands->slow ? 3000 : 300, removed;
	uint64_t refs[1000];
	struct session x;

	for (size_t i = 0; i < many; i++)
		if (!scene_put(s, USER_A, i, (struct popart_str){ text, sizeof(text) - 1 }))
			return;
	if (!session_begin(&x, s, USER_A))
		return;
	if (!session_has(&x, many) || s->ops->caps & POPART_STORE_READ_ONLY) {
		session_close(&x, 0);
		return;
	}
	for (size_t i = 0; i < many / 3; i++)
		refs[i] = x.list.v[i * 3].ref;
	tally_holds(s->tally, session_commit(&x, 0, refs, many / 3, &removed) == POPART_OK,
		"storage.h: popart_storage_ops.commit", "commit of %zu messages failed: %s",
		many / 3, x.why);
	session_close(&x, 0);
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, many - many / 3);
	session_close(&x, 0);
	scene_expect(s, USER_A, 3, false);
	scene_expect(s, USER_A, 4, true);
}

const struct store_test volume_tests[] = {
	{ "real mail", NEEDS_MESSAGES, real_mail },
	{ "a message of nine megabytes", NEEDS_MESSAGES, large_message },
	{ "many messages", NEEDS_MESSAGES, many_messages },
	{ NULL, 0, NULL },
};
