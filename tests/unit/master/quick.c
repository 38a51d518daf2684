/* SPDX-License-Identifier: MIT */
#include "bin/quick.h"
#include "conf/conf.h"
#include "suites.h"

struct written {
	struct buf text, why;
	bool ok;
};

static void write_config(
	struct written *w, struct options o, struct popart_str dir, uint32_t self)
{
	const struct quick_dir d = { .path = dir, .uid = 1000 };

	buf_init(&w->text, 65536);
	buf_init(&w->why, 1024);
	o.maildir = "unused";
	w->ok = quick_write(&o, &d, self, &w->text, &w->why);
}

static void drop(struct written *w)
{
	buf_free(&w->text);
	buf_free(&w->why);
}

static bool has(struct written *w, const char *part)
{
	return strstr(buf_cstr(&w->text), part) != NULL;
}

static void the_defaults_are_harmless(void)
{
	struct written w;

	write_config(&w, (struct options){ 0 }, VIEW_LIT("/srv/mail"), 12345);
	CU_ASSERT_TRUE(w.ok);
	CU_ASSERT_TRUE(has(&w, "address = \"127.0.0.1:1100\""));
	CU_ASSERT_TRUE(has(&w, "any = true"));
	CU_ASSERT_TRUE(has(&w, "read_only = true"));
	CU_ASSERT_TRUE(has(&w, "path = \"/srv/mail\""));
	CU_ASSERT_TRUE(has(&w, "layout = \"auto\""));
	CU_ASSERT_FALSE(has(&w, "plaintext_auth"));
	CU_ASSERT_FALSE(has(&w, "user"));
	drop(&w);
}

static void root_becomes_the_owner(void)
{
	struct written w;

	write_config(&w, (struct options){ 0 }, VIEW_LIT("/srv/mail"), 0);
	CU_ASSERT_TRUE(has(&w, "user = \"#1000\""));
	CU_ASSERT_TRUE(has(&w, "run_dir = \"/run/popart-1000\""));
	drop(&w);
}

static void options_are_carried_over(void)
{
	struct written w;
	char user[] = "bob:open:\"se\\same";
	struct options o = { .listen = "192.0.2.1:110", .user = user, .delete = true };

	write_config(&w, o, VIEW_LIT("/srv/mail"), 12345);
	CU_ASSERT_TRUE(w.ok);
	CU_ASSERT_TRUE(has(&w, "address = \"192.0.2.1:110\"; plaintext_auth = true"));
	CU_ASSERT_TRUE(has(&w, "user = \"bob\"; password = \"open:\\\"se\\\\same\""));
	CU_ASSERT_FALSE(has(&w, "any"));
	CU_ASSERT_TRUE(has(&w, "read_only = false"));
	drop(&w);
}

static void tls_has_a_listener_of_its_own(void)
{
	struct options o = { .tls_listen = "127.0.0.1:1995", .certificate = "/c\"" };
	struct written w;

	write_config(&w, o, VIEW_LIT("/m"), 12345);
	CU_ASSERT_TRUE(w.ok);
	CU_ASSERT_TRUE(has(&w,
		"listen = ( { address = \"127.0.0.1:1995\"; tls = true; } );\n"
		"tls = { certificate = \"/c\\\"\"; };\n"));
	drop(&w);
	o.listen = "127.0.0.1:1";
	o.key = "/k";
	write_config(&w, o, VIEW_LIT("/m"), 12345);
	CU_ASSERT_TRUE(has(&w,
		"listen = ( { address = \"127.0.0.1:1\"; }, { address = "
		"\"127.0.0.1:1995\"; tls = true; } );\n"));
	CU_ASSERT_TRUE(has(&w, "; key = \"/k\"; };"));
	drop(&w);
	o.tls_listen = "192.0.2.1:995";
	write_config(&w, o, VIEW_LIT("/m"), 12345);
	CU_ASSERT_FALSE(w.ok);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&w.why), "--tls-listen 192.0.2.1:995 is open"));
	drop(&w);
	o.user = (char[]){ "a:b" };
	write_config(&w, o, VIEW_LIT("/m"), 12345);
	CU_ASSERT_TRUE(w.ok);
	CU_ASSERT_FALSE(has(&w, "plaintext_auth"));
	drop(&w);
}

static void nothing_in_a_path_expands_or_escapes(void)
{
	static const char path[] = "/m/%u \"; } ); user = \"#0\\\n\xff%%";
	struct written w;
	struct report report;

	write_config(&w, (struct options){ 0 }, VIEW_LIT(path), 12345);
	CU_ASSERT_TRUE(has(&w, "/m/%%u \\\""));
	CU_ASSERT_TRUE(has(&w, "%%%%"));
	report_init(&report);
	struct conf *conf = conf_load(buf_view(&w.text), QUICK_NAME, &report);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	CU_ASSERT_PTR_NULL(conf->user);
	CU_ASSERT_EQUAL(conf->nlisten, 1);
	CU_ASSERT_EQUAL(conf->nauth, 1);
	CU_ASSERT_EQUAL(conf->nstorage, 1);
	conf_free(&conf);
	report_free(&report);
	drop(&w);
}

static void the_world_needs_a_password(void)
{
	static const char *const open[] = { "0.0.0.0:1100", "[::]:1100", "192.0.2.1:1",
		"[2001:db8::1]:1" };
	static const char *const local[] = { "127.0.0.1:0", "127.9.9.9:65535", "[::1]:1" };

	for (size_t i = 0; i < ARRAY_LEN(open); i++) {
		struct written w;
		write_config(&w, (struct options){ .listen = open[i] }, VIEW_LIT("/m"), 12345);
		CU_ASSERT_FALSE(w.ok);
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&w.why), open[i]));
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&w.why), "--user NAME:PASSWORD"));
		drop(&w);
	}
	for (size_t i = 0; i < ARRAY_LEN(local); i++) {
		struct written w;
		write_config(&w, (struct options){ .listen = local[i] }, VIEW_LIT("/m"), 12345);
		CU_ASSERT_TRUE(w.ok);
		CU_ASSERT_FALSE(has(&w, "plaintext_auth"));
		drop(&w);
	}
}

static void addresses_are_read_strictly(void)
{
	static const char *const bad[] = { "", ":", "1100", ":1100", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1", "127.0.0.1:1x",
		"localhost:1", "::1:1100", "[::1]", "[::1]1100", "[::1:1100", "[127.0.0.1]:1",
		"[]:1", "999.0.0.1:1",
		"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]:1" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct written w;
		write_config(&w, (struct options){ .listen = bad[i] }, VIEW_LIT("/m"), 12345);
		CU_ASSERT_FALSE(w.ok);
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&w.why), "127.0.0.1:1100"));
		drop(&w);
	}
}

static void a_user_has_a_name_and_a_password(void)
{
	static const char *const bad[] = { "", ":", "bob", "bob:", ":secret" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char user[16];
		struct written w;
		(void)strcpy(user, bad[i]);
		write_config(&w, (struct options){ .user = user }, VIEW_LIT("/m"), 12345);
		CU_ASSERT_FALSE(w.ok);
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&w.why), "--user NAME:PASSWORD"));
		drop(&w);
	}
}

static void a_directory_has_to_be_there(void)
{
	static const struct {
		const char *dir, *says;
	} cases[] = { { "/no/such/directory", "No such file" },
		{ "/dev/null", "no directory" } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf text, why;
		const struct options o = { .maildir = cases[i].dir };
		buf_init(&text, 65536);
		buf_init(&why, 1024);
		CU_ASSERT_FALSE(quick_config(&o, &text, &why));
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&why), cases[i].dir));
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&why), cases[i].says));
		buf_free(&text);
		buf_free(&why);
	}
}

CU_TestInfo quick_tests[] = {
	{ "the defaults are harmless", the_defaults_are_harmless },
	{ "root becomes the directory's owner", root_becomes_the_owner },
	{ "options are carried over", options_are_carried_over },
	{ "TLS has a listener of its own", tls_has_a_listener_of_its_own },
	{ "nothing in a path expands or escapes", nothing_in_a_path_expands_or_escapes },
	{ "the world needs a password", the_world_needs_a_password },
	{ "addresses are read strictly", addresses_are_read_strictly },
	{ "a user has a name and a password", a_user_has_a_name_and_a_password },
	{ "a directory has to be there", a_directory_has_to_be_there },
	CU_TEST_INFO_NULL,
};
