/* SPDX-License-Identifier: MIT */
#include "check/asked.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int next(struct asked *a)
{
	a->answers++;
	return a->fail_at && a->answers >= a->fail_at ? POPART_E_NOMEM : POPART_OK;
}

static void add(char *text, size_t size, struct popart_str key, struct popart_str value)
{
	size_t at = strlen(text);

	snprintf(text + at, size - at, "%.*s:%.*s;", (int)key.len, key.ptr, (int)value.len,
		value.len ? value.ptr : "");
}

static int set_user(struct popart_auth_reply *pub, struct popart_str name)
{
	struct asked *a = (struct asked *)(void *)pub;

	snprintf(a->user, sizeof(a->user), "%.*s", (int)name.len, name.ptr);
	return next(a);
}

static int set_attr(
	struct popart_auth_reply *pub, struct popart_str key, struct popart_str value)
{
	struct asked *a = (struct asked *)(void *)pub;

	add(a->attrs, sizeof(a->attrs), key, value);
	return next(a);
}

static bool is(struct popart_str v, const char *word)
{
	return v.len == strlen(word) && memcmp(v.ptr, word, v.len) == 0;
}

static int add_secret(struct popart_auth_reply *pub, struct popart_str scheme,
	struct popart_str value, struct popart_str salt, uint32_t rounds)
{
	struct asked *a = (struct asked *)(void *)pub;
	bool right = is(scheme, "scram-sha-256")
		? value.len == 64 && salt.len > 0 && rounds > 0
		: (is(scheme, "plain") || is(scheme, "crypt")) && value.len > 0;

	a->strange += !right;
	a->nsecrets++;
	add(a->secrets, sizeof(a->secrets), scheme, value);
	return next(a);
}

/* ---- octets with nothing behind them ---- */

struct tight {
	void *map;
	size_t size;
	struct popart_str view;
};

static void tight_make(struct tight *t, struct popart_str v)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (v.len + page) / page * page;

	t->size = room + page;
	t->map =
		mmap(NULL, t->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->map == MAP_FAILED || mprotect((char *)t->map + room, page, PROT_NONE) != 0)
		abort();
	char *at = (char *)t->map + room - v.len;

	if (v.len)
		memcpy(at, v.ptr, v.len);
	t->view = (struct popart_str){ at, v.len };
}

static void tight_free(struct tight *t)
{
	munmap(t->map, t->size);
}

/* ---- questions ---- */

struct asking {
	struct mock_call call;
	struct popart_login login;
	struct tight user, password, act_as;
};

static void begin(struct asking *k, struct mockhost *h, const struct question *q,
	struct asked *a, const char *op)
{
	*a = (struct asked){ .pub = { .size = sizeof(a->pub),
				     .set_user = set_user,
				     .set_attr = set_attr,
				     .add_secret = add_secret },
		.fail_at = q->fail_at };
	tight_make(&k->user, q->user);
	tight_make(&k->password, q->password);
	tight_make(&k->act_as, q->act_as);
	k->login = (struct popart_login){ .size = sizeof(k->login),
		.flags = q->flags,
		.user = k->user.view,
		.act_as = k->act_as.view,
		.mechanism =
			q->mechanism.len ? q->mechanism : (struct popart_str){ "PLAIN", 5 },
		.peer = q->peer.ptr ? q->peer : (struct popart_str){ "127.0.0.1", 9 },
		.local = { "127.0.0.1", 9 } };
	mock_call_begin(&k->call, h, q->thread, 9);
	mock_call_named(&k->call, op);
}

static int end(struct asking *k, struct asked *a, int status)
{
	a->status = status;
	a->failed_with = k->call.status;
	memcpy(a->detail, k->call.detail, sizeof(a->detail));
	memcpy(a->client, k->call.client, sizeof(a->client));
	mock_call_end(&k->call);
	tight_free(&k->user);
	tight_free(&k->password);
	tight_free(&k->act_as);
	return status;
}

int asked_password(struct mockhost *h, const struct question *q, struct asked *a)
{
	struct asking k;

	begin(&k, h, q, a, "check_password");
	return end(&k, a,
		mockhost_auth(h)->check_password(
			mockhost_state(h), &k.call.pub, &k.login, k.password.view, &a->pub));
}

int asked_quick(struct mockhost *h, const struct question *q, struct asked *a)
{
	struct asking k;

	begin(&k, h, q, a, "check_quick");
	return end(&k, a,
		mockhost_auth(h)->check_quick(
			mockhost_state(h), &k.call.pub, &k.login, k.password.view, &a->pub));
}

int asked_secret(struct mockhost *h, const struct question *q, struct asked *a)
{
	struct asking k;

	begin(&k, h, q, a, "fetch_secret");
	return end(&k, a,
		mockhost_auth(h)->fetch_secret(
			mockhost_state(h), &k.call.pub, &k.login, &a->pub));
}

int asked_token(struct mockhost *h, const struct question *q, struct asked *a)
{
	struct asking k;

	begin(&k, h, q, a, "check_token");
	return end(&k, a,
		mockhost_auth(h)->check_token(
			mockhost_state(h), &k.call.pub, &k.login, k.password.view, &a->pub));
}

int asked_lookup(struct mockhost *h, const struct question *q, struct asked *a)
{
	struct asking k;

	begin(&k, h, q, a, "lookup");
	return end(&k, a,
		mockhost_auth(h)->lookup(
			mockhost_state(h), &k.call.pub, k.login.user, &a->pub));
}
