/* SPDX-License-Identifier: MIT */
#include "host/instance.h"
#include <stdlib.h>

#define ATTRS_MAX       64u
#define NAME_MAX_OCTETS 1024u
#define VALUE_MAX       4096u

static struct auth_answer *answer_of(struct popart_auth_reply *reply)
{
	return CONTAINER_OF(reply, struct auth_answer, pub);
}

static int copy_into(struct host_call *c, struct popart_str *to, struct popart_str from)
{
	struct popart_str copy = arena_copy(&c->scratch, from);

	if (!copy.ptr)
		return POPART_E_NOMEM;
	*to = copy;
	return POPART_OK;
}

static int set_user(struct popart_auth_reply *reply, struct popart_str name)
{
	struct auth_answer *a = answer_of(reply);

	if (!name.len || name.len > NAME_MAX_OCTETS || view_has(name, '\0'))
		return POPART_E_BUG;
	return copy_into(a->call, &a->user, name);
}

/* A key that was set before is set anew. */
static int set_attr(
	struct popart_auth_reply *reply, struct popart_str key, struct popart_str value)
{
	struct auth_answer *a = answer_of(reply);
	struct popart_attr *attr = NULL;

	if (!key.len || key.len > NAME_MAX_OCTETS || value.len > VALUE_MAX)
		return POPART_E_BUG;
	for (size_t i = 0; i < a->nattrs && !attr; i++) {
		if (view_eq(a->attrs[i].key, key))
			attr = &a->attrs[i];
	}
	if (attr)
		return copy_into(a->call, &attr->value, value);
	if (a->nattrs == ATTRS_MAX)
		return POPART_E_BUG;
	if (!a->attrs)
		a->attrs = arena_alloc(&a->call->scratch, ATTRS_MAX * sizeof(*a->attrs));
	if (!a->attrs)
		return POPART_E_NOMEM;
	attr = &a->attrs[a->nattrs];
	if (copy_into(a->call, &attr->key, key) || copy_into(a->call, &attr->value, value))
		return POPART_E_NOMEM;
	a->nattrs++;
	return POPART_OK;
}

/* Looked at on the spot, so that no secret is ever kept. */
static int add_secret(struct popart_auth_reply *reply, struct popart_str scheme,
	struct popart_str value, struct popart_str salt, uint32_t rounds)
{
	struct auth_answer *a = answer_of(reply);

	(void)salt;
	(void)rounds;
	if (!a->scheme)
		return POPART_E_BUG;
	if (!view_eq(scheme, view_str(a->scheme)))
		return POPART_OK;
	a->offered = true;
	if (a->check(a->check_ctx, value))
		a->matched = true;
	return POPART_OK;
}

void answer_init(struct auth_answer *a, struct host_call *c, struct popart_str user)
{
	*a = (struct auth_answer){ .pub = { .size = sizeof(a->pub),
					   .set_user = set_user,
					   .set_attr = set_attr,
					   .add_secret = add_secret },
		.call = c,
		.user = user };
}

static struct popart_str put(char **at, struct popart_str v)
{
	char *p = *at;

	if (v.len)
		memcpy(p, v.ptr, v.len);
	p[v.len] = '\0';
	*at = p + v.len + 1;
	return view_of(p, v.len);
}

struct host_identity *answer_identity(const struct auth_answer *a)
{
	size_t text = a->user.len + 1;

	for (size_t i = 0; i < a->nattrs; i++)
		text += a->attrs[i].key.len + a->attrs[i].value.len + 2;
	struct host_identity *id =
		calloc(1, sizeof(*id) + a->nattrs * sizeof(*id->attrs) + text);
	if (!id)
		return NULL;
	id->attrs = (struct popart_attr *)(void *)(id + 1);
	id->nattrs = a->nattrs;
	char *at = (char *)(id->attrs + a->nattrs);
	id->user = put(&at, a->user);
	for (size_t i = 0; i < a->nattrs; i++) {
		id->attrs[i].key = put(&at, a->attrs[i].key);
		id->attrs[i].value = put(&at, a->attrs[i].value);
	}
	return id;
}

void host_identity_free(struct host_identity **id)
{
	free(*id);
	*id = NULL;
}

const struct popart_str *host_identity_attr(const struct host_identity *id, const char *key)
{
	for (size_t i = 0; i < id->nattrs; i++) {
		if (view_eq(id->attrs[i].key, view_str(key)))
			return &id->attrs[i].value;
	}
	return NULL;
}
