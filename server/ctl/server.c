/* SPDX-License-Identifier: MIT */
/* workers, locks, tls: what fits into a table as it is. */
#include "ctl/server.h"
#include <errno.h>
#include "ctl/list.h"

int server_printed(bool ok)
{
	return ok
		? CTL_OK
		: ctl_fail(CTL_FAILED, "cannot write to standard output: %s", strerror(errno));
}

int server_show(struct ctl *c, const char *target, int (*show)(struct ctl *, const json_t *))
{
	struct client *client = client_new(c->socket);
	const struct client_request request = { .target = target };
	json_t *answer = NULL;
	int status;

	if (!client)
		return CTL_FAILED;
	status = c->json ? client_pass(client, &request, stdout)
			 : client_ask(client, &request, &answer);
	if (answer)
		status = show(c, answer);
	json_decref(answer);
	client_free(&client);
	return status;
}

static const struct list_column worker_columns[] = {
	{ "WORKER", "worker", LIST_NUMBER, 0 },
	{ "GENERATION", "generation", LIST_NUMBER, 0 },
	{ "PROCESS", "pid", LIST_NUMBER, 0 },
	{ "STATE", "state", LIST_STATE, 0 },
	{ "SESSIONS", "sessions", LIST_COUNT, 0 },
	{ "LOGINS", "logins", LIST_COUNT, 0 },
	{ "FAILURES", "module_failures", LIST_TROUBLE, 0 },
	{ "SENT", "octets_out", LIST_OCTETS, 0 },
	{ "DOING", "doing_now", LIST_WORDS, 48 },
};

/* A copy with what the table wants of its totals, and its calls in a word each. */
static json_t *flat_worker(json_t *worker)
{
	json_t *flat = json_copy(json_object_get(worker, "totals"));
	json_t *calls = json_array(), *doing;
	size_t i;

	if (!flat)
		flat = json_object();
	(void)json_object_update(flat, worker);
	json_array_foreach (json_object_get(worker, "doing"), i, doing)
		(void)json_array_append(calls, json_object_get(doing, "call"));
	(void)json_object_set_new(flat, "doing_now", calls);
	if (list_true(worker, "stuck"))
		(void)json_object_set_new(flat, "state", json_string("stuck"));
	return flat;
}

static int show_workers(struct ctl *c, const json_t *answer)
{
	json_t *rows = json_array(), *worker;
	size_t i;
	bool ok;

	json_array_foreach (json_object_get(answer, "workers"), i, worker)
		(void)json_array_append_new(rows, flat_worker(worker));
	ok = list_show(worker_columns, ARRAY_LEN(worker_columns), table_colours(c->terminal),
		rows, "There is no worker.");
	json_decref(rows);
	return server_printed(ok);
}

int ctl_workers_run(struct ctl *c)
{
	return server_show(c, "/v1/workers", show_workers);
}

static const struct list_column lock_columns[] = {
	{ "USER", "user", LIST_TEXT, 40 },
	{ "HELD", "held_s", LIST_SPAN, 0 },
	{ "IDLE", "idle_s", LIST_SPAN, 0 },
	{ "ADDRESS", "address", LIST_TEXT, 0 },
	{ "SESSION", "session", LIST_TEXT, 0 },
	{ "WORKER", "worker", LIST_NUMBER, 0 },
	{ "LOCK", "lock", LIST_TEXT, 0 },
};

static int show_locks(struct ctl *c, const json_t *answer)
{
	return server_printed(
		list_show(lock_columns, ARRAY_LEN(lock_columns), table_colours(c->terminal),
			json_object_get(answer, "locks"), "No session has a maildrop open."));
}

int ctl_locks_run(struct ctl *c)
{
	return server_show(c, "/v1/locks", show_locks);
}

static const struct list_column quarantine_columns[] = {
	{ "USER", "user", LIST_TEXT, 40 },
	{ "STILL FOR", "left_s", LIST_SPAN, 0 },
	{ "SINCE", "since", LIST_TIME, 0 },
	{ "IN", "call", LIST_TEXT, 64 },
	{ "DEATHS", "crashes", LIST_COUNT, 0 },
	{ "TIMES", "times", LIST_COUNT, 0 },
};

static int show_quarantine(struct ctl *c, const json_t *answer)
{
	return server_printed(list_show(quarantine_columns, ARRAY_LEN(quarantine_columns),
		table_colours(c->terminal), json_object_get(answer, "quarantined"),
		"Nobody is in quarantine."));
}

int ctl_quarantine_run(struct ctl *c)
{
	return server_show(c, "/v1/quarantine", show_quarantine);
}

static const struct list_column certificate_columns[] = {
	{ "EXPIRES IN", "expires_s", LIST_EXPIRY, 0 },
	{ "NAMES", "names", LIST_WORDS, 48 },
	{ "KEY", "key", LIST_TEXT, 0 },
	{ "OCSP", "ocsp", LIST_YES, 0 },
	{ "ISSUER", "issuer", LIST_TEXT, 32 },
	{ "FILE", "file", LIST_TEXT, 0 },
};

static const struct list_column use_columns[] = {
	{ "", "name", LIST_TEXT, 0 },
	{ "", "count", LIST_COUNT, 0 },
};

static bool show_use(struct ctl *c, const json_t *answer, const char *title, const char *key)
{
	const json_t *uses = json_object_get(answer, key);

	return json_array_size(uses) == 0 ||
		(printf("\n%s\n", title) >= 0 &&
			list_show(use_columns, ARRAY_LEN(use_columns),
				table_colours(c->terminal), uses, NULL));
}

static int show_tls(struct ctl *c, const json_t *answer)
{
	bool ok = list_show(certificate_columns, ARRAY_LEN(certificate_columns),
		table_colours(c->terminal), json_object_get(answer, "certificates"),
		"No certificate is in use.");

	ok = ok &&
		printf("\n%ju handshakes, %ju of them resumed; %ju failed\n",
			(uintmax_t)list_count(answer, "handshakes"),
			(uintmax_t)list_count(answer, "resumed"),
			(uintmax_t)list_count(answer, "failures")) >= 0 &&
		show_use(c, answer, "Versions, by handshakes:", "versions") &&
		show_use(c, answer, "Ciphers, by handshakes:", "ciphers") &&
		show_use(c, answer, "Mechanisms, by logins:", "mechanisms");
	return server_printed(ok);
}

int ctl_tls_run(struct ctl *c)
{
	return server_show(c, "/v1/tls", show_tls);
}
