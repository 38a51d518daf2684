/* SPDX-License-Identifier: MIT */
#include "ctl/client.h"
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX   (32u << 20) /* of one that is held */
#define ERROR_MAX    65536u      /* of one that only tells why not */
#define WHY_MAX      8192u
#define TARGET_MAX   4096u
#define CONNECT_S    5L
#define PATIENCE_S   30u
#define HTTP_OK_LAST 299

struct client {
	CURL *curl;
	const char *path;
	struct buf body, why;
	FILE *pass; /* where a good answer goes; NULL: into body */
	bool ended, write_failed;
	long status;
	int refused; /* errno of a connect that failed */
};

static bool is_good(long status)
{
	return status >= 200 && status <= HTTP_OK_LAST;
}

static size_t take(char *data, size_t one, size_t n, void *ctx)
{
	struct client *c = ctx;
	long status = 0;

	(void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (c->pass && is_good(status)) {
		c->write_failed = fwrite(data, one, n, c->pass) != n;
		c->ended = n > 0 && data[one * n - 1] == '\n';
		return c->write_failed ? 0 : n;
	}
	if (!is_good(status))
		c->body.max = ERROR_MAX;
	buf_add(&c->body, view_of(data, one * n));
	return c->body.failed ? 0 : one * n;
}

/* No proxy, no redirect, no signal handler of libcurl's, whatever the environment says. */
static bool set_up(struct client *c)
{
	CURL *h = c->curl;

	return curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->path) == CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_PROXY, "") == CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
		CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_USERAGENT, "popartctl/" POPART_VERSION) ==
		CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_S) == CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_WRITEDATA, c) == CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK;
}

struct client *client_new(const char *path)
{
	struct client *c;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		(void)ctl_fail(CTL_FAILED, "%s: this path is too long for a socket", path);
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (c) {
		c->path = path;
		buf_init(&c->body, ANSWER_MAX);
		buf_init(&c->why, WHY_MAX);
		if (curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK)
			c->curl = curl_easy_init();
	}
	if (c && c->curl && set_up(c))
		return c;
	client_free(&c);
	(void)ctl_fail(CTL_FAILED, "cannot prepare a request: out of memory");
	return NULL;
}

void client_free(struct client **client)
{
	struct client *c = *client;

	if (!c)
		return;
	if (c->curl)
		curl_easy_cleanup(c->curl);
	curl_global_cleanup();
	buf_free(&c->body);
	buf_free(&c->why);
	free(c);
	*client = NULL;
}

const char *client_path(const struct client *c)
{
	return c->path;
}

long client_status(const struct client *c)
{
	return c->status;
}

const char *client_why(struct client *c)
{
	return buf_cstr(&c->why);
}

/* --- what went wrong --------------------------------------------------------------------- */

static int not_connected(struct client *c)
{
	switch (c->refused) {
	case EACCES:
	case EPERM:
		buf_printf(&c->why,
			"%s: not permitted; root may look, and whom the socket's group has",
			c->path);
		return CTL_DENIED;
	case EAGAIN:
		buf_printf(
			&c->why, "%s: the server has too many to answer; try again", c->path);
		return CTL_LATER;
	default:
		buf_printf(&c->why,
			"no server answers at %s%s%s; is popartd running, and is this its "
			"admin.socket?",
			c->path, c->refused ? ": " : "",
			c->refused ? strerror(c->refused) : "");
		return CTL_ABSENT;
	}
}

static int broken(struct client *c, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return not_connected(c);
	case CURLE_OPERATION_TIMEDOUT:
		buf_printf(&c->why, "%s: the server does not answer; try again", c->path);
		return CTL_LATER;
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		buf_printf(&c->why, "%s: the connection was cut in the middle of an answer",
			c->path);
		return CTL_LATER;
	case CURLE_WRITE_ERROR:
		if (c->write_failed)
			buf_printf(&c->why, "cannot write: %s", strerror(errno));
		else
			buf_printf(&c->why, "%s: an answer of more than %u octets", c->path,
				(unsigned)c->body.max);
		return CTL_FAILED;
	default:
		buf_printf(&c->why, "%s: what answers there does not speak as popartd does: %s",
			c->path, curl_easy_strerror(code));
		return CTL_FAILED;
	}
}

static enum ctl_exit exit_of(long status)
{
	switch (status) {
	case 400:
	case 413:
	case 414:
		return CTL_USAGE;
	case 403:
		return CTL_DENIED;
	case 404:
		return CTL_NO;
	case 409:
	case 429:
	case 503:
		return CTL_LATER;
	default:
		return CTL_FAILED;
	}
}

/* The server's sentence; several lines, as of a reload, stay several. */
static int refused(struct client *c)
{
	json_t *answer = json_loadb(c->body.ptr ? c->body.ptr : "", c->body.len, 0, NULL);
	const char *sentence = json_string_value(json_object_get(answer, "error"));

	if (sentence)
		buf_add(&c->why, view_of(sentence, strnlen(sentence, WHY_MAX / 2)));
	else
		buf_printf(&c->why, "%s: the server answers with HTTP status %ld", c->path,
			c->status);
	json_decref(answer);
	return exit_of(c->status);
}

/* --- a request --------------------------------------------------------------------------- */

static bool prepare(struct client *c, const struct client_request *r, struct curl_slist *head)
{
	CURL *h = c->curl;
	long patience = (long)(r->patience_s ? r->patience_s : PATIENCE_S);
	char url[TARGET_MAX + 32];
	int n = snprintf(url, sizeof(url), "http://popartd%s", r->target);
	bool ok = n > 0 && (size_t)n < sizeof(url) &&
		curl_easy_setopt(h, CURLOPT_URL, url) == CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_HTTPHEADER, head) == CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, patience) == CURLE_OK &&
		curl_easy_setopt(h, CURLOPT_HTTPGET, 1L) == CURLE_OK;

	if (ok && r->body)
		ok = curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)strlen(r->body)) ==
				CURLE_OK &&
			curl_easy_setopt(h, CURLOPT_COPYPOSTFIELDS, r->body) == CURLE_OK;
	return ok && curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK;
}

/* Whether one can connect, which waits for room in a full queue; libcurl takes that for an
 * absent server, and does not say why there is none. 0, or errno. */
static int wait_for_room(const char *path)
{
	const struct timeval patience = { .tv_sec = CONNECT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), why = 0;

	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
		connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		why = errno;
	if (fd >= 0)
		(void)close(fd);
	return why;
}

static int perform(struct client *c, const struct client_request *r, FILE *pass)
{
	struct curl_slist *head = curl_slist_append(
		NULL, r->body ? "Content-Type: application/json" : "Accept: application/json");
	CURLcode code = CURLE_OUT_OF_MEMORY;
	int status = CTL_OK;

	buf_reset(&c->body);
	buf_reset(&c->why);
	c->body.max = ANSWER_MAX;
	c->pass = pass;
	c->status = 0;
	c->refused = 0;
	c->ended = c->write_failed = false;
	if (head && prepare(c, r, head))
		code = curl_easy_perform(c->curl);
	if (code == CURLE_COULDNT_CONNECT) {
		c->refused = wait_for_room(c->path);
		if (c->refused == 0)
			code = curl_easy_perform(c->curl);
	}
	if (code == CURLE_OK)
		(void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->status);
	if (code != CURLE_OK)
		status = broken(c, code);
	else if (!is_good(c->status))
		status = refused(c);
	curl_slist_free_all(head);
	return status;
}

static int say(struct client *c, const struct client_request *r, int status)
{
	struct popart_str lines = buf_view(&c->why);

	while (status != CTL_OK && !r->quiet && lines.len > 0) {
		struct popart_str line = view_cut(&lines, '\n');
		(void)ctl_fail((enum ctl_exit)status, "%.*s", VIEW_FMT(line));
	}
	return status;
}

int client_ask(struct client *c, const struct client_request *r, json_t **answer)
{
	json_error_t error;
	int status = perform(c, r, NULL);

	*answer = NULL;
	if (status == CTL_OK) {
		*answer = json_loadb(
			c->body.ptr ? c->body.ptr : "", c->body.len, JSON_ALLOW_NUL, &error);
		if (!json_is_object(*answer)) {
			json_decref(*answer);
			*answer = NULL;
			buf_printf(&c->why, "%s: the answer is not JSON of popartd", c->path);
			status = CTL_FAILED;
		}
	}
	return say(c, r, status);
}

int client_pass(struct client *c, const struct client_request *r, FILE *stream)
{
	int status = perform(c, r, stream);

	if (status == CTL_OK && !c->ended)
		(void)fputc('\n', stream);
	return say(c, r, status);
}

void client_add_query(struct client *c, struct buf *target, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(c->curl, value, (int)strlen(value));

	buf_printf(target, "%c%s=%s", view_has(buf_view(target), '?') ? '&' : '?', name,
		escaped ? escaped : "");
	curl_free(escaped);
}

void client_add_part(struct client *c, struct buf *target, const char *value)
{
	char *escaped = curl_easy_escape(c->curl, value, (int)strlen(value));

	buf_add_str(target, escaped ? escaped : "");
	curl_free(escaped);
}
