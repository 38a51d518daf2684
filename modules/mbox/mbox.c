/* SPDX-License-Identifier: MIT */
/* The module: options, counters, and a maildrop's way from open to close. */
#include "store.h"
#include "hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const formats[] = { "mboxrd", "mboxo", "mboxcl", "mboxcl2", NULL };

static const struct popart_opt options[] = {
	{ .name = "path",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED | POPART_OPT_TEMPLATE | POPART_OPT_BESIDE,
		.help = "The user's mailbox file." },
	{ .name = "state_dir",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED | POPART_OPT_TEMPLATE,
		.help = "A directory of the server's own, for indexes and journals." },
	{ .name = "format",
		.type = POPART_OPT_ENUM,
		.fallback = "mboxrd",
		.choices = formats,
		.help = "How messages are told apart, and lines that begin with \"From \" "
			"quoted." },
	{ .name = "lock",
		.type = POPART_OPT_STRING,
		.fallback = "fcntl dotlock",
		.help = "The locks to take, in this order: fcntl, flock, dotlock, "
			"dotlock_try." },
	{ .name = "lock_wait",
		.type = POPART_OPT_MSEC,
		.fallback = "20s",
		.min = 0,
		.max = 600000,
		.help = "How long to wait for a mailbox that another program has locked." },
	{ .name = "dotlock_stale",
		.type = POPART_OPT_MSEC,
		.fallback = "2m",
		.min = 10000,
		.max = 86400000,
		.help = "The age from which a dotlock of an unchanged mailbox is removed." },
	{ .name = "read_only",
		.type = POPART_OPT_BOOL,
		.fallback = "false",
		.help = "Write and remove nothing; deletions are accepted and forgotten." },
	{ .name = NULL }
};

static const struct popart_stat stats[] = {
	[STAT_READ_NOTHING] = { "read-nothing", POPART_STAT_COUNTER, 0,
		"Logins for which the index said everything." },
	[STAT_READ_NEW] = { "read-new", POPART_STAT_COUNTER, 0,
		"Logins for which the end of the mailbox was read." },
	[STAT_READ_ALL] = { "read-all", POPART_STAT_COUNTER, 0,
		"Logins for which the mailbox was read from its beginning." },
	[STAT_OCTETS_SCANNED] = { "octets-scanned", POPART_STAT_COUNTER, 0,
		"Octets read to find messages." },
	[STAT_FOUND_AGAIN] = { "found-again", POPART_STAT_COUNTER, 0,
		"Times that a mailbox, or its index, was changed by others in a session, and "
		"read again." },
	[STAT_LOCK_WAITS] = { "lock-waits", POPART_STAT_COUNTER, 0,
		"Times that another program had the lock." },
	[STAT_LOCK_FAILURES] = { "lock-failures", POPART_STAT_COUNTER, 0,
		"Locks that could not be had." },
	[STAT_INDEX_WRITES] = { "index-writes", POPART_STAT_COUNTER, 0,
		"Index files written." },
	[STAT_INDEX_FAILURES] = { "index-failures", POPART_STAT_COUNTER, 0,
		"Index files that could not be written." },
	[STAT_REPLAYED] = { "removals-finished", POPART_STAT_COUNTER, 0,
		"Interrupted removals that were finished from their journal." },
	[STAT_SET_ASIDE] = { "journals-set-aside", POPART_STAT_COUNTER, 0,
		"Journals that no longer fitted their mailbox." },
	[STAT_TAKEN_BACK] = { "deliveries-taken-back", POPART_STAT_COUNTER, 0,
		"Interrupted deliveries of which a part was taken out." },
	[STAT_REMOVED] = { "messages-removed", POPART_STAT_COUNTER, 0,
		"Messages removed at QUIT." },
	[STAT_OCTETS_MOVED] = { "octets-moved", POPART_STAT_COUNTER, 0,
		"Octets moved down to close up mailboxes." },
	[STAT_DELIVERED] = { "messages-delivered", POPART_STAT_COUNTER, 0, "Messages put in." },
	{ .name = NULL }
};

/* ---- small services ---- */

void count(const struct store *s, const struct popart_call *call, enum stat_index i, int64_t by)
{
	if (by)
		s->host->stat_add(s->inst, call, (uint32_t)i, by);
}

int status_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case ENOTDIR:
	case EISDIR:
	case EINVAL: /* not a regular file */
	case ELOOP:
	case ENAMETOOLONG:
	case EROFS:
		return POPART_R_PERM;
	case EDQUOT:
		return POPART_R_OVER_QUOTA;
	case ENOMEM:
		return POPART_E_NOMEM;
	default:
		return POPART_R_TEMP;
	}
}

int cannot(const struct store *s, const struct popart_call *call, const struct place *p,
	int error, const char *what)
{
	return s->host->fail(s->inst, call, status_of(error), NULL, error,
		"%s: cannot %s the mailbox", p->mailbox, what);
}

/* ---- instance ---- */

static int check_path(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, const char *option)
{
	struct popart_str path = host->conf_str(conf, option);

	if (path.len == 0 || (path.ptr[0] != '/' && path.ptr[0] != '%'))
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"%s = \"%.*s\" must be absolute: begin it with '/' or with %%h", option,
			(int)path.len, path.ptr);
	return POPART_OK;
}

static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	struct popart_str words = host->conf_str(conf, "lock");
	struct lock_plan plan;
	int status = check_path(host, inst, conf, "path");

	if (!status)
		status = check_path(host, inst, conf, "state_dir");
	if (!status && !lock_plan_read(&plan, words.ptr, words.len))
		status = host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"lock = \"%.*s\": name one or more of fcntl, flock, dotlock, "
			"dotlock_try, each once, with one dotlock at most",
			(int)words.len, words.ptr);
	return status;
}

/* It goes into file names and into dotlocks. */
static void set_host_name(struct lock_plan *plan)
{
	char *name = plan->host_name;

	if (gethostname(name, sizeof(plan->host_name)) != 0 || !name[0])
		snprintf(name, sizeof(plan->host_name), "localhost");
	name[sizeof(plan->host_name) - 1] = 0;
	for (char *c = name; *c; c++)
		if (*c <= 0x20 || *c > 0x7e || *c == '/')
			*c = '_';
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct popart_str words = host->conf_str(conf, "lock");
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return host->fail(inst, NULL, POPART_E_NOMEM, NULL, ENOMEM, "out of memory");
	s->host = host;
	s->inst = inst;
	s->conf = conf;
	s->format = (enum format)host->conf_int(conf, "format");
	s->read_only = host->conf_int(conf, "read_only") != 0;
	s->lock_wait_ms = host->conf_int(conf, "lock_wait");
	if (!lock_plan_read(&s->locks, words.ptr, words.len)) {
		free(s);
		return POPART_E_BUG; /* check() has passed it */
	}
	s->locks.stale_ms = host->conf_int(conf, "dotlock_stale");
	set_host_name(&s->locks);
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	free(state);
}

/* ---- maildrop ---- */

void ours_begin(const struct store *s, const struct popart_call *call)
{
	if (s->host->reach_as(call, POPART_AS_SERVER) != POPART_OK)
		s->host->log(s->inst, call, POPART_LOG_ERROR, "cannot be the server again");
}

/* Who remains the server is refused by the user's files, which is the safe side. */
void ours_end(const struct store *s, const struct popart_call *call)
{
	if (s->host->reach_as(call, POPART_AS_USER) != POPART_OK)
		s->host->log(s->inst, call, POPART_LOG_ERROR, "cannot be the user again");
}

void ours_forget_index(
	const struct store *s, const struct popart_call *call, const struct place *place)
{
	ours_begin(s, call);
	unlink(place->index);
	ours_end(s, call);
}

/* Two names of one file are one maildrop. While there is none, the name of our own files
 * stands for it, which comes of its path. */
static int maildrop_id(void *state, const struct popart_call *call,
	const struct popart_user *user, char id[64], size_t *len)
{
	struct store *s = state;
	struct place place;
	struct stat st;
	int n, status = place_find(s, call, user, &place);

	if (status)
		return status;
	if (stat(place.mailbox, &st) == 0)
		n = snprintf(
			id, 64, "mbox:%jx:%jx", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	else
		n = snprintf(id, 64, "mbox:%016jx",
			(uintmax_t)hash64(place.index, strlen(place.index)));
	*len = (size_t)n;
	place_free(&place);
	return POPART_OK;
}

static void drop_free(struct drop *d)
{
	index_free(&d->index);
	drop_forget_kept(d);
	place_free(&d->place);
	free(d->v);
	free(d);
}

static int drop_open(
	void *state, const struct popart_call *call, const struct popart_user *user, void **out)
{
	struct store *s = state;
	struct drop *d = calloc(1, sizeof(*d));
	struct box b = { .fd = -1 };
	int status;

	if (!d)
		return s->host->fail(
			s->inst, call, POPART_E_NOMEM, NULL, ENOMEM, "out of memory");
	d->store = s;
	status = place_find(s, call, user, &d->place);
	if (!status)
		status = box_open(&b, s, call, &d->place, 0);
	if (!status && b.fd >= 0)
		status = drop_take_inventory(d, call, &b);
	box_close(&b);
	if (status)
		drop_free(d);
	else
		*out = d;
	return status;
}

static void drop_close(void *drop, const struct popart_call *call)
{
	(void)call;
	drop_free(drop);
}

/* Locks of others may have to be waited for, so the calls run where waiting harms nobody.
 * Not ATOMIC_COMMIT: when a disk fails in the middle, the journal finishes the removal
 * later, after the client has been told that it did not happen yet. */
static const struct popart_storage_ops ops = {
	.size = sizeof(ops),
	.caps = POPART_STORE_BLOCKS | POPART_STORE_QUICK_READS,
	.maildrop_id = maildrop_id,
	.open = drop_open,
	.list = list_run,
	.message = message_open,
	.commit = commit_run,
	.close = drop_close,
	.deliver_begin = deliver_begin,
	.deliver_write = deliver_write,
	.deliver_finish = deliver_finish,
	.deliver_abandon = deliver_abandon,
	.check = check_run,
	.hidden_fields = text_hidden_fields,
};

POPART_MODULE(mbox, .version = POPART_VERSION, .license = "MIT",
	.summary = "messages in one file each: the mailboxes of Unix", .options = options,
	.stats = stats, .storage = &ops, .check = check, .start = start, .stop = stop);
