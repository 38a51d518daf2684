/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "loaded.h"
#include "suites.h"

static const struct popart_opt rows[] = {
	{ .name = "path", .type = POPART_OPT_PATH },
	{ .name = "password", .type = POPART_OPT_STRING, .flags = POPART_OPT_SECRET },
	{ .name = "words", .type = POPART_OPT_LIST },
	{ .name = "size", .type = POPART_OPT_SIZE, .fallback = "65536" },
	{ .name = "unset", .type = POPART_OPT_INT },
	{ 0 },
};

static void dump_blocks(
	struct loaded *l, const struct conf_block *blocks, size_t n, struct buf *b)
{
	for (size_t i = 0; i < n; i++) {
		struct popart_conf *v =
			conf_read_block(&blocks[i], rows, sizeof rows[0], &l->report);

		CU_ASSERT_PTR_NOT_NULL_FATAL(v);
		conf_dump_block(&blocks[i], v, b);
		conf_values_free(&v);
	}
}

static void dump_all(struct loaded *l, struct buf *b)
{
	buf_init(b, 100000);
	conf_dump(l->conf, b);
	dump_blocks(l, l->conf->auth, l->conf->nauth, b);
	dump_blocks(l, l->conf->storage, l->conf->nstorage, b);
	CU_ASSERT(!b->failed);
}

static void test_dump(void)
{
	struct loaded l;
	struct buf b;

	load_good(&l,
		"hostname = \"h\"; run_dir = \"/r\"; state_dir = \"/s\"; module_path = "
		"\"/m\";\n"
		"workers = 2; idle_timeout = 5400; login_delay = 1;\n"
		"listen = ( { address = \"127.0.0.1:0\" }, { address = \"[::1]:0\"; tls = "
		"true } );\n"
		"tls = { certificate = \"/c\"; certificates = { certificate = \"/d\"; ocsp = "
		"\"/o\" } };\n"
		"auth = ( { module = \"a\"; password = \"secret\" }, { module = \"b\"; "
		"domains = [ \"Example.ORG\", \"*.example.net\" ] } );\n"
		"storage = { module = \"s\"; path = \"/x\\\\\\\"y\\x01\"; words = [ \"1\", "
		"\"2\" ] };\n");
	dump_all(&l, &b);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&b),
		"hostname = \"h\";\n"
		"# user = not set\n"
		"# supplementary_groups = not set\n"
		"run_dir = \"/r\";\n"
		"state_dir = \"/s\";\n"
		"module_path = \"/m\";\n"
		"workers = 2;\n"
		"threads = 8;\n"
		"max_connections = 4096;\n"
		"max_connections_per_address = 100;\n"
		"idle_timeout = \"90m\";\n"
		"login_timeout = \"1m\";\n"
		"handshake_timeout = \"10s\";\n"
		"start_timeout = \"1m\";\n"
		"drain_timeout = \"30s\";\n"
		"retire_timeout = \"1h\";\n"
		"worker_timeout = \"1m\";\n"
		"call_deadline = \"30s\";\n"
		"quarantine = \"1m\";\n"
		"max_bad_commands = 20;\n"
		"expire = \"never\";\n"
		"login_delay = \"1s\";\n"
		"implementation = true;\n"
		"apop = false;\n"
		"listen = (\n"
		"\t{\n"
		"\t\taddress = \"127.0.0.1:0\";\n"
		"\t\tplaintext_auth = false;\n"
		"\t\ttls = false;\n"
		"\t},\n"
		"\t{\n"
		"\t\taddress = \"[::1]:0\";\n"
		"\t\tplaintext_auth = false;\n"
		"\t\ttls = true;\n"
		"\t}\n"
		");\n"
		"tls = {\n"
		"\tcertificate = \"/c\";\n"
		"\t# key = not set\n"
		"\t# ocsp = not set\n"
		"\t# priorities = not set\n"
		"\tcertificates = (\n"
		"\t\t{\n"
		"\t\t\tcertificate = \"/d\";\n"
		"\t\t\t# key = not set\n"
		"\t\t\tocsp = \"/o\";\n"
		"\t\t}\n"
		"\t);\n"
		"};\n"
		"log = {\n"
		"\ttarget = \"stderr\";\n"
		"\tfacility = \"mail\";\n"
		"\tformat = \"logfmt\";\n"
		"\tlevel = \"info\";\n"
		"\trefused_users = true;\n"
		"};\n"
		"auth = (\n"
		"\t{\n"
		"\t\tmodule = \"a\";\n"
		"\t\tname = \"a\";\n"
		"\t\t# domains = not set\n"
		"\t\t# path = not set\n"
		"\t\tpassword = \"(hidden)\";\n"
		"\t\t# words = not set\n"
		"\t\tsize = \"64K\";\n"
		"\t\t# unset = not set\n"
		"\t},\n"
		"\t{\n"
		"\t\tmodule = \"b\";\n"
		"\t\tname = \"b\";\n"
		"\t\tdomains = ( \"example.org\", \"*.example.net\" );\n"
		"\t\t# path = not set\n"
		"\t\t# password = not set\n"
		"\t\t# words = not set\n"
		"\t\tsize = \"64K\";\n"
		"\t\t# unset = not set\n"
		"\t}\n"
		");\n"
		"storage = (\n"
		"\t{\n"
		"\t\tmodule = \"s\";\n"
		"\t\tname = \"s\";\n"
		"\t\tas_user = false;\n"
		"\t\t# domains = not set\n"
		"\t\tpath = \"/x\\\\\\\"y\\x01\";\n"
		"\t\t# password = not set\n"
		"\t\twords = ( \"1\", \"2\" );\n"
		"\t\tsize = \"64K\";\n"
		"\t\t# unset = not set\n"
		"\t}\n"
		");\n");
	buf_free(&b);
	unload(&l);
}

/* The dump, loaded again, is dumped the same. */
static void test_round(void)
{
	struct loaded first, second;
	struct buf one, two;

	load_good(&first,
		NEEDED "login_timeout = 1; expire = \"off\"; hostname = \"x\"; user = \"u\";");
	dump_all(&first, &one);
	load_good(&second, buf_cstr(&one));
	dump_all(&second, &two);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&one), buf_cstr(&two));
	buf_free(&one);
	buf_free(&two);
	unload(&first);
	unload(&second);
}

/* Any octets but NUL come through a string literal. */
static void test_strings(void)
{
	struct loaded l;
	struct buf text;
	char all[255];

	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)(i + 1);
	buf_init(&text, 10000);
	buf_add_str(&text, NEEDED "user = ");
	conf_add_string(&text, view_of(all, sizeof all));
	buf_add_str(&text, ";\n");
	load_good(&l, buf_cstr(&text));
	CU_ASSERT(view_eq(view_str(l.conf->user), view_of(all, sizeof all)));
	buf_free(&text);
	unload(&l);
}

CU_TestInfo dump_tests[] = {
	{ "everything, with units, without secrets", test_dump },
	{ "a dump is a configuration", test_round },
	{ "string literals hold any octet", test_strings },
	CU_TEST_INFO_NULL,
};
