/* SPDX-License-Identifier: MIT */
#include "host/domain.h"

/* One of the three questions, put to one instance. */
struct question {
	enum host_op op;
	const struct popart_login *login; /* LOOKUP: only its user is there */
	struct popart_str password;
	const char *scheme;
	bool (*check)(void *ctx, struct popart_str secret);
	void *check_ctx;
};

static bool can_answer(const struct popart_instance *inst, const struct question *q)
{
	const struct popart_auth_ops *ops = &inst->module->auth;

	if (inst->kind != INSTANCE_AUTH || !domain_is_for(inst->block, q->login->user))
		return false;
	if (q->login->act_as.len && !view_eq(q->login->act_as, q->login->user) &&
		!(ops->caps & POPART_AUTH_ACT_AS))
		return false;
	switch (q->op) {
	case OP_CHECK_PASSWORD:
	case OP_CHECK_QUICK:
		return ops->check_password != NULL;
	case OP_FETCH_SECRET:
		return ops->fetch_secret != NULL;
	default:
		return ops->lookup != NULL;
	}
}

/* Whoever never waits needs no other way to be quick. */
static bool is_quick(const struct popart_instance *inst)
{
	const struct popart_auth_ops *ops = &inst->module->auth;

	return !(ops->caps & POPART_AUTH_BLOCKS) || (ops->check_quick && !inst->serial);
}

static int ask_quick(struct host_call *c, struct popart_instance *inst,
	const struct question *q, struct auth_answer *answer)
{
	const struct popart_auth_ops *ops = &inst->module->auth;

	return (ops->caps & POPART_AUTH_BLOCKS ? ops->check_quick : ops->check_password)(
		inst->state, &c->pub, q->login, q->password, &answer->pub);
}

static int ask(struct host_call *c, struct popart_instance *inst, const struct question *q,
	struct auth_answer *answer)
{
	const struct popart_auth_ops *ops = &inst->module->auth;
	int status;

	answer_init(answer, c, q->login->act_as.len ? q->login->act_as : q->login->user);
	answer->scheme = q->scheme;
	answer->check = q->check;
	answer->check_ctx = q->check_ctx;
	call_enter(c, inst, q->op);
	switch (q->op) {
	case OP_CHECK_PASSWORD:
		status = ops->check_password(
			inst->state, &c->pub, q->login, q->password, &answer->pub);
		break;
	case OP_CHECK_QUICK:
		status = ask_quick(c, inst, q, answer);
		break;
	case OP_FETCH_SECRET:
		status = ops->fetch_secret(inst->state, &c->pub, q->login, &answer->pub);
		break;
	default:
		status = ops->lookup(inst->state, &c->pub, q->login->user, &answer->pub);
		break;
	}
	status = call_leave(c, status);
	if (status == POPART_OK && q->scheme && !answer->matched)
		status = call_refuse(c, POPART_R_DENIED,
			answer->offered ? "wrong digest" : "there is no %s secret", q->scheme);
	return status;
}

struct popart_instance *host_storage_named(const struct host *h, struct popart_str name)
{
	for (size_t i = 0; i < h->ninstances; i++) {
		struct popart_instance *inst = h->instances[i];
		if (inst->kind == INSTANCE_STORAGE && view_eq(name, view_str(inst->name)))
			return inst;
	}
	return NULL;
}

/* A number that is nobody's who must not be: 0 is root, the largest means "none". */
static bool read_id(const struct host_identity *id, const char *key, uint32_t *out)
{
	const struct popart_str *text = host_identity_attr(id, key);
	uint64_t n;

	if (!text || !view_u64(*text, UINT32_MAX - 1, &n) || n == 0)
		return false;
	*out = (uint32_t)n;
	return true;
}

static int find_ids(struct host_call *c, struct host_identity *id)
{
	if (!id->store->as_user ||
		(read_id(id, "uid", &id->uid) && read_id(id, "gid", &id->gid)))
		return POPART_OK;
	return call_refuse(c, POPART_R_PERM,
		"storage \"%s\" has as_user = true, and auth gave no uid and gid that are "
		"numbers "
		"above 0",
		id->store->name);
}

static int no_store(
	struct host_call *c, struct popart_str user, const struct popart_str *wanted)
{
	if (wanted)
		return call_refuse(c, POPART_R_TEMP,
			"the attribute storage names \"%.*s\", and no storage is configured "
			"under that name",
			VIEW_FMT(*wanted));
	return call_refuse(c, POPART_R_TEMP,
		"every storage has domains, and none has \"%.*s\"; add it to one, or a storage "
		"without domains",
		VIEW_FMT(domain_of(user)));
}

static int accept_answer(
	struct host_call *c, const struct auth_answer *answer, struct host_identity **out)
{
	struct host_identity *id = answer_identity(answer);
	int status;

	if (!id)
		return call_refuse(c, POPART_E_NOMEM, "out of memory");
	const struct popart_str *wanted = host_identity_attr(id, "storage");
	id->store =
		wanted ? host_storage_named(c->host, *wanted) : domain_store(c->host, id->user);
	status = id->store ? find_ids(c, id) : no_store(c, id->user, wanted);
	if (status == POPART_OK)
		*out = id;
	else
		host_identity_free(&id);
	return status;
}

int host_identity_use(
	struct host_call *c, struct host_identity *id, struct popart_instance *store)
{
	id->store = store;
	return find_ids(c, id);
}

static bool cannot_look_up(const struct popart_instance *inst)
{
	return inst->kind == INSTANCE_AUTH && !inst->module->auth.lookup;
}

static int ask_chain(struct host_call *c, const struct question *q, struct host_identity **out)
{
	const char *mute = NULL;

	*out = NULL;
	for (size_t i = 0; i < c->host->ninstances; i++) {
		struct popart_instance *inst = c->host->instances[i];
		struct auth_answer answer;

		if (q->op == OP_LOOKUP && cannot_look_up(inst) &&
			domain_is_for(inst->block, q->login->user))
			mute = inst->name;
		if (!can_answer(inst, q))
			continue;
		if (q->op == OP_CHECK_QUICK && !is_quick(inst))
			return POPART_R_UNSUPPORTED;
		int status = ask(c, inst, q, &answer);
		if (status == POPART_OK)
			return accept_answer(c, &answer, out);
		if (status != POPART_R_NEXT)
			return status;
	}
	if (mute)
		return call_refuse(c, POPART_R_TEMP,
			"auth \"%s\" cannot say without a password whether it has the user, "
			"and no "
			"other one has",
			mute);
	return call_refuse(c, POPART_R_DENIED, "no auth module knows the user");
}

int host_auth_password(struct host_call *c, const struct popart_login *login,
	struct popart_str password, struct host_identity **out)
{
	struct question q = { .op = OP_CHECK_PASSWORD, .login = login, .password = password };

	return ask_chain(c, &q, out);
}

bool host_auth_quick(struct host_call *c, const struct popart_login *login,
	struct popart_str password, struct host_identity **out)
{
	struct question q = { .op = OP_CHECK_QUICK, .login = login, .password = password };

	return ask_chain(c, &q, out) == POPART_OK;
}

int host_auth_secret(struct host_call *c, const struct popart_login *login, const char *scheme,
	bool (*check)(void *ctx, struct popart_str secret), void *ctx,
	struct host_identity **out)
{
	struct question q = { .op = OP_FETCH_SECRET,
		.login = login,
		.scheme = scheme,
		.check = check,
		.check_ctx = ctx };

	return ask_chain(c, &q, out);
}

int host_auth_lookup(struct host_call *c, struct popart_str user, struct host_identity **out)
{
	struct popart_login login = { .size = sizeof(login), .user = user };
	struct question q = { .op = OP_LOOKUP, .login = &login };

	return ask_chain(c, &q, out);
}

/* Users of other domains than the block's are none of this server. */
struct visit {
	const struct conf_block *block;
	void *ctx;
	int (*each)(void *ctx, struct popart_str user);
};

static int visit(void *ctx, struct popart_str user)
{
	const struct visit *v = ctx;

	return domain_is_for(v->block, user) ? v->each(v->ctx, user) : 0;
}

int host_auth_iterate(
	struct host_call *c, void *ctx, int (*each)(void *ctx, struct popart_str user))
{
	int status = POPART_OK;

	for (size_t i = 0; i < c->host->ninstances && !status; i++) {
		struct popart_instance *inst = c->host->instances[i];

		if (inst->kind != INSTANCE_AUTH)
			continue;
		if (!inst->module->auth.iterate)
			return call_refuse(c, POPART_R_UNSUPPORTED,
				"auth \"%s\" cannot list its users", inst->name);
		struct visit v = { .block = inst->block, .ctx = ctx, .each = each };
		call_enter(c, inst, OP_ITERATE);
		status = call_leave(
			c, inst->module->auth.iterate(inst->state, &c->pub, &v, visit));
	}
	return status;
}

static bool any_auth(const struct host *h, bool (*has)(const struct popart_auth_ops *))
{
	for (size_t i = 0; i < h->ninstances; i++) {
		const struct popart_instance *inst = h->instances[i];
		if (inst->kind == INSTANCE_AUTH && has(&inst->module->auth))
			return true;
	}
	return false;
}

static bool blocks(const struct popart_auth_ops *ops)
{
	return ops->caps & POPART_AUTH_BLOCKS;
}

static bool has_password(const struct popart_auth_ops *ops)
{
	return ops->check_password != NULL;
}

static bool has_secret(const struct popart_auth_ops *ops)
{
	return ops->fetch_secret != NULL;
}

bool host_auth_blocks(const struct host *h)
{
	return any_auth(h, blocks);
}

bool host_auth_has_password(const struct host *h)
{
	return any_auth(h, has_password);
}

bool host_auth_has_secret(const struct host *h)
{
	return any_auth(h, has_secret);
}
