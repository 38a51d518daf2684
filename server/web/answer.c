/* SPDX-License-Identifier: MIT */
#include "web/answer.h"
#include <stdio.h>
#include "base/text.h"
#include "web/page.h"

#define TEXT "text/plain; charset=utf-8"
#define HTML "text/html; charset=utf-8"
#define JSON "application/json"

/* On every answer, refusals too. */
static const struct {
	const char *name, *value;
} headers[] = {
	{ "Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
		"img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cache-Control", "no-store" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
};

/* --- responses --------------------------------------------------------------------------- */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status,
	const char *type, struct MHD_Response *response, const char *name, const char *value)
{
	enum MHD_Result result = MHD_NO;

	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(response, "Content-Type", type) != MHD_YES)
		goto out;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		if (MHD_add_response_header(response, headers[i].name, headers[i].value) !=
			MHD_YES)
			goto out;
	}
	if (name && MHD_add_response_header(response, name, value) != MHD_YES)
		goto out;
	result = MHD_queue_response(connection, status, response);
out:
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_const(struct MHD_Connection *connection, unsigned status,
	const char *type, const void *data, size_t size)
{
	/* Never written to: the library takes what it only reads without const. */
	return queue(connection, status, type,
		MHD_create_response_from_buffer(
			size, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT),
		NULL, NULL);
}

static enum MHD_Result send_text(
	struct MHD_Connection *connection, unsigned status, const char *text)
{
	return send_const(connection, status, TEXT, text, strlen(text));
}

/* The buffer's memory goes with the response. */
static enum MHD_Result send_buf(struct MHD_Connection *connection, unsigned status,
	const char *type, struct buf *body, const char *name, const char *value)
{
	struct MHD_Response *response = NULL;

	if (body->len == 0 || body->failed)
		return send_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	response = MHD_create_response_from_buffer(body->len, body->ptr, MHD_RESPMEM_MUST_FREE);
	if (response)
		buf_init(body, body->max);
	return queue(connection, status, type, response, name, value);
}

/* --- what there is ----------------------------------------------------------------------- */

static enum MHD_Result refuse(struct MHD_Connection *connection, enum gate_verdict verdict)
{
	switch (verdict) {
	case GATE_HOST:
		return send_text(connection, MHD_HTTP_MISDIRECTED_REQUEST,
			"This page is at 127.0.0.1 or localhost, under the port of its "
			"link.\n");
	case GATE_ORIGIN:
		return send_text(connection, MHD_HTTP_FORBIDDEN,
			"Another page has sent this request; it is not answered.\n");
	case GATE_USED:
		return send_text(connection, MHD_HTTP_FORBIDDEN,
			"This link has been used, or is not the one that was printed. "
			"popartctl web makes a new one.\n");
	default:
		return send_text(connection, MHD_HTTP_FORBIDDEN,
			"Open the link that popartctl web has printed.\n");
	}
}

/* Not a redirection: a cookie that is strict would not be sent where the way began at
 * another site, or in a file. A page of ours that moves on is where a way begins. */
static enum MHD_Result exchange(struct answer *a, struct MHD_Connection *connection)
{
	const struct gate *g = a->gate;
	char cookie[256];
	struct buf page;
	enum MHD_Result result;

	(void)snprintf(cookie, sizeof(cookie),
		"popart=%s; Path=/%s/; HttpOnly; SameSite=Strict", g->cookie, g->path);
	buf_init(&page, 4096);
	buf_printf(&page,
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>popart</title>"
		"<link rel=\"icon\" href=\"/%s/icon.svg\">"
		"<meta http-equiv=\"refresh\" content=\"0;url=/%s/\"><p><a href=\"/%s/\">"
		"On to the page</a>\n",
		g->path, g->path, g->path);
	result = send_buf(connection, MHD_HTTP_OK, HTML, &page, "Set-Cookie", cookie);
	explicit_bzero(cookie, sizeof(cookie));
	buf_free(&page);
	return result;
}

/* The sentence as the API's own errors have it. */
static void add_error(struct buf *json, unsigned status, struct popart_str sentence)
{
	struct buf plain;

	buf_init(&plain, 4096);
	text_add_printable(&plain, sentence, 1024);
	buf_add_str(json, "{\"error\":\"");
	for (size_t i = 0; i < plain.len; i++) {
		if (plain.ptr[i] == '"' || plain.ptr[i] == '\\')
			buf_add_char(json, '\\');
		buf_add_char(json, plain.ptr[i]);
	}
	buf_printf(json, "\",\"status\":%u}\n", status);
	buf_free(&plain);
}

static enum MHD_Result pass_on(
	struct answer *a, struct MHD_Connection *connection, const char *target)
{
	struct buf body, error;
	unsigned status;
	enum MHD_Result result;

	buf_init(&body, WEB_ANSWER_MAX);
	buf_init(&error, 8192);
	status = a->setup->get(a->setup->ctx, target, &body);
	if (status == 0)
		status = MHD_HTTP_BAD_GATEWAY;
	if (status != MHD_HTTP_OK) {
		add_error(&error, status, buf_view(&body));
		result = send_buf(connection, status, JSON, &error, NULL, NULL);
	} else {
		result = send_buf(connection, status, JSON, &body, NULL, NULL);
	}
	buf_free(&body);
	buf_free(&error);
	return result;
}

/* Nothing that another program could read in another way than it is meant. */
static bool is_plain(const char *target)
{
	if (strstr(target, "/."))
		return false;
	for (; *target; target++) {
		if (*target <= ' ' || *target > '~' || *target == '#' || *target == '\\')
			return false;
	}
	return true;
}

static enum MHD_Result serve(
	struct answer *a, struct MHD_Connection *connection, struct popart_str rest)
{
	if (view_starts(rest, VIEW_LIT("v1/")))
		return pass_on(a, connection, rest.ptr - 1);
	if (rest.len == 0)
		rest = VIEW_LIT("index.html");
	for (const struct page_file *file = page_files; file->name; file++) {
		if (view_eq(rest, view_str(file->name)))
			return send_const(
				connection, MHD_HTTP_OK, file->type, file->data, file->size);
	}
	return send_text(connection, MHD_HTTP_NOT_FOUND, "There is no such thing here.\n");
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

enum MHD_Result answer_request(struct answer *a, struct MHD_Connection *connection,
	const char *method, const char *target)
{
	struct popart_str rest = VIEW_NONE;
	struct gate_request request = { .target = target,
		.host = header_of(connection, "Host"),
		.origin = header_of(connection, "Origin"),
		.cookie = header_of(connection, "Cookie"),
		.fetch_site = header_of(connection, "Sec-Fetch-Site"),
		.fetch_mode = header_of(connection, "Sec-Fetch-Mode") };
	enum gate_verdict verdict;

	if (!target || !is_plain(target))
		return send_text(connection, MHD_HTTP_BAD_REQUEST,
			"The address is too long, or has something strange in it.\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return queue(connection, MHD_HTTP_METHOD_NOT_ALLOWED, TEXT,
			MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT),
			"Allow", "GET");
	verdict = gate_judge(a->gate, &request, &rest);
	a->allowed = verdict == GATE_IN || verdict == GATE_EXCHANGED;
	if (verdict == GATE_EXCHANGED)
		return exchange(a, connection);
	if (verdict != GATE_IN)
		return refuse(connection, verdict);
	return serve(a, connection, rest);
}
