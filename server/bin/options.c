/* SPDX-License-Identifier: MIT */
#include "bin/options.h"
#include "base/args.h"

enum {
	OPT_HELP = 256,
	OPT_MODULES,
	OPT_MODULE_PATH,
	OPT_MAILDIR,
	OPT_LISTEN,
	OPT_TLS_LISTEN,
	OPT_CERTIFICATE,
	OPT_KEY,
	OPT_USER,
	OPT_DELETE
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, 't' },
	{ "dump", no_argument, NULL, 'n' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "modules", no_argument, NULL, OPT_MODULES },
	{ "module-path", required_argument, NULL, OPT_MODULE_PATH },
	{ "maildir", required_argument, NULL, OPT_MAILDIR },
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "tls-listen", required_argument, NULL, OPT_TLS_LISTEN },
	{ "certificate", required_argument, NULL, OPT_CERTIFICATE },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "user", required_argument, NULL, OPT_USER },
	{ "delete", no_argument, NULL, OPT_DELETE },
	{ NULL, 0, NULL, 0 },
};

const char options_help[] =
	"popartd, a POP3 server\n"
	"\n"
	"  popartd [-c FILE]       serve by the configuration FILE\n"
	"                          (" POPART_SYSCONFDIR "/popart/popart.conf)\n"
	"  popartd --maildir DIR   serve the mail in DIR, a Maildir or a directory of message\n"
	"                          files, without any configuration; nothing in it is changed\n"
	"    --listen ADDR:PORT    there (127.0.0.1:1100)\n"
	"    --tls-listen ADDR:PORT  there with TLS; without --listen, only there\n"
	"    --certificate FILE    with this certificate (PEM)\n"
	"    --key FILE            and this private key, if it is not in the same file\n"
	"    --user NAME:PASSWORD  to this user only, not to anybody on this machine\n"
	"    --delete              and remove what clients delete\n"
	"\n"
	"  -c, --config FILE       the configuration\n"
	"  -t, --check             check configuration and modules, do not serve\n"
	"  -n, --dump              print the effective configuration, do not serve\n"
	"      --modules           list the modules that are installed\n"
	"      --module-path DIRS  look for modules there (several: divided by ':')\n"
	"  -V, --version           print the version\n"
	"      --help              print this\n"
	"\n"
	"See popartd(8), popart.conf(5).\n";

static void take_action(struct options *o, enum action action)
{
	/* Of several, the one that does least. */
	if (action > o->action)
		o->action = action;
}

static bool take_option(void *self, int c, struct buf *why)
{
	struct options *o = self;

	(void)why;
	switch (c) {
	case 'c':
		o->config = optarg;
		break;
	case 't':
		take_action(o, ACTION_CHECK);
		break;
	case 'n':
		take_action(o, ACTION_DUMP);
		break;
	case 'V':
		take_action(o, ACTION_VERSION);
		break;
	case OPT_MODULES:
		take_action(o, ACTION_MODULES);
		break;
	case OPT_MODULE_PATH:
		o->module_path = optarg;
		break;
	case OPT_MAILDIR:
		o->maildir = optarg;
		break;
	case OPT_LISTEN:
		o->listen = optarg;
		break;
	case OPT_TLS_LISTEN:
		o->tls_listen = optarg;
		break;
	case OPT_CERTIFICATE:
		o->certificate = optarg;
		break;
	case OPT_KEY:
		o->key = optarg;
		break;
	case OPT_USER:
		o->user = optarg;
		break;
	case OPT_DELETE:
		o->delete = true;
		break;
	default:
		take_action(o, ACTION_HELP);
		break;
	}
	return true;
}

static bool agree(const struct options *o, struct buf *why)
{
	const char *orphan = o->listen ? "--listen"
		: o->tls_listen        ? "--tls-listen"
		: o->certificate       ? "--certificate"
		: o->key               ? "--key"
		: o->user              ? "--user"
		: o->delete            ? "--delete"
				       : NULL;

	if (o->maildir && o->config)
		buf_add_str(why, "--maildir and --config exclude each other: give one of them");
	else if (!o->maildir && orphan)
		buf_printf(why,
			"%s goes with --maildir; with a configuration file, set it there",
			orphan);
	else if (o->tls_listen && !o->certificate)
		buf_add_str(why, "--tls-listen needs a certificate: --certificate FILE");
	else if (!o->tls_listen && (o->certificate || o->key))
		buf_printf(why, "%s goes with --tls-listen ADDR:PORT",
			o->certificate ? "--certificate" : "--key");
	return why->len == 0;
}

bool options_parse(struct options *o, int argc, char **argv, struct buf *why)
{
	static const struct args args = { "popartd", ":c:tnV", long_options };

	*o = (struct options){ .action = ACTION_SERVE };
	return args_each(&args, argc, argv, take_option, o, why) &&
		args_end(argc, argv, "to serve a directory: popartd --maildir DIR", why) &&
		agree(o, why);
}
