/* SPDX-License-Identifier: MIT */
#include "pop3/turn.h"
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static bool is_for_later(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* False: there is nothing yet. A failure is the end. */
static bool receive(struct turn *t, int socket)
{
	ssize_t n = recv(socket, t->in, sizeof(t->in), MSG_DONTWAIT);

	if (is_for_later(n))
		return false;
	t->io.in = t->in;
	t->io.in_len = n > 0 ? (size_t)n : 0;
	t->io.in_eof = n <= 0;
	return true;
}

/* False: the client is gone. */
static bool send_some(struct turn *t, int socket)
{
	ssize_t n = send(socket, t->out, t->io.out_len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return is_for_later(n);
	t->io.out_len -= (size_t)n;
	memmove(t->out, t->out + n, t->io.out_len);
	return true;
}

int turn_take(struct turn *t, struct popart_driver *d, int socket)
{
	struct popart_io *io = &t->io;

	io->size = sizeof(*io);
	io->out = t->out;
	io->out_cap = sizeof(t->out);
	if (io->out_len == 0) {
		if (t->want == POPART_WANT_INPUT && !receive(t, socket))
			return POLLIN;
		t->want = popart_driver_run(d, io);
	}
	if (io->out_len > 0 && !send_some(t, socket))
		return 0;
	if (io->out_len > 0 || t->want == POPART_WANT_OUTPUT)
		return POLLOUT;
	return t->want == POPART_WANT_DONE ? 0 : POLLIN;
}
