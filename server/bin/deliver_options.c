/* SPDX-License-Identifier: MIT */
#include "bin/deliver_options.h"
#include "base/args.h"
#include "base/text.h"
#include "bin/config.h"

#define TIMEOUT_DEFAULT "5m" /* shorter than an MTA's patience with a program */
#define TIMEOUT_MAX_MS  86400000

enum {
	OPT_HELP = 256,
	OPT_MODULE_PATH,
	OPT_RETURN_PATH,
	OPT_DELIVERED_TO,
	OPT_STRIP_FROM,
	OPT_BOUNCE_FULL,
	OPT_BOUNCE_REFUSED,
	OPT_TIMEOUT
};

static const struct option long_options[] = {
	{ "user", required_argument, NULL, 'u' },
	{ "config", required_argument, NULL, 'c' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "module-path", required_argument, NULL, OPT_MODULE_PATH },
	{ "return-path", required_argument, NULL, OPT_RETURN_PATH },
	{ "delivered-to", required_argument, NULL, OPT_DELIVERED_TO },
	{ "strip-from", no_argument, NULL, OPT_STRIP_FROM },
	{ "bounce-full", no_argument, NULL, OPT_BOUNCE_FULL },
	{ "bounce-refused", no_argument, NULL, OPT_BOUNCE_REFUSED },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

const char deliver_options_help[] =
	"popart-deliver, puts the message on its standard input into the mail of a user\n"
	"\n"
	"  -u, --user USER          whose mail it is for\n"
	"  -c, --config FILE        by this configuration of popartd\n"
	"                           (" CONFIG_DEFAULT ")\n"
	"      --return-path ADDR   begin it with Return-Path: <ADDR>, the envelope's sender\n"
	"      --delivered-to ADDR  and with Delivered-To: ADDR\n"
	"      --strip-from         without the line \"From ...\" that an mbox begins with\n"
	"      --bounce-full        full: the sender gets it back (exit status 77, not 75)\n"
	"      --bounce-refused     refused by the store: likewise (77, 73)\n"
	"      --timeout DURATION   how long to wait for input or the store (" TIMEOUT_DEFAULT
	")\n"
	"      --module-path DIRS   look for modules there (several: divided by ':')\n"
	"  -V, --version            print the version\n"
	"      --help               print this\n"
	"\n"
	"See popart-deliver(8), popart.conf(5).\n";

static bool take_timeout(struct deliver_options *o, const char *text, struct buf *why)
{
	int64_t ms;

	if (text_parse_duration(view_str(text), &ms) && ms > 0 && ms <= TIMEOUT_MAX_MS) {
		o->timeout_ms = ms;
		return true;
	}
	buf_add_str(why, "--timeout ");
	text_quote(why, view_str(text), 64);
	buf_add_str(why, " is no duration of at most a day; write it like 30s or 5m");
	return false;
}

static bool take_option(void *self, int c, struct buf *why)
{
	struct deliver_options *o = self;

	switch (c) {
	case 'u':
		o->user = optarg;
		break;
	case 'c':
		o->config = optarg;
		break;
	case 'V':
		o->action = DELIVER_VERSION;
		break;
	case OPT_MODULE_PATH:
		o->module_path = optarg;
		break;
	case OPT_RETURN_PATH:
		o->head.return_path = optarg;
		break;
	case OPT_DELIVERED_TO:
		o->head.delivered_to = optarg;
		break;
	case OPT_STRIP_FROM:
		o->head.strip_from = true;
		break;
	case OPT_BOUNCE_FULL:
		o->bounce_full = true;
		break;
	case OPT_BOUNCE_REFUSED:
		o->bounce_refused = true;
		break;
	case OPT_TIMEOUT:
		return take_timeout(o, optarg, why);
	default:
		o->action = DELIVER_HELP;
		break;
	}
	return true;
}

bool deliver_options_parse(struct deliver_options *o, int argc, char **argv, struct buf *why)
{
	static const struct args args = { "popart-deliver", ":u:c:V", long_options };

	*o = (struct deliver_options){ .action = DELIVER_MESSAGE };
	if (!take_timeout(o, TIMEOUT_DEFAULT, why) ||
		!args_each(&args, argc, argv, take_option, o, why) ||
		!args_end(argc, argv, "to name a user: -u USER", why))
		return false;
	if (!o->user && o->action == DELIVER_MESSAGE)
		buf_add_str(why, "whose mail is it? name a user with -u USER");
	return why->len == 0;
}
