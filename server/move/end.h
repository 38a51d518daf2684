/* SPDX-License-Identifier: MIT */
#ifndef MOVE_END_H
#define MOVE_END_H
/* One of the two maildrops between which mail is moved: opened and listed, under its lock. */
#include "host/host.h"

struct end_msg {
	uint64_t ref, size; /* size: as popart_msg.wire_size */
	int64_t received_s;
	uint32_t flags;
	uint32_t uid_len;
	size_t uid; /* in end->uids */
};

struct end {
	struct host_call call;
	struct host_identity *who; /* NULL: not found yet */
	void *drop;                /* NULL: not open */
	int64_t renew_at_ms;       /* when the store's own lock is to be renewed; 0: never */
	struct popart_msg_sink sink;
	struct end_msg *v;
	size_t n, cap;
	struct buf uids;
	uint32_t *table; /* of uids: place in v + 1, 0: free; NULL: none yet */
	size_t mask;
};

/* Statuses are those of the calls; what was recorded is in end->call. */
int end_begin(struct end *, struct host *, struct popart_instance *, struct popart_str user);
/* Closes what is open. */
void end_free(struct end *);
/* Opens and lists; what was open is closed. */
int end_list(struct end *);
void end_close(struct end *);
/* Between its calls, often: renews the store's own lock, if that is due. */
int end_keep(struct end *);
/* The same before a commit, whether it is due or not. */
int end_renew(struct end *);
struct popart_str end_uid(const struct end *, const struct end_msg *);
/* NULL: no message has this unique-id. */
const struct end_msg *end_find(const struct end *, struct popart_str uid);

#endif
