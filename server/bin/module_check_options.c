/* SPDX-License-Identifier: MIT */
#include "bin/module_check_options.h"
#include "base/args.h"
#include "base/text.h"

enum {
	OPT_HELP = 256,
	OPT_LIST,
	OPT_USER,
	OPT_ATTR,
	OPT_PUT,
	OPT_VANISH,
	OPT_CUT,
	OPT_PREPARE,
	OPT_MAIL,
	OPT_TRUST,
	OPT_LIMIT,
	OPT_AS
};

#define LIMIT_MAX_S 86400u

static const struct option long_options[] = {
	{ "list", no_argument, NULL, OPT_LIST },
	{ "user", required_argument, NULL, OPT_USER },
	{ "attr", required_argument, NULL, OPT_ATTR },
	{ "put", required_argument, NULL, OPT_PUT },
	{ "vanish", required_argument, NULL, OPT_VANISH },
	{ "cut", required_argument, NULL, OPT_CUT },
	{ "prepare", required_argument, NULL, OPT_PREPARE },
	{ "mail", required_argument, NULL, OPT_MAIL },
	{ "trust", no_argument, NULL, OPT_TRUST },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "as", required_argument, NULL, OPT_AS },
	{ "only", required_argument, NULL, 'k' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

const char module_check_options_help[] =
	"popart-module-check, asks a module for everything that the headers promise\n"
	"\n"
	"usage: popart-module-check [options] FILE.so [key=value ...]\n"
	"\n"
	"The options of the module follow its file. In a value, @scratch@ is a directory\n"
	"that each test finds empty.\n"
	"\n"
	"  -k, --only WORD          only tests whose titles contain it (may be repeated)\n"
	"      --list               show the module, and the titles of the tests; run none\n"
	"      --user NAME:PASSWORD a user that an auth module knows\n"
	"      --attr KEY=VALUE     auth: what it says of that user; storage: what is said of\n"
	"                           each user, with %u for its name (may be repeated)\n"
	"      --put COMMAND        puts the message on its standard input, by the name of\n"
	"                           $POPART_MESSAGE, behind the mail of $POPART_USER in\n"
	"                           $SCRATCH: for stores that take none, and to meddle\n"
	"      --vanish COMMAND     removes that message, past the module\n"
	"      --cut COMMAND        takes away the second half of it\n"
	"      --prepare COMMAND    makes in $SCRATCH what the module wants to find there\n"
	"      --mail DIR           try each file of it as a message, too\n"
	"      --as storage|auth    for a module that is both: what these options make it\n"
	"      --limit SECONDS      when a test without progress is given up (60)\n"
	"      --trust              load the module although others may write it\n"
	"  -V, --version            print the version\n"
	"      --help               print this\n"
	"\n"
	"The result is TAP. Exit status: 0 all holds, 1 not all, 2 nothing could be asked.\n"
	"See popart-module-check(1).\n";

static bool take_user(struct module_check_options *o, struct buf *why)
{
	struct popart_str rest = view_str(optarg);

	o->account.name = view_cut(&rest, ':');
	o->account.password = rest;
	if (o->account.name.len && rest.ptr && rest.len)
		return true;
	buf_add_str(why, "--user wants a name and a password: --user=demo:secret");
	return false;
}

static bool take_attr(struct module_check_options *o, struct buf *why)
{
	struct popart_str rest = view_str(optarg);
	struct popart_str key = view_cut(&rest, '=');

	if (!key.len || !rest.ptr) {
		buf_add_str(why, "--attr wants a key and a value: --attr=home=/srv/%u");
		return false;
	}
	if (o->nattrs == MODULE_CHECK_ATTRS) {
		buf_printf(why, "there are more than %d --attr", MODULE_CHECK_ATTRS);
		return false;
	}
	o->attrs[o->nattrs++] = (struct popart_attr){ key, rest };
	return true;
}

static bool take_word(struct module_check_options *o, struct buf *why)
{
	if (o->nwords == MODULE_CHECK_WORDS) {
		buf_printf(why, "there are more than %d -k", MODULE_CHECK_WORDS);
		return false;
	}
	o->words[o->nwords++] = optarg;
	return true;
}

static bool take_limit(struct module_check_options *o, struct buf *why)
{
	uint64_t n;

	if (view_u64(view_str(optarg), LIMIT_MAX_S, &n) && n > 0) {
		o->limit_s = (unsigned)n;
		return true;
	}
	buf_add_str(why, "--limit ");
	text_quote(why, view_str(optarg), 64);
	buf_printf(why, " is no number of seconds from 1 to %u", LIMIT_MAX_S);
	return false;
}

static bool take_as(struct module_check_options *o, struct buf *why)
{
	o->storage = view_eq(view_str(optarg), VIEW_LIT("storage"));
	o->auth = view_eq(view_str(optarg), VIEW_LIT("auth"));
	if (!o->storage && !o->auth)
		buf_add_str(why, "--as wants storage or auth");
	return o->storage || o->auth;
}

static bool take_option(void *self, int c, struct buf *why)
{
	struct module_check_options *o = self;

	switch (c) {
	case 'k':
		return take_word(o, why);
	case OPT_USER:
		return take_user(o, why);
	case OPT_ATTR:
		return take_attr(o, why);
	case OPT_LIMIT:
		return take_limit(o, why);
	case OPT_AS:
		return take_as(o, why);
	case OPT_LIST:
		o->action = MODULE_CHECK_LIST;
		break;
	case OPT_PUT:
		o->put = optarg;
		break;
	case OPT_VANISH:
		o->vanish = optarg;
		break;
	case OPT_CUT:
		o->cut = optarg;
		break;
	case OPT_PREPARE:
		o->prepare = optarg;
		break;
	case OPT_MAIL:
		o->mail = optarg;
		break;
	case OPT_TRUST:
		o->trust = true;
		break;
	case 'V':
		o->action = MODULE_CHECK_VERSION;
		break;
	default:
		o->action = MODULE_CHECK_HELP;
		break;
	}
	return true;
}

bool module_check_options_parse(
	struct module_check_options *o, int argc, char **argv, struct buf *why)
{
	static const struct args args = { "popart-module-check", "+:k:V", long_options };

	*o = (struct module_check_options){
		.action = MODULE_CHECK_RUN, .storage = true, .auth = true
	};
	if (!args_each(&args, argc, argv, take_option, o, why))
		return false;
	if (o->action == MODULE_CHECK_HELP || o->action == MODULE_CHECK_VERSION)
		return true;
	if (optind == argc) {
		buf_add_str(why, "which module? name its file: popart-module-check ./mine.so");
		return false;
	}
	o->file = argv[optind];
	o->settings = (const char *const *)(argv + optind + 1);
	o->account.attrs = o->attrs;
	o->account.nattrs = o->nattrs;
	return true;
}
