/* SPDX-License-Identifier: MIT */
#include <popart/driver.h>
#include <popart/module.h>
#include <popart/session.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The binary face of include/popart, held against what was recorded in layout.txt: modules
 * that were built with the recorded headers must go on to work. A row of the record never
 * changes; new ones are added (test-layout --print > layout.txt) together with a new minor
 * version.
 */

struct row {
	const char *owner, *name; /* owner NULL: a constant; name NULL: the struct's size */
	long long offset, size;   /* a constant's value is its size */
};

#define STRUCT(s)                                                                \
	{                                                                        \
		.owner = #s, .name = NULL, .offset = 0, .size = sizeof(struct s) \
	}
#define MEMBER(s, m)                                                      \
	{                                                                 \
		.owner = #s, .name = #m, .offset = offsetof(struct s, m), \
		.size = sizeof(((struct s *)NULL)->m)                     \
	}
#define CONSTANT(c)                                                            \
	{                                                                      \
		.owner = NULL, .name = #c, .offset = 0, .size = (long long)(c) \
	}

static const struct row rows[] = {
	STRUCT(popart_str),
	MEMBER(popart_str, ptr),
	MEMBER(popart_str, len),
	STRUCT(popart_call),
	MEMBER(popart_call, size),
	MEMBER(popart_call, thread),
	MEMBER(popart_call, thread_state),
	MEMBER(popart_call, session),
	MEMBER(popart_call, deadline_ms),
	STRUCT(popart_opt),
	MEMBER(popart_opt, name),
	MEMBER(popart_opt, type),
	MEMBER(popart_opt, flags),
	MEMBER(popart_opt, min),
	MEMBER(popart_opt, max),
	MEMBER(popart_opt, fallback),
	MEMBER(popart_opt, choices),
	MEMBER(popart_opt, help),
	STRUCT(popart_attr),
	MEMBER(popart_attr, key),
	MEMBER(popart_attr, value),
	STRUCT(popart_user),
	MEMBER(popart_user, size),
	MEMBER(popart_user, nattrs),
	MEMBER(popart_user, name),
	MEMBER(popart_user, attrs),
	STRUCT(popart_msg),
	MEMBER(popart_msg, ref),
	MEMBER(popart_msg, wire_size),
	MEMBER(popart_msg, uid),
	MEMBER(popart_msg, received_s),
	MEMBER(popart_msg, flags),
	MEMBER(popart_msg, reserved),
	STRUCT(popart_msg_sink),
	MEMBER(popart_msg_sink, size),
	MEMBER(popart_msg_sink, reserved),
	MEMBER(popart_msg_sink, add),
	STRUCT(popart_source),
	MEMBER(popart_source, size),
	MEMBER(popart_source, kind),
	MEMBER(popart_source, form),
	MEMBER(popart_source, fd),
	MEMBER(popart_source, offset),
	MEMBER(popart_source, length),
	MEMBER(popart_source, body_offset),
	MEMBER(popart_source, mem),
	MEMBER(popart_source, read),
	MEMBER(popart_source, release),
	MEMBER(popart_source, ctx),
	MEMBER(popart_source, wire_sent),
	STRUCT(popart_delivery),
	MEMBER(popart_delivery, size),
	MEMBER(popart_delivery, flags),
	MEMBER(popart_delivery, size_hint),
	MEMBER(popart_delivery, received_s),
	MEMBER(popart_delivery, uid),
	STRUCT(popart_storage_ops),
	MEMBER(popart_storage_ops, size),
	MEMBER(popart_storage_ops, caps),
	MEMBER(popart_storage_ops, maildrop_id),
	MEMBER(popart_storage_ops, open),
	MEMBER(popart_storage_ops, list),
	MEMBER(popart_storage_ops, message),
	MEMBER(popart_storage_ops, commit),
	MEMBER(popart_storage_ops, close),
	MEMBER(popart_storage_ops, renew),
	MEMBER(popart_storage_ops, renew_ms),
	MEMBER(popart_storage_ops, reserved),
	MEMBER(popart_storage_ops, deliver_begin),
	MEMBER(popart_storage_ops, deliver_write),
	MEMBER(popart_storage_ops, deliver_finish),
	MEMBER(popart_storage_ops, deliver_abandon),
	MEMBER(popart_storage_ops, check),
	MEMBER(popart_storage_ops, hidden_fields),
	STRUCT(popart_check),
	MEMBER(popart_check, size),
	MEMBER(popart_check, reserved),
	MEMBER(popart_check, problem),
	MEMBER(popart_check, progress),
	STRUCT(popart_login),
	MEMBER(popart_login, size),
	MEMBER(popart_login, flags),
	MEMBER(popart_login, user),
	MEMBER(popart_login, act_as),
	MEMBER(popart_login, mechanism),
	MEMBER(popart_login, peer),
	MEMBER(popart_login, local),
	MEMBER(popart_login, cert_name),
	STRUCT(popart_auth_reply),
	MEMBER(popart_auth_reply, size),
	MEMBER(popart_auth_reply, reserved),
	MEMBER(popart_auth_reply, set_user),
	MEMBER(popart_auth_reply, set_attr),
	MEMBER(popart_auth_reply, add_secret),
	STRUCT(popart_auth_ops),
	MEMBER(popart_auth_ops, size),
	MEMBER(popart_auth_ops, caps),
	MEMBER(popart_auth_ops, check_password),
	MEMBER(popart_auth_ops, fetch_secret),
	MEMBER(popart_auth_ops, check_token),
	MEMBER(popart_auth_ops, lookup),
	MEMBER(popart_auth_ops, iterate),
	MEMBER(popart_auth_ops, check_quick),
	STRUCT(popart_host),
	MEMBER(popart_host, size),
	MEMBER(popart_host, api_major),
	MEMBER(popart_host, api_minor),
	MEMBER(popart_host, threads),
	MEMBER(popart_host, role),
	MEMBER(popart_host, server_id),
	MEMBER(popart_host, log),
	MEMBER(popart_host, fail),
	MEMBER(popart_host, conf_int),
	MEMBER(popart_host, conf_str),
	MEMBER(popart_host, conf_list),
	MEMBER(popart_host, stat_add),
	MEMBER(popart_host, now_ms),
	MEMBER(popart_host, stop_asked),
	MEMBER(popart_host, wipe),
	MEMBER(popart_host, random),
	MEMBER(popart_host, scratch),
	MEMBER(popart_host, expand),
	MEMBER(popart_host, reach_as),
	STRUCT(popart_stat),
	MEMBER(popart_stat, name),
	MEMBER(popart_stat, kind),
	MEMBER(popart_stat, reserved),
	MEMBER(popart_stat, help),
	STRUCT(popart_module),
	MEMBER(popart_module, magic),
	MEMBER(popart_module, size),
	MEMBER(popart_module, api_major),
	MEMBER(popart_module, api_minor_min),
	MEMBER(popart_module, opt_stride),
	MEMBER(popart_module, stat_stride),
	MEMBER(popart_module, needs),
	MEMBER(popart_module, name),
	MEMBER(popart_module, version),
	MEMBER(popart_module, license),
	MEMBER(popart_module, summary),
	MEMBER(popart_module, options),
	MEMBER(popart_module, stats),
	MEMBER(popart_module, auth),
	MEMBER(popart_module, storage),
	MEMBER(popart_module, check),
	MEMBER(popart_module, start),
	MEMBER(popart_module, thread_start),
	MEMBER(popart_module, thread_stop),
	MEMBER(popart_module, stop),
	MEMBER(popart_module, accounts),
	STRUCT(popart_account_ops),
	MEMBER(popart_account_ops, size),
	MEMBER(popart_account_ops, reserved),
	MEMBER(popart_account_ops, add),
	MEMBER(popart_account_ops, change),
	MEMBER(popart_account_ops, remove),
	MEMBER(popart_account_ops, show),
	STRUCT(popart_account_change),
	MEMBER(popart_account_change, size),
	MEMBER(popart_account_change, what),
	MEMBER(popart_account_change, enabled),
	MEMBER(popart_account_change, nattrs),
	MEMBER(popart_account_change, password),
	MEMBER(popart_account_change, scheme),
	MEMBER(popart_account_change, attrs),
	STRUCT(popart_account_reply),
	MEMBER(popart_account_reply, size),
	MEMBER(popart_account_reply, enabled),
	MEMBER(popart_account_reply, last_login_s),
	MEMBER(popart_account_reply, add_scheme),
	CONSTANT(POPART_ACCOUNT_PASSWORD),
	CONSTANT(POPART_ACCOUNT_ENABLED),
	CONSTANT(POPART_ACCOUNT_ATTRS),
	STRUCT(popart_io),
	MEMBER(popart_io, size),
	MEMBER(popart_io, in_eof),
	MEMBER(popart_io, in),
	MEMBER(popart_io, in_len),
	MEMBER(popart_io, body),
	MEMBER(popart_io, body_len),
	MEMBER(popart_io, out),
	MEMBER(popart_io, out_len),
	MEMBER(popart_io, out_cap),
	STRUCT(popart_step),
	MEMBER(popart_step, size),
	MEMBER(popart_step, flags),
	MEMBER(popart_step, mechanism),
	MEMBER(popart_step, user),
	MEMBER(popart_step, act_as),
	MEMBER(popart_step, secret),
	MEMBER(popart_step, stamp),
	MEMBER(popart_step, ref),
	MEMBER(popart_step, offset),
	MEMBER(popart_step, length),
	MEMBER(popart_step, wire_sent),
	MEMBER(popart_step, refs),
	MEMBER(popart_step, nrefs),
	STRUCT(popart_event),
	MEMBER(popart_event, kind),
	MEMBER(popart_event, status),
	MEMBER(popart_event, ref),
	MEMBER(popart_event, count),
	MEMBER(popart_event, octets),
	MEMBER(popart_event, text),
	STRUCT(popart_session_conf),
	MEMBER(popart_session_conf, size),
	MEMBER(popart_session_conf, flags),
	MEMBER(popart_session_conf, hostname),
	MEMBER(popart_session_conf, implementation),
	MEMBER(popart_session_conf, max_bad_commands),
	MEMBER(popart_session_conf, expire_days),
	MEMBER(popart_session_conf, login_delay_s),
	MEMBER(popart_session_conf, max_messages),
	MEMBER(popart_session_conf, event),
	STRUCT(popart_session_stats),
	MEMBER(popart_session_stats, size),
	MEMBER(popart_session_stats, state),
	MEMBER(popart_session_stats, messages),
	MEMBER(popart_session_stats, octets),
	MEMBER(popart_session_stats, retrieved),
	MEMBER(popart_session_stats, topped),
	MEMBER(popart_session_stats, deleted),
	MEMBER(popart_session_stats, octets_sent),
	MEMBER(popart_session_stats, size_mismatches),
	MEMBER(popart_session_stats, bad_commands),
	MEMBER(popart_session_stats, login_failures),
	STRUCT(popart_driver_conf),
	MEMBER(popart_driver_conf, size),
	MEMBER(popart_driver_conf, reserved),
	MEMBER(popart_driver_conf, session),
	MEMBER(popart_driver_conf, storage),
	MEMBER(popart_driver_conf, storage_state),
	MEMBER(popart_driver_conf, auth),
	MEMBER(popart_driver_conf, auth_state),
	MEMBER(popart_driver_conf, prepare),
	MEMBER(popart_driver_conf, md5),
	MEMBER(popart_driver_conf, lock),
	MEMBER(popart_driver_conf, unlock),
	CONSTANT(POPART_OK),
	CONSTANT(POPART_R_DENIED),
	CONSTANT(POPART_R_IN_USE),
	CONSTANT(POPART_R_LOGIN_DELAY),
	CONSTANT(POPART_R_TEMP),
	CONSTANT(POPART_R_PERM),
	CONSTANT(POPART_R_GONE),
	CONSTANT(POPART_R_OVER_QUOTA),
	CONSTANT(POPART_R_UNSUPPORTED),
	CONSTANT(POPART_R_NEXT),
	CONSTANT(POPART_R_PARTIAL),
	CONSTANT(POPART_E_IO),
	CONSTANT(POPART_E_NOMEM),
	CONSTANT(POPART_E_CORRUPT),
	CONSTANT(POPART_E_UNAVAIL),
	CONSTANT(POPART_E_DEADLINE),
	CONSTANT(POPART_E_CANCELLED),
	CONSTANT(POPART_E_BUG),
	CONSTANT(POPART_MAGIC),
	CONSTANT(POPART_API_MAJOR),
	CONSTANT(POPART_API_MINOR),
	CONSTANT(POPART_OPT_BOOL),
	CONSTANT(POPART_OPT_INT),
	CONSTANT(POPART_OPT_SIZE),
	CONSTANT(POPART_OPT_MSEC),
	CONSTANT(POPART_OPT_STRING),
	CONSTANT(POPART_OPT_PATH),
	CONSTANT(POPART_OPT_ENUM),
	CONSTANT(POPART_OPT_LIST),
	CONSTANT(POPART_OPT_REQUIRED),
	CONSTANT(POPART_OPT_SECRET),
	CONSTANT(POPART_OPT_TEMPLATE),
	CONSTANT(POPART_OPT_ADVANCED),
	CONSTANT(POPART_OPT_BESIDE),
	CONSTANT(POPART_STORE_BLOCKS),
	CONSTANT(POPART_STORE_SERIAL),
	CONSTANT(POPART_STORE_ATOMIC_COMMIT),
	CONSTANT(POPART_STORE_READ_ONLY),
	CONSTANT(POPART_MSG_SEEN),
	CONSTANT(POPART_MSG_SIZE_HINT),
	CONSTANT(POPART_FORM_CRLF),
	CONSTANT(POPART_FORM_NO_DOTS),
	CONSTANT(POPART_FORM_ENDS_LINE),
	CONSTANT(POPART_FORM_STUFFED),
	CONSTANT(POPART_FORM_WAS_LF),
	CONSTANT(POPART_SRC_FD),
	CONSTANT(POPART_SRC_MEM),
	CONSTANT(POPART_SRC_READ),
	CONSTANT(POPART_AUTH_BLOCKS),
	CONSTANT(POPART_AUTH_SERIAL),
	CONSTANT(POPART_AUTH_ACT_AS),
	CONSTANT(POPART_LOGIN_TLS),
	CONSTANT(POPART_LOGIN_CLIENT_CERT),
	CONSTANT(POPART_ROLE_WORKER),
	CONSTANT(POPART_ROLE_TOOL),
	CONSTANT(POPART_ROLE_CHECK),
	CONSTANT(POPART_LOG_ERROR),
	CONSTANT(POPART_LOG_WARN),
	CONSTANT(POPART_LOG_INFO),
	CONSTANT(POPART_LOG_DEBUG),
	CONSTANT(POPART_NEEDS_NETWORK),
	CONSTANT(POPART_NEEDS_USER_IDS),
	CONSTANT(POPART_NEEDS_PROCESS),
	CONSTANT(POPART_STAT_COUNTER),
	CONSTANT(POPART_STAT_GAUGE),
	CONSTANT(POPART_WANT_INPUT),
	CONSTANT(POPART_WANT_OUTPUT),
	CONSTANT(POPART_WANT_AUTH),
	CONSTANT(POPART_WANT_OPEN),
	CONSTANT(POPART_WANT_MESSAGE),
	CONSTANT(POPART_WANT_BODY),
	CONSTANT(POPART_WANT_RELEASE),
	CONSTANT(POPART_WANT_COMMIT),
	CONSTANT(POPART_WANT_CLOSE),
	CONSTANT(POPART_WANT_DONE),
	CONSTANT(POPART_STATE_AUTHORIZATION),
	CONSTANT(POPART_STATE_TRANSACTION),
	CONSTANT(POPART_STATE_UPDATE),
	CONSTANT(POPART_STATE_ENDED),
	CONSTANT(POPART_STEP_DIRECT),
	CONSTANT(POPART_STEP_CUT),
	CONSTANT(POPART_EVENT_LOGIN),
	CONSTANT(POPART_EVENT_LOGIN_FAILED),
	CONSTANT(POPART_EVENT_SENT),
	CONSTANT(POPART_EVENT_SIZE_MISMATCH),
	CONSTANT(POPART_EVENT_COMMIT),
	CONSTANT(POPART_EVENT_BAD_COMMAND),
	CONSTANT(POPART_EVENT_INTERNAL),
	CONSTANT(POPART_EVENT_END),
	CONSTANT(POPART_SESSION_PASSWORDS),
	CONSTANT(POPART_SESSION_STRICT),
	CONSTANT(POPART_OUT_MIN),
};
#define NROWS (sizeof(rows) / sizeof(rows[0]))

static void format(const struct row *r, char line[160])
{
	if (!r->owner)
		snprintf(line, 160, "constant %s = %lld", r->name, r->size);
	else if (!r->name)
		snprintf(line, 160, "struct %s: %lld", r->owner, r->size);
	else
		snprintf(line, 160, "struct %s.%s: at %lld, %lld", r->owner, r->name, r->offset,
			r->size);
}

static void print_all(void)
{
	char line[160];

	for (size_t i = 0; i < NROWS; i++) {
		format(&rows[i], line);
		puts(line);
	}
}

static bool is_one_of_ours(const char *recorded)
{
	char line[160];

	for (size_t i = 0; i < NROWS; i++) {
		format(&rows[i], line);
		if (strcmp(line, recorded) == 0)
			return true;
	}
	return false;
}

static bool is_recorded(FILE *record, const char *line)
{
	char known[160];

	rewind(record);
	while (fgets(known, sizeof(known), record)) {
		known[strcspn(known, "\n")] = '\0';
		if (strcmp(known, line) == 0)
			return true;
	}
	return false;
}

static unsigned check_recorded(FILE *record)
{
	char line[160];
	unsigned wrong = 0, n = 0;

	rewind(record);
	for (; fgets(line, sizeof(line), record); n++) {
		line[strcspn(line, "\n")] = '\0';
		if (!is_one_of_ours(line)) {
			printf("# recorded, and not so any more: %s\n", line);
			wrong++;
		}
	}
	return n ? wrong : 1;
}

static unsigned check_unrecorded(FILE *record)
{
	char line[160];
	unsigned wrong = 0;

	for (size_t i = 0; i < NROWS; i++) {
		format(&rows[i], line);
		if (!is_recorded(record, line)) {
			printf("# not recorded: %s\n", line);
			wrong++;
		}
	}
	return wrong;
}

/* Without holes nothing can be added that this table does not see, and nothing that an
 * older reader takes for something of its own. */
static unsigned check_holes(void)
{
	long long at = 0, size = 0;
	unsigned wrong = 0;

	for (size_t i = 0; i < NROWS && rows[i].owner; i++) {
		const struct row *r = &rows[i];
		if (r->name && r->offset != at) {
			printf("# a hole before %s.%s\n", r->owner, r->name);
			wrong++;
		}
		at = r->name ? r->offset + r->size : 0;
		size = r->name ? size : r->size;
		if ((i + 1 == NROWS || !rows[i + 1].owner || !rows[i + 1].name) && at != size) {
			printf("# %s ends in padding\n", r->owner);
			wrong++;
		}
	}
	return wrong;
}

static int tell(int number, unsigned wrong, const char *what)
{
	printf("%s %d - %s\n", wrong ? "not ok" : "ok", number, what);
	return wrong != 0;
}

int main(int argc, char **argv)
{
	const char *root = getenv("TEST_SRCDIR");
	char file[4096];
	int wrong = 0;

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		print_all();
		return 0;
	}
	if (sizeof(void *) != 8) {
		printf("1..0 # SKIP recorded for 64-bit pointers\n");
		return 0;
	}
	snprintf(file, sizeof(file), "%s/tests/abi/layout.txt", root ? root : ".");
	FILE *record = fopen(file, "r");
	if (!record) {
		printf("Bail out! %s cannot be read\n", file);
		return 1;
	}
	printf("1..3\n");
	wrong |= tell(1, check_recorded(record), "what was recorded is unchanged");
	wrong |= tell(2, check_unrecorded(record), "what is new is recorded");
	wrong |= tell(3, check_holes(), "no struct has holes or ends in padding");
	fclose(record);
	return wrong;
}
