/* SPDX-License-Identifier: MIT */
#include "master/listener.h"
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>
#include "suites.h"

#define LISTENERS 2

static const struct listeners_before nothing;

static struct conf_listener on_loopback(uint16_t port, unsigned line)
{
	struct conf_listener l = { .text = "127.0.0.1", .file = "x.conf", .line = line };
	struct sockaddr_in *in = (void *)&l.addr;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in->sin_port = htons(port);
	l.addr_len = sizeof(*in);
	return l;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (void *)&in, &len), 0);
	return ntohs(in.sin_port);
}

static void sockets_are_as_promised(void)
{
	struct conf_listener listen = on_loopback(0, 1);
	const struct conf conf = { .listen = &listen, .nlisten = 1 };
	struct report r;
	struct buf name;
	int fd, on = 0;
	socklen_t len = sizeof(on);
	char expected[32];

	report_init(&r);
	buf_init(&name, 128);
	CU_ASSERT_TRUE_FATAL(listeners_open(&conf, &nothing, &fd, &r));
	CU_ASSERT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CU_ASSERT_EQUAL(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	CU_ASSERT_NOT_EQUAL(on, 0);
	listener_name(fd, &name);
	(void)snprintf(expected, sizeof(expected), "127.0.0.1:%u", port_of(fd));
	CU_ASSERT_STRING_EQUAL(buf_cstr(&name), expected);
	(void)close(fd);
	buf_free(&name);
	report_free(&r);
}

static void a_port_in_use_is_told(void)
{
	struct conf_listener first = on_loopback(0, 1);
	struct conf_listener listen[LISTENERS] = { first, first };
	struct conf conf = { .listen = &first, .nlisten = 1 };
	struct report r;
	int taken, fds[LISTENERS];

	report_init(&r);
	CU_ASSERT_TRUE_FATAL(listeners_open(&conf, &nothing, &taken, &r));
	listen[1] = on_loopback(port_of(taken), 7);
	conf = (struct conf){ .listen = listen, .nlisten = LISTENERS };
	CU_ASSERT_FALSE(listeners_open(&conf, &nothing, fds, &r));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&r.text), "x.conf:7: cannot listen on"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&r.text), "Address already in use"));
	CU_ASSERT_EQUAL(fds[0], -1);                /* all or none */
	CU_ASSERT_TRUE(listeners_check(&conf, &r)); /* it may be our own */
	(void)close(taken);
	report_free(&r);
}

static void an_address_of_another_machine_is_told(void)
{
	struct conf_listener l = on_loopback(0, 7);
	const struct conf conf = { .listen = &l, .nlisten = 1 };
	struct report r;

	report_init(&r);
	CU_ASSERT_TRUE(listeners_check(&conf, &r));
	((struct sockaddr_in *)(void *)&l.addr)->sin_addr.s_addr = htonl(0xC0000201);
	CU_ASSERT_FALSE(listeners_check(&conf, &r));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&r.text), "x.conf:7: cannot listen on"));
	report_free(&r);
}

static void sixty_are_enough(void)
{
	struct conf_listener many[61];
	int fds[ARRAY_LEN(many)];
	struct conf conf = { .listen = many, .nlisten = ARRAY_LEN(many) };
	struct report r;

	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = on_loopback(0, (unsigned)i + 1);
	report_init(&r);
	CU_ASSERT_FALSE(listeners_check(&conf, &r));
	CU_ASSERT_FALSE(listeners_open(&conf, &nothing, fds, &r));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&r.text), "x.conf:61: too many listeners"));
	conf.nlisten--;
	CU_ASSERT_TRUE(listeners_check(&conf, &r));
	report_free(&r);
}

static ino_t socket_of(int fd)
{
	struct stat st;

	CU_ASSERT_EQUAL_FATAL(fstat(fd, &st), 0);
	return st.st_ino;
}

static void what_was_open_is_kept(void)
{
	struct conf_listener two[] = { on_loopback(0, 1), on_loopback(0, 2) };
	struct conf_listener three[] = { on_loopback(0, 1), on_loopback(0, 2),
		on_loopback(0, 3) };
	const struct conf old = { .listen = two, .nlisten = 2 };
	const struct conf new = { .listen = three, .nlisten = 3 };
	int before[2], after[3];
	const struct listeners_before kept = { .conf = &old, .fds = before };
	struct report r;

	report_init(&r);
	CU_ASSERT_TRUE_FATAL(listeners_open(&old, &nothing, before, &r));
	CU_ASSERT_TRUE_FATAL(listeners_open(&new, &kept, after, &r));
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_NOT_EQUAL(after[i], before[i]);
		CU_ASSERT_EQUAL(socket_of(after[i]), socket_of(before[i]));
		CU_ASSERT_TRUE(fcntl(after[i], F_GETFD) & FD_CLOEXEC);
	}
	CU_ASSERT_NOT_EQUAL(port_of(after[2]), port_of(before[0]));
	CU_ASSERT_NOT_EQUAL(port_of(after[2]), port_of(before[1]));
	for (size_t i = 0; i < 3; i++)
		(void)close(after[i]);
	(void)close(before[0]);
	/* One that is closed is no longer there to be kept. */
	CU_ASSERT_TRUE_FATAL(listeners_open(&new,
		&(struct listeners_before){ .conf = &old, .fds = (int[]){ -1, before[1] } },
		after, &r));
	CU_ASSERT_NOT_EQUAL(port_of(after[0]), port_of(before[1]));
	CU_ASSERT_EQUAL(port_of(after[1]), port_of(before[1]));
	for (size_t i = 0; i < 3; i++)
		(void)close(after[i]);
	(void)close(before[1]);
	report_free(&r);
}

/* Free on every address, and below those that the kernel gives to anybody's client. */
static uint16_t quiet_port(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	unsigned first = (unsigned)getpid() % 10000;
	bool is_free = false;

	for (unsigned i = 0; i < 10000 && !is_free; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		any.sin_port = htons((uint16_t)(20000 + (first + i) % 10000));
		is_free = bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;
		(void)close(fd);
	}
	return ntohs(any.sin_port);
}

static void a_wider_address_comes_beside(void)
{
	struct conf_listener narrow = on_loopback(quiet_port(), 1), wide;
	struct conf old = { .listen = &narrow, .nlisten = 1 };
	const struct conf new = { .listen = &wide, .nlisten = 1 };
	int before, after, third;
	const struct listeners_before kept = { .conf = &old, .fds = &before };
	struct report r;

	report_init(&r);
	CU_ASSERT_TRUE_FATAL(listeners_open(&old, &nothing, &before, &r));
	wide = narrow;
	((struct sockaddr_in *)(void *)&wide.addr)->sin_addr.s_addr = htonl(INADDR_ANY);
	CU_ASSERT_FALSE(listeners_open(&new, &nothing, &after, &r));
	CU_ASSERT_TRUE_FATAL(listeners_open(&new, &kept, &after, &r));
	CU_ASSERT_EQUAL(port_of(after), port_of(before));
	CU_ASSERT_FALSE(listeners_open(&old, &nothing, &third, &r)); /* nobody else may */
	(void)close(before);
	CU_ASSERT_FALSE(listeners_open(&old, &nothing, &third, &r));
	(void)close(after);
	report_free(&r);
}

CU_TestInfo listener_tests[] = {
	{ "sockets are close-on-exec, non-blocking, without delay", sockets_are_as_promised },
	{ "a port in use is told, and no other stays open", a_port_in_use_is_told },
	{ "an address of another machine is told", an_address_of_another_machine_is_told },
	{ "sixty are enough", sixty_are_enough },
	{ "what was open is kept, in its order", what_was_open_is_kept },
	{ "a wider address comes beside the old one", a_wider_address_comes_beside },
	CU_TEST_INFO_NULL,
};
