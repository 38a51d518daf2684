/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "ipc/chan.h"

#define HEAD_SIZE offsetof(struct chan_msg, text)

_Static_assert(HEAD_SIZE == 64, "message layout: head");
_Static_assert(sizeof(struct chan_msg) == HEAD_SIZE + CHAN_TEXT_MAX, "message layout: text");

/* Room for the descriptors beside a message, aligned as the kernel wants it. */
union fd_room {
	struct cmsghdr align;
	char room[CMSG_SPACE(CHAN_FDS_MAX * sizeof(int))];
};

int chan_pair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);
}

int chan_send(int fd, const struct chan_msg *msg, const int *fds, size_t nfds)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)msg,
		.iov_len = HEAD_SIZE + msg->text_len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_room control = { 0 };
	ssize_t n;

	if (msg->text_len > CHAN_TEXT_MAX || nfds > CHAN_FDS_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (nfds > 0) {
		h.msg_control = control.room;
		h.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	do {
		n = sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

static size_t take_fds(struct msghdr *h, int *fds)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t octets = c->cmsg_len - CMSG_LEN(0);
		memcpy(fds + n, CMSG_DATA(c), octets);
		n += octets / sizeof(int);
	}
	return n;
}

static bool is_whole(const struct msghdr *h, const struct chan_msg *msg, size_t n)
{
	return (h->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && n >= HEAD_SIZE &&
		msg->layout == CHAN_LAYOUT && msg->text_len == n - HEAD_SIZE;
}

int chan_recv(int fd, struct chan_msg *msg, int *fds, size_t *nfds)
{
	struct iovec iov = { .iov_base = msg, .iov_len = sizeof *msg };
	union fd_room control;
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof control.room };
	ssize_t n;

	*nfds = 0;
	/* ECONNRESET, once: the other side left something unread. What it said comes after. */
	do {
		n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -1;
	*nfds = take_fds(&h, fds);
	if (n == 0 && *nfds == 0)
		return 0;
	if (is_whole(&h, msg, (size_t)n))
		return 1;
	while (*nfds > 0)
		(void)close(fds[--*nfds]);
	errno = EPROTO;
	return -1;
}
