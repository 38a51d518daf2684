/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ctl/open.h"
#include "ctl/server.h"
#include "web/web.h"

#define IDLE_MS    INT64_C(3600000)
#define PATIENCE_S 5u /* the page can do nothing meanwhile */

const struct ctl_option ctl_web_options[] = {
	{ "port", "N", "listen on this port of 127.0.0.1; unless given, on one that is free" },
	{ "no-open", NULL, "only print the link, start no browser" },
	{ NULL, NULL, NULL },
};

struct page {
	const struct ctl *ctl;
	struct client *client;
	struct ctl_open open;
};

static int add(const char *data, size_t n, void *body)
{
	buf_add(body, view_of(data, n));
	return ((struct buf *)body)->failed ? -1 : 0;
}

/* web_setup.get: what has been read as JSON goes on, written anew. */
static unsigned get(void *ctx, const char *target, struct buf *body)
{
	struct page *p = ctx;
	struct client_request request = {
		.target = target, .patience_s = PATIENCE_S, .quiet = true
	};
	json_t *answer = NULL;
	unsigned status;

	if (client_ask(p->client, &request, &answer) == CTL_OK) {
		status = json_dump_callback(answer, add, body, JSON_COMPACT) == 0 ? 200 : 0;
		json_decref(answer);
		return status;
	}
	buf_add_str(body, client_why(p->client));
	return client_status(p->client) > 299 ? (unsigned)client_status(p->client) : 0;
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

/* What reads the requests of a browser need not be root: whose the socket is may look, too. */
static int step_down(const char *path)
{
	struct stat st;

	if (geteuid() != 0)
		return CTL_OK;
	if (stat(path, &st) != 0)
		return ctl_fail(CTL_ABSENT, "%s: %s", path, strerror(errno));
	if (st.st_uid != 0 &&
		(setgroups(0, NULL) != 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) != 0 ||
			setresuid(st.st_uid, st.st_uid, st.st_uid) != 0))
		return ctl_fail(
			CTL_FAILED, "cannot become the owner of %s: %s", path, strerror(errno));
	return CTL_OK;
}

/* Whether there is something to look at. */
static int try_once(struct client *client)
{
	struct client_request request = { .target = "/v1/status", .patience_s = PATIENCE_S };
	json_t *answer = NULL;
	int status = client_ask(client, &request, &answer);

	json_decref(answer);
	return status;
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
	struct page page = { .ctl = c };
	const char *given = ctl_value(c, "port");
	uint64_t port = 0;
	int status;

	if (given && (!view_u64(view_str(given), 65535, &port) || port == 0))
		return ctl_fail(
			CTL_USAGE, "--port takes a number from 1 to 65535, not \"%s\"", given);
	page.client = client_new(c->socket);
	if (!page.client)
		return CTL_FAILED;
	status = step_down(c->socket);
	if (status == CTL_OK)
		status = try_once(page.client);
	if (status == CTL_OK)
		status = serve(&page, (uint16_t)port);
	ctl_open_end(&page.open);
	client_free(&page.client);
	return status;
}
