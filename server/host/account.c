/* SPDX-License-Identifier: MIT */
#include "host/domain.h"

/* One operation, put to one instance or to several. */
struct task {
	enum host_op op;
	struct popart_str user;
	const struct popart_account_change *change;
	struct host_account *out;
};

struct reply {
	struct popart_account_reply pub;
	struct host_call *call;
	struct host_account *out;
};

static int add_scheme(struct popart_account_reply *pub, struct popart_str name)
{
	struct reply *r = CONTAINER_OF(pub, struct reply, pub);
	struct popart_str copy;

	if (!name.len || name.len > 64 || r->out->nschemes == HOST_SCHEMES_MAX)
		return POPART_E_BUG;
	copy = arena_copy(&r->call->scratch, name);
	if (!copy.ptr)
		return POPART_E_NOMEM;
	r->out->schemes[r->out->nschemes++] = copy;
	return POPART_OK;
}

static int show(struct host_call *c, struct popart_instance *inst, const struct task *t)
{
	struct reply r = { .pub = { .size = sizeof(r.pub), .add_scheme = add_scheme },
		.call = c,
		.out = t->out };
	int status;

	*t->out = (struct host_account){ .inst = inst };
	status = inst->module->accounts.show(inst->state, &c->pub, t->user, &r.pub);
	t->out->enabled = r.pub.enabled != 0;
	t->out->last_login_s = r.pub.last_login_s;
	return status;
}

static int ask(struct host_call *c, struct popart_instance *inst, const struct task *t)
{
	const struct popart_account_ops *ops = &inst->module->accounts;
	int status;

	call_enter(c, inst, t->op);
	switch (t->op) {
	case OP_ACCOUNT_ADD:
		status = ops->add(inst->state, &c->pub, t->user, t->change);
		break;
	case OP_ACCOUNT_CHANGE:
		status = ops->change(inst->state, &c->pub, t->user, t->change);
		break;
	case OP_ACCOUNT_REMOVE:
		status = ops->remove(inst->state, &c->pub, t->user);
		break;
	default:
		status = show(c, inst, t);
		break;
	}
	return call_leave(c, status);
}

static bool is_writable(const struct popart_instance *inst)
{
	return inst->kind == INSTANCE_AUTH && inst->module->desc.accounts;
}

static int no_user(struct host_call *c)
{
	c->inst = NULL; /* of several, none */
	return call_refuse(c, POPART_R_NEXT, "there is no such user");
}

static int ask_one(struct host_call *c, struct popart_instance *inst, const struct task *t)
{
	int status;

	if (!is_writable(inst)) {
		call_enter(c, inst, t->op);
		(void)call_leave(c, POPART_OK);
		return call_refuse(c, POPART_R_UNSUPPORTED,
			"the module of auth \"%s\" has no accounts that can be written",
			inst->name);
	}
	status = ask(c, inst, t);
	return status == POPART_R_NEXT ? no_user(c) : status;
}

/* One that cannot, as it is configured, does not stand before another that can. */
static int ask_each(struct host_call *c, const struct task *t)
{
	struct popart_instance *last = NULL;
	bool asked = false;
	int status;

	for (size_t i = 0; i < c->host->ninstances; i++) {
		struct popart_instance *inst = c->host->instances[i];

		if (!is_writable(inst) || !domain_is_for(inst->block, t->user))
			continue;
		status = ask(c, inst, t);
		if (status != POPART_R_NEXT && status != POPART_R_UNSUPPORTED)
			return status;
		asked |= status == POPART_R_NEXT;
		last = inst;
	}
	if (asked)
		return no_user(c);
	if (last)
		return ask(c, last, t); /* for its reason */
	return call_refuse(c, POPART_R_UNSUPPORTED,
		"no auth block has accounts that can be written; passwd_file and sqlite have");
}

static int run(struct host_call *c, struct popart_instance *inst, const struct task *t)
{
	return inst ? ask_one(c, inst, t) : ask_each(c, t);
}

int host_account_add(struct host_call *c, struct popart_instance *inst, struct popart_str user,
	const struct popart_account_change *change)
{
	struct task t = { .op = OP_ACCOUNT_ADD, .user = user, .change = change };

	return run(c, inst, &t);
}

int host_account_change(struct host_call *c, struct popart_instance *inst,
	struct popart_str user, const struct popart_account_change *change)
{
	struct task t = { .op = OP_ACCOUNT_CHANGE, .user = user, .change = change };

	return run(c, inst, &t);
}

int host_account_remove(
	struct host_call *c, struct popart_instance *inst, struct popart_str user)
{
	struct task t = { .op = OP_ACCOUNT_REMOVE, .user = user };

	return run(c, inst, &t);
}

int host_account_show(struct host_call *c, struct popart_instance *inst, struct popart_str user,
	struct host_account *out)
{
	struct task t = { .op = OP_ACCOUNT_SHOW, .user = user, .out = out };

	return run(c, inst, &t);
}

int host_account_iterate(struct host_call *c, struct popart_instance *inst, void *ctx,
	int (*each)(void *ctx, struct popart_str user))
{
	call_enter(c, inst, OP_ITERATE);
	if (inst->module->auth.iterate)
		return call_leave(
			c, inst->module->auth.iterate(inst->state, &c->pub, ctx, each));
	(void)call_leave(c, POPART_OK);
	return call_refuse(
		c, POPART_R_UNSUPPORTED, "auth \"%s\" cannot list its users", inst->name);
}

struct popart_instance *host_auth_next(
	const struct host *h, const struct popart_instance *after)
{
	for (size_t i = 0; i < h->ninstances; i++) {
		struct popart_instance *inst = h->instances[i];

		if (inst == after)
			after = NULL;
		else if (!after && inst->kind == INSTANCE_AUTH)
			return inst;
	}
	return NULL;
}

struct popart_instance *host_auth_named(const struct host *h, struct popart_str name)
{
	struct popart_instance *inst = NULL;

	while ((inst = host_auth_next(h, inst)) && !view_eq(view_str(inst->name), name))
		;
	return inst;
}
