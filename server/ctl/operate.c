/* SPDX-License-Identifier: MIT */
/* reload, stop, log: what the server is told to do. */
#include <inttypes.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include "ctl/list.h"
#include "ctl/server.h"

#define RELOAD_PATIENCE_S 3600u /* modules may take their time; start_timeout bounds it */
#define STOP_LOOK_MS      100

const struct ctl_option ctl_stop_options[] = {
	{ "now", NULL, "close sessions at once, instead of letting them finish" },
	{ "no-wait", NULL, "do not wait until it has ended" },
	{ NULL, NULL, NULL },
};

/* Sends it; what is to be said of a good answer, tell prints. */
static int order(struct ctl *c, const struct client_request *request,
	int (*tell)(const struct client *, const json_t *))
{
	struct client *client = client_new(c->socket);
	json_t *answer = NULL;
	int status;

	if (!client)
		return CTL_FAILED;
	status = client_ask(client, request, &answer);
	if (status == CTL_OK && c->json) {
		(void)json_dumpf(answer, stdout, 0);
		status = server_printed(putchar('\n') != EOF);
	} else if (status == CTL_OK) {
		status = tell(client, answer);
	}
	/* A reload that is given up: the reasons are those of a configuration. */
	if (status == CTL_FAILED && client_status(client) == 500)
		status = CTL_CONFIG;
	json_decref(answer);
	client_free(&client);
	return status;
}

static int tell_reload(const struct client *client, const json_t *answer)
{
	struct popart_str waiting = list_text(answer, "waiting");

	(void)client;
	if (waiting.len > 0)
		return ctl_fail(CTL_LATER, "the reload is done later: it waits for %.*s",
			VIEW_FMT(waiting));
	return server_printed(printf("generation %" PRIu64 " serves\n",
				      list_count(answer, "generation")) >= 0);
}

int ctl_reload_run(struct ctl *c)
{
	return order(c,
		&(struct client_request){ .method = "POST",
			.target = "/v1/reload",
			.body = "",
			.patience_s = RELOAD_PATIENCE_S },
		tell_reload);
}

static int tell_level(const struct client *client, const json_t *answer)
{
	(void)client;
	return server_printed(printf("the log has level %.*s until the next reload\n",
				      VIEW_FMT(list_text(answer, "level"))) >= 0);
}

int ctl_log_run(struct ctl *c)
{
	json_t *body = json_pack("{s:s}", "level", c->operands[0]);
	char text[128];
	size_t n = body ? json_dumpb(body, text, sizeof(text) - 1, 0) : 0;

	json_decref(body);
	if (n == 0 || n >= sizeof(text))
		return ctl_fail(CTL_USAGE,
			"log: the level is error, warn, info or debug, not \"%.64s\"",
			c->operands[0]);
	text[n] = '\0';
	return order(c,
		&(struct client_request){
			.method = "PUT", .target = "/v1/log-level", .body = text },
		tell_level);
}

/* --- stop -------------------------------------------------------------------------------- */

static bool lives(uint64_t pid)
{
	return pid > 1 && pid <= INT32_MAX && kill((pid_t)pid, 0) == 0;
}

static int wait_until_gone(struct ctl *c, struct client *client, uint64_t pid)
{
	const struct client_request status_request = { .target = "/v1/status", .quiet = true };
	const struct timespec pause = { .tv_nsec = STOP_LOOK_MS * 1000000L };
	int status = CTL_OK;
	json_t *answer;

	/* The socket goes before the master does; who may not ask for the process asks it. */
	while (status == CTL_OK || lives(pid)) {
		(void)nanosleep(&pause, NULL);
		if (lives(pid))
			continue;
		status = client_ask(client, &status_request, &answer);
		json_decref(answer);
	}
	return c->json ? CTL_OK : server_printed(puts("the server has ended") >= 0);
}

int ctl_stop_run(struct ctl *c)
{
	struct client *client = client_new(c->socket);
	bool now = ctl_value(c, "now") != NULL;
	json_t *at_first = NULL, *answer = NULL;
	uint64_t pid = 0;
	int status;

	if (!client)
		return CTL_FAILED;
	status = client_ask(
		client, &(struct client_request){ .target = "/v1/status" }, &at_first);
	if (status == CTL_OK) {
		pid = list_count(at_first, "pid");
		status = client_ask(client,
			&(struct client_request){ .method = "POST",
				.target = now ? "/v1/stop?now=1" : "/v1/stop",
				.body = "" },
			&answer);
	}
	if (status == CTL_OK && c->json) {
		(void)json_dumpf(answer, stdout, 0);
		status = server_printed(putchar('\n') != EOF);
	} else if (status == CTL_OK && !ctl_value(c, "no-wait") && c->terminal) {
		status = server_printed(
			puts("the server drains; Ctrl-C ends the waiting, not the stop") >= 0);
		(void)fflush(stdout);
	}
	if (status == CTL_OK && !ctl_value(c, "no-wait"))
		status = wait_until_gone(c, client, pid);
	json_decref(at_first);
	json_decref(answer);
	client_free(&client);
	return status;
}
