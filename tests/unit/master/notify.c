/* SPDX-License-Identifier: MIT */
#include "master/notify.h"
#include <stddef.h>
#include "base/clock.h"
#include "master/announce.h"
#include "suites.h"
#include "temporary.h"

/* A service manager: a socket that hears what we say. */
struct manager {
	char top[sizeof(TEMPORARY)];
	int fd;
	struct notify notify;
	struct report report;
};

static void set(struct manager *m, bool abstract, const char *usec, const char *pid)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len;

	*m = (struct manager){ .top = TEMPORARY };
	temporary_make(m->top);
	(void)snprintf(
		to.sun_path, sizeof(to.sun_path), "%s%s/notify", abstract ? "@" : "", m->top);
	CU_ASSERT_EQUAL(setenv("NOTIFY_SOCKET", to.sun_path, 1), 0);
	if (usec)
		CU_ASSERT_EQUAL(setenv("WATCHDOG_USEC", usec, 1), 0);
	if (pid)
		CU_ASSERT_EQUAL(setenv("WATCHDOG_PID", pid, 1), 0);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(to.sun_path));
	if (abstract)
		to.sun_path[0] = '\0';
	else
		len++;
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CU_ASSERT_EQUAL_FATAL(bind(m->fd, (const struct sockaddr *)(void *)&to, len), 0);
	report_init(&m->report);
	notify_open(&m->notify, &m->report);
	CU_ASSERT_PTR_NULL(getenv("NOTIFY_SOCKET"));
	CU_ASSERT_PTR_NULL(getenv("WATCHDOG_USEC"));
	CU_ASSERT_PTR_NULL(getenv("WATCHDOG_PID"));
}

static void strike(struct manager *m)
{
	char path[64];

	notify_close(&m->notify);
	CU_ASSERT_EQUAL(m->report.warnings, 0);
	report_free(&m->report);
	(void)close(m->fd);
	(void)unlink(temporary_path(path, sizeof(path), m->top, "notify"));
	(void)rmdir(m->top);
}

/* The next datagram; "" if there is none. Gone with the next call. */
static const char *heard(const struct manager *m, char *room, size_t size)
{
	ssize_t n = recv(m->fd, room, size - 1, 0);

	room[n > 0 ? n : 0] = '\0';
	return room;
}

static void both_kinds_of_names(void)
{
	struct manager m;
	char text[256];

	for (int abstract = 0; abstract < 2; abstract++) {
		set(&m, abstract, NULL, NULL);
		notify_say(&m.notify, "READY=1\nSTATUS=x");
		CU_ASSERT_STRING_EQUAL(heard(&m, text, sizeof(text)), "READY=1\nSTATUS=x");
		CU_ASSERT_EQUAL(notify_ping(&m.notify, clock_ms()), INT64_MAX);
		CU_ASSERT_STRING_EQUAL(heard(&m, text, sizeof(text)), "");
		strike(&m);
	}
}

static void the_watchdog_gets_its_pings(void)
{
	struct manager m;
	char text[256];

	set(&m, false, "2000000", NULL);
	CU_ASSERT_EQUAL(notify_ping(&m.notify, 5000), 6001);
	CU_ASSERT_STRING_EQUAL(heard(&m, text, sizeof(text)), "WATCHDOG=1");
	CU_ASSERT_EQUAL(notify_ping(&m.notify, 6000), 6001);
	CU_ASSERT_STRING_EQUAL(heard(&m, text, sizeof(text)), "");
	CU_ASSERT_EQUAL(notify_ping(&m.notify, 6001), 7002);
	CU_ASSERT_STRING_EQUAL(heard(&m, text, sizeof(text)), "WATCHDOG=1");
	strike(&m);
}

static void a_full_queue_puts_a_ping_off(void)
{
	struct manager m;
	char text[256];
	int64_t now = 0, due = 0;

	set(&m, false, "2000000", NULL);
	while ((due = notify_ping(&m.notify, now)) == now + 1001 && now < 100000000)
		now = due;
	/* Sooner than usual, but not at once: the master would turn for nothing else. */
	CU_ASSERT_TRUE(due > now && due < now + 1001);
	CU_ASSERT_STRING_EQUAL(heard(&m, text, sizeof(text)), "WATCHDOG=1");
	CU_ASSERT_EQUAL(notify_ping(&m.notify, due), due + 1001);
	strike(&m);
}

static void a_manager_that_is_gone_is_not_asked_all_the_time(void)
{
	struct manager m;
	int64_t due;

	set(&m, true, "2000000", NULL);
	(void)close(m.fd);
	due = notify_ping(&m.notify, 5000);
	CU_ASSERT_TRUE(due > 5000);
	CU_ASSERT_TRUE(notify_ping(&m.notify, due) > due);
	m.fd = -1;
	strike(&m);
}

static void a_watchdog_for_another_is_none(void)
{
	struct manager m;
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid() + 1);
	set(&m, false, "2000000", pid);
	CU_ASSERT_EQUAL(notify_ping(&m.notify, 5000), INT64_MAX);
	strike(&m);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	set(&m, false, "2000000", pid);
	CU_ASSERT_EQUAL(notify_ping(&m.notify, 5000), 6001);
	strike(&m);
	set(&m, false, "soon", NULL);
	CU_ASSERT_EQUAL(notify_ping(&m.notify, 5000), INT64_MAX);
	strike(&m);
}

static void nobody_listens(void)
{
	static const char *const names[] = { "vsock:2:1234", "@", "/", "" };
	struct notify n;
	struct report r;
	char longest[200];

	report_init(&r);
	notify_open(&n, &r);
	CU_ASSERT_EQUAL(r.warnings, 0);
	notify_say(&n, "READY=1");
	CU_ASSERT_EQUAL(notify_ping(&n, 1), INT64_MAX);
	notify_close(&n);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	for (unsigned i = 0; i <= ARRAY_LEN(names); i++) {
		CU_ASSERT_EQUAL(
			setenv("NOTIFY_SOCKET", i < ARRAY_LEN(names) ? names[i] : longest, 1),
			0);
		notify_open(&n, &r);
		CU_ASSERT_EQUAL(r.warnings, i + 1);
		notify_say(&n, "READY=1");
		notify_close(&n);
	}
	CU_ASSERT_EQUAL(setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1), 0);
	notify_open(&n, &r);
	notify_say(&n, "READY=1"); /* nobody there, and no harm done */
	notify_close(&n);
	report_free(&r);
}

static void the_turns_of_a_life(void)
{
	struct manager m;
	char text[512];
	long long stamp = 0;

	set(&m, true, NULL, NULL);
	announce_start(&m.notify, 60000);
	CU_ASSERT_PTR_EQUAL(
		strstr(heard(&m, text, sizeof(text)), "EXTEND_TIMEOUT_USEC=65000000\nSTATUS="),
		text);
	int64_t before = clock_us();
	announce_reload(&m.notify);
	CU_ASSERT_EQUAL(sscanf(heard(&m, text, sizeof(text)),
				"RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=", &stamp),
		1);
	CU_ASSERT_TRUE(stamp >= before && stamp <= clock_us());
	announce_stop(&m.notify, 40000);
	CU_ASSERT_PTR_EQUAL(strstr(heard(&m, text, sizeof(text)),
				    "STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000\nSTATUS="),
		text);
	announce_failure(&m.notify,
		VIEW_LIT("x.conf:9: warning: odd\nx.conf:1: this\nx.conf:2: that\n"));
	CU_ASSERT_STRING_EQUAL(
		heard(&m, text, sizeof(text)), "STATUS=Cannot start: x.conf:1: this");
	strike(&m);
}

CU_TestInfo notify_tests[] = {
	{ "a path and an abstract name", both_kinds_of_names },
	{ "the watchdog gets its pings", the_watchdog_gets_its_pings },
	{ "a full queue puts a ping off", a_full_queue_puts_a_ping_off },
	{ "a manager that is gone is not asked all the time",
		a_manager_that_is_gone_is_not_asked_all_the_time },
	{ "a watchdog for another process is none", a_watchdog_for_another_is_none },
	{ "nobody listens", nobody_listens },
	{ "reload, stop and failure are told", the_turns_of_a_life },
	CU_TEST_INFO_NULL,
};
