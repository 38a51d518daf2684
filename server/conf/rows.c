/* SPDX-License-Identifier: MIT */
/* The server's own keys. docs/man/popart.conf.5 shows the same rows. */
#include "base/log.h"
#include "conf/values.h"

#define SECOND INT64_C(1000)
#define DAY    (86400 * SECOND)

static const char *const log_formats[] = {
	[LOG_FORMAT_LOGFMT] = "logfmt", [LOG_FORMAT_JSON] = "json", NULL
};

const struct popart_opt conf_server_rows[] = {
	{ .name = "hostname",
		.type = POPART_OPT_STRING,
		.help = "The server's name in its greeting; the machine's name unless given." },
	{ .name = "user",
		.type = POPART_OPT_STRING,
		.help = "The account that workers run as when started by root." },
	{ .name = "run_dir", .type = POPART_OPT_PATH, .help = "Where the session locks are." },
	{ .name = "state_dir",
		.type = POPART_OPT_PATH,
		.help = "Where what must survive a restart is kept." },
	{ .name = "module_path",
		.type = POPART_OPT_STRING,
		.fallback = POPART_MODULEDIR,
		.help = "Directories with modules, \":\" between them." },
	{ .name = "workers",
		.type = POPART_OPT_INT,
		.max = 1024,
		.fallback = "0",
		.help = "Worker processes; 0: one for each processor." },
	{ .name = "threads",
		.type = POPART_OPT_INT,
		.min = 1,
		.max = 256,
		.fallback = "8",
		.help = "Threads of each worker." },
	{ .name = "max_connections",
		.type = POPART_OPT_INT,
		.min = 1,
		.max = 1000000,
		.fallback = "4096",
		.help = "Connections of each worker; more are refused." },
	{ .name = "idle_timeout",
		.type = POPART_OPT_MSEC,
		.min = SECOND,
		.max = DAY,
		.fallback = "10m",
		.help = "A session in which nothing moves for so long is closed." },
	{ .name = "login_timeout",
		.type = POPART_OPT_MSEC,
		.min = SECOND,
		.max = DAY,
		.fallback = "60s",
		.help = "The same, before the login." },
	{ .name = "handshake_timeout",
		.type = POPART_OPT_MSEC,
		.min = SECOND,
		.max = DAY,
		.fallback = "10s",
		.help = "How long a TLS handshake may take." },
	{ .name = "drain_timeout",
		.type = POPART_OPT_MSEC,
		.max = DAY,
		.fallback = "30s",
		.help = "How long open sessions may go on when the server stops." },
	{ .name = "max_bad_commands",
		.type = POPART_OPT_INT,
		.min = 1,
		.max = 1000000,
		.fallback = "20",
		.help = "So many bad commands in a row end the session." },
	{ .name = "expire",
		.type = POPART_OPT_STRING,
		.flags = CONF_OPT_OR_INTEGER,
		.fallback = "never",
		.help = "What CAPA says of how long mail is kept: \"never\", days, or \"off\" "
			"to say nothing." },
	{ .name = "login_delay",
		.type = POPART_OPT_MSEC,
		.max = DAY,
		.fallback = "0s",
		.help = "Least time between two logins of one user, in whole seconds." },
	{ .name = "implementation",
		.type = POPART_OPT_BOOL,
		.fallback = "true",
		.help = "Whether CAPA names popart and its version." },
	{ .name = "apop",
		.type = POPART_OPT_BOOL,
		.fallback = "false",
		.help = "Whether the greeting offers APOP." },
	{ 0 }
};

const struct popart_opt conf_listen_rows[] = {
	{ .name = "address",
		.type = POPART_OPT_STRING,
		.flags = POPART_OPT_REQUIRED,
		.help = "IP address and port, like \"127.0.0.1:1100\", \"[::1]:1100\" or "
			"\"*:1100\"." },
	{ .name = "plaintext_auth",
		.type = POPART_OPT_BOOL,
		.fallback = "false",
		.help = "Whether passwords are taken from other machines without TLS." },
	{ .name = "tls",
		.type = POPART_OPT_BOOL,
		.fallback = "false",
		.help = "Whether connections begin with a TLS handshake." },
	{ 0 }
};

const struct popart_opt conf_tls_rows[] = {
	{ .name = "certificate",
		.type = POPART_OPT_PATH,
		.help = "PEM file: the server's certificate, then those that it was signed "
			"with." },
	{ .name = "key",
		.type = POPART_OPT_PATH,
		.help = "PEM file with the private key; the certificate's file unless given." },
	{ .name = "ocsp",
		.type = POPART_OPT_STRING,
		.help = "DER file: an OCSP response to be stapled." },
	{ .name = "priorities",
		.type = POPART_OPT_STRING,
		.help = "GnuTLS priority string; TLS 1.2 and 1.3 with good ciphers unless "
			"given." },
	{ 0 }
};

const struct popart_opt conf_certificate_rows[] = {
	{ .name = "certificate",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED,
		.help = "PEM file: the certificate, then those that it was signed with." },
	{ .name = "key",
		.type = POPART_OPT_PATH,
		.help = "PEM file with the private key; the certificate's file unless given." },
	{ .name = "ocsp",
		.type = POPART_OPT_STRING,
		.help = "DER file: an OCSP response to be stapled." },
	{ 0 }
};

const struct popart_opt conf_log_rows[] = {
	{ .name = "target",
		.type = POPART_OPT_STRING,
		.fallback = "stderr",
		.help = "\"stderr\", \"syslog\", or the path of a file." },
	{ .name = "facility",
		.type = POPART_OPT_ENUM,
		.choices = log_facility_names,
		.fallback = "mail",
		.help = "What syslog files the lines under." },
	{ .name = "format",
		.type = POPART_OPT_ENUM,
		.choices = log_formats,
		.fallback = "logfmt",
		.help = "How lines look." },
	{ .name = "level",
		.type = POPART_OPT_ENUM,
		.choices = log_level_names,
		.fallback = "info",
		.help = "The least urgent lines that are written." },
	{ 0 }
};
