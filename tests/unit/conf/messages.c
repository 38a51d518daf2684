/* SPDX-License-Identifier: MIT */
/* Every message, word for word. */
#include "loaded.h"
#include "suites.h"

#define AT(line, text) "popart.conf:" #line ": " text "\n"
#define LONG_PATH      "/0123456789012345678901234567890123456789012345678901234567890"

struct message {
	const char *text, *said;
};

/* With what every configuration needs behind the text. */
static void check(const struct message *m, size_t n)
{
	struct buf text;

	for (size_t i = 0; i < n; i++) {
		buf_init(&text, 10000);
		buf_add_str(&text, m[i].text);
		buf_add_str(&text, "\n" NEEDED);
		CU_ASSERT(says(buf_view(&text), m[i].said));
		buf_free(&text);
	}
}

static void test_keys(void)
{
	static const struct message cases[] = {
		{ "\n\nlissten = 1;",
			AT(3, "unknown key \"lissten\"; did you mean \"listen\"?") },
		{ "log = { levl = \"info\"; };",
			AT(1, "unknown key \"levl\" in log; did you mean \"level\"?") },
		{ "log = { xyz = 1; };",
			AT(1,
				"unknown key \"xyz\" in log; known here: target, facility, "
				"format, "
				"level, refused_users") },
		{ "handshake_timeout = \"10ms\";",
			AT(1, "handshake_timeout: 10ms is out of range; from 1s to 1d") },
		{ "admin = 1;", AT(1, "admin must be a group { ... }, not an integer") },
		{ "admin = { mode = \"9\"; };",
			AT(1, "mode: \"9\" is no mode of a file; write one like \"0660\"") },
		{ "admin = { metrics = \"192.0.2.1:9110\"; };",
			AT(1,
				"metrics: 192.0.2.1:9110 is open to other machines, and has "
				"neither TLS nor a password; write a loopback address like "
				"\"127.0.0.1:9110\", and put a proxy before it") },
		{ "apop = true;\napop = false;",
			AT(2,
				"duplicate setting name in `apop = false;`: a key may stand "
				"once; several groups go into a list ( { ... }, { ... } )") },
	};

	check(cases, ARRAY_LEN(cases));
}

static void test_types(void)
{
	static const struct message cases[] = {
		{ "threads = \"8\";", AT(1, "threads must be an integer; this is a string") },
		{ "threads = 1.5;",
			AT(1, "threads must be an integer; this is a decimal fraction") },
		{ "apop = \"yes\";",
			AT(1, "apop must be true or false, without quotes; this is a string") },
		{ "apop = 1;",
			AT(1,
				"apop must be true or false, without quotes; this is an "
				"integer") },
		{ "user = 5;",
			AT(1, "user must be a string in double quotes; this is an integer") },
		{ "user = [ \"a\" ];",
			AT(1,
				"user must be a string in double quotes; this is an array "
				"[ ... ]") },
		{ "idle_timeout = { };",
			AT(1,
				"idle_timeout must be a duration: seconds, or a string like "
				"\"500ms\", \"30s\", \"10m\", \"2h\", \"1d\"; this is a group "
				"{ ... }") },
		{ "log = \"stderr\";", AT(1, "log must be a group { ... }, not a string") },
		{ "log = { level = true; };",
			AT(1,
				"level in log must be a string in double quotes; this is true "
				"or false") },
	};

	check(cases, ARRAY_LEN(cases));
}

static void test_ranges(void)
{
	static const struct message cases[] = {
		{ "threads = 0;", AT(1, "threads: 0 is out of range; from 1 to 256") },
		{ "threads = -1;", AT(1, "threads: -1 is out of range; from 1 to 256") },
		/* libconfig alone would read 1410065408, 1 and -2147483648. */
		{ "threads = 10000000000;",
			AT(1, "threads: 10000000000 is out of range; from 1 to 256") },
		{ "threads = 4294967297;",
			AT(1, "threads: 4294967297 is out of range; from 1 to 256") },
		{ "threads = 0x100000001;",
			AT(1, "threads: 4294967297 is out of range; from 1 to 256") },
		{ "threads = -2147483649;",
			AT(1, "threads: -2147483649 is out of range; from 1 to 256") },
		{ "threads = 99999999999999999999;",
			AT(1, "the number 99999999999999999999 is too large") },
		{ "threads = 99999999999999999999L;",
			AT(1, "the number 99999999999999999999L is too large") },
		{ "idle_timeout = \"1ms\";",
			AT(1, "idle_timeout: 1ms is out of range; from 1s to 1d") },
		{ "idle_timeout = 9223372036854775807L;",
			AT(1,
				"idle_timeout: 9223372036854775807ms is out of range; from 1s "
				"to 1d") },
		{ "login_timeout = \"10 min\";",
			AT(1,
				"login_timeout: \"10 min\" is not a duration: seconds, or a "
				"string like \"500ms\", \"30s\", \"10m\", \"2h\", \"1d\"") },
		{ "log = { format = \"xml\"; };",
			AT(1, "format in log: \"xml\" is none of: logfmt, json") },
		{ "log = { target = \"sislog\"; };",
			AT(1,
				"log target \"sislog\" is none; write \"stderr\", \"syslog\" "
				"or "
				"the path of a file, with a \"/\" in it") },
		{ "log = { target = \"syslog:" LONG_PATH LONG_PATH "\"; };",
			AT(1,
				"log target \"syslog:" LONG_PATH LONG_PATH
				"\": the path is too long for a socket") },
		{ "expire = \"soon\";",
			AT(1,
				"expire: \"soon\" is none of: \"never\", a number of days (0 "
				"to "
				"65535), \"off\"") },
		{ "expire = 65536;",
			AT(1,
				"expire: \"65536\" is none of: \"never\", a number of days (0 "
				"to 65535), \"off\"") },
		{ "hostname = \"a b\";",
			AT(1,
				"hostname: \"a b\" is no host name; write one like "
				"\"pop.example.net\"") },
		{ "hostname = \"\";",
			AT(1,
				"hostname: \"\" is no host name; write one like "
				"\"pop.example.net\"") },
		{ "run_dir = \"\";", AT(1, "run_dir: the path is empty") },
	};

	check(cases, ARRAY_LEN(cases));
}

static void test_syntax(void)
{
	static const struct message cases[] = {
		{ "apop = yes;",
			AT(1,
				"syntax error in `apop = yes;`: text needs double quotes; "
				"truth "
				"is true or false") },
		{ "\nuser = popart # who",
			AT(2,
				"syntax error in `user = popart # who`: text needs double "
				"quotes; truth is true or false") },
		{ "user = = 5;",
			AT(1,
				"syntax error in `user = = 5;`: text needs double quotes; "
				"truth "
				"is true or false") },
		{ "threads 8;",
			AT(1,
				"syntax error in `threads 8;`: look for a missing quote, "
				"bracket "
				"or \";\" here or just above") },
		{ "user = \"popart;\nthreads = 8;",
			AT(1, "this string has no closing quote on its line") },
		{ "user = \"popart\\\";",
			AT(1, "this string has no closing quote on its line") },
		{ "log = [ 1, \"a\" ];",
			AT(1,
				"mismatched element type in array in `log = [ 1, \"a\" ];`: "
				"the "
				"elements of [ ... ] are all of one type") },
		{ "user \"x\";",
			AT(1,
				"no string can stand here; is a \"=\" or a bracket missing "
				"before it?") },
		{ "log = { level = \"info\", \"json\" };",
			AT(1,
				"no string can stand here; is a \"=\" or a bracket missing "
				"before it?") },
		{ "\n};", AT(2, "\"}\" closes nothing") },
		{ "log = {\n);", AT(2, "\")\" closes the \"{\" of line 1") },
	};

	check(cases, ARRAY_LEN(cases));
	CU_ASSERT(says(VIEW_LIT(NEEDED "\nlog = {\nlevel = \"info\";\n\n"),
		AT(3, "this \"{\" is never closed")));
	CU_ASSERT(says(VIEW_LIT(NEEDED "/* never\n\n"), AT(2, "this comment has no end")));
	CU_ASSERT(says(VIEW_LIT("user = \"a\0b\";"),
		AT(1, "there is a NUL in this line: not a text file")));
	CU_ASSERT(says(VIEW_LIT("a = ((((((((((((((((((((((((((((((((((((((((((("),
		AT(1, "too many brackets in brackets")));
}

static void test_missing(void)
{
	CU_ASSERT(says(VIEW_NONE,
		"popart.conf: listen is missing; add: listen = { address = "
		"\"127.0.0.1:1100\"; };\n"
		"popart.conf: auth is missing; add: auth = { module = \"static\"; user = "
		"\"demo\"; password = \"...\"; };\n"
		"popart.conf: storage is missing; add: storage = { module = \"maildir\"; path "
		"= \"/var/vmail/%d/%n/Maildir\"; };\n"));
	CU_ASSERT(says(VIEW_LIT("listen = ();\nauth = [ 1 ];\nstorage = 5;\n"),
		AT(1,
			"listen must be a group or a list of groups, and not empty: listen = { "
			"address = \"127.0.0.1:1100\"; };") AT(2,
			"auth must be a group or a list of groups, and not empty: auth = "
			"{ module = \"static\"; user = \"demo\"; password = \"...\"; };") AT(3,
			"storage must be a group or a list of groups, and not "
			"empty: storage = { module = \"maildir\"; path = "
			"\"/var/vmail/%d/%n/Maildir\"; };")));
}

static void test_listen(void)
{
#define REST "auth = { module = \"static\"; };\nstorage = { module = \"maildir\"; };\n"
#define NO_ADDRESS(line, what)                                                        \
	AT(line,                                                                      \
		"address: \"" what "\" is no IP address with a port; write one like " \
		"\"127.0.0.1:1100\", \"[::1]:1100\" or \"*:1100\"")
	CU_ASSERT(says(VIEW_LIT(REST "listen = ( { },\n5,\n{ addres = \"[::1]:0\"; } );"),
		AT(3,
			"address is missing in listen; it is a string in double quotes: IP "
			"address and port, like \"127.0.0.1:1100\", \"[::1]:1100\" or "
			"\"*:1100\".")
			AT(4, "listen is a list of groups { ... }; this is an integer") AT(5,
				"unknown key \"addres\" in listen; did you mean "
				"\"address\"?") AT(5,
				"address is missing in listen; it is a string in "
				"double quotes: IP address and port, like "
				"\"127.0.0.1:1100\", \"[::1]:1100\" or "
				"\"*:1100\".")));
	CU_ASSERT(says(VIEW_LIT(REST "listen = ( { address = \"unix:/x\"; },\n"
				     "{ address = \"localhost:110\"; },\n"
				     "{ address = \"127.0.0.1\"; },\n"
				     "{ address = \"127.0.0.1:\"; },\n"
				     "{ address = \"127.0.0.1:65536\"; },\n"
				     "{ address = \"::1:110\"; },\n"
				     "{ address = \"[127.0.0.1]:110\"; },\n"
				     "{ address = \":110\"; },\n"
				     "{ address = \"\"; } );"),
		NO_ADDRESS(3, "unix:/x") NO_ADDRESS(4, "localhost:110")
			NO_ADDRESS(5, "127.0.0.1") NO_ADDRESS(6, "127.0.0.1:")
				NO_ADDRESS(7, "127.0.0.1:65536") NO_ADDRESS(8, "::1:110")
					NO_ADDRESS(9, "[127.0.0.1]:110") NO_ADDRESS(10, ":110")
						NO_ADDRESS(11, "")));
	CU_ASSERT(says(VIEW_LIT(REST "listen = ( { address = \"127.0.0.1:110\"; },\n"
				     "{ address = \"127.0.0.1:110\"; proxy = true; } );"),
		AT(4, "proxy in listen is not available in this version of popart; take it out")
			AT(4, "address \"127.0.0.1:110\" is listened on already, by line 3")));
#undef REST
#undef NO_ADDRESS
}

static void test_blocks(void)
{
	CU_ASSERT(says(VIEW_LIT("listen = { address = \"127.0.0.1:0\"; };\n"
				"auth = ( { modul = \"static\"; },\n{ module = 5; },\n"
				"{ module = \"no good\"; },\n{ module = \"\"; } );\n"
				"storage = ( { module = \"maildir\"; },\n"
				"{ module = \"/usr/lib/maildir.so\"; },\n"
				"{ module = \"maildir\"; name = \"two\"; },\n"
				"{ module = \"maildir\"; name = \"two words\"; },\n"
				"\"maildir\",\n"
				"{ module = \"maildir\"; name = \"own\"; as_user = 1; } );\n"),
		AT(2, "module is missing in auth; add: module = \"static\";") AT(
			3, "module must be a string in double quotes; this is an integer") AT(4,
			"module \"no good\" is neither a name (letters, digits, "
			"\"_\", \"-\") nor a path") AT(5,
			"module \"\" is neither a name (letters, digits, "
			"\"_\", \"-\") nor a path") AT(7,
			"storage \"maildir\" is there already, in "
			"line 6; give one of them another name: "
			"name = \"...\";") AT(9,
			"name \"two words\" in storage "
			"must be 1 to 64 letters, digits, "
			"\"_\" or \"-\"") AT(10,
			"storage is a list of "
			"groups { ... }; this is "
			"a string")
			AT(11, "as_user must be true or false; this is an integer")));
}

#define STAR(domain)                                                                      \
	"domain \"" domain "\" in auth has a \"*\" that is not in front of a dot at its " \
	"beginning; write it like \"*.example.org\""

static void test_domains(void)
{
	CU_ASSERT(says(
		VIEW_LIT("listen = { address = \"127.0.0.1:0\"; };\n"
			 "auth = ( { module = \"a\"; domains = \"one.example\"; },\n"
			 "{ module = \"b\"; domains = [ \"One.example\" ]; } );\n"
			 "storage = ( { module = \"a\";\n"
			 "domains = ( \"a.example\", \"*.A.example\" ); },\n"
			 "{ module = \"b\";\n"
			 "domains = ( \"b.example\", \"A.Example\" ); },\n"
			 "{ module = \"c\"; domains = ( \"*.a.example\" ); },\n"
			 "{ module = \"d\"; domains = ( \"d.example\", \"D.example\" ); }\n"
			 ");\n"),
		AT(7,
			"domain \"a.example\" has a storage already, in line 5; take it out "
			"of one of them") AT(8,
			"domain \"*.a.example\" has a storage already, in line 5; "
			"take it out of one of them") AT(9,
			"domain \"d.example\" is there twice in storage; take "
			"one out")));
#define A_LIST "domains in auth must be a list of strings; "
	CU_ASSERT(says(VIEW_LIT("listen = { address = \"127.0.0.1:0\"; };\n"
				"storage = { module = \"s\"; };\n"
				"auth = ( { module = \"a\"; domains = 5; },\n"
				"{ module = \"b\"; domains = (); },\n"
				"{ module = \"c\"; domains = ( \"\", \"@a.example\",\n"
				"\"*\", \"a.*.example\", \".example\",\n"
				"\"a b\", 7 ); },\n"
				"{ module = \"d\"; domains = { x = 1; }; } );\n"),
		AT(3, A_LIST "write it like ( \"example.org\", \"*.example.net\" )") AT(
			4, A_LIST "write it like ( \"example.org\", \"*.example.net\" )") AT(5,
			"domain \"\" in auth is empty; write it like "
			"\"example.org\" or \"*.example.org\"") AT(5,
			"domain \"@a.example\" in auth has an \"@\"; "
			"leave out what is before it, and the \"@\"") AT(6, STAR("*")) AT(6,
			STAR("a.*.example")) AT(6,
			"domain \".example\" in "
			"auth has a dot too many, at "
			"its beginning or its end") AT(7,
			"domain \"a b\" in "
			"auth has a space or "
			"a control character") AT(7, A_LIST "this is an integer")
			AT(8, A_LIST "write it like ( \"example.org\", \"*.example.net\" )")));
#undef A_LIST
}

static void test_warnings(void)
{
	static const struct message cases[] = {
		{ "idle_timeout = \"5m\";",
			AT(1, "warning: idle_timeout is 5m; RFC 1939 asks for at least 10m") },
		{ "idle_timeout = 600;", "" },
	};

	check(cases, ARRAY_LEN(cases));
	CU_ASSERT(says(
		VIEW_LIT("auth = { module = \"static\"; }; storage = { module = \"x\"; };\n"
			 "listen = ( { address = \"127.0.0.2:110\"; plaintext_auth = true; },\n"
			 "{ address = \"[::1]:110\"; plaintext_auth = true; },\n"
			 "{ address = \"*:111\"; plaintext_auth = true; } );"),
		AT(4,
			"warning: plaintext_auth: passwords for *:111 cross the network where "
			"all can read them")));
}

/* What was written is repeated, but as one line that prints. */
static void test_printable(void)
{
	struct loaded l;
	char large[5000];

	CU_ASSERT(says(VIEW_LIT(NEEDED "expire = \"\\x1b[31m\\n\xFF\";"),
		AT(2,
			"expire: \"\\x1b[31m\\x0a\\xff\" is none of: \"never\", a number of "
			"days "
			"(0 to 65535), \"off\"")));
	/* Thousands of mistakes: all counted, and as many shown as there is room for. */
	report_init(&l.report);
	for (int i = 0; i < 5000; i++)
		report_error(&l.report, "f", 1, "mistake %d", i);
	CU_ASSERT_EQUAL(l.report.errors, 5000);
	CU_ASSERT(view_ends(buf_view(&l.report.text), VIEW_LIT("\n")));
	CU_ASSERT(l.report.text.len <= 65536);
	report_free(&l.report);
	report_init(&l.report);
	memset(large, 'x', sizeof large);
	report_error(&l.report, NULL, 0, "%.*s", (int)sizeof large, large);
	CU_ASSERT(l.report.text.len > 1000 && l.report.text.len < 1100);
	report_free(&l.report);
}

static void test_kinds(void)
{
	struct report r;
	struct popart_str rest;

	report_init(&r);
	report_warn(&r, "f.conf", 1, "careful");
	report_warn(&r, NULL, 0, "careful");
	report_error(&r, "f.conf", 2, "wrong");
	report_error(&r, NULL, 0, "no warning: it is wrong");
	rest = buf_view(&r.text);
	CU_ASSERT_TRUE(report_is_warning(view_cut(&rest, '\n')));
	CU_ASSERT_TRUE(report_is_warning(view_cut(&rest, '\n')));
	CU_ASSERT_FALSE(report_is_warning(view_cut(&rest, '\n')));
	CU_ASSERT_FALSE(report_is_warning(view_cut(&rest, '\n')));
	CU_ASSERT_FALSE(report_is_warning(VIEW_NONE));
	report_free(&r);
}

CU_TestInfo message_tests[] = {
	{ "unknown keys, and those of later versions", test_keys },
	{ "wrong types", test_types },
	{ "out of range", test_ranges },
	{ "syntax", test_syntax },
	{ "what is missing", test_missing },
	{ "addresses", test_listen },
	{ "blocks of modules", test_blocks },
	{ "domains of blocks", test_domains },
	{ "warnings", test_warnings },
	{ "messages are printable, bounded, all counted", test_printable },
	{ "warnings are told from errors", test_kinds },
	CU_TEST_INFO_NULL,
};
