/* SPDX-License-Identifier: MIT */
/* reload, stop, log: what the server is told to do. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/pidfd.h>
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

static int tell_released(const struct client *client, const json_t *answer)
{
	(void)client;
	return server_printed(printf("%.*s: may log in again\n",
				      VIEW_FMT(list_text(answer, "released"))) >= 0);
}

static int release(struct ctl *c, const char *user)
{
	struct client *client = client_new(c->socket);
	struct buf target;
	int status = CTL_FAILED;

	buf_init(&target, 16384);
	if (client) {
		buf_add_str(&target, "/v1/quarantine/");
		client_add_part(client, &target, user);
		status = order(c,
			&(struct client_request){
				.method = "DELETE", .target = buf_cstr(&target) },
			tell_released);
	}
	buf_free(&target);
	client_free(&client);
	return status;
}

int ctl_release_run(struct ctl *c)
{
	int status = CTL_OK;

	for (size_t i = 0; i < c->noperands; i++)
		status = (int)ctl_exit_worse(
			(enum ctl_exit)status, (enum ctl_exit)release(c, c->operands[i]));
	return status;
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

/* The master's process, to see it end; -1: it cannot be seen, as in another container. */
static int open_master(uint64_t pid)
{
	char path[64], name[32] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/comm", pid);
	f = pid > 1 && pid <= INT32_MAX ? fopen(path, "re") : NULL;
	if (f && !fgets(name, sizeof(name), f))
		name[0] = '\0';
	if (f)
		(void)fclose(f);
	return strncmp(name, "popartd", 7) == 0 ? pidfd_open((pid_t)pid, 0) : -1;
}

/* The socket goes with the admin process, and the master last. */
static int wait_until_gone(struct ctl *c, struct client *client, int master)
{
	const struct client_request look = { .target = "/healthz", .quiet = true };
	const struct timespec pause = { .tv_nsec = STOP_LOOK_MS * 1000000L };
	struct pollfd ended = { .fd = master, .events = POLLIN };
	json_t *answer;

	while (client_ask(client, &look, &answer) != CTL_ABSENT) {
		json_decref(answer);
		(void)nanosleep(&pause, NULL);
	}
	if (master >= 0 && poll(&ended, 1, -1) < 0)
		return ctl_fail(CTL_FAILED, "cannot wait for the server: %s", strerror(errno));
	return c->json ? CTL_OK : server_printed(puts("the server has ended") >= 0);
}

static int stop_and_wait(struct ctl *c, struct client *client, int master)
{
	bool wait = ctl_value(c, "no-wait") == NULL;
	const char *target = ctl_value(c, "now") ? "/v1/stop?now=true" : "/v1/stop";
	json_t *answer;
	int status = client_ask(client,
		&(struct client_request){ .method = "POST", .target = target, .body = "" },
		&answer);

	if (status == CTL_OK && c->json) {
		(void)json_dumpf(answer, stdout, 0);
		status = server_printed(putchar('\n') != EOF);
	} else if (status == CTL_OK && (c->terminal || !wait)) {
		status = server_printed(puts("the server drains its sessions, and ends") >= 0);
	}
	(void)fflush(stdout);
	json_decref(answer);
	return status == CTL_OK && wait ? wait_until_gone(c, client, master) : status;
}

int ctl_stop_run(struct ctl *c)
{
	struct client *client = client_new(c->socket);
	json_t *at_first = NULL;
	int status, master;

	if (!client)
		return CTL_FAILED;
	status = client_ask(
		client, &(struct client_request){ .target = "/v1/status" }, &at_first);
	if (status == CTL_OK) {
		master = open_master(list_count(at_first, "pid"));
		status = stop_and_wait(c, client, master);
		if (master >= 0)
			(void)close(master);
	}
	json_decref(at_first);
	client_free(&client);
	return status;
}
