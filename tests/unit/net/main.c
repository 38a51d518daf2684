/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdlib.h>
#include "net/addr.h"
#include "net/digest.h"
#include "net/prep.h"
#include "net/wheel.h"
#include "suites.h"
#include "support/tap.h"

/* --- addr --- */

static struct sockaddr_storage v4(const char *text, uint16_t port)
{
	struct sockaddr_storage s = { .ss_family = AF_INET };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&s;

	in->sin_port = htons(port);
	CU_ASSERT_FATAL(inet_pton(AF_INET, text, &in->sin_addr) == 1);
	return s;
}

static struct sockaddr_storage v6(const char *text, uint16_t port)
{
	struct sockaddr_storage s = { .ss_family = AF_INET6 };
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)&s;

	in->sin6_port = htons(port);
	CU_ASSERT_FATAL(inet_pton(AF_INET6, text, &in->sin6_addr) == 1);
	return s;
}

static void check_text(struct sockaddr_storage addr, const char *want, uint16_t want_port)
{
	char room[ADDR_TEXT_MAX];
	uint16_t port = 0;

	CU_ASSERT(view_eq(addr_text(&addr, room, &port), view_str(want)));
	CU_ASSERT_EQUAL(port, want_port);
}

static void test_addr_text(void)
{
	struct sockaddr_storage other = { .ss_family = AF_UNIX };

	check_text(v4("192.0.2.7", 110), "192.0.2.7", 110);
	check_text(v6("2001:db8::1", 995), "2001:db8::1", 995);
	check_text(v6("::ffff:192.0.2.7", 1100), "192.0.2.7", 1100);
	check_text(other, "?", 0);
}

static bool same_site(struct sockaddr_storage a, struct sockaddr_storage b)
{
	struct popart_str site = addr_site(&a);

	CU_ASSERT(site.len > 0);
	return view_eq(site, addr_site(&b));
}

static void test_addr_site(void)
{
	const struct sockaddr_storage none[] = { v4("127.0.0.1", 1), v6("::1", 1),
		v6("::ffff:127.0.0.1", 1), { .ss_family = AF_UNIX } };

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		CU_ASSERT_EQUAL(addr_site(&none[i]).len, 0);
	CU_ASSERT(same_site(v4("192.0.2.7", 1), v4("192.0.2.7", 2)));
	CU_ASSERT(same_site(v4("192.0.2.7", 1), v6("::ffff:192.0.2.7", 2)));
	CU_ASSERT_FALSE(same_site(v4("192.0.2.7", 1), v4("192.0.2.8", 1)));
	CU_ASSERT_FALSE(same_site(v4("127.0.0.2", 1), v4("127.0.0.3", 1)));
	CU_ASSERT(same_site(v6("2001:db8:1:2::1", 1), v6("2001:db8:1:2:ffff::", 1)));
	CU_ASSERT_FALSE(same_site(v6("2001:db8:1:2::1", 1), v6("2001:db8:1:3::1", 1)));
}

static void test_addr_loopback(void)
{
	static const struct {
		const char *text;
		bool six, loopback;
	} rows[] = {
		{ "127.0.0.1", false, true },
		{ "127.255.0.9", false, true },
		{ "128.0.0.1", false, false },
		{ "0.0.0.0", false, false },
		{ "::1", true, true },
		{ "::ffff:127.0.0.1", true, true },
		{ "::ffff:10.0.0.1", true, false },
		{ "::2", true, false },
		{ "fe80::1", true, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sockaddr_storage a =
			rows[i].six ? v6(rows[i].text, 1) : v4(rows[i].text, 1);
		CU_ASSERT_EQUAL(addr_is_loopback(&a), rows[i].loopback);
	}
}

static void test_addr_any(void)
{
	struct sockaddr_storage any4 = v4("0.0.0.0", 1), any6 = v6("::", 1);
	struct sockaddr_storage one4 = v4("127.0.0.1", 1), one6 = v6("::1", 1);

	CU_ASSERT(addr_is_any(&any4));
	CU_ASSERT(addr_is_any(&any6));
	CU_ASSERT_FALSE(addr_is_any(&one4));
	CU_ASSERT_FALSE(addr_is_any(&one6));
}

/* --- prep, RFC 8265 --- */

static bool prepared(struct popart_str raw, struct popart_str want)
{
	struct buf out;
	bool same;

	buf_init(&out, 1024);
	same = prep_credential(raw, &out) && view_eq(buf_view(&out), want);
	buf_free(&out);
	return same;
}

static bool refused(struct popart_str raw)
{
	struct buf out;
	bool no;

	buf_init(&out, 1024);
	no = !prep_credential(raw, &out);
	buf_free(&out);
	return no;
}

static void test_prep_keeps(void)
{
	CU_ASSERT(prepared(VIEW_LIT("demo"), VIEW_LIT("demo")));
	CU_ASSERT(prepared(VIEW_LIT(" two  spaces "), VIEW_LIT(" two  spaces ")));
	CU_ASSERT(prepared(VIEW_LIT("Case"), VIEW_LIT("Case")));
}

static void test_prep_unifies(void)
{
	/* "a" and combining ring above; the same as one character. */
	CU_ASSERT(prepared(VIEW_LIT("a\xcc\x8a"), VIEW_LIT("\xc3\xa5")));
	CU_ASSERT(prepared(VIEW_LIT("\xc3\xa5"), VIEW_LIT("\xc3\xa5")));
	/* A no-break space is a space in the profile. */
	CU_ASSERT(prepared(VIEW_LIT("a\xc2\xa0z"), VIEW_LIT("a z")));
}

static void test_prep_refuses(void)
{
	CU_ASSERT(refused(VIEW_LIT("")));
	CU_ASSERT(refused(VIEW_LIT("demo\0x")));
	CU_ASSERT(refused(VIEW_LIT("tab\there")));
	CU_ASSERT(refused(VIEW_LIT("del\x7f")));
	CU_ASSERT(refused(VIEW_LIT("\xc3")));             /* cut short      */
	CU_ASSERT(refused(VIEW_LIT("\xc0\xaf")));         /* overlong       */
	CU_ASSERT(refused(VIEW_LIT("\xed\xa0\x80")));     /* surrogate      */
	CU_ASSERT(refused(VIEW_LIT("\xf4\x90\x80\x80"))); /* past U+10FFFF  */
}

static void test_prep_bounded(void)
{
	struct popart_str huge = { .ptr = calloc(1, 70000), .len = 70000 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(huge.ptr);
	memset((char *)(uintptr_t)huge.ptr, 'x', huge.len);
	CU_ASSERT(refused(huge));
	free((char *)(uintptr_t)huge.ptr);
}

/* --- APOP, the example of RFC 1939 section 7 --- */

static void test_apop(void)
{
	struct popart_str stamp = VIEW_LIT("<1896.697170952@dbc.mtview.ca.us>");
	struct popart_str good = VIEW_LIT("c4c9334bac560ecc979e58001b3e22fb");
	struct popart_str upper = VIEW_LIT("C4C9334BAC560ECC979E58001B3E22FB");
	struct popart_str bad = VIEW_LIT("c4c9334bac560ecc979e58001b3e22fc");

	CU_ASSERT(digest_apop_matches(stamp, VIEW_LIT("tanstaaf"), good));
	CU_ASSERT(digest_apop_matches(stamp, VIEW_LIT("tanstaaf"), upper));
	CU_ASSERT_FALSE(digest_apop_matches(stamp, VIEW_LIT("tanstaaf"), bad));
	CU_ASSERT_FALSE(digest_apop_matches(stamp, VIEW_LIT("tanstaag"), good));
	CU_ASSERT_FALSE(digest_apop_matches(stamp, VIEW_LIT("tanstaaf"), VIEW_LIT("c4c9")));
	CU_ASSERT_FALSE(digest_apop_matches(stamp, VIEW_LIT("tanstaaf"), VIEW_NONE));
}

/* --- wheel --- */

struct timed {
	struct wheel_entry entry;
	int fired;
};

static void fire(struct wheel_entry *e)
{
	CONTAINER_OF(e, struct timed, entry)->fired++;
}

static struct wheel *make_wheel(void)
{
	struct wheel *w = wheel_new(1000000);

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	return w;
}

static void test_wheel_fires_once(void)
{
	struct wheel *w = make_wheel();
	struct timed t = { .fired = 0 };

	atomic_store(&t.entry.deadline_ms, 1003000);
	wheel_add(w, &t.entry);
	wheel_turn(w, 1002999, fire);
	CU_ASSERT_EQUAL(t.fired, 0);
	wheel_turn(w, 1003000 + 2 * WHEEL_TICK_MS, fire);
	CU_ASSERT_EQUAL(t.fired, 1);
	wheel_turn(w, 2000000, fire);
	CU_ASSERT_EQUAL(t.fired, 1);
	wheel_remove(w, &t.entry); /* it is out already: nothing happens */
	wheel_free(&w);
}

/* Every deadline, near and past one turn of the wheel: never early, at most two ticks late. */
static void test_wheel_exact(void)
{
	for (int64_t in = 0; in < 700000; in += 9973) {
		struct wheel *w = make_wheel();
		struct timed t = { .fired = 0 };
		int64_t now = 1000000;

		atomic_store(&t.entry.deadline_ms, 1000000 + in);
		wheel_add(w, &t.entry);
		while (!t.fired && now < 2000000) {
			now += WHEEL_TICK_MS;
			wheel_turn(w, now, fire);
		}
		CU_ASSERT(now >= 1000000 + in);
		CU_ASSERT(now <= 1000000 + in + 2 * WHEEL_TICK_MS);
		wheel_free(&w);
	}
}

static void test_wheel_moved(void)
{
	struct wheel *w = make_wheel();
	struct timed t = { .fired = 0 };

	atomic_store(&t.entry.deadline_ms, 1001000);
	wheel_add(w, &t.entry);
	atomic_store(&t.entry.deadline_ms, 1600000);
	wheel_turn(w, 1599000, fire);
	CU_ASSERT_EQUAL(t.fired, 0);
	wheel_turn(w, 1601000, fire);
	CU_ASSERT_EQUAL(t.fired, 1);
	wheel_free(&w);
}

static void test_wheel_removed(void)
{
	struct wheel *w = make_wheel();
	struct timed t[3] = { { .fired = 0 } };

	for (size_t i = 0; i < 3; i++) {
		atomic_store(&t[i].entry.deadline_ms, 1001000);
		wheel_add(w, &t[i].entry);
	}
	wheel_remove(w, &t[1].entry);
	wheel_turn(w, 1010000, fire);
	CU_ASSERT_EQUAL(t[0].fired, 1);
	CU_ASSERT_EQUAL(t[1].fired, 0);
	CU_ASSERT_EQUAL(t[2].fired, 1);
	wheel_free(&w);
}

static void put_off(struct wheel_entry *e)
{
	fire(e);
	atomic_fetch_add(&e->deadline_ms, 10000);
}

static void test_wheel_put_off(void)
{
	struct wheel *w = make_wheel();
	struct timed t = { .fired = 0 };

	atomic_store(&t.entry.deadline_ms, 1001000);
	wheel_add(w, &t.entry);
	wheel_turn(w, 1002000, put_off);
	CU_ASSERT_EQUAL(t.fired, 1);
	wheel_turn(w, 1010999, fire);
	CU_ASSERT_EQUAL(t.fired, 1);
	wheel_turn(w, 1012000, fire);
	CU_ASSERT_EQUAL(t.fired, 2);
	wheel_turn(w, 2000000, fire);
	CU_ASSERT_EQUAL(t.fired, 2);
	wheel_free(&w);
}

static void test_wheel_never(void)
{
	struct wheel *w = make_wheel();
	struct timed t = { .fired = 0 };

	atomic_store(&t.entry.deadline_ms, WHEEL_NEVER);
	wheel_add(w, &t.entry);
	wheel_turn(w, 5000000, fire);
	CU_ASSERT_EQUAL(t.fired, 0);
	wheel_remove(w, &t.entry);
	wheel_free(&w);
}

int main(int argc, char **argv)
{
	CU_TestInfo addr[] = {
		{ "text", test_addr_text },
		{ "loopback", test_addr_loopback },
		{ "site", test_addr_site },
		{ "any", test_addr_any },
		CU_TEST_INFO_NULL,
	};
	CU_TestInfo prep[] = {
		{ "keeps", test_prep_keeps },
		{ "unifies", test_prep_unifies },
		{ "refuses", test_prep_refuses },
		{ "bounded", test_prep_bounded },
		CU_TEST_INFO_NULL,
	};
	CU_TestInfo digest[] = {
		{ "APOP of RFC 1939", test_apop },
		CU_TEST_INFO_NULL,
	};
	CU_TestInfo wheel[] = {
		{ "fires once", test_wheel_fires_once },
		{ "never early, hardly late", test_wheel_exact },
		{ "deadline moved on", test_wheel_moved },
		{ "removed", test_wheel_removed },
		{ "put off when its time has come", test_wheel_put_off },
		{ "never", test_wheel_never },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {
		{ "addr", NULL, NULL, NULL, NULL, addr },
		{ "prep", NULL, NULL, NULL, NULL, prep },
		{ "digest", NULL, NULL, NULL, NULL, digest },
		{ "tls", NULL, NULL, NULL, NULL, tls_tests },
		{ "seal", NULL, NULL, NULL, NULL, seal_tests },
		{ "tls setup", NULL, NULL, NULL, NULL, tls_setup_tests },
		{ "which certificate", NULL, NULL, NULL, NULL, sni_tests },
		{ "wheel", NULL, NULL, NULL, NULL, wheel },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "net", suites);
}
