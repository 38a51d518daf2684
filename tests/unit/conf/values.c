/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <popart/host.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "loaded.h"
#include "suites.h"

static void test_defaults(void)
{
	struct loaded l;
	const struct conf *c;

	load_good(&l, NEEDED);
	CU_ASSERT_EQUAL(l.report.warnings, 0);
	c = l.conf;
	CU_ASSERT(c->hostname && c->hostname[0]);
	CU_ASSERT_PTR_NULL(c->user);
	CU_ASSERT_STRING_EQUAL(c->module_path, POPART_MODULEDIR);
	CU_ASSERT(c->workers >= 1);
	CU_ASSERT_EQUAL(c->threads, 8);
	CU_ASSERT_EQUAL(c->max_connections, 4096);
	CU_ASSERT_EQUAL(c->max_bad_commands, 20);
	CU_ASSERT_EQUAL(c->idle_timeout_ms, 600000);
	CU_ASSERT_EQUAL(c->login_timeout_ms, 60000);
	CU_ASSERT_EQUAL(c->start_timeout_ms, 60000);
	CU_ASSERT_EQUAL(c->drain_timeout_ms, 30000);
	CU_ASSERT_EQUAL(c->retire_timeout_ms, 3600000);
	CU_ASSERT_EQUAL(c->worker_timeout_ms, 60000);
	CU_ASSERT_EQUAL(c->call_deadline_ms, 30000);
	CU_ASSERT_EQUAL(c->quarantine_ms, 60000);
	CU_ASSERT_EQUAL(c->expire_days, -1);
	CU_ASSERT_EQUAL(c->login_delay_s, 0);
	CU_ASSERT(c->implementation && !c->apop);
	CU_ASSERT_EQUAL(c->log_to, LOG_TO_STDERR);
	CU_ASSERT_EQUAL(c->log_facility, 2);
	CU_ASSERT_EQUAL(c->log_format, LOG_FORMAT_LOGFMT);
	CU_ASSERT_EQUAL(c->log_level, POPART_LOG_INFO);
	unload(&l);
}

static void test_all(void)
{
	struct loaded l;
	const struct conf *c;

	load_good(&l,
		"hostname = \"pop.example.net\"; user = \"popart\"; run_dir = \"/r\";\n"
		"state_dir = \"/s\"; module_path = \"/m:/n\"; workers = 3; threads = 4\n"
		"max_connections: 5; idle_timeout = 900; login_timeout = \"90s\";\n"
		"drain_timeout = \"0s\"; worker_timeout = 0; max_bad_commands = 0x10; "
		"call_deadline = \"1500ms\"; quarantine = 0; "
		"expire = 30;\n"
		"login_delay = \"1500ms\"; implementation = FALSE; apop = True;\n"
		"log = { target = \"/var/log/popart\"; format = \"json\"; level = \"debug\"; "
		"facility = \"local1\"; };\n"
		"listen = ( { address = \"127.0.0.1:1100\"; plaintext_auth = false },\n"
		"  { address = \"[::1]:0\"; plaintext_auth = true }, { address = \"*:110\" } "
		")\n"
		"auth = ( { module = \"static\" }, { module = \"/x/static.so\"; name = \"b\" } "
		")\n"
		"storage = { module = \"/y/maildir.so\" }\n");
	c = l.conf;
	CU_ASSERT_STRING_EQUAL(c->hostname, "pop.example.net");
	CU_ASSERT_STRING_EQUAL(c->user, "popart");
	CU_ASSERT_STRING_EQUAL(c->run_dir, "/r");
	CU_ASSERT_STRING_EQUAL(c->state_dir, "/s");
	CU_ASSERT_STRING_EQUAL(c->module_path, "/m:/n");
	CU_ASSERT_EQUAL(c->workers, 3);
	CU_ASSERT_EQUAL(c->threads, 4);
	CU_ASSERT_EQUAL(c->max_connections, 5);
	CU_ASSERT_EQUAL(c->idle_timeout_ms, 900000);
	CU_ASSERT_EQUAL(c->login_timeout_ms, 90000);
	CU_ASSERT_EQUAL(c->drain_timeout_ms, 0);
	CU_ASSERT_EQUAL(c->worker_timeout_ms, 0);
	CU_ASSERT_EQUAL(c->call_deadline_ms, 1500);
	CU_ASSERT_EQUAL(c->quarantine_ms, 0);
	CU_ASSERT_EQUAL(c->max_bad_commands, 16);
	CU_ASSERT_EQUAL(c->expire_days, 30);
	CU_ASSERT_EQUAL(c->login_delay_s, 2);
	CU_ASSERT(!c->implementation && c->apop);
	CU_ASSERT_EQUAL(c->log_to, LOG_TO_FILE);
	CU_ASSERT_STRING_EQUAL(c->log_path, "/var/log/popart");
	CU_ASSERT_EQUAL(c->log_facility, 17);
	CU_ASSERT_EQUAL(c->log_format, LOG_FORMAT_JSON);
	CU_ASSERT_EQUAL(c->log_level, POPART_LOG_DEBUG);

	CU_ASSERT_EQUAL_FATAL(c->nlisten, 3);
	const struct sockaddr_in *in4 = (const void *)&c->listen[0].addr;
	const struct sockaddr_in6 *in6 = (const void *)&c->listen[1].addr;
	const struct sockaddr_in6 *any = (const void *)&c->listen[2].addr;
	CU_ASSERT(in4->sin_family == AF_INET && ntohs(in4->sin_port) == 1100);
	CU_ASSERT_EQUAL(ntohl(in4->sin_addr.s_addr), INADDR_LOOPBACK);
	CU_ASSERT_EQUAL(c->listen[0].addr_len, sizeof *in4);
	CU_ASSERT(in6->sin6_family == AF_INET6 && in6->sin6_port == 0);
	CU_ASSERT(IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr));
	CU_ASSERT_EQUAL(c->listen[1].addr_len, sizeof *in6);
	CU_ASSERT(any->sin6_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&any->sin6_addr));
	CU_ASSERT_STRING_EQUAL(c->listen[2].text, "*:110");
	CU_ASSERT(!c->listen[0].plaintext_auth && c->listen[1].plaintext_auth);
	CU_ASSERT_EQUAL(c->listen[1].line, 8);
	CU_ASSERT_STRING_EQUAL(c->listen[1].file, "popart.conf");

	CU_ASSERT_EQUAL_FATAL(c->nauth, 2);
	CU_ASSERT_STRING_EQUAL(c->auth[0].name, "static");
	CU_ASSERT_STRING_EQUAL(c->auth[1].module, "/x/static.so");
	CU_ASSERT_STRING_EQUAL(c->auth[1].name, "b");
	CU_ASSERT(c->auth[0].first && !c->auth[0].last && c->auth[1].last);
	CU_ASSERT_EQUAL_FATAL(c->nstorage, 1);
	CU_ASSERT_STRING_EQUAL(c->storage[0].name, "maildir");
	CU_ASSERT_STRING_EQUAL(c->storage[0].file, "popart.conf");
	CU_ASSERT_EQUAL(c->storage[0].line, 10);
	unload(&l);
}

static void test_log_targets(void)
{
	static const struct {
		const char *target, *path;
		int to;
	} cases[] = {
		{ "syslog", "/dev/log", LOG_TO_SYSLOG },
		{ "syslog:/run/log", "/run/log", LOG_TO_SYSLOG },
		{ "./log", "./log", LOG_TO_FILE },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct loaded l;
		struct buf text;

		buf_init(&text, 4096);
		buf_printf(&text, "log = { target = \"%s\" };\n" NEEDED, cases[i].target);
		load_good(&l, buf_cstr(&text));
		CU_ASSERT_EQUAL(l.conf->log_to, cases[i].to);
		CU_ASSERT_STRING_EQUAL(l.conf->log_path, cases[i].path);
		unload(&l);
		buf_free(&text);
	}
}

static void test_directories(void)
{
	struct loaded l;

	if (geteuid() == 0) {
		load_good(&l, NEEDED);
		CU_ASSERT_STRING_EQUAL(l.conf->run_dir, "/run/popart");
		CU_ASSERT_STRING_EQUAL(l.conf->state_dir, "/var/lib/popart");
		unload(&l);
		CU_ASSERT_EQUAL_FATAL(seteuid(12345), 0);
	}
	uid_t uid = geteuid();
	char by_uid[64];
	(void)snprintf(by_uid, sizeof by_uid, "/tmp/popart-%u", (unsigned)uid);

	CU_ASSERT_EQUAL(setenv("XDG_RUNTIME_DIR", "/run/user/1", 1), 0);
	CU_ASSERT_EQUAL(setenv("XDG_STATE_HOME", "/h/state", 1), 0);
	load_good(&l, NEEDED);
	CU_ASSERT_STRING_EQUAL(l.conf->run_dir, "/run/user/1/popart");
	CU_ASSERT_STRING_EQUAL(l.conf->state_dir, "/h/state/popart");
	unload(&l);
	CU_ASSERT_EQUAL(unsetenv("XDG_RUNTIME_DIR"), 0);
	CU_ASSERT_EQUAL(unsetenv("XDG_STATE_HOME"), 0);
	CU_ASSERT_EQUAL(setenv("HOME", "/h", 1), 0);
	load_good(&l, NEEDED);
	CU_ASSERT_STRING_EQUAL(l.conf->run_dir, by_uid);
	CU_ASSERT_STRING_EQUAL(l.conf->state_dir, "/h/.local/state/popart");
	unload(&l);
	if (getuid() == 0)
		CU_ASSERT_EQUAL_FATAL(seteuid(0), 0);
}

static const char *const colours[] = { "red", "green", NULL };
static const struct popart_opt rows[] = {
	{ .name = "flag", .type = POPART_OPT_BOOL, .fallback = "true" },
	{ .name = "count", .type = POPART_OPT_INT, .min = -5, .max = 5, .fallback = "-3" },
	{ .name = "any", .type = POPART_OPT_INT },
	{ .name = "size", .type = POPART_OPT_SIZE, .fallback = "64K" },
	{ .name = "wait", .type = POPART_OPT_MSEC, .fallback = "500ms" },
	{ .name = "text", .type = POPART_OPT_STRING },
	{ .name = "path",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED | POPART_OPT_TEMPLATE,
		.help = "Where it is." },
	{ .name = "colour", .type = POPART_OPT_ENUM, .choices = colours, .fallback = "green" },
	{ .name = "words", .type = POPART_OPT_LIST, .fallback = "a, b" },
	{ .name = "password", .type = POPART_OPT_STRING, .flags = POPART_OPT_SECRET }, { 0 }
};

static struct popart_conf *read_block(struct loaded *l, const char *options)
{
	struct buf text;

	buf_init(&text, 10000);
	buf_printf(&text,
		"listen = { address = \"127.0.0.1:0\"; }; auth = { module = \"static\"; };\n"
		"storage = { module = \"x\"; name = \"y\";\n%s };\n",
		options);
	load_good(l, buf_cstr(&text));
	buf_free(&text);
	return conf_read_block(&l->conf->storage[0], rows, sizeof rows[0], &l->report);
}

static void test_block(void)
{
	const struct popart_str *list;
	struct popart_conf *v;
	struct loaded l;

	v = read_block(&l, "path = \"%h/Maildir\";");
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT_EQUAL(conf_int(v, "flag"), 1);
	CU_ASSERT_EQUAL(conf_int(v, "count"), -3);
	CU_ASSERT_EQUAL(conf_int(v, "any"), 0);
	CU_ASSERT_EQUAL(conf_int(v, "size"), 65536);
	CU_ASSERT_EQUAL(conf_int(v, "wait"), 500);
	CU_ASSERT_EQUAL(conf_int(v, "colour"), 1);
	CU_ASSERT_EQUAL(conf_str(v, "text").len, 0);
	CU_ASSERT_STRING_EQUAL(conf_str(v, "text").ptr, "");
	CU_ASSERT_STRING_EQUAL(conf_str(v, "path").ptr, "%h/Maildir");
	CU_ASSERT_EQUAL_FATAL(conf_list(v, "words", &list), 2);
	CU_ASSERT_STRING_EQUAL(list[0].ptr, "a");
	CU_ASSERT_STRING_EQUAL(list[1].ptr, "b");
	conf_values_free(&v);
	CU_ASSERT_PTR_NULL(v);
	unload(&l);

	v = read_block(&l,
		"path = \"p\"; flag = false; count = 5; any = -9223372036854775807L;\n"
		"size = 10000000000; wait = 2; text = \"\"; colour = \"red\";\n"
		"words = ( \"one\", \"t\" \"wo\", \"\" ); password = \"se\\\"cret\\n\";");
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT_EQUAL(conf_int(v, "flag"), 0);
	CU_ASSERT_EQUAL(conf_int(v, "count"), 5);
	CU_ASSERT_EQUAL(conf_int(v, "any"), -INT64_MAX);
	CU_ASSERT_EQUAL(conf_int(v, "size"), INT64_C(10000000000));
	CU_ASSERT_EQUAL(conf_int(v, "wait"), 2000);
	CU_ASSERT_EQUAL(conf_int(v, "colour"), 0);
	CU_ASSERT_EQUAL_FATAL(conf_list(v, "words", &list), 3);
	CU_ASSERT_STRING_EQUAL(list[1].ptr, "two");
	CU_ASSERT_EQUAL(list[2].len, 0);
	CU_ASSERT_STRING_EQUAL(conf_str(v, "password").ptr, "se\"cret\n");
	conf_values_free(&v);
	unload(&l);

	v = read_block(&l, "path = \"p\"; words = \"single\";");
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT_EQUAL_FATAL(conf_list(v, "words", &list), 1);
	CU_ASSERT_STRING_EQUAL(list[0].ptr, "single");
	conf_values_free(&v);
	unload(&l);
}

static bool block_says(const char *options, const char *expected)
{
	struct loaded l;
	struct popart_conf *v = read_block(&l, options);
	bool same = !v && strcmp(buf_cstr(&l.report.text), expected) == 0;

	if (!same)
		printf("# said:\n# %s", buf_cstr(&l.report.text));
	conf_values_free(&v);
	unload(&l);
	return same;
}

static void test_block_messages(void)
{
	CU_ASSERT(block_says("",
		"popart.conf:2: path is missing in storage \"y\"; it is a string in double "
		"quotes: Where it is.\n"));
	CU_ASSERT(block_says("pth = \"x\";",
		"popart.conf:3: unknown key \"pth\" in storage \"y\"; did you mean \"path\"?\n"
		"popart.conf:2: path is missing in storage \"y\"; it is a string in double "
		"quotes: Where it is.\n"));
	CU_ASSERT(block_says("path = \"\";\nsize = -1;\nwords = ( 1 );\ncount = 6;",
		"popart.conf:6: count in storage \"y\": 6 is out of range; from -5 to 5\n"
		"popart.conf:4: size in storage \"y\": -1 is less than nothing\n"
		"popart.conf:3: path in storage \"y\": the path is empty\n"
		"popart.conf:5: words in storage \"y\" must be a string or a list of strings; "
		"this is an integer\n"));
	CU_ASSERT(block_says("path = \"p\"; size = \"64 KB\"; colour = \"blue\";",
		"popart.conf:3: size in storage \"y\": \"64 KB\" is not a size: octets, or a "
		"string like \"64K\", \"10M\", \"2G\"\n"
		"popart.conf:3: colour in storage \"y\": \"blue\" is none of: red, green\n"));
}

static void test_unknown_type(void)
{
	static const struct popart_opt odd[] = { { .name = "odd", .type = 99 }, { 0 } };
	struct loaded l;
	struct popart_conf *values;

	load_good(&l,
		"listen = { address = \"127.0.0.1:1\" }; auth = { module = \"x\" };\n"
		"storage = { module = \"y\"; odd = \"a string\" };\n");
	values = conf_read_block(&l.conf->storage[0], odd, sizeof odd[0], &l.report);
	CU_ASSERT_PTR_NULL(values);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&l.report.text), "popart.conf:2: odd"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&l.report.text), "type 99"));
	unload(&l);
}

static void test_places(void)
{
	struct loaded l;
	struct place at;

	load_good(
		&l, "user = \"x\";\nrun_dir =\n  \"/r\";\nlog = { target = \"/l\" };\n" NEEDED);
	at = conf_place(l.conf, "user");
	CU_ASSERT_STRING_EQUAL(at.file, "popart.conf");
	CU_ASSERT_EQUAL(at.line, 1);
	CU_ASSERT_EQUAL(conf_place(l.conf, "run_dir").line, 2);
	CU_ASSERT_EQUAL(conf_place(l.conf, "log").line, 4);
	at = conf_place(l.conf, "state_dir");
	CU_ASSERT_STRING_EQUAL(at.file, "popart.conf");
	CU_ASSERT_EQUAL(at.line, 0);
	unload(&l);
}

CU_TestInfo value_tests[] = {
	{ "defaults", test_defaults },
	{ "every key given", test_all },
	{ "where lines go", test_log_targets },
	{ "directories follow who runs it", test_directories },
	{ "a module's options, of every type", test_block },
	{ "what is wrong with a module's options", test_block_messages },
	{ "an option of a type that the server does not know", test_unknown_type },
	{ "where a key stands", test_places },
	CU_TEST_INFO_NULL,
};
