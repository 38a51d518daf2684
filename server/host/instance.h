/* SPDX-License-Identifier: MIT */
#ifndef HOST_INSTANCE_H
#define HOST_INSTANCE_H
/* What the files of this directory share: the host, its modules, their instances. */
#include <pthread.h>
#include <stdatomic.h>
#include "host/host.h"
#include "host/loader.h"

/* What may run inside a module during a session or a delivery. */
enum host_op {
#define MODULE_OP(id, name) OP_##id,
#include "base/module_ops.h"
#undef MODULE_OP
	HOST_OPS
};

enum instance_kind { INSTANCE_AUTH, INSTANCE_STORAGE };

struct popart_instance {
	struct host *host;
	struct module *module;
	enum instance_kind kind;
	unsigned index; /* in the host's list */
	const struct conf_block *block;
	const char *name;
	struct popart_conf *conf;
	char *doing[HOST_OPS]; /* "mail.open" */

	bool started;
	void *state;
	void **thread_states; /* host->setup.threads of them */

	bool serial;
	bool as_user; /* storage operations have the file-system ids of their user */
	pthread_mutex_t serial_lock;

	/* What fail() said outside of a session: while check, start or thread_start run. */
	pthread_mutex_t reason_lock;
	bool wants_reason;
	struct buf reason;
	struct report *warnings; /* for what is logged while check runs; NULL: the log is */

	/* (threads + 1) rows of stats_width; the last row is for calls without a thread. */
	_Atomic int64_t *stats;
	size_t nstats, stats_width;
};

struct host {
	struct popart_host table;
	struct host_setup setup;
	char *module_path;
	struct module *modules;             /* list */
	struct popart_instance **instances; /* auth, then storage, as configured */
	size_t ninstances;
	pthread_mutex_t lifecycle; /* one check, start or thread_start at a time */
};

/* The word for its kind of block: "auth" or "storage". */
const char *instance_kind(const struct popart_instance *);

/* Fills in the functions. */
void table_init(struct host *);

/* Around every call into a module: note who runs, keep SERIAL, forget older failures. */
void call_enter(struct host_call *, struct popart_instance *, enum host_op);
/* The status to go on with: unknown codes mapped by their sign. Logs what failed. */
int call_leave(struct host_call *, int status);
/* The host's own refusal, on behalf of the instance that was called last. */
int call_refuse(struct host_call *, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Whether every %-sequence of a TEMPLATE option means something; *bad: the one that does
 * not. */
bool expand_check(struct popart_str template, struct popart_str *bad);
/* host->expand. */
int expand_option(struct popart_instance *, const struct popart_call *,
	const struct popart_conf *, const char *name, const struct popart_user *,
	struct popart_str *out);

/* What an auth module answers, while it does. */
struct auth_answer {
	struct popart_auth_reply pub;
	struct host_call *call;
	struct popart_str user;
	struct popart_attr *attrs;
	size_t nattrs;
	const char *scheme; /* of the secrets that are asked for; NULL: none is */
	bool (*check)(void *ctx, struct popart_str secret);
	void *check_ctx;
	bool offered, matched; /* a secret of that scheme was there; it was right */
};
void answer_init(struct auth_answer *, struct host_call *, struct popart_str user);
/* NULL: out of memory. */
struct host_identity *answer_identity(const struct auth_answer *);

#endif
