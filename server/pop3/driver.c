/* SPDX-License-Identifier: MIT */
#include <popart/driver.h>

#include <stdlib.h>

#include "base/arena.h"
#include "pop3/source.h"
#include "pop3/turn.h"
#include "pop3/wire.h"

#define BODY_CAP   65536u /* octets read from a source at once */
#define ATTRS_MAX  64u    /* facts that auth may state about a user */
#define LOGIN_MAX  65536u /* octets of all that is kept of a login */
#define NAME_CAP   1024u  /* a prepared name */
#define SECRET_CAP 12288u /* a prepared password */
#define ID_CAP     64u    /* as in popart_storage_ops.maildrop_id */

struct popart_driver {
	const struct popart_driver_conf *conf;
	void *user;
	struct popart_session *session;
	char *peer, *local;
	size_t peer_len, local_len;

	/* From a good login until the maildrop is open. */
	struct arena arena;
	struct popart_str name;
	struct popart_attr *attrs;
	uint32_t nattrs;

	void *lock_id; /* NULL: not locked */
	size_t lock_len;
	void *drop;
	bool opened;

	struct popart_source src;
	char *room; /* while a message is under way */

	struct turn *turn; /* if popart_driver_turn is used */
};

static struct popart_call call_of(const struct popart_driver *d)
{
	return (struct popart_call){ .size = sizeof(struct popart_call),
		.session = (uint64_t)(uintptr_t)d,
		.deadline_ms = INT64_MAX };
}

/* What an auth module answers, for one call. */
struct answer {
	struct popart_auth_reply reply;
	struct popart_driver *driver;
	bool matched; /* a secret was given that is right */
};

static struct answer *answer_of(struct popart_auth_reply *reply)
{
	return CONTAINER_OF(reply, struct answer, reply);
}

static int set_user(struct popart_auth_reply *reply, struct popart_str name)
{
	struct popart_driver *d = answer_of(reply)->driver;

	d->name = arena_copy(&d->arena, name);
	return d->name.ptr ? POPART_OK : POPART_E_NOMEM;
}

static int set_attr(
	struct popart_auth_reply *reply, struct popart_str key, struct popart_str value)
{
	struct popart_driver *d = answer_of(reply)->driver;
	struct popart_attr attr = { arena_copy(&d->arena, key), arena_copy(&d->arena, value) };

	if (!d->attrs)
		d->attrs = arena_alloc(&d->arena, ATTRS_MAX * sizeof(*d->attrs));
	if (!d->attrs || !attr.key.ptr || !attr.value.ptr || d->nattrs == ATTRS_MAX)
		return POPART_E_NOMEM;
	d->attrs[d->nattrs++] = attr;
	return POPART_OK;
}

/* What the module's stored secret is held against: a password as the client sent it, or
 * an APOP digest over the stamp. */
struct proof {
	struct answer answer;
	struct popart_str given, stamp;
};

static bool digest_matches(
	const struct popart_driver *d, const struct proof *p, struct popart_str secret)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = p->stamp.len + secret.len;
	char *text = malloc(len > 0 ? len : 1), digits[32];
	uint8_t digest[16];

	if (!text)
		return false;
	if (p->stamp.len > 0)
		memcpy(text, p->stamp.ptr, p->stamp.len);
	if (secret.len > 0)
		memcpy(text + p->stamp.len, secret.ptr, secret.len);
	d->conf->md5(text, len, digest);
	explicit_bzero(text, len);
	free(text);
	for (size_t i = 0; i < sizeof(digest); i++) {
		digits[2 * i] = hex[digest[i] >> 4];
		digits[2 * i + 1] = hex[digest[i] & 15];
	}
	return view_eq_secret(view_of(digits, sizeof(digits)), p->given);
}

static int add_secret(struct popart_auth_reply *reply, struct popart_str scheme,
	struct popart_str value, struct popart_str salt, uint32_t rounds)
{
	struct proof *p = CONTAINER_OF(answer_of(reply), struct proof, answer);

	(void)salt;
	(void)rounds;
	if (!view_eq(scheme, VIEW_LIT("plain")))
		return POPART_OK;
	if (p->stamp.len > 0)
		p->answer.matched |= digest_matches(p->answer.driver, p, value);
	else
		p->answer.matched |= view_eq_secret(value, p->given);
	return POPART_OK;
}

static int ask_auth(struct popart_driver *d, const struct popart_step *step,
	const struct popart_login *login, struct popart_str secret)
{
	const struct popart_auth_ops *ops = d->conf->auth;
	struct popart_call call = call_of(d);
	bool apop = view_eq(step->mechanism, VIEW_LIT("APOP"));
	struct proof p = { .answer = { .reply = { .size = sizeof(p.answer.reply),
					       .set_user = set_user,
					       .set_attr = set_attr,
					       .add_secret = add_secret },
				   .driver = d },
		.given = secret,
		.stamp = apop ? step->stamp : VIEW_NONE };
	int status;

	if (!apop && ops->check_password)
		return ops->check_password(
			d->conf->auth_state, &call, login, secret, &p.answer.reply);
	if (!ops->fetch_secret)
		return POPART_R_UNSUPPORTED;
	status = ops->fetch_secret(d->conf->auth_state, &call, login, &p.answer.reply);
	if (status != POPART_OK)
		return status;
	return p.answer.matched ? POPART_OK : POPART_R_DENIED;
}

/* RFC 8265, by the embedder. */
static int prepare(
	const struct popart_driver *d, struct popart_str *v, int secret, char *room, size_t cap)
{
	size_t len = cap;

	if (!d->conf->prepare || v->len == 0)
		return POPART_OK;
	if (d->conf->prepare(*v, secret, room, &len) != 0 || len == 0 || len > cap)
		return POPART_R_DENIED;
	*v = view_of(room, len);
	return POPART_OK;
}

static int check_login(struct popart_driver *d, const struct popart_step *step,
	const struct popart_login *login, struct popart_str secret)
{
	const struct popart_auth_ops *ops = d->conf->auth;
	bool self = login->act_as.len == 0 || view_eq(login->act_as, login->user);
	struct popart_str owner = self ? login->user : login->act_as;
	int status = POPART_OK;

	if (!self && !(ops && ops->caps & POPART_AUTH_ACT_AS))
		return POPART_R_DENIED;
	if (ops)
		status = ask_auth(d, step, login, secret);
	if (status != POPART_OK || d->name.ptr)
		return status;
	d->name = arena_copy(&d->arena, owner);
	return d->name.ptr ? POPART_OK : POPART_E_NOMEM;
}

static void forget_login(struct popart_driver *d)
{
	arena_free(&d->arena);
	d->name = VIEW_NONE;
	d->attrs = NULL;
	d->nattrs = 0;
}

static int do_auth(struct popart_driver *d, const struct popart_step *step)
{
	bool apop = view_eq(step->mechanism, VIEW_LIT("APOP"));
	struct popart_login login = { .size = sizeof(login),
		.user = step->user,
		.act_as = step->act_as,
		.mechanism = step->mechanism,
		.peer = view_of(d->peer, d->peer_len),
		.local = view_of(d->local, d->local_len) };
	struct popart_str secret = step->secret;
	char user[NAME_CAP], act_as[NAME_CAP];
	char *room = malloc(SECRET_CAP);
	int status = room ? POPART_OK : POPART_E_NOMEM;

	forget_login(d);
	if (status == POPART_OK)
		status = prepare(d, &login.user, 0, user, sizeof(user));
	if (status == POPART_OK)
		status = prepare(d, &login.act_as, 0, act_as, sizeof(act_as));
	if (status == POPART_OK && !apop)
		status = prepare(d, &secret, 1, room, SECRET_CAP);
	if (status == POPART_OK)
		status = check_login(d, step, &login, secret);
	if (status != POPART_OK)
		forget_login(d);
	if (room)
		explicit_bzero(room, SECRET_CAP);
	free(room);
	return status;
}

static void unlock(struct popart_driver *d)
{
	if (d->lock_id && d->conf->unlock)
		d->conf->unlock(d->user, d->lock_id, d->lock_len);
	free(d->lock_id);
	d->lock_id = NULL;
}

static int lock(struct popart_driver *d, const struct popart_user *user)
{
	const struct popart_storage_ops *ops = d->conf->storage;
	struct popart_call call = call_of(d);
	struct popart_str id = user->name;
	char room[ID_CAP];
	size_t len = sizeof(room);
	int status = POPART_OK;

	if (!d->conf->lock)
		return POPART_OK;
	if (ops->maildrop_id) {
		status = ops->maildrop_id(d->conf->storage_state, &call, user, room, &len);
		if (status != POPART_OK)
			return status;
		id = view_of(room, len < sizeof(room) ? len : sizeof(room));
	}
	status = d->conf->lock(d->user, id.ptr, id.len);
	if (status != POPART_OK)
		return status;
	d->lock_id = malloc(id.len > 0 ? id.len : 1);
	if (!d->lock_id) {
		if (d->conf->unlock)
			d->conf->unlock(d->user, id.ptr, id.len);
		return POPART_E_NOMEM;
	}
	memcpy(d->lock_id, id.ptr, id.len);
	d->lock_len = id.len;
	return POPART_OK;
}

static void close_drop(struct popart_driver *d)
{
	struct popart_call call = call_of(d);

	if (d->opened)
		d->conf->storage->close(d->drop, &call);
	d->opened = false;
	unlock(d);
}

static int do_open(struct popart_driver *d)
{
	const struct popart_storage_ops *ops = d->conf->storage;
	struct popart_call call = call_of(d);
	struct popart_user user = {
		.size = sizeof(user), .nattrs = d->nattrs, .name = d->name, .attrs = d->attrs
	};
	int status = lock(d, &user);

	if (status == POPART_OK) {
		status = ops->open(d->conf->storage_state, &call, &user, &d->drop);
		d->opened = status == POPART_OK;
	}
	if (status == POPART_OK)
		status = ops->list(d->drop, &call, popart_session_sink(d->session));
	if (status != POPART_OK)
		close_drop(d);
	forget_login(d);
	return status;
}

static int do_message(struct popart_driver *d, uint64_t ref)
{
	struct popart_call call = call_of(d);

	d->src = (struct popart_source){ .size = sizeof(d->src), .fd = -1 };
	return d->conf->storage->message(d->drop, &call, ref, &d->src);
}

static void do_body(
	struct popart_driver *d, struct popart_io *io, const struct popart_step *step)
{
	struct popart_call call = call_of(d);
	struct popart_str piece = VIEW_NONE;
	int status = POPART_OK;

	if (!d->room && d->src.kind != POPART_SRC_MEM) {
		d->room = malloc(BODY_CAP);
		if (!d->room)
			status = POPART_E_NOMEM;
	}
	if (status == POPART_OK)
		status = source_read(
			&d->src, &call, step->offset, step->length, d->room, BODY_CAP, &piece);
	if (status != POPART_OK || piece.len == 0)
		popart_session_body_end(d->session, status);
	io->body = piece.ptr;
	io->body_len = piece.len;
}

static void do_release(struct popart_driver *d, uint64_t wire_sent)
{
	d->src.wire_sent = wire_sent;
	if (d->src.release)
		d->src.release(&d->src);
	free(d->room);
	d->room = NULL;
}

/* The lock goes as soon as the outcome is certain: the client may log in again the moment
 * it reads the answer, and closing can take its time. */
static void do_commit(struct popart_driver *d, const struct popart_step *step)
{
	const struct popart_storage_ops *ops = d->conf->storage;
	struct popart_call call = call_of(d);
	size_t removed = 0;
	int status = POPART_R_PERM;

	if (ops->commit)
		status = ops->commit(d->drop, &call, step->refs, step->nrefs, &removed);

	if (status == POPART_OK)
		removed = step->nrefs;
	unlock(d);
	popart_session_commit_done(d->session, status, VIEW_NONE, removed);
}

/* Meets one want. */
static void meet(struct popart_driver *d, enum popart_want want, struct popart_io *io,
	const struct popart_step *step)
{
	switch (want) {
	case POPART_WANT_AUTH:
		popart_session_auth_done(d->session, do_auth(d, step), VIEW_NONE);
		break;
	case POPART_WANT_OPEN:
		popart_session_open_done(d->session, do_open(d), VIEW_NONE);
		break;
	case POPART_WANT_MESSAGE:
		popart_session_message_done(
			d->session, do_message(d, step->ref), VIEW_NONE, &d->src);
		break;
	case POPART_WANT_BODY:
		do_body(d, io, step);
		break;
	case POPART_WANT_RELEASE:
		do_release(d, step->wire_sent);
		break;
	case POPART_WANT_COMMIT:
		do_commit(d, step);
		break;
	case POPART_WANT_CLOSE:
		close_drop(d);
		break;
	case POPART_WANT_INPUT:
	case POPART_WANT_OUTPUT:
	case POPART_WANT_DONE:
	default:
		break;
	}
}

static bool is_callers(enum popart_want want)
{
	return want == POPART_WANT_INPUT || want == POPART_WANT_OUTPUT ||
		want == POPART_WANT_DONE;
}

enum popart_want popart_driver_run(struct popart_driver *d, struct popart_io *io)
{
	struct popart_step step;
	enum popart_want want;

	for (;;) {
		want = popart_session_step(d->session, io, &step);
		if (is_callers(want))
			break;
		meet(d, want, io, &step);
	}
	if (step.flags & POPART_STEP_CUT)
		io->out_len = 0; /* so that no caller sends it by mistake */
	return want;
}

int popart_driver_turn(struct popart_driver *d, int socket)
{
	if (!d->turn)
		d->turn = calloc(1, sizeof(*d->turn));
	return d->turn ? turn_take(d->turn, d, socket) : 0;
}

int popart_driver_wire_size(int fd, uint64_t *size)
{
	struct popart_source src = {
		.size = sizeof(src), .kind = POPART_SRC_FD, .fd = fd, .length = INT64_MAX
	};
	char room[16384], sink[2 * sizeof(room)];
	uint64_t offset = 0, got;
	struct popart_str piece;
	struct wire wire;
	int status;

	wire_init(&wire, 0, WIRE_ALL);
	do {
		status = source_read(
			&src, NULL, offset, sizeof(room), room, sizeof(room), &piece);
		got = piece.len;
		offset += got;
		while (piece.len > 0)
			(void)wire_convert(&wire, &piece, sink, sizeof(sink));
	} while (got > 0);
	(void)wire_finish(&wire, sink);
	*size = wire.sent;
	return status;
}

static bool copy(char **to, size_t *len, struct popart_str from)
{
	*to = malloc(from.len > 0 ? from.len : 1);
	*len = *to ? from.len : 0;
	if (*len > 0)
		memcpy(*to, from.ptr, from.len);
	return *to;
}

struct popart_driver *popart_driver_new(const struct popart_driver_conf *conf, uint32_t flags,
	struct popart_str peer, struct popart_str local, struct popart_str stamp, void *user)
{
	struct popart_driver *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->conf = conf;
	d->user = user;
	arena_init(&d->arena, LOGIN_MAX);
	d->session =
		popart_session_new(conf->session, flags, conf->md5 ? stamp : VIEW_NONE, user);
	if (!d->session || !copy(&d->peer, &d->peer_len, peer) ||
		!copy(&d->local, &d->local_len, local))
		popart_driver_free(&d);
	return d;
}

void popart_driver_abort(struct popart_driver *d, const char *reason)
{
	popart_session_abort(d->session, reason);
}

void popart_driver_free(struct popart_driver **dp)
{
	struct popart_driver *d = *dp;
	struct popart_io io = { .size = sizeof(io) };

	if (!d)
		return;
	if (d->session) {
		popart_session_abort(d->session, "shutdown");
		(void)popart_driver_run(d, &io);
	}
	popart_session_free(&d->session);
	forget_login(d);
	free(d->turn);
	free(d->peer);
	free(d->local);
	free(d);
	*dp = NULL;
}
