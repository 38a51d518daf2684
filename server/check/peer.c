/* SPDX-License-Identifier: MIT */
#include "check/peer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check/session.h"

struct peer {
	struct scene *scene;
	pid_t pid; /* 0: it is dead */
	int fd;
};

struct wish {
	char what; /* 'o', 'h' with a deadline, 'c' */
	char user[63];
};

static int grant(struct session *x, struct scene *s, char user[64], const struct wish *w)
{
	if (w->what == 'c') {
		session_close(x, 0);
		return POPART_OK;
	}
	memcpy(user, w->user, sizeof(w->user));
	session_init(x, s, user);
	if (w->what == 'h')
		x->deadline_ms = mockhost_table(s->host)->now_ms() + SOON_MS;
	return session_open(x, 0);
}

/* The process. What the scene has of an instance is its parent's, and is left alone. */
static void serve(struct scene *s, int fd)
{
	const char *why = NULL;
	char user[64] = { 0 };
	struct session x;
	struct wish wish;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s->host = s->module->again(s->module->ctx, tally_watch(s->tally), s->world, &why);
	if (!tally_holds(s->tally, s->host != NULL, "module.h: popart_module.start",
		    "no instance came up in another process: %s", why ? why : "no reason"))
		_exit(1);
	session_init(&x, s, user);
	while (read(fd, &wish, sizeof(wish)) == (ssize_t)sizeof(wish)) {
		int status = grant(&x, s, user, &wish);

		if (write(fd, &status, sizeof(status)) != (ssize_t)sizeof(status))
			break;
	}
	session_close(&x, 0);
	mockhost_stop(&s->host);
	_exit(0);
}

struct peer *peer_new(struct scene *s)
{
	struct peer *p = calloc(1, sizeof(*p));
	int fds[2];

	if (!p || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	p->scene = s;
	p->fd = fds[0];
	fflush(NULL);
	p->pid = fork();
	if (p->pid == 0) {
		close(fds[0]);
		serve(s, fds[1]);
	}
	close(fds[1]);
	if (p->pid > 0)
		return p;
	(void)tally_holds(s->tally, false, "fork(2)", "there is no second process");
	close(p->fd);
	free(p);
	return NULL;
}

static int ask(struct peer *p, char what, const char *user)
{
	struct wish wish = { .what = what };
	int status = PEER_LOST;

	snprintf(wish.user, sizeof(wish.user), "%s", user);
	if (send(p->fd, &wish, sizeof(wish), MSG_NOSIGNAL) == (ssize_t)sizeof(wish) &&
		recv(p->fd, &status, sizeof(status), MSG_WAITALL) == (ssize_t)sizeof(status))
		return status;
	(void)tally_holds(p->scene->tally, false,
		"abi.h: Every fallible operation returns one of these",
		"the module gave no answer in another process to %s",
		what == 'c' ? "close" : "open");
	return PEER_LOST;
}

int peer_open(struct peer *p, const char *user, bool hurry)
{
	return ask(p, hurry ? 'h' : 'o', user);
}

int peer_close(struct peer *p)
{
	return ask(p, 'c', "");
}

void peer_kill(struct peer *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}

void peer_free(struct peer **pp)
{
	struct peer *p = *pp;

	if (!p)
		return;
	close(p->fd);
	if (p->pid)
		waitpid(p->pid, NULL, 0);
	free(p);
	*pp = NULL;
}
