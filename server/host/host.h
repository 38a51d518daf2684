/* SPDX-License-Identifier: MIT */
#ifndef HOST_HOST_H
#define HOST_HOST_H
/*
 * The modules of this process: loaded, configured as instances, started, called and
 * stopped. Order, as the ABI promises it to modules:
 *
 *	host_new -> host_load -> [host_check] -> host_start -> host_thread_start (each
 *	thread) -> calls -> host_thread_stop -> host_stop -> host_free
 */
#include <popart/module.h>
#include "base/arena.h"
#include "base/log.h"
#include "conf/conf.h"

struct host;
struct popart_instance;

struct host_setup {
	enum popart_role role;
	unsigned threads;        /* thread indexes are 0 .. threads-1; at least 1         */
	const char *module_path; /* where `module = "x"` finds x.so; ':' between several */
	struct log *log;         /* may be NULL: tools and checks                         */
	const char *account;     /* whom this process has become, for messages; may be NULL */
	const _Atomic uint32_t *stopping; /* non-zero: host->stop_asked says so; may be NULL */
	/* Told of every operation when it is over, on its thread: the instance's index, the
	 * operation as base/module_ops.h counts them, how long it took with the wait for a
	 * SERIAL one. NULL: nothing is measured. */
	void (*measured)(void *ctx, unsigned thread, unsigned instance, unsigned op,
		uint64_t ns, bool failed);
	void *measured_ctx;
	/* Told before a module is entered that no session calls, with "start" and the like,
	 * and with NULL when it is over; on its thread, but for check, start and stop, which
	 * have the last one's index. NULL: nobody is. */
	void (*entered)(void *ctx, unsigned thread, const char *instance, const char *what);
	void *entered_ctx;
};

struct host *host_new(const struct host_setup *);
/* dlopen, identity, permissions, options of every block, all of them even when one is
 * wrong. Once. The conf must outlive the host. False: report says why. */
bool host_load(struct host *, const struct conf *, struct report *);
/* Every instance's check(). Without a log, what they warn of goes to the report. */
bool host_check(struct host *, struct report *);
/* All or none: when one fails, those started before it are stopped, the last one first. */
bool host_start(struct host *, struct report *);
/* On the thread itself; all instances or none. Threads that are started stay so. */
bool host_thread_start(struct host *, unsigned thread, struct report *);
void host_thread_stop(struct host *, unsigned thread);
void host_stop(struct host *);
void host_free(struct host **);
/* All of that for a program that is no worker: role TOOL, one thread, 0, which is the
 * caller's; of the setup log, account and stopping count. NULL: report says why. */
struct host *host_tool_new(struct host_setup, const struct conf *, struct report *);
void host_tool_free(struct host **);
/* For `popartd -n`: every block's effective values. */
void host_dump(const struct host *, struct buf *);
/* For `popartd --modules`: a line for every module found in path. */
void host_list_modules(const char *module_path, struct buf *);
/* For the sandbox: every value of a PATH option (templates as written), and all NEEDS bits. */
void host_each_path(const struct host *, void (*each)(void *, const char *path), void *);
uint32_t host_needs(const struct host *);
/* Every counter and gauge of every instance, summed over the threads; stat: which row of the
 * module's table. */
void host_each_stat(const struct host *,
	void (*each)(void *, unsigned instance, unsigned stat, int64_t value), void *);
/* NULL: the instance has no such row. */
const struct popart_stat *host_stat_row(const struct host *, unsigned instance, unsigned stat);
/* What is configured, for whoever shows it; all of it lives until each() returns. */
struct host_about {
	unsigned index; /* auth before storage, as configured */
	bool storage;
	uint32_t caps; /* POPART_AUTH_ or POPART_STORE_ */
	const char *name, *module, *version, *summary;
	struct popart_str options; /* lines "key = value;", secrets hidden */
};
void host_each_instance(
	const struct host *, void (*each)(void *, const struct host_about *), void *);

/* Whether any auth instance may wait (POPART_AUTH_BLOCKS): logins then go to the pool. */
bool host_auth_blocks(const struct host *);
/* Whether any can answer check_password / hand out "plain" secrets for APOP. */
bool host_auth_has_password(const struct host *);
bool host_auth_has_secret(const struct host *);
bool host_store_blocks(const struct popart_instance *);
/* The same of message, read, release and close. */
bool host_store_reads_block(const struct popart_instance *);
const char *host_instance_name(const struct popart_instance *);
const char *host_instance_module(const struct popart_instance *);
/* Whether one of the modules was loaded from this file. */
bool host_has_module(const struct host *, const char *path);
/* Whose operation "instance.operation" is: the module's name; NULL: nobody's. */
const char *host_module_doing(const struct host *, struct popart_str what);
/* The storage instance of that name. NULL: there is none. */
struct popart_instance *host_storage_named(const struct host *, struct popart_str name);
unsigned host_instance_index(const struct popart_instance *);
/* Whether it is for the users of some domains only. */
bool host_has_domains(const struct popart_instance *);

/*
 * One call into a module, or a few after each other. The caller keeps it on its stack;
 * scratch memory lives until host_call_end, what fail() recorded until the next call.
 *
 * Internal failures are logged here (event module_failed), as are reportable ones with a
 * text (event module). DENIED, NEXT, IN_USE and LOGIN_DELAY are not: the caller's line
 * about the login has detail for them.
 */
#define HOST_DOING_SIZE 64u
struct host_call {
	struct popart_call pub; /* what the module sees; first member */
	struct host *host;
	struct popart_instance *inst; /* who was called last */
	const char *op;               /* "instance.operation" of that call */
	unsigned op_index;
	int64_t clock_ns; /* the last reading; 0: none yet. Where an operation ends the next may
	                     begin: whoever does something long in between reads it anew */
	bool must_finish; /* a commit or the end of a delivery: stop_asked says no */
	int status, os_error;      /* as fail() said      */
	struct buf client, detail; /* text for the client, text for the log */
	struct arena scratch;
	struct popart_str user, peer;    /* for log lines; borrowed from the caller */
	const struct host_identity *who; /* for storage operations; borrowed from the caller */
	bool as_user;                    /* this thread has the file-system ids of `who`     */
	char *doing; /* room for HOST_DOING_SIZE octets where "instance.operation" is noted
	                before a module is entered, for whoever asks why this thread died;
	                may be NULL */
};
void host_call_begin(struct host_call *, struct host *, unsigned thread, uint64_t session,
	int64_t deadline_ms);
void host_call_end(struct host_call *);

/* What a successful login yields; one allocation, the caller's. */
struct host_identity {
	struct popart_str user; /* canonical name */
	struct popart_attr *attrs;
	size_t nattrs;
	struct popart_instance *store; /* by the attribute "storage", else by the domain */
	uid_t uid;                     /* for whom a store with as_user reaches for files   */
	gid_t gid;
};
void host_identity_free(struct host_identity **);
/* Another store than auth has chosen. POPART_R_PERM: it has as_user, and auth gave no ids. */
int host_identity_use(
	struct host_call *, struct host_identity *, struct popart_instance *store);
/* NULL: there is no such attribute. */
const struct popart_str *host_identity_attr(const struct host_identity *, const char *key);

/* The chain: instances in configured order, without those whose `domains` are others than
 * the user's; NEXT goes on, everything else ends it. All NEXT: POPART_R_DENIED. An internal
 * failure is never read as "no". */
int host_auth_password(struct host_call *, const struct popart_login *,
	struct popart_str password, struct host_identity **out);
/* The same without waiting. True: yes. False: nothing is decided, not even that it is a no,
 * whose time would tell who is known here; ask host_auth_password. */
bool host_auth_quick(struct host_call *, const struct popart_login *,
	struct popart_str password, struct host_identity **out);
/* Secrets of one scheme ("plain") for a challenge-response; check() says whether one of
 * them is right. */
int host_auth_secret(struct host_call *, const struct popart_login *, const char *scheme,
	bool (*check)(void *ctx, struct popart_str secret), void *ctx,
	struct host_identity **out);
/* Who is this, without a secret? An instance that cannot be asked this way may know the user
 * nevertheless: POPART_R_TEMP then takes the place of POPART_R_DENIED. */
int host_auth_lookup(struct host_call *, struct popart_str user, struct host_identity **out);

/* Every user of every auth instance, until each() returns non-zero; one that several of them
 * have comes several times. POPART_R_UNSUPPORTED: an instance cannot tell. */
int host_auth_iterate(
	struct host_call *, void *ctx, int (*each)(void *ctx, struct popart_str user));

/*
 * Accounts, for tools. inst NULL: add asks the first auth instance whose users can be written,
 * the others each in turn until one knows the user. POPART_R_NEXT: nobody does, and the text
 * says so. POPART_R_UNSUPPORTED: no instance, or not this one, can be written.
 */
#define HOST_SCHEMES_MAX 8u
struct host_account {
	struct popart_instance *inst; /* whose it is */
	bool enabled;
	int64_t last_login_s;                        /* 0: not known */
	struct popart_str schemes[HOST_SCHEMES_MAX]; /* as long as the call's scratch memory */
	size_t nschemes;
};
int host_account_add(struct host_call *, struct popart_instance *, struct popart_str user,
	const struct popart_account_change *);
int host_account_change(struct host_call *, struct popart_instance *, struct popart_str user,
	const struct popart_account_change *);
int host_account_remove(struct host_call *, struct popart_instance *, struct popart_str user);
int host_account_show(struct host_call *, struct popart_instance *, struct popart_str user,
	struct host_account *);
/* Every user of one auth instance. */
int host_account_iterate(struct host_call *, struct popart_instance *, void *ctx,
	int (*each)(void *ctx, struct popart_str user));
/* By its name; NULL: there is none. */
struct popart_instance *host_auth_named(const struct host *, struct popart_str name);
/* The auth instances in their order; NULL: no more. */
struct popart_instance *host_auth_next(const struct host *, const struct popart_instance *);

/* Storage operations of one instance, SERIAL kept. id_len 0 afterwards: no maildrop_id. */
int store_maildrop_id(
	struct host_call *, const struct host_identity *, char id[64], size_t *id_len);
/* Where that user's mail is: each PATH option of the store that is a template, filled in for
 * the user. Enters no module. */
int store_each_path(struct host_call *, const struct host_identity *,
	void (*each)(void *ctx, const char *option, struct popart_str path), void *ctx);
/* What the session lock is taken on. */
int store_lock_key(struct host_call *, const struct host_identity *, uint64_t *key);
int store_open(struct host_call *, const struct host_identity *, void **drop);
int store_list(
	struct host_call *, struct popart_instance *, void *drop, struct popart_msg_sink *);
int store_message(struct host_call *, struct popart_instance *, void *drop, uint64_t ref,
	struct popart_source *);
/* SRC_READ only; for FD and MEM the caller reads by itself. */
int64_t store_read(
	struct host_call *, struct popart_instance *, struct popart_source *, void *, size_t);
void store_release(struct host_call *, struct popart_instance *, struct popart_source *);
int store_commit(struct host_call *, struct popart_instance *, void *drop, const uint64_t *refs,
	size_t n, size_t *removed);
void store_close(struct host_call *, struct popart_instance *, void **drop);
/* Milliseconds between renewals of a lease-style lock; 0: none. */
uint32_t store_renew_ms(const struct popart_instance *);
/* Whether any store has such a lock. */
bool host_store_renews(const struct host *);
int store_renew(struct host_call *, struct popart_instance *, void *drop);

/*
 * A message put in: begin, write as often as there is something, then finish, whose
 * POPART_OK alone says that the message is there to stay; or abandon. What finish leaves in
 * *dlv is to be abandoned, too; NULL: nothing is left. POPART_R_UNSUPPORTED: not this store.
 */
int store_deliver_begin(struct host_call *, const struct host_identity *,
	const struct popart_delivery *, void **dlv);
int store_deliver_write(
	struct host_call *, struct popart_instance *, void *dlv, const void *, size_t);
int store_deliver_finish(struct host_call *, struct popart_instance *, void **dlv);
void store_deliver_abandon(struct host_call *, struct popart_instance *, void **dlv);

/* Looks a maildrop over; POPART_R_UNSUPPORTED: this store has nothing to look with. */
int store_check(struct host_call *, const struct host_identity *, struct popart_check *);
/* Header fields that the store shows to nobody, NULL-ended; NULL: none. */
const char *const *store_hidden_fields(const struct popart_instance *);

/* Fixed client text of a reportable status, response code first: "[IN-USE] ..."; lives
 * in the protocol core; here only the log's word for any status: "denied", "io", ... */
const char *host_status_name(int status);

#endif
