/* SPDX-License-Identifier: MIT */
#include "loaded.h"
#include "suites.h"

#define PLAIN "listen = { address = \"127.0.0.1:0\"; };\n"
#define TLS   "listen = { address = \"127.0.0.1:0\"; tls = true; };\n"
#define REST  "auth = { module = \"static\"; }; storage = { module = \"maildir\"; };\n"

static void test_single(void)
{
	struct loaded l;

	load_good(&l,
		TLS "tls = { certificate = \"/c\"; key = \"/k\";\n"
		    "ocsp = \"/o\"; priorities = \"NORMAL\"; };\n" REST);
	CU_ASSERT_EQUAL(l.report.warnings, 0);
	CU_ASSERT_TRUE(l.conf->listen[0].tls);
	CU_ASSERT_EQUAL_FATAL(l.conf->ncertificates, 1);
	CU_ASSERT_STRING_EQUAL(l.conf->certificates[0].certificate, "/c");
	CU_ASSERT_STRING_EQUAL(l.conf->certificates[0].key, "/k");
	CU_ASSERT_STRING_EQUAL(l.conf->certificates[0].ocsp, "/o");
	CU_ASSERT_STRING_EQUAL(l.conf->certificates[0].file, "popart.conf");
	CU_ASSERT_EQUAL(l.conf->certificates[0].line, 2);
	CU_ASSERT_STRING_EQUAL(l.conf->tls_priorities, "NORMAL");
	CU_ASSERT_EQUAL(l.conf->tls_line, 3);
	CU_ASSERT_EQUAL(l.conf->handshake_timeout_ms, 10000);
	unload(&l);
}

static void test_several(void)
{
	struct loaded l;

	load_good(&l,
		TLS "handshake_timeout = 3; tls = { certificate = \"/1\"; ocsp = \"\";\n"
		    "certificates = (\n{ certificate = \"/2\"; key = \"/k2\"; },\n"
		    "{ certificate = \"/3\"; } ); };\n" REST);
	CU_ASSERT_EQUAL_FATAL(l.conf->ncertificates, 3);
	CU_ASSERT_STRING_EQUAL(l.conf->certificates[0].key, "/1");
	CU_ASSERT_PTR_NULL(l.conf->certificates[0].ocsp);
	CU_ASSERT_STRING_EQUAL(l.conf->certificates[1].key, "/k2");
	CU_ASSERT_EQUAL(l.conf->certificates[1].line, 4);
	CU_ASSERT_STRING_EQUAL(l.conf->certificates[2].key, "/3");
	CU_ASSERT_EQUAL(l.conf->certificates[2].line, 5);
	CU_ASSERT_PTR_NULL(l.conf->tls_priorities);
	CU_ASSERT_EQUAL(l.conf->handshake_timeout_ms, 3000);
	unload(&l);
	load_good(&l, TLS "tls = { certificates = { certificate = \"/2\"; }; };\n" REST);
	CU_ASSERT_EQUAL(l.conf->ncertificates, 1);
	unload(&l);
	load_good(&l, PLAIN REST);
	CU_ASSERT_EQUAL(l.conf->ncertificates, 0);
	CU_ASSERT_FALSE(l.conf->listen[0].tls);
	unload(&l);
}

#define NO_CERTIFICATE                                                                     \
	"popart.conf:1: 127.0.0.1:0 is to speak TLS, but there is no certificate; add: "   \
	"tls = { certificate = \"/etc/ssl/pop.pem\"; key = \"/etc/ssl/private/pop.key\"; " \
	"};\n"

static void test_messages(void)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ TLS, NO_CERTIFICATE },
		{ TLS "tls = { };", NO_CERTIFICATE },
		{ TLS "tls = { priorities = \"NORMAL\"; };", NO_CERTIFICATE },
		{ PLAIN "tls = { certificate = \"/c\"; };",
			"popart.conf:2: warning: tls is not used: no listener speaks it; add "
			"to one: tls = true;\n" },
		{ TLS "tls = { key = \"/k\"; };",
			"popart.conf:2: key in tls is without its certificate; add: "
			"certificate = \"...\";\n" },
		{ TLS "tls = true;",
			"popart.conf:2: tls must be a group { ... }, not true or false\n" },
		{ TLS "tls = { certificate = \"/c\"; certificates = ( ); };",
			"popart.conf:2: certificates must be a group or a list of groups, and "
			"not empty: certificates = ( { certificate = \"...\"; key = \"...\"; } "
			");\n" },
		{ TLS "tls = { certificates = ( { key = \"/k\"; } ); };",
			"popart.conf:2: certificate is missing in certificates; it is a string "
			"in double quotes: PEM file: the certificate, then those that it was "
			"signed with.\n" },
		{ TLS "tls = { certificates = ( \"/c\" ); };",
			"popart.conf:2: certificates is a list of groups { ... }; this is a "
			"string\n" },
		{ TLS "tls = { certificat = \"/c\"; };",
			"popart.conf:2: unknown key \"certificat\" in tls; did you mean "
			"\"certificate\"?\n" },
		{ "listen = { address = \"192.0.2.1:0\"; tls = true; plaintext_auth = true; };"
		  "tls = { certificate = \"/c\"; };",
			"popart.conf:1: warning: plaintext_auth means nothing with tls: all "
			"that 192.0.2.1:0 receives is encrypted; take it out\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf text;
		buf_init(&text, 10000);
		buf_printf(&text, "%s\n%s", rows[i].text, REST);
		CU_ASSERT(says(buf_view(&text), rows[i].said));
		buf_free(&text);
	}
}

CU_TestInfo certificates_tests[] = {
	{ "one certificate", test_single },
	{ "several", test_several },
	{ "what does not fit together, word for word", test_messages },
	CU_TEST_INFO_NULL,
};
