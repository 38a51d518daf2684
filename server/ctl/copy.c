/* SPDX-License-Identifier: MIT */
/* copy: mail from one storage instance into another. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include "base/text.h"
#include "ctl/bar.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/names.h"
#include "ctl/stop.h"
#include "move/move.h"

#define WHY_MAX      4096u
#define WAIT_DEFAULT 10000

const struct ctl_option ctl_copy_options[] = {
	{ "from", "INSTANCE", "the storage that has the mail" },
	{ "to", "INSTANCE", "the storage that gets it" },
	{ "all", NULL, "everybody whom auth knows" },
	{ "verify", NULL, "read both afterwards, and compare every message" },
	{ "wait", "TIME", "how long to wait for a maildrop in use; 10s" },
	{ NULL, NULL, NULL },
};

struct copying {
	struct ctl *ctl;
	struct move move;
	struct bar bar;
	const char *user;
	json_t *users; /* with --json */
	struct move_count total;
	uint64_t ndone, nfailed; /* users */
	enum ctl_exit worst;
};

static void progress(void *ctx, const struct move_count *c)
{
	struct copying *k = ctx;
	char label[64];

	if (!k->bar.shown)
		return;
	(void)snprintf(
		label, sizeof(label), "%s%.40s", c->verifying ? "verifying " : "", k->user);
	bar_draw(&k->bar, label, c->messages_done, c->messages, c->octets_done, c->octets);
}

/* --- what comes of it -------------------------------------------------------------------- */

static void note_json(struct copying *k, const struct move_count *c, struct popart_str why)
{
	json_t *user = json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "user",
		json_text(view_str(k->user)), "messages", (json_int_t)c->messages, "octets",
		(json_int_t)c->octets, "copied", (json_int_t)c->copied, "copied_octets",
		(json_int_t)c->copied_octets, "there", (json_int_t)c->there, "gone",
		(json_int_t)c->gone, "others", (json_int_t)c->others, "verified", c->verified);

	if (user && why.len)
		(void)json_object_set_new(user, "error", json_text(why));
	if (!user || json_array_append_new(k->users, user) != 0)
		k->worst = ctl_exit_worse(k->worst, ctl_fail(CTL_FAILED, "out of memory"));
}

static void add_number(struct buf *line, uint64_t n, const char *what)
{
	if (n)
		buf_printf(line, ", %ju %s", (uintmax_t)n, what);
}

static void print_line(const char *who, const struct move_count *c)
{
	struct buf line;

	buf_init(&line, WHY_MAX);
	text_add_printable(&line, view_str(who), 256);
	buf_printf(&line, ": %ju message%s, %ju octets; %ju copied", (uintmax_t)c->messages,
		c->messages == 1 ? "" : "s", (uintmax_t)c->octets, (uintmax_t)c->copied);
	add_number(&line, c->there, "there already");
	add_number(&line, c->mended, "of them anew, after parts of an interrupted copy");
	add_number(&line, c->gone, "removed meanwhile by another program");
	add_number(&line, c->others, "others in the target");
	if (c->verified)
		buf_add_str(&line, "; verified");
	(void)printf("%s\n", buf_cstr(&line));
	(void)fflush(stdout);
	buf_free(&line);
}

static void add_up(struct move_count *total, const struct move_count *c)
{
	total->messages += c->messages;
	total->octets += c->octets;
	total->copied += c->copied;
	total->there += c->there;
	total->mended += c->mended;
	total->gone += c->gone;
	total->others += c->others;
}

/* A difference that was found is a "no", and so is a message that is in the way. */
static enum ctl_exit exit_of(int status)
{
	return status == POPART_E_CORRUPT ? CTL_NO : ctl_exit_for(status);
}

static void copy_user(struct copying *k, const char *name)
{
	struct move_count count;
	struct buf why, who;
	int status;

	k->user = name;
	buf_init(&why, WHY_MAX);
	buf_init(&who, 1024);
	bar_begin(&k->bar, !k->ctl->json);
	status = move_user(&k->move, view_str(name), &count, &why);
	bar_clear(&k->bar);
	text_quote(&who, view_str(name), 256);
	if (status != POPART_OK)
		k->worst = ctl_exit_worse(k->worst,
			ctl_fail(exit_of(status),
				"user %s: %s; %ju of %ju messages were copied", buf_cstr(&who),
				buf_cstr(&why), (uintmax_t)count.copied,
				(uintmax_t)count.messages));
	if (k->users)
		note_json(k, &count, buf_view(&why));
	else if (status == POPART_OK)
		print_line(name, &count);
	add_up(&k->total, &count);
	k->ndone++;
	k->nfailed += status != POPART_OK;
	buf_free(&who);
	buf_free(&why);
}

/* --- before it begins -------------------------------------------------------------------- */

static struct popart_instance *storage(struct copying *k, const char *option)
{
	const char *name = ctl_value(k->ctl, option);
	struct popart_instance *store =
		name ? host_storage_named(k->ctl->host, view_str(name)) : NULL;

	if (!name)
		k->worst = ctl_fail(CTL_USAGE, "copy: name a storage with --%s", option);
	else if (!store)
		k->worst = ctl_fail(
			CTL_USAGE, "--%s: no storage is called \"%.64s\"", option, name);
	return store;
}

static bool take_options(struct copying *k)
{
	const char *wait = ctl_value(k->ctl, "wait");

	k->move.wait_ms = WAIT_DEFAULT;
	k->move.verify = ctl_value(k->ctl, "verify") != NULL;
	k->move.from = storage(k, "from");
	k->move.to = k->move.from ? storage(k, "to") : NULL;
	if (!k->move.to)
		return false;
	if (k->move.from == k->move.to)
		k->worst = ctl_fail(CTL_USAGE, "--from and --to are the same storage");
	else if (wait && !text_parse_duration(view_str(wait), &k->move.wait_ms))
		k->worst = ctl_fail(
			CTL_USAGE, "--wait: \"%.64s\" is no time: it is like 10s", wait);
	return k->worst == CTL_OK;
}

/* Where the server that runs by this configuration has its locks, or will have them. Root has
 * made the directory before it became the server's user. */
static bool open_locks(struct copying *k)
{
	struct buf dir;

	buf_init(&dir, 4096);
	buf_printf(&dir, "%s/locks", k->ctl->conf->run_dir);
	if (mkdir(k->ctl->conf->run_dir, 0700) == 0 || errno == EEXIST)
		(void)mkdir(buf_cstr(&dir), 0700);
	k->move.locks = locks_new(buf_cstr(&dir), 8);
	if (!k->move.locks)
		k->worst = ctl_fail(CTL_FAILED,
			"cannot lock maildrops in %s: %s; be root, or the server's user",
			buf_cstr(&dir), strerror(errno));
	buf_free(&dir);
	return k->move.locks != NULL;
}

static void finish(struct copying *k)
{
	if (k->users) {
		(void)json_dumpf(k->users, stdout, JSON_INDENT(2));
		(void)fputs("\n", stdout);
	} else if (k->ndone > 1) {
		char label[64];

		(void)snprintf(label, sizeof(label), "%ju users, %ju failed",
			(uintmax_t)k->ndone, (uintmax_t)k->nfailed);
		print_line(label, &k->total);
	}
}

int ctl_copy_run(struct ctl *c)
{
	struct copying k = { .ctl = c,
		.move = { .host = c->host, .stopping = &c->stopping, .progress = progress } };
	struct stop *stop = stop_begin(&c->stopping);
	struct names names = { 0 };

	k.move.ctx = &k;
	if (take_options(&k))
		k.worst = (enum ctl_exit)names_take(&names, c);
	if (k.worst == CTL_OK && open_locks(&k)) {
		k.users = c->json ? json_array() : NULL;
		for (size_t i = 0; i < names.n && !atomic_load(&c->stopping); i++)
			copy_user(&k, names.v[i]);
		finish(&k);
	}
	if (atomic_load(&c->stopping) && k.worst == CTL_OK)
		k.worst = ctl_fail(CTL_LATER, "told to stop");
	json_decref(k.users);
	locks_free(&k.move.locks);
	names_free(&names);
	stop_end(&stop);
	return k.worst;
}
