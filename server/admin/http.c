/* SPDX-License-Identifier: MIT */
#include "admin/http.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "admin/locks.h"
#include "admin/metrics.h"
#include "admin/modules.h"
#include "admin/quarantined.h"
#include "admin/peers.h"
#include "admin/sessions.h"
#include "admin/status.h"
#include "admin/tls.h"
#include "base/text.h"

#define BODY_MAX        4096u
#define CONN_MEMORY     16384u
#define TICK_MS         1000
#define ASK_PATIENCE_MS 5000
#define JSON_TYPE       "application/json"
#define BLOCK           16384u
#define METRICS_MAX     ((size_t)16 << 20)

struct http {
	const struct http_world *world;
	struct MHD_Daemon *daemon;
	struct peers *peers;
	int epoll;
	int64_t tick_ms;
	unsigned answering;
	bool public, quiet;
};

/* One request, from its header to the end of its answer. */
struct request {
	struct http *http;
	struct MHD_Connection *connection;
	struct peer *peer;
	const struct route *route;
	const char *rest; /* of the path, behind the route's own */
	struct asked *asked;
	const char *operation;
	char target[128];
	struct buf body;
	bool too_long, head;
};

enum method { GET = 1, POST = 2, PUT = 4, DELETE = 8 };

struct route {
	const char *path; /* with a '/' at its end: something follows */
	unsigned methods;
	bool public;
	enum MHD_Result (*answer)(struct request *, enum method);
};

/* --- answers -------------------------------------------------------------------------- */

static enum MHD_Result queue(
	struct request *q, unsigned status, const char *type, struct MHD_Response *r)
{
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	result = MHD_queue_response(q->connection, status, r);
	MHD_destroy_response(r);
	return result;
}

/* Takes the reference. NULL: there was no memory for it, and the connection is cut. */
static enum MHD_Result send_json(struct request *q, unsigned status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;

	json_decref(json);
	if (!text)
		return MHD_NO;
	text[len] = '\n'; /* in the place of the NUL, which nobody needs any more */
	return queue(q, status, JSON_TYPE,
		MHD_create_response_from_buffer(len + 1, text, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result send_error(struct request *q, unsigned status, struct popart_str why)
{
	return send_json(q, status,
		json_pack("{s:o, s:i}", "error", scene_text(why), "status", (int)status));
}

static enum MHD_Result send_no(struct request *q, unsigned status, const char *why)
{
	return send_error(q, status, view_str(why));
}

static enum MHD_Result send_ok(struct request *q)
{
	return send_json(q, 200, json_pack("{s:b}", "ok", 1));
}

/* --- what may be looked at ------------------------------------------------------------ */

static struct scene *scene_of(const struct request *q)
{
	return q->http->world->scene;
}

static enum MHD_Result answer_status(struct request *q, enum method m UNUSED)
{
	return send_json(q, 200, status_show(scene_of(q), q->http->world->rates));
}

static enum MHD_Result answer_workers(struct request *q, enum method m UNUSED)
{
	return send_json(q, 200, status_workers(scene_of(q)));
}

static enum MHD_Result answer_modules(struct request *q, enum method m UNUSED)
{
	return send_json(q, 200, modules_json(scene_of(q)));
}

static enum MHD_Result answer_locks(struct request *q, enum method m UNUSED)
{
	return send_json(q, 200, locks_json(scene_of(q)));
}

static enum MHD_Result answer_tls(struct request *q, enum method m UNUSED)
{
	return send_json(q, 200, tls_json(scene_of(q)));
}

static enum MHD_Result answer_metrics(struct request *q, enum method m UNUSED)
{
	enum metrics_form form = metrics_form(MHD_lookup_connection_value(
		q->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
	enum MHD_Result result = MHD_NO;
	struct buf out;

	buf_init(&out, METRICS_MAX);
	metrics_write(scene_of(q), form, &out);
	if (!out.failed)
		result = queue(q, 200, metrics_content_types[form],
			MHD_create_response_from_buffer(
				out.len, out.ptr, MHD_RESPMEM_MUST_COPY));
	buf_free(&out);
	return result;
}

static enum MHD_Result answer_health(struct request *q, enum method m UNUSED)
{
	return send_ok(q);
}

static enum MHD_Result answer_ready(struct request *q, enum method m UNUSED)
{
	const struct scene *s = scene_of(q);

	if (status_is_ready(s))
		return send_ok(q);
	return send_no(q, 503,
		s->stopping ? "popartd is stopping"
			    : "no worker takes connections; the log says why");
}

/* A parameter of the query; ptr NULL: it is not there. */
static struct popart_str parameter(const struct request *q, const char *name)
{
	const char *value = NULL;
	size_t len = 0;

	if (MHD_lookup_connection_value_n(q->connection, MHD_GET_ARGUMENT_KIND, name,
		    strlen(name), &value, &len) != MHD_YES)
		return VIEW_NONE;
	return view_of(value ? value : "", len);
}

static enum MHD_Result name_unknown(
	void *found, enum MHD_ValueKind kind UNUSED, const char *key, const char *value UNUSED)
{
	static const char *const known[] = { "user", "address", "state", "limit", "after" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i], key) == 0)
			return MHD_YES;
	*(const char **)found = key;
	return MHD_NO;
}

/* NULL: the filter is good; else a sentence. */
static const char *read_filter(const struct request *q, struct sessions_filter *f)
{
	struct popart_str state = parameter(q, "state"), limit = parameter(q, "limit");
	const char *unknown = NULL;

	(void)MHD_get_connection_values(
		q->connection, MHD_GET_ARGUMENT_KIND, name_unknown, (void *)&unknown);
	if (unknown)
		return "unknown parameter; known are: user, address, state, limit, after";
	*f = (struct sessions_filter){ .user = parameter(q, "user"),
		.address = parameter(q, "address"),
		.after = parameter(q, "after"),
		.limit = UINT64_MAX };
	f->state = sessions_state(state);
	if (state.ptr && !f->state)
		return "state is none of: authorization, transaction, update";
	if (limit.ptr && (!view_u64(limit, 1000000, &f->limit) || f->limit == 0))
		return "limit is no number from 1 to 1000000";
	return NULL;
}

static ssize_t read_walk(void *walk, uint64_t at UNUSED, char *out, size_t room)
{
	ssize_t n = sessions_read(walk, out, room);

	return n > 0     ? n
		: n == 0 ? MHD_CONTENT_READER_END_OF_STREAM
			 : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void end_walk(void *p)
{
	struct sessions_walk *walk = p;

	sessions_end(&walk);
}

static enum MHD_Result answer_sessions(struct request *q, enum method m UNUSED)
{
	struct sessions_filter filter;
	const char *why = read_filter(q, &filter);
	struct sessions_walk *walk = why ? NULL : sessions_begin(scene_of(q), &filter);
	struct MHD_Response *r;

	if (!walk && !why && errno == EINVAL)
		why = "after is not the next of an earlier answer";
	if (why)
		return send_no(q, 400, why);
	if (!walk)
		return MHD_NO;
	r = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK, read_walk, walk, end_walk);
	if (!r)
		sessions_end(&walk);
	return queue(q, 200, JSON_TYPE, r);
}

/* --- what is for those who may -------------------------------------------------------- */

static void log_operation(const struct request *q, int status, const char *why)
{
	struct log_line l;

	log_begin(scene_of(q)->log, &l, LOG_EV_ADMIN);
	log_str(&l, "operation", q->operation);
	if (q->target[0])
		log_str(&l, "target", q->target);
	log_u64(&l, "uid", q->peer->uid);
	log_i64(&l, "pid", q->peer->pid);
	log_i64(&l, "status", status);
	if (why)
		log_message(&l, "reason", view_str(why));
	log_end(&l);
}

/* The answer comes when the master has answered. */
static enum MHD_Result ask(
	struct request *q, const char *operation, struct chan_msg *msg, int64_t patience_ms)
{
	int64_t now = scene_of(q)->now_ms;

	q->operation = operation;
	q->asked = operate_ask(q->http->world->operate, msg, now, patience_ms, q->connection);
	if (!q->asked)
		return send_no(q, 503,
			errno == EBUSY ? "too many operations wait already; try again later"
				       : "the master cannot be asked just now; try again");
	peers_allow(q->peer, INT64_MAX);
	MHD_suspend_connection(q->connection);
	return MHD_YES;
}

/* Nothing that stands where numbers are expected is repeated. */
static bool read_id(const struct request *q, uint64_t *id)
{
	size_t len = strlen(q->rest);

	*id = 0;
	for (size_t i = 0; i < len; i++) {
		char c = q->rest[i];
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
			: c >= 'a' && c <= 'f'        ? (unsigned)(c - 'a') + 10
						      : 16;
		if (digit > 15)
			return false;
		*id = *id << 4 | digit;
	}
	return len > 0 && len <= 16;
}

static const char no_session[] = "there is no session with this number (any more)";

static enum MHD_Result finish_kick(struct request *q, uint64_t id)
{
	const struct asked *a = q->asked;

	if (a->status == 200)
		return send_json(q, 200, json_pack("{s:o}", "kicked", scene_hex(id)));
	return send_no(q, (unsigned)a->status,
		a->status == 404 ? no_session : "the worker has not answered; try again");
}

static enum MHD_Result answer_session(struct request *q, enum method m)
{
	struct chan_msg msg = { .kind = CHAN_KICK };
	struct sessions_place place;
	json_t *session;
	uint64_t id;
	bool busy;

	if (!read_id(q, &id))
		return send_no(q, 400, "a session's number has 1 to 16 digits, 0-9 and a-f");
	if (q->asked)
		return finish_kick(q, id);
	session = sessions_find(scene_of(q), id, &place, &busy);
	if (!session)
		return send_no(q, busy ? 503 : 404,
			busy ? "some sessions change too fast to be read just now; try again"
			     : no_session);
	if (m == GET)
		return send_json(q, 200, session);
	json_decref(session);
	msg.session = id;
	msg.generation = place.generation;
	msg.worker = place.worker;
	(void)snprintf(q->target, sizeof(q->target), "%016llx", (unsigned long long)id);
	return ask(q, "kick", &msg, ASK_PATIENCE_MS);
}

static enum MHD_Result answer_quarantine(struct request *q, enum method m UNUSED)
{
	return send_json(q, 200, quarantined_json(scene_of(q)));
}

static enum MHD_Result answer_release(struct request *q, enum method m UNUSED)
{
	struct chan_msg msg = { .kind = CHAN_RELEASE };
	const struct asked *a = q->asked;
	size_t len = strlen(q->rest);

	if (len == 0 || len > sizeof(msg.text))
		return send_no(q, 400, "whose quarantine? the path ends with the user's name");
	if (!a) {
		memcpy(msg.text, q->rest, len);
		msg.text_len = (uint32_t)len;
		(void)snprintf(q->target, sizeof(q->target), "%s", q->rest);
		return ask(q, "release", &msg, ASK_PATIENCE_MS);
	}
	if (a->status == 200)
		return send_json(
			q, 200, json_pack("{s:o}", "released", scene_text(view_str(q->rest))));
	return send_no(q, (unsigned)a->status,
		a->status == 404 ? "this user is not in quarantine"
				 : "the master has not answered; try again");
}

static enum MHD_Result answer_reload(struct request *q, enum method m UNUSED)
{
	struct chan_msg msg = { .kind = CHAN_RELOAD };
	const struct asked *a = q->asked;
	int64_t start_ms = scene_of(q)->conf->start_timeout_ms;
	const char *why;

	if (!a) /* one may be under way already */
		return ask(q, "reload", &msg, 2 * start_ms + ASK_PATIENCE_MS);
	why = a->text ? a->text : "the master has not answered; the log says how it went";
	if (a->status == 200)
		return send_json(
			q, 200, json_pack("{s:I}", "generation", (json_int_t)a->generation));
	if (a->status == 202)
		return send_json(
			q, 202, json_pack("{s:o}", "waiting", scene_text(view_str(why))));
	return send_no(q, (unsigned)a->status, why);
}

static enum MHD_Result answer_stop(struct request *q, enum method m UNUSED)
{
	struct chan_msg msg = { .kind = CHAN_QUIT };
	struct popart_str now = parameter(q, "now");

	if (now.ptr && !view_eq(now, VIEW_LIT("true")) && !view_eq(now, VIEW_LIT("false")))
		return send_no(q, 400, "now is none of: true, false");
	msg.value = view_eq(now, VIEW_LIT("true"));
	if (msg.value)
		(void)snprintf(q->target, sizeof(q->target), "now");
	if (!q->asked)
		return ask(q, "stop", &msg, ASK_PATIENCE_MS);
	if (q->asked->status != 202)
		return send_no(q, (unsigned)q->asked->status,
			"the master has not answered; send it SIGTERM");
	return send_json(q, 202, json_pack("{s:b}", "stopping", 1));
}

/* The level's place in the table, or -1. */
static int read_level(const struct request *q)
{
	json_t *json = json_loadb(q->body.ptr ? q->body.ptr : "", q->body.len, 0, NULL);
	const char *word = json_string_value(json_object_get(json, "level"));
	int found = -1;

	for (int i = 0; word && log_level_names[i]; i++)
		if (json_object_size(json) == 1 && strcmp(word, log_level_names[i]) == 0)
			found = i;
	json_decref(json);
	return found;
}

static enum MHD_Result answer_level(struct request *q, enum method m UNUSED)
{
	struct chan_msg msg = { .kind = CHAN_LEVEL };
	int level = read_level(q);

	if (level < 0)
		return send_no(q, 400,
			"the body is to be {\"level\": \"...\"}, and the level one of: error, "
			"warn, info, debug");
	if (q->asked && q->asked->status == 200)
		return send_json(q, 200, json_pack("{s:s}", "level", log_level_names[level]));
	if (q->asked)
		return send_no(q, 503, "the master has not answered; try again");
	msg.value = log_level_at((size_t)level);
	(void)snprintf(q->target, sizeof(q->target), "%s", log_level_names[level]);
	return ask(q, "log-level", &msg, ASK_PATIENCE_MS);
}

/* --- which is which ------------------------------------------------------------------- */

static const struct route routes[] = {
	{ "/v1/status", GET, false, answer_status },
	{ "/v1/workers", GET, false, answer_workers },
	{ "/v1/sessions", GET, false, answer_sessions },
	{ "/v1/sessions/", GET | DELETE, false, answer_session },
	{ "/v1/modules", GET, false, answer_modules },
	{ "/v1/locks", GET, false, answer_locks },
	{ "/v1/quarantine", GET, false, answer_quarantine },
	{ "/v1/quarantine/", DELETE, false, answer_release },
	{ "/v1/tls", GET, false, answer_tls },
	{ "/v1/reload", POST, false, answer_reload },
	{ "/v1/stop", POST, false, answer_stop },
	{ "/v1/log-level", PUT, false, answer_level },
	{ "/metrics", GET, true, answer_metrics },
	{ "/healthz", GET, true, answer_health },
	{ "/readyz", GET, true, answer_ready },
};

static const struct {
	const char *name;
	enum method method;
} methods[] = { { "GET", GET }, { "HEAD", GET }, { "POST", POST }, { "PUT", PUT },
	{ "DELETE", DELETE } };

static enum method method_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return methods[i].method;
	return 0;
}

static const struct route *find_route(struct request *q, const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		const struct route *r = &routes[i];
		size_t len = strlen(r->path);
		bool prefix = r->path[len - 1] == '/';

		if (q->http->public && !r->public)
			continue;
		q->rest = path + len;
		if (strncmp(path, r->path, len) == 0 && (prefix || path[len] == '\0'))
			return r;
	}
	return NULL;
}

static enum MHD_Result refuse_method(struct request *q)
{
	enum MHD_Result result;
	char *text = NULL;
	struct MHD_Response *r;
	struct buf allow;
	json_t *json = json_pack("{s:s, s:i}", "error",
		"this path is not for this method; the header Allow says for which it is",
		"status", 405);

	buf_init(&allow, 64);
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		if (!(methods[i].method & q->route->methods))
			continue;
		buf_add_str(&allow, allow.len > 0 ? ", " : "");
		buf_add_str(&allow, methods[i].name);
	}
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	r = text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE)
		 : NULL;
	if (r)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, buf_cstr(&allow));
	result = queue(q, 405, JSON_TYPE, r);
	buf_free(&allow);
	return result;
}

static enum MHD_Result answer(struct request *q, const char *method)
{
	enum method m = method_of(method);

	if (!q->route)
		return send_no(q, 404,
			q->http->public ? "only /metrics, /healthz and /readyz are here"
					: "there is nothing here; openapi.yaml has all paths");
	if (!(q->route->methods & m))
		return refuse_method(q);
	if (m != GET && !q->peer->may_operate)
		return send_no(q, 403,
			"only root, the server's user and members of admin.group may do that");
	if (q->too_long)
		return send_no(q, 413, "the body is too long");
	return q->route->answer(q, m);
}

/* --- libmicrohttpd's callbacks -------------------------------------------------------- */

static struct peer *peer_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static struct request *begin_request(struct http *h, struct MHD_Connection *c, const char *path)
{
	struct request *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->http = h;
	q->connection = c;
	q->peer = peer_of(c);
	q->route = find_route(q, path);
	buf_init(&q->body, BODY_MAX);
	h->answering++;
	if (q->peer)
		peers_allow(q->peer, h->world->scene->now_ms + PEERS_BODY_MS);
	return q;
}

/* Called with the header, with each piece of the body, at its end, and after a pause. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *path,
	const char *method, const char *version UNUSED, const char *data, size_t *len,
	void **context)
{
	struct request *q = *context;

	if (!q) {
		q = *context = begin_request(cls, c, path);
		return q && q->peer ? MHD_YES : MHD_NO;
	}
	if (*len > 0) {
		buf_add(&q->body, view_of(data, *len));
		q->too_long = q->too_long || q->body.failed;
		*len = 0;
		return MHD_YES;
	}
	/* The path is libmicrohttpd's, and may have moved. */
	q->route = find_route(q, path);
	if (q->asked) {
		peers_allow(q->peer, q->http->world->scene->now_ms + PEERS_BODY_MS);
		log_operation(q, q->asked->status, q->asked->text);
	}
	return answer(q, method);
}

static void on_completed(void *cls, struct MHD_Connection *c UNUSED, void **context,
	enum MHD_RequestTerminationCode why UNUSED)
{
	struct http *h = cls;
	struct request *q = *context;

	*context = NULL;
	if (!q)
		return;
	h->answering--;
	if (q->peer)
		peers_allow(q->peer, h->world->scene->now_ms + PEERS_BODY_MS);
	operate_let_go(h->world->operate, &q->asked);
	buf_free(&q->body);
	free(q);
}

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	struct http *h = cls;
	struct peer *peer = *context;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
		*context = info ? peers_add(h->peers, info->connect_fd, h->world->scene->now_ms)
				: NULL;
		return;
	}
	if (peer)
		peers_remove(h->peers, &peer);
	*context = NULL;
}

/* What clients do wrong is no news. */
static void on_log(void *cls UNUSED, const char *format UNUSED, va_list arguments UNUSED)
{
}

void http_wake(void *who)
{
	MHD_resume_connection(who);
}

/* --- life ----------------------------------------------------------------------------- */

struct http *http_start(const struct http_world *world, int listener, bool public)
{
	struct http *h = calloc(1, sizeof(*h));
	const union MHD_DaemonInfo *info;

	if (!h) {
		(void)close(listener);
		return NULL;
	}
	h->world = world;
	h->public = public;
	h->peers = peers_new(world->group);
	if (h->peers)
		h->daemon = MHD_start_daemon(
			MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
			NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
			MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
			PEERS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONN_MEMORY,
			MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
			MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
	if (!h->daemon) {
		(void)close(listener);
		peers_free(&h->peers);
		free(h);
		return NULL;
	}
	info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	h->epoll = info ? info->epoll_fd : -1;
	return h;
}

void http_free(struct http **p)
{
	struct http *h = *p;

	*p = NULL;
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	peers_free(&h->peers);
	free(h);
}

int http_fd(const struct http *h)
{
	return h->epoll;
}

void http_turn(struct http *h)
{
	int64_t now = h->world->scene->now_ms;

	if (now >= h->tick_ms) {
		peers_expire(h->peers, now);
		h->tick_ms = now + TICK_MS;
	}
	(void)MHD_run(h->daemon);
}

int64_t http_due(const struct http *h)
{
	int64_t now = h->world->scene->now_ms;
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES && ms < TICK_MS)
		return now + (int64_t)ms;
	return peers_count(h->peers) > 0 ? h->tick_ms : INT64_MAX;
}

/* The socket is the master's as well: it stays open. */
void http_quiesce(struct http *h)
{
	int listener = h->quiet ? -1 : MHD_quiesce_daemon(h->daemon);

	h->quiet = true;
	if (listener >= 0)
		(void)close(listener);
}

bool http_is_busy(const struct http *h)
{
	return h->answering > 0;
}
