/* SPDX-License-Identifier: MIT */
/* An auth module that loads and answers, and whose tables are not as the headers want them. */
#include <popart/module.h>

static const struct popart_opt options[] = {
	{ .name = "size",
		.type = POPART_OPT_SIZE,
		.fallback = "lots",
		.help = "A default that is no size." },
	{ .name = "Size", .type = POPART_OPT_INT },
	{ .name = "name", .type = POPART_OPT_STRING, .help = "The server's own key." },
	{ .name = "choice", .type = POPART_OPT_ENUM, .help = "One of nothing." },
	{ .name = NULL },
};

static const struct popart_stat stats[] = {
	{ .name = "twice", .kind = POPART_STAT_COUNTER, .help = "The first." },
	{ .name = "twice", .kind = 7, .help = "The second." },
	{ .name = NULL },
};

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	(void)state;
	(void)call;
	(void)login;
	(void)password;
	(void)reply;
	return POPART_R_NEXT;
}

static const struct popart_auth_ops auth = { .size = sizeof(auth),
	.check_password = check_password };

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	(void)host;
	(void)inst;
	(void)conf;
	*state = NULL;
	return POPART_OK;
}

static void stop(void *state)
{
	(void)state;
}

#define DESCRIPTOR                                                                           \
	{                                                                                    \
		.magic = POPART_MAGIC, .size = sizeof(struct popart_module),                 \
		.api_major = POPART_API_MAJOR, .opt_stride = sizeof(struct popart_opt),      \
		.stat_stride = sizeof(struct popart_stat), .needs = 0x100, .name = "untidy", \
		.summary = "nothing in order", .options = options, .stats = stats,           \
		.auth = &auth, .start = start, .stop = stop                                  \
	}

POPART_EXPORT popart_module_entry_fn popart_module_entry;

const struct popart_module *popart_module_entry(void)
{
	static const struct popart_module odd = DESCRIPTOR, even = DESCRIPTOR;
	static unsigned calls;

	return ++calls % 2 ? &odd : &even;
}
