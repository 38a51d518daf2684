/* SPDX-License-Identifier: MIT */
#include <popart/module.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * A store into which messages can only be put, and an auth that knows everybody: both fail
 * where and how their options say. What is put in goes into the file `into`, and the word
 * "abandoned" if it is taken back.
 */

static const char *const places[] = { "nowhere", "start", "lookup", "begin", "write", "finish",
	"stop", NULL };
enum place { NOWHERE, AT_START, AT_LOOKUP, AT_BEGIN, AT_WRITE, AT_FINISH, AT_STOP };
static const char *const ways[] = { "status", "crash", "exit", "wait", NULL };
enum way { WITH_STATUS, WITH_CRASH, WITH_EXIT, WITH_WAIT };

static const struct popart_opt options[] = {
	{ .name = "into",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED,
		.help = "The file." },
	{ .name = "at",
		.type = POPART_OPT_ENUM,
		.choices = places,
		.fallback = "nowhere",
		.help = "Which operation fails." },
	{ .name = "how",
		.type = POPART_OPT_ENUM,
		.choices = ways,
		.fallback = "status",
		.help = "It returns `status`, crashes, ends the process as if all were well, "
			"or "
			"waits until it is told to stop." },
	{ .name = "status",
		.type = POPART_OPT_INT,
		.min = -1000,
		.max = 1000,
		.fallback = "0",
		.help = "What it returns." },
	{ .name = "say", .type = POPART_OPT_STRING, .help = "To the client." },
	{ .name = NULL },
};

struct state {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
	FILE *into;
};

static int wait_to_stop(const struct state *s, const struct popart_call *call)
{
	const struct timespec t = { .tv_nsec = 10000000 };

	fprintf(s->into, "waiting\n");
	fflush(s->into);
	while (!s->host->stop_asked(call))
		nanosleep(&t, NULL);
	return s->host->now_ms() >= call->deadline_ms ? POPART_E_DEADLINE : POPART_E_CANCELLED;
}

static int reach(const struct state *s, const struct popart_call *call, enum place place)
{
	const char *say = s->host->conf_str(s->conf, "say").ptr;
	int status = (int)s->host->conf_int(s->conf, "status");

	if (s->host->conf_int(s->conf, "at") != place)
		return POPART_OK;
	switch (s->host->conf_int(s->conf, "how")) {
	case WITH_CRASH:
		signal(SIGABRT, SIG_DFL);
		abort();
	case WITH_EXIT:
		_exit(0);
	case WITH_WAIT:
		return wait_to_stop(s, call);
	default:
		return status ? s->host->fail(s->inst, call, status, say && *say ? say : NULL,
					0, "as the test wants it")
			      : POPART_OK;
	}
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	int status;

	if (!s)
		return POPART_E_NOMEM;
	*s = (struct state){ .host = host, .inst = inst, .conf = conf };
	status = reach(s, NULL, AT_START);
	if (!status)
		s->into = fopen(host->conf_str(conf, "into").ptr, "ab");
	if (!status && !s->into)
		status = POPART_E_IO;
	if (status)
		free(s);
	else
		*state = s;
	return status;
}

static void stop(void *state)
{
	struct state *s = state;

	(void)reach(s, NULL, AT_STOP);
	fclose(s->into);
	free(s);
}

static int lookup(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_auth_reply *reply)
{
	(void)user;
	(void)reply;
	return reach(state, call, AT_LOOKUP);
}

static int begin(void *state, const struct popart_call *call, const struct popart_user *user,
	const struct popart_delivery *about, void **dlv)
{
	int status = reach(state, call, AT_BEGIN);

	(void)user;
	(void)about;
	if (!status)
		*dlv = state;
	return status;
}

static int write_octets(void *dlv, const struct popart_call *call, const void *data, size_t n)
{
	struct state *s = dlv;
	int status = reach(s, call, AT_WRITE);

	if (!status && fwrite(data, 1, n, s->into) != n)
		status = POPART_E_IO;
	return status;
}

static int finish(void *dlv, const struct popart_call *call)
{
	struct state *s = dlv;
	int status = reach(s, call, AT_FINISH);

	return fflush(s->into) == 0 || status ? status : POPART_E_IO;
}

static void abandon(void *dlv, const struct popart_call *call)
{
	struct state *s = dlv;

	(void)call;
	fprintf(s->into, "abandoned\n");
}

static int open_no_drop(void *state, const struct popart_call *call,
	const struct popart_user *user, void **drop)
{
	(void)state;
	(void)call;
	(void)user;
	(void)drop;
	return POPART_R_UNSUPPORTED;
}

static int list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	(void)drop;
	(void)call;
	(void)sink;
	return POPART_R_UNSUPPORTED;
}

static int message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	(void)drop;
	(void)call;
	(void)ref;
	(void)src;
	return POPART_R_UNSUPPORTED;
}

static int commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	(void)drop;
	(void)call;
	(void)refs;
	(void)n;
	(void)removed;
	return POPART_R_UNSUPPORTED;
}

static void close_drop(void *drop, const struct popart_call *call)
{
	(void)drop;
	(void)call;
}

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	(void)state;
	(void)call;
	(void)login;
	(void)password;
	(void)reply;
	return POPART_R_DENIED;
}

static const struct popart_auth_ops auth = {
	.size = sizeof(auth), .check_password = check_password, .lookup = lookup
};

static const struct popart_storage_ops storage = {
	.size = sizeof(storage),
	.open = open_no_drop,
	.list = list,
	.message = message,
	.commit = commit,
	.close = close_drop,
	.deliver_begin = begin,
	.deliver_write = write_octets,
	.deliver_finish = finish,
	.deliver_abandon = abandon,
};

POPART_MODULE(chute, .version = "1.0", .license = "MIT", .summary = "takes what is put in",
	.options = options, .auth = &auth, .storage = &storage, .start = start, .stop = stop);
