/* SPDX-License-Identifier: MIT */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include "ctl/ctl.h"
#include "ctl/open.h"
#include "web/web.h"

#define IDLE_MS   INT64_C(3600000)
#define ANSWER_MS 5000L /* the page can do nothing meanwhile */

const struct ctl_option ctl_web_options[] = {
	{ "port", "N", "listen on this port of 127.0.0.1; unless given, on one that is free" },
	{ "no-open", NULL, "only print the link, start no browser" },
	{ NULL, NULL, NULL },
};

struct page {
	const struct ctl *ctl;
	const char *socket;
	CURL *curl;
	struct ctl_open open;
};

static size_t on_data(char *data, size_t size, size_t n, void *body)
{
	buf_add(body, view_of(data, size * n));
	return ((struct buf *)body)->failed ? 0 : size * n;
}

/* web_setup.get: one connection, kept between the requests. */
static unsigned get(void *ctx, const char *target, struct buf *body)
{
	struct page *p = ctx;
	char error[CURL_ERROR_SIZE] = "";
	struct buf url;
	long status = 0;
	CURLcode code = CURLE_OUT_OF_MEMORY;

	buf_init(&url, 4096);
	buf_printf(&url, "http://popartd%s", target);
	if (!url.failed &&
		curl_easy_setopt(p->curl, CURLOPT_UNIX_SOCKET_PATH, p->socket) == CURLE_OK &&
		curl_easy_setopt(p->curl, CURLOPT_URL, buf_cstr(&url)) == CURLE_OK) {
		(void)curl_easy_setopt(p->curl, CURLOPT_PROXY, "");
		(void)curl_easy_setopt(p->curl, CURLOPT_PATH_AS_IS, 1L);
		(void)curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L);
		(void)curl_easy_setopt(p->curl, CURLOPT_TIMEOUT_MS, ANSWER_MS);
		(void)curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, error);
		(void)curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, on_data);
		(void)curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, body);
		code = curl_easy_perform(p->curl);
		(void)curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, NULL);
	}
	if (code == CURLE_OK)
		(void)curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	buf_free(&url);
	if (status > 0)
		return (unsigned)status;
	buf_reset(body);
	buf_printf(body, "no server answers at %s: %s", p->socket,
		error[0] ? error : curl_easy_strerror(code));
	return 0;
}

/* web_setup.ready */
static bool ready(void *ctx, const char *url)
{
	struct page *p = ctx;
	bool opened = !ctl_value(p->ctl, "no-open") && ctl_open(&p->open, url);
	int said;

	if (p->ctl->json)
		said = printf(
			"{\"url\":\"%s\",\"opened\":%s}\n", url, opened ? "true" : "false");
	else
		said = printf("%s\n", url);
	if (p->ctl->terminal && !p->ctl->json)
		(void)fprintf(stderr, "%s; the link works once. Ctrl-C ends it.\n",
			opened ? "A browser is opening this" : "Open this in a browser");
	return said > 0 && fflush(stdout) == 0;
}

static int serve(struct page *p, uint16_t port)
{
	struct web_setup setup = {
		.port = port, .idle_ms = IDLE_MS, .ctx = p, .get = get, .ready = ready
	};
	struct buf why;
	int status = CTL_OK;

	buf_init(&why, 1024);
	switch (web_run(&setup, &why)) {
	case WEB_SIGNAL:
		break;
	case WEB_IDLE:
		(void)ctl_fail(CTL_OK, "nobody has looked for an hour; this is the end");
		break;
	default:
		status = ctl_fail(CTL_FAILED, "%s",
			why.len ? buf_cstr(&why) : "cannot write to standard output");
		break;
	}
	buf_free(&why);
	return status;
}

int ctl_web_run(struct ctl *c)
{
	struct page page = { .ctl = c,
		.socket = c->socket ? c->socket : "/run/popart/admin.socket" };
	const char *given = ctl_value(c, "port");
	uint64_t port = 0;
	int status = CTL_FAILED;

	if (given && (!view_u64(view_str(given), 65535, &port) || port == 0))
		return ctl_fail(
			CTL_USAGE, "--port takes a number from 1 to 65535, not \"%s\"", given);
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK ||
		!(page.curl = curl_easy_init()))
		return ctl_fail(CTL_FAILED, "out of memory");
	status = serve(&page, (uint16_t)port);
	ctl_open_end(&page.open);
	curl_easy_cleanup(page.curl);
	curl_global_cleanup();
	return status;
}
