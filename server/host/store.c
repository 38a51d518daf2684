/* SPDX-License-Identifier: MIT */
#include "base/hash.h"
#include "host/ids.h"
#include "host/instance.h"

#define ID_MAX 64u

static const struct popart_storage_ops *ops_of(const struct popart_instance *inst)
{
	return &inst->module->storage;
}

static struct popart_user user_of(const struct host_identity *id)
{
	return (struct popart_user){ .size = sizeof(struct popart_user),
		.nattrs = (uint32_t)id->nattrs,
		.name = id->user,
		.attrs = id->attrs };
}

/* As call_enter; the thread may have become the user's. False: it could not. */
static bool enter(struct host_call *c, struct popart_instance *inst, enum host_op op)
{
	call_enter(c, inst, op);
	c->as_user = inst->as_user && c->who && ids_take(c->who->uid, c->who->gid);
	return c->as_user == inst->as_user;
}

static int leave(struct host_call *c, int status)
{
	if (c->as_user)
		ids_give_back();
	c->as_user = false;
	return call_leave(c, status);
}

static int not_permitted(struct host_call *c)
{
	(void)leave(c, POPART_OK);
	return call_refuse(c, POPART_E_UNAVAIL,
		"cannot reach for files as the user, as as_user asks: the kernel does not let "
		"us");
}

int store_maildrop_id(
	struct host_call *c, const struct host_identity *whose, char id[64], size_t *id_len)
{
	struct popart_instance *inst = whose->store;
	const struct popart_storage_ops *ops = ops_of(inst);
	struct popart_user user = user_of(whose);

	*id_len = 0;
	if (!ops->maildrop_id)
		return POPART_OK;
	if (!enter(c, inst, OP_MAILDROP_ID))
		return not_permitted(c);
	int status = leave(c, ops->maildrop_id(inst->state, &c->pub, &user, id, id_len));
	if (status == POPART_OK && (*id_len == 0 || *id_len > ID_MAX))
		status = call_refuse(c, POPART_E_BUG, "maildrop_id gave %zu octets", *id_len);
	if (status)
		*id_len = 0;
	return status;
}

int store_each_path(struct host_call *c, const struct host_identity *whose,
	void (*each)(void *ctx, const char *option, struct popart_str path), void *ctx)
{
	struct popart_instance *inst = whose->store;
	const char *rows = (const char *)inst->module->desc.options;
	struct popart_user user = user_of(whose);
	int status = POPART_OK;

	c->inst = inst;
	for (; rows && status == POPART_OK; rows += inst->module->desc.opt_stride) {
		const struct popart_opt *row = (const struct popart_opt *)(const void *)rows;
		struct popart_str path;
		if (!row->name)
			break;
		if (row->type != POPART_OPT_PATH || !(row->flags & POPART_OPT_TEMPLATE))
			continue;
		status = expand_option(inst, &c->pub, inst->conf, row->name, &user, &path);
		if (status == POPART_OK && path.len)
			each(ctx, row->name, path);
	}
	return status;
}

int store_lock_key(struct host_call *c, const struct host_identity *whose, uint64_t *key)
{
	char id[ID_MAX];
	size_t len = 0;
	int status = store_maildrop_id(c, whose, id, &len);

	*key = len ? hash_bytes(view_of(id, len), 1)
		   : hash_bytes(whose->user, hash_bytes(view_str(whose->store->name), 2));
	return status;
}

int store_open(struct host_call *c, const struct host_identity *id, void **drop)
{
	struct popart_instance *inst = id->store;
	struct popart_user user = user_of(id);
	void *opened = NULL;

	*drop = NULL;
	if (!enter(c, inst, OP_OPEN))
		return not_permitted(c);
	int status = leave(c, ops_of(inst)->open(inst->state, &c->pub, &user, &opened));
	if (status == POPART_OK && !opened)
		status = call_refuse(c, POPART_E_BUG, "open succeeded without a maildrop");
	if (status == POPART_OK)
		*drop = opened;
	return status;
}

int store_list(struct host_call *c, struct popart_instance *inst, void *drop,
	struct popart_msg_sink *sink)
{
	if (!enter(c, inst, OP_LIST))
		return not_permitted(c);
	return leave(c, ops_of(inst)->list(drop, &c->pub, sink));
}

/* NULL: the host can work with it. */
static const char *source_flaw(const struct popart_source *src)
{
	switch (src->kind) {
	case POPART_SRC_FD:
		if (src->fd < 0)
			return "without descriptor";
		if (src->offset > INT64_MAX || src->length > INT64_MAX - src->offset)
			return "past the end of any file";
		break;
	case POPART_SRC_MEM:
		if (src->length && !src->mem)
			return "without memory";
		break;
	case POPART_SRC_READ:
		return src->read ? NULL : "without read function";
	default:
		return "of unknown kind";
	}
	return src->body_offset > src->length ? "whose body begins after its end" : NULL;
}

static struct popart_source fresh_source(void)
{
	return (struct popart_source){ .size = sizeof(struct popart_source) };
}

int store_message(struct host_call *c, struct popart_instance *inst, void *drop, uint64_t ref,
	struct popart_source *src)
{
	*src = fresh_source();
	if (!enter(c, inst, OP_MESSAGE))
		return not_permitted(c);
	int status = leave(c, ops_of(inst)->message(drop, &c->pub, ref, src));
	if (status) {
		*src = fresh_source();
		return status;
	}
	const char *flaw = source_flaw(src);
	if (!flaw)
		return POPART_OK;
	store_release(c, inst, src);
	return call_refuse(c, POPART_E_BUG, "message gave a source %s", flaw);
}

int64_t store_read(struct host_call *c, struct popart_instance *inst, struct popart_source *src,
	void *buf, size_t cap)
{
	if (!enter(c, inst, OP_READ))
		return not_permitted(c);
	int64_t n = src->read(src, &c->pub, buf, cap);
	if (n >= 0 && (uint64_t)n <= cap) {
		(void)leave(c, POPART_OK);
		return n;
	}
	if (n < 0)
		return leave(c, n < POPART_E_BUG ? POPART_E_BUG : (int)n);
	(void)leave(c, POPART_OK);
	return call_refuse(
		c, POPART_E_BUG, "read gave %lld octets where %zu fit", (long long)n, cap);
}

void store_release(struct host_call *c, struct popart_instance *inst, struct popart_source *src)
{
	if (src->release) {
		(void)enter(c, inst, OP_RELEASE); /* what is open has to be closed */
		src->release(src);
		(void)leave(c, POPART_OK);
	}
	*src = fresh_source();
}

int store_commit(struct host_call *c, struct popart_instance *inst, void *drop,
	const uint64_t *refs, size_t n, size_t *removed)
{
	int64_t deadline = c->pub.deadline_ms;

	*removed = 0;
	if (!ops_of(inst)->commit)
		return POPART_R_PERM;
	c->must_finish = true;
	c->pub.deadline_ms = INT64_MAX;
	if (!enter(c, inst, OP_COMMIT))
		return not_permitted(c);
	int status = leave(c, ops_of(inst)->commit(drop, &c->pub, refs, n, removed));
	c->must_finish = false;
	c->pub.deadline_ms = deadline;
	if (*removed > n)
		*removed = n;
	if (status == POPART_OK)
		*removed = n;
	return status;
}

void store_close(struct host_call *c, struct popart_instance *inst, void **drop)
{
	if (!*drop)
		return;
	(void)enter(c, inst, OP_CLOSE);
	ops_of(inst)->close(*drop, &c->pub);
	(void)leave(c, POPART_OK);
	*drop = NULL;
}

uint32_t store_renew_ms(const struct popart_instance *inst)
{
	return ops_of(inst)->renew ? ops_of(inst)->renew_ms : 0;
}

int store_renew(struct host_call *c, struct popart_instance *inst, void *drop)
{
	if (!ops_of(inst)->renew)
		return POPART_OK;
	if (!enter(c, inst, OP_RENEW))
		return not_permitted(c);
	return leave(c, ops_of(inst)->renew(drop, &c->pub));
}

int store_deliver_begin(struct host_call *c, const struct host_identity *id,
	const struct popart_delivery *about, void **dlv)
{
	struct popart_instance *inst = id->store;
	struct popart_user user = user_of(id);
	void *begun = NULL;

	*dlv = NULL;
	if (!ops_of(inst)->deliver_begin)
		return POPART_R_UNSUPPORTED;
	if (!enter(c, inst, OP_DELIVER_BEGIN))
		return not_permitted(c);
	int status = leave(
		c, ops_of(inst)->deliver_begin(inst->state, &c->pub, &user, about, &begun));
	if (status == POPART_OK && !begun)
		status = call_refuse(c, POPART_E_BUG, "deliver_begin gave nothing to write to");
	if (status == POPART_OK)
		*dlv = begun;
	return status;
}

int store_deliver_write(struct host_call *c, struct popart_instance *inst, void *dlv,
	const void *data, size_t n)
{
	if (!enter(c, inst, OP_DELIVER_WRITE))
		return not_permitted(c);
	return leave(c, ops_of(inst)->deliver_write(dlv, &c->pub, data, n));
}

int store_deliver_finish(struct host_call *c, struct popart_instance *inst, void **dlv)
{
	if (!enter(c, inst, OP_DELIVER_FINISH))
		return not_permitted(c);
	c->must_finish = true;
	int status = leave(c, ops_of(inst)->deliver_finish(*dlv, &c->pub));
	c->must_finish = false;
	*dlv = NULL;
	return status;
}

void store_deliver_abandon(struct host_call *c, struct popart_instance *inst, void **dlv)
{
	if (!*dlv)
		return;
	(void)enter(c, inst, OP_DELIVER_ABANDON); /* what is begun has to be undone */
	ops_of(inst)->deliver_abandon(*dlv, &c->pub);
	(void)leave(c, POPART_OK);
	*dlv = NULL;
}

int store_check(struct host_call *c, const struct host_identity *id, struct popart_check *check)
{
	struct popart_instance *inst = id->store;
	struct popart_user user = user_of(id);

	if (!ops_of(inst)->check)
		return POPART_R_UNSUPPORTED;
	if (!enter(c, inst, OP_CHECK))
		return not_permitted(c);
	return leave(c, ops_of(inst)->check(inst->state, &c->pub, &user, check));
}

const char *const *store_hidden_fields(const struct popart_instance *inst)
{
	return ops_of(inst)->hidden_fields;
}

bool host_store_blocks(const struct popart_instance *inst)
{
	return ops_of(inst)->caps & POPART_STORE_BLOCKS;
}

bool host_store_reads_block(const struct popart_instance *inst)
{
	return host_store_blocks(inst) && !(ops_of(inst)->caps & POPART_STORE_QUICK_READS);
}
