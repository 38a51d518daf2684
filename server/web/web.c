/* SPDX-License-Identifier: MIT */
#include "web/web.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "web/answer.h"

#define VISITORS_MAX      32u
#define VISITOR_MEMORY    16384u
#define VISITOR_TIMEOUT_S 15u   /* nothing moves              */
#define REQUEST_MS        30000 /* from one request to the next */
#define STRANGER_MS       5000  /* before it has shown that it may look */
#define TARGET_MAX        2048u

/* From its first line to its answer. */
struct request {
	bool begun;
	char target[];
};

/* One connection. */
struct visitor {
	int fd; /* -1: nobody */
	int64_t since_ms;
	bool known; /* has asked what it may */
};

struct web {
	const struct web_setup *setup;
	struct gate gate;
	struct MHD_Daemon *daemon;
	struct visitor visitors[VISITORS_MAX];
	int64_t asked_ms; /* when somebody last did who may */
};

static struct visitor *visitor_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* --- what the library calls -------------------------------------------------------------- */

static void *keep_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
	size_t size = strlen(target) + 1;
	struct request *request = NULL;

	(void)ctx;
	(void)connection;
	if (size <= TARGET_MAX)
		request = calloc(1, sizeof(*request) + size);
	if (request)
		memcpy(request->target, target, size);
	return request;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **context)
{
	struct web *w = ctx;
	struct request *request = *context;
	struct answer answer = { .gate = &w->gate, .setup = w->setup };
	enum MHD_Result result;

	(void)url; /* decoded: not what was sent */
	(void)version;
	(void)upload;
	/* The first call is for the head alone; an answer to that ends the connection. */
	if (request && strcmp(method, MHD_HTTP_METHOD_GET) == 0 &&
		(!request->begun || *upload_size > 0)) {
		request->begun = true;
		*upload_size = 0;
		return MHD_YES;
	}
	result = answer_request(&answer, connection, method, request ? request->target : NULL);
	if (answer.allowed) {
		struct visitor *visitor = visitor_of(connection);
		w->asked_ms = clock_ms();
		if (visitor)
			visitor->known = true;
	}
	return result;
}

static void on_done(void *ctx, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode code)
{
	struct visitor *visitor = visitor_of(connection);

	(void)ctx;
	(void)code;
	free(*request);
	*request = NULL;
	/* A stranger wins no time by asking again. */
	if (visitor && visitor->known)
		visitor->since_ms = clock_ms();
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct web *w = ctx;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*context)
			((struct visitor *)*context)->fd = -1;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	for (size_t i = 0; info && i < VISITORS_MAX; i++) {
		if (w->visitors[i].fd >= 0)
			continue;
		w->visitors[i] =
			(struct visitor){ .fd = info->connect_fd, .since_ms = clock_ms() };
		*context = &w->visitors[i];
		return;
	}
}

/* The library's own timeout begins anew with every octet. */
static void end_slow_ones(struct web *w)
{
	int64_t now = clock_ms();

	for (size_t i = 0; i < VISITORS_MAX; i++) {
		const struct visitor *v = &w->visitors[i];
		if (v->fd >= 0 && now - v->since_ms > (v->known ? REQUEST_MS : STRANGER_MS))
			(void)shutdown(v->fd, SHUT_RDWR);
	}
}

/* --- from beginning to end --------------------------------------------------------------- */

static int listen_on(uint16_t *port, struct buf *why)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		bind(fd, (struct sockaddr *)&address, size) == 0 &&
		listen(fd, (int)VISITORS_MAX) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
		*port = ntohs(address.sin_port);
		return fd;
	}
	buf_printf(why, "cannot listen on 127.0.0.1:%u: %s", *port, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static bool start(struct web *w, struct buf *why)
{
	uint16_t port = w->setup->port;
	int fd = listen_on(&port, why);

	if (fd < 0)
		return false;
	if (!gate_init(&w->gate, port)) {
		buf_printf(why, "no random numbers: %s", strerror(errno));
		(void)close(fd);
		return false;
	}
	w->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, w,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, VISITORS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)VISITOR_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, VISITOR_TIMEOUT_S, MHD_OPTION_URI_LOG_CALLBACK,
		keep_target, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, w, MHD_OPTION_END);
	if (!w->daemon) {
		buf_add_str(why, "cannot start the HTTP server");
		(void)close(fd);
	}
	return w->daemon != NULL;
}

static enum web_end loop(struct web *w, int signals, struct buf *why)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
		{ .fd = info ? info->epoll_fd : -1, .events = POLLIN } };
	MHD_UNSIGNED_LONG_LONG wait_ms;

	w->asked_ms = clock_ms();
	for (;;) {
		if (MHD_get_timeout(w->daemon, &wait_ms) != MHD_YES || wait_ms > 1000)
			wait_ms = 1000;
		if ((poll(fds, ARRAY_LEN(fds), (int)wait_ms) < 0 && errno != EINTR) ||
			MHD_run(w->daemon) != MHD_YES) {
			buf_printf(why, "the HTTP server fails: %s", strerror(errno));
			return WEB_FAILED;
		}
		if (fds[0].revents)
			return WEB_SIGNAL;
		if (clock_ms() - w->asked_ms > w->setup->idle_ms)
			return WEB_IDLE;
		end_slow_ones(w);
	}
}

static bool announce(const struct web *w)
{
	char url[128];
	bool go_on;

	(void)snprintf(
		url, sizeof(url), "http://127.0.0.1:%u/open/%s", w->gate.port, w->gate.token);
	go_on = w->setup->ready(w->setup->ctx, url);
	explicit_bzero(url, sizeof(url));
	return go_on;
}

enum web_end web_run(const struct web_setup *setup, struct buf *why)
{
	struct web w = { .setup = setup };
	enum web_end end = WEB_FAILED;
	sigset_t ends, before;
	int signals = -1;

	for (size_t i = 0; i < VISITORS_MAX; i++)
		w.visitors[i].fd = -1;
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &ends, &before);
	signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		buf_printf(why, "no descriptor for signals: %s", strerror(errno));
	else if (start(&w, why) && announce(&w))
		end = loop(&w, signals, why);
	if (w.daemon)
		MHD_stop_daemon(w.daemon);
	gate_wipe(&w.gate);
	if (signals >= 0)
		(void)close(signals);
	/* A signal that came is still there, and would be the end before a word is said. */
	while (sigtimedwait(&ends, NULL, &(struct timespec){ 0 }) > 0)
		continue;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return end;
}
