/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ipc/chan.h"
#include "suites.h"

static unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static struct chan_msg text_message(const char *text)
{
	struct chan_msg m = { .layout = CHAN_LAYOUT, .kind = CHAN_FAILED, .lock = UINT64_MAX };

	m.text_len = (uint32_t)strlen(text);
	memcpy(m.text, text, m.text_len);
	return m;
}

static void test_messages(void)
{
	struct chan_msg m = text_message("why"), got, empty = text_message("");
	int ends[2], fds[CHAN_FDS_MAX];
	size_t nfds = 9;

	CU_ASSERT_EQUAL_FATAL(chan_pair(ends), 0);
	CU_ASSERT(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_EQUAL(chan_send(ends[0], &m, NULL, 0), 0);
	CU_ASSERT_EQUAL(chan_send(ends[0], &empty, NULL, 0), 0);
	CU_ASSERT_EQUAL(chan_recv(ends[1], &got, fds, &nfds), 1);
	CU_ASSERT_EQUAL(nfds, 0);
	CU_ASSERT_EQUAL(got.kind, CHAN_FAILED);
	CU_ASSERT_EQUAL(got.lock, UINT64_MAX);
	CU_ASSERT(view_eq(view_of(got.text, got.text_len), VIEW_LIT("why")));
	CU_ASSERT_EQUAL(chan_recv(ends[1], &got, fds, &nfds), 1);
	CU_ASSERT_EQUAL(got.text_len, 0);

	m.text_len = CHAN_TEXT_MAX;
	memset(m.text, 'x', CHAN_TEXT_MAX);
	CU_ASSERT_EQUAL(chan_send(ends[1], &m, NULL, 0), 0);
	CU_ASSERT_EQUAL(chan_recv(ends[0], &got, fds, &nfds), 1);
	CU_ASSERT_EQUAL(memcmp(&m, &got, sizeof m), 0);
	m.text_len++;
	CU_ASSERT_EQUAL(chan_send(ends[1], &m, NULL, 0), -1);
	CU_ASSERT_EQUAL(errno, EMSGSIZE);

	/* What was said before the end is still heard. */
	CU_ASSERT_EQUAL(chan_send(ends[0], &empty, NULL, 0), 0);
	(void)close(ends[0]);
	CU_ASSERT_EQUAL(chan_recv(ends[1], &got, fds, &nfds), 1);
	CU_ASSERT_EQUAL(chan_recv(ends[1], &got, fds, &nfds), 0);
	CU_ASSERT_EQUAL(chan_send(ends[1], &empty, NULL, 0), -1);
	CU_ASSERT_EQUAL(errno, EPIPE);
	(void)close(ends[1]);
}

static void test_descriptors(void)
{
	unsigned before = open_descriptors();
	struct chan_msg m = text_message("fds"), got;
	int ends[2], fds[CHAN_FDS_MAX], sent[CHAN_FDS_MAX + 1];
	size_t nfds;
	struct stat a, b;

	CU_ASSERT_EQUAL_FATAL(chan_pair(ends), 0);
	for (size_t i = 0; i <= CHAN_FDS_MAX; i++)
		sent[i] = i % 2 ? ends[0] : ends[1];
	CU_ASSERT_EQUAL(chan_send(ends[0], &m, sent, CHAN_FDS_MAX), 0);
	CU_ASSERT_EQUAL(chan_send(ends[0], &m, sent, CHAN_FDS_MAX + 1), -1);
	CU_ASSERT_EQUAL(errno, EMSGSIZE);
	CU_ASSERT_EQUAL_FATAL(chan_recv(ends[1], &got, fds, &nfds), 1);
	CU_ASSERT_EQUAL_FATAL(nfds, CHAN_FDS_MAX);
	for (size_t i = 0; i < nfds; i++) {
		CU_ASSERT(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		CU_ASSERT(fstat(fds[i], &a) == 0 && fstat(sent[i], &b) == 0 &&
			a.st_ino == b.st_ino);
		(void)close(fds[i]);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

/* Whatever is no message of this layout: refused, and no descriptor of it stays open. */
static void test_strangers(void)
{
	unsigned before = open_descriptors();
	struct chan_msg m = text_message("text"), got;
	size_t whole = offsetof(struct chan_msg, text) + m.text_len, nfds = 1;
	int ends[2], fds[CHAN_FDS_MAX];
	char large[sizeof m + 1] = { 0 };

	CU_ASSERT_EQUAL_FATAL(chan_pair(ends), 0);
	m.layout++;
	CU_ASSERT_EQUAL(chan_send(ends[0], &m, ends, 2), 0);
	CU_ASSERT_EQUAL(chan_recv(ends[1], &got, fds, &nfds), -1);
	CU_ASSERT_EQUAL(errno, EPROTO);
	CU_ASSERT_EQUAL(nfds, 0);
	m.layout--;
	for (size_t n = 1; n <= whole + 1; n++) {
		CU_ASSERT_EQUAL(send(ends[0], &m, n, 0), (ssize_t)n);
		CU_ASSERT_EQUAL(chan_recv(ends[1], &got, fds, &nfds), n == whole ? 1 : -1);
	}
	memcpy(large, &m, sizeof m);
	CU_ASSERT_EQUAL(send(ends[0], large, sizeof large, 0), (ssize_t)sizeof large);
	CU_ASSERT_EQUAL(chan_recv(ends[1], &got, fds, &nfds), -1);
	CU_ASSERT_EQUAL(errno, EPROTO);
	(void)close(ends[0]);
	(void)close(ends[1]);
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

static void test_full(void)
{
	struct chan_msg m = text_message("text"), got;
	int ends[2], fds[CHAN_FDS_MAX];
	size_t nfds;

	CU_ASSERT_EQUAL_FATAL(chan_pair(ends), 0);
	m.text_len = CHAN_TEXT_MAX;
	while (chan_send(ends[0], &m, NULL, 0) == 0)
		;
	CU_ASSERT_EQUAL(errno, EAGAIN);
	CU_ASSERT_EQUAL(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	while (chan_recv(ends[1], &got, fds, &nfds) == 1)
		;
	CU_ASSERT_EQUAL(errno, EAGAIN);
	CU_ASSERT_EQUAL(chan_send(ends[0], &m, NULL, 0), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

CU_TestInfo chan_tests[] = {
	{ "messages of every length, then the end", test_messages },
	{ "descriptors travel", test_descriptors },
	{ "strangers are refused whole", test_strangers },
	{ "a side that does not read holds nobody up", test_full },
	CU_TEST_INFO_NULL,
};
