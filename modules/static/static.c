/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <popart/module.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * One user, named in the configuration; or, for looking at a folder of mail on one's own
 * machine, everybody who connects from there.
 */

struct state {
	const struct popart_host *host;
	struct popart_instance *inst;
	bool any;
	struct popart_str user, password;    /* the configuration's, as long as the instance */
	const struct popart_str *attributes; /* "key=value" each */
	size_t nattributes;
};

static const struct popart_opt options[] = {
	{ .name = "user", .type = POPART_OPT_STRING, .help = "The user's name." },
	{ .name = "password",
		.type = POPART_OPT_STRING,
		.flags = POPART_OPT_SECRET,
		.help = "The user's password, in plain text." },
	{ .name = "any",
		.type = POPART_OPT_BOOL,
		.fallback = "false",
		.help = "Accept every name and password, from this machine only." },
	{ .name = "attributes",
		.type = POPART_OPT_LIST,
		.help = "Facts for the store, each as \"key=value\"." },
	{ .name = NULL },
};

/* False: there is no "=" or nothing before it. */
static bool split(struct popart_str text, struct popart_str *key, struct popart_str *value)
{
	const char *equals = text.len ? memchr(text.ptr, '=', text.len) : NULL;

	if (!equals || equals == text.ptr)
		return false;
	key->ptr = text.ptr;
	key->len = (size_t)(equals - text.ptr);
	value->ptr = equals + 1;
	value->len = text.len - key->len - 1;
	return true;
}

static int check_attributes(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	const struct popart_str *list;
	size_t n = host->conf_list(conf, "attributes", &list);
	struct popart_str key, value;

	for (size_t i = 0; i < n; i++) {
		if (!split(list[i], &key, &value))
			return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
				"attributes: \"%.*s\" is not of the form \"key=value\"",
				(int)list[i].len, list[i].ptr);
	}
	return POPART_OK;
}

static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	bool user = host->conf_str(conf, "user").len > 0;
	bool password = host->conf_str(conf, "password").len > 0;
	const char *wrong = NULL;

	if (host->conf_int(conf, "any")) {
		if (user || password)
			wrong = "any = true accepts every name and password; take it out, or "
				"take "
				"out user and password";
	} else if (!user) {
		wrong = "user is missing; set user and password, or any = true to accept "
			"everybody on this machine";
	} else if (!password) {
		wrong = "password is missing or empty; set one";
	}
	if (wrong)
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0, "%s", wrong);
	return check_attributes(host, inst, conf);
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return POPART_E_NOMEM;
	s->host = host;
	s->inst = inst;
	s->any = host->conf_int(conf, "any") != 0;
	s->user = host->conf_str(conf, "user");
	s->password = host->conf_str(conf, "password");
	s->nattributes = host->conf_list(conf, "attributes", &s->attributes);
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	free(state);
}

/* In time that depends on what was given alone, never on what is kept. kept is followed
 * by a NUL, so there is always an octet to compare with. */
static bool is_same(struct popart_str given, struct popart_str kept)
{
	unsigned difference = given.len != kept.len;
	size_t at = 0;

	for (size_t i = 0; i < given.len; i++) {
		difference |=
			(unsigned char)given.ptr[i] ^ (unsigned)(unsigned char)kept.ptr[at];
		at += at < kept.len;
	}
	return difference == 0;
}

static bool is_loopback(struct popart_str peer)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	struct in_addr v4;

	if (peer.len == 0 || peer.len >= sizeof(text) || memchr(peer.ptr, '\0', peer.len))
		return false;
	memcpy(text, peer.ptr, peer.len);
	text[peer.len] = '\0';
	if (inet_pton(AF_INET, text, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6) ||
		(IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == IN_LOOPBACKNET);
}

static int give_attributes(const struct state *s, struct popart_auth_reply *reply)
{
	struct popart_str key, value;
	int status = POPART_OK;

	for (size_t i = 0; i < s->nattributes && !status; i++) {
		if (split(s->attributes[i], &key, &value))
			status = reply->set_attr(reply, key, value);
	}
	return status;
}

static int accept_any(const struct state *s, const struct popart_call *call,
	const struct popart_login *login, struct popart_auth_reply *reply)
{
	if (!is_loopback(login->peer))
		return s->host->fail(s->inst, call, POPART_R_DENIED, NULL, 0,
			"any = true holds for this machine only");
	return give_attributes(s, reply);
}

/* Both comparisons are always made, so that time does not tell which names there are. */
static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	const struct state *s = state;

	if (s->any)
		return accept_any(s, call, login, reply);
	bool right_password = is_same(password, s->password);
	bool right_user = is_same(login->user, s->user);
	if (!right_user)
		return POPART_R_NEXT;
	if (!right_password)
		return s->host->fail(s->inst, call, POPART_R_DENIED, NULL, 0, "wrong password");
	return give_attributes(s, reply);
}

static int fetch_secret(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_auth_reply *reply)
{
	static const struct popart_str plain = { .ptr = "plain", .len = 5 };
	static const struct popart_str no_salt = { .ptr = NULL, .len = 0 };
	const struct state *s = state;

	if (s->any)
		return s->host->fail(s->inst, call, POPART_R_DENIED, NULL, 0,
			"any = true has no password to compute a digest of");
	if (!is_same(login->user, s->user))
		return POPART_R_NEXT;
	int status = reply->add_secret(reply, plain, s->password, no_salt, 0);
	return status ? status : give_attributes(s, reply);
}

static int lookup(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_auth_reply *reply)
{
	const struct state *s = state;

	(void)call;
	if (!s->any && !is_same(user, s->user))
		return POPART_R_NEXT;
	return give_attributes(s, reply);
}

static int iterate(void *state, const struct popart_call *call, void *ctx,
	int (*each)(void *ctx, struct popart_str user))
{
	const struct state *s = state;

	(void)call;
	if (s->any)
		return s->host->fail(s->inst, call, POPART_R_UNSUPPORTED, NULL, 0,
			"with any = true every name is a user");
	(void)each(ctx, s->user);
	return POPART_OK;
}

static const struct popart_auth_ops auth = {
	.size = sizeof(auth),
	.check_password = check_password,
	.fetch_secret = fetch_secret,
	.lookup = lookup,
	.iterate = iterate,
};

POPART_MODULE(static, .version = "1.0", .license = "MIT",
	.summary = "one user from the configuration", .options = options, .auth = &auth,
	.check = check, .start = start, .stop = stop);
