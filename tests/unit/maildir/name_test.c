/* SPDX-License-Identifier: MIT */
#include "unit/maildir/tests.h"
#include "hash.h"
#include "name.h"

static struct name parsed(const char *text)
{
	struct name n;

	name_parse(&n, (struct popart_str){ text, strlen(text) }, false);
	return n;
}

static int64_t time_of(const char *text)
{
	struct name n = parsed(text);

	return name_time(&n);
}

static bool key_is(const char *text, const char *want)
{
	struct name n = parsed(text);
	char key[NAME_LEN], room[NAME_LEN];
	size_t len = name_key(&n, key);
	struct popart_str view = name_key_view(&n, room);

	return len == strlen(want) && memcmp(key, want, len) == 0 && view.len == len &&
		memcmp(view.ptr, want, len) == 0;
}

static void fields(void)
{
	struct name n = parsed("1700000000.M1P2.host,S=100,W=103:2,FS");

	CU_ASSERT_EQUAL(name_time(&n), 1700000000);
	CU_ASSERT_EQUAL(n.stored, 100);
	CU_ASSERT_EQUAL(n.wire, 103);
	CU_ASSERT_TRUE(name_seen(&n));
	n = parsed("x,S=100:2,F");
	CU_ASSERT_EQUAL(name_time(&n), -1);
	CU_ASSERT_EQUAL(n.wire, NAME_NO_SIZE);
	CU_ASSERT_FALSE(name_seen(&n));
	n = parsed("1,W=12x,W=,W=99999999999999999999,W=5:1,S");
	CU_ASSERT_EQUAL(n.wire, 5);
	CU_ASSERT_FALSE(name_seen(&n));
	CU_ASSERT_EQUAL(time_of("99999999999999999999.x"), -1);
	CU_ASSERT_EQUAL(time_of("1700000000"), -1);
	CU_ASSERT_EQUAL(time_of("12.x"), -1);
	CU_ASSERT_EQUAL(time_of("0000123456a.x"), -1);
	CU_ASSERT_EQUAL(time_of("170000000012.x"), -1);
	CU_ASSERT_EQUAL(time_of("17000000001.x"), 17000000001);
	CU_ASSERT_EQUAL(time_of("123456789."), 123456789);
	CU_ASSERT_EQUAL(time_of("123456789:2,"), -1);
	CU_ASSERT_EQUAL(time_of("1234567:9."), -1);
	CU_ASSERT_EQUAL(time_of("/23456789."), -1);
	CU_ASSERT_EQUAL(time_of("1234567\xba"
				"9."),
		-1);
	n = parsed(",W=1,");
	CU_ASSERT_EQUAL(n.wire, 1);
}

static void keys(void)
{
	CU_ASSERT_TRUE(key_is("1.a.h", "1.a.h"));
	CU_ASSERT_TRUE(key_is("1.a.h:2,S", "1.a.h"));
	CU_ASSERT_TRUE(key_is("1.a.h,S=5,W=6:2,S", "1.a.h"));
	CU_ASSERT_TRUE(key_is("1.a.h,S=5,X=2,W=6,z", "1.a.h,X=2,z"));
	CU_ASSERT_TRUE(key_is("1.a,S=q,W=", "1.a,S=q,W="));
	CU_ASSERT_TRUE(key_is("1.a,", "1.a,"));
	CU_ASSERT_TRUE(key_is(":2,S", ""));
}

static void uids(void)
{
	char uid[UID_LEN], other[UID_LEN], text[NAME_LEN];

	CU_ASSERT_EQUAL(name_uid("1.a.h", 5, uid), 5);
	CU_ASSERT_TRUE(memcmp(uid, "1.a.h", 5) == 0);
	memset(text, 'x', sizeof(text));
	CU_ASSERT_EQUAL(name_uid(text, 70, uid), 70);
	CU_ASSERT_EQUAL(name_uid(text, 71, uid), 33);
	CU_ASSERT_EQUAL(name_uid(text, 255, other), 33);
	CU_ASSERT_TRUE(memcmp(uid, other, 33) != 0);
	CU_ASSERT_EQUAL(name_uid("a b", 3, uid), 33);
	CU_ASSERT_EQUAL(name_uid("a\xff", 2, uid), 33);
	CU_ASSERT_EQUAL(name_uid("", 0, uid), 33);
	CU_ASSERT_EQUAL(name_uid("a b", 3, uid), 33);
	/* A file that is called like the hash of another one. */
	CU_ASSERT_EQUAL(name_uid(uid, 33, other), 33);
	CU_ASSERT_TRUE(memcmp(uid, other, 33) != 0);
	/* For ever: FNV-1a of 128 bits, known values. */
	hash128_hex("", 0, text);
	CU_ASSERT_TRUE(memcmp(text, "6c62272e07bb014262b821756295c58d", 32) == 0);
	hash128_hex("foobar", 6, text);
	CU_ASSERT_TRUE(memcmp(text, "343e1662793c64bf6f0d3597ba446f18", 32) == 0);
}

static bool renamed_to(const char *from, uint64_t wire, const char *to)
{
	struct name n = parsed(from);
	char out[NAME_LEN + 1];

	return name_with_wire(&n, wire, out) && strcmp(out, to) == 0;
}

static void new_sizes(void)
{
	CU_ASSERT_TRUE(renamed_to("1.a,S=5,W=6:2,S", 7, "1.a,S=5,W=7:2,S"));
	CU_ASSERT_TRUE(renamed_to("1.a,W=6,S=5", 12, "1.a,W=12,S=5"));
	CU_ASSERT_TRUE(renamed_to("1.a:2,", 12, "1.a,W=12:2,"));
	CU_ASSERT_TRUE(renamed_to("1.a,W=6,q,W=7", 12, "1.a,W=12,q"));

	char full[NAME_LEN + 1], out[NAME_LEN + 1];
	struct name n;

	memset(full, 'x', sizeof(full));
	memcpy(full + NAME_LEN - 4, ",W=1", 4);
	name_parse(&n, (struct popart_str){ full, NAME_LEN }, false);
	CU_ASSERT_TRUE(name_with_wire(&n, 2, out));
	CU_ASSERT_FALSE(name_with_wire(&n, 10, out));
}

static void table(void)
{
	struct table t;
	uint32_t pos = 0, i, seen = 0;

	CU_ASSERT_TRUE_FATAL(table_init(&t, 100));
	for (uint32_t k = 0; k < 100; k++)
		table_add(&t, k % 10, k); /* everything collides */
	while (table_next(&t, 3, &pos, &i))
		seen++;
	CU_ASSERT_TRUE(seen >= 10);
	table_free(&t);
}

CU_TestInfo name_tests[] = { { "number, sizes, flags", fields }, { "keys", keys },
	{ "unique-ids", uids }, { "a right size in the name", new_sizes },
	{ "hash table", table }, CU_TEST_INFO_NULL };
