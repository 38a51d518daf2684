/* SPDX-License-Identifier: MIT */
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

int store_maildrop_id(
	struct host_call *c, const struct host_identity *whose, char id[64], size_t *id_len)
{
	struct popart_instance *inst = whose->store;
	const struct popart_storage_ops *ops = ops_of(inst);
	struct popart_user user = user_of(whose);

	*id_len = 0;
	if (!ops->maildrop_id)
		return POPART_OK;
	call_enter(c, inst, OP_MAILDROP_ID);
	int status = call_leave(c, ops->maildrop_id(inst->state, &c->pub, &user, id, id_len));
	if (status == POPART_OK && (*id_len == 0 || *id_len > ID_MAX))
		status = call_refuse(c, POPART_E_BUG, "maildrop_id gave %zu octets", *id_len);
	if (status)
		*id_len = 0;
	return status;
}

int store_open(struct host_call *c, const struct host_identity *id, void **drop)
{
	struct popart_instance *inst = id->store;
	struct popart_user user = user_of(id);
	void *opened = NULL;

	*drop = NULL;
	call_enter(c, inst, OP_OPEN);
	int status = call_leave(c, ops_of(inst)->open(inst->state, &c->pub, &user, &opened));
	if (status == POPART_OK && !opened)
		status = call_refuse(c, POPART_E_BUG, "open succeeded without a maildrop");
	if (status == POPART_OK)
		*drop = opened;
	return status;
}

int store_list(struct host_call *c, struct popart_instance *inst, void *drop,
	struct popart_msg_sink *sink)
{
	call_enter(c, inst, OP_LIST);
	return call_leave(c, ops_of(inst)->list(drop, &c->pub, sink));
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
	call_enter(c, inst, OP_MESSAGE);
	int status = call_leave(c, ops_of(inst)->message(drop, &c->pub, ref, src));
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
	call_enter(c, inst, OP_READ);
	int64_t n = src->read(src, &c->pub, buf, cap);
	if (n >= 0 && (uint64_t)n <= cap) {
		(void)call_leave(c, POPART_OK);
		return n;
	}
	if (n < 0)
		return call_leave(c, n < POPART_E_BUG ? POPART_E_BUG : (int)n);
	(void)call_leave(c, POPART_OK);
	return call_refuse(
		c, POPART_E_BUG, "read gave %lld octets where %zu fit", (long long)n, cap);
}

void store_release(struct host_call *c, struct popart_instance *inst, struct popart_source *src)
{
	if (src->release) {
		call_enter(c, inst, OP_RELEASE);
		src->release(src);
		(void)call_leave(c, POPART_OK);
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
	call_enter(c, inst, OP_COMMIT);
	int status = call_leave(c, ops_of(inst)->commit(drop, &c->pub, refs, n, removed));
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
	call_enter(c, inst, OP_CLOSE);
	ops_of(inst)->close(*drop, &c->pub);
	(void)call_leave(c, POPART_OK);
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
	call_enter(c, inst, OP_RENEW);
	return call_leave(c, ops_of(inst)->renew(drop, &c->pub));
}

bool host_store_blocks(const struct popart_instance *inst)
{
	return ops_of(inst)->caps & POPART_STORE_BLOCKS;
}
