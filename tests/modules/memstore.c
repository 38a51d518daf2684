/* SPDX-License-Identifier: MIT */
#include "support/memstore.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * The store in memory as a module: filled and told how to misbehave by its options.
 *
 *	storage = ( { module = "memstore"; messages = 20; size = "1M";
 *		      fail_op = "read"; fail_nth = 3; fail_with = "io"; } );
 *
 * Every user has the same maildrop; what one deletes is gone for all.
 */

enum fail_with {
	WITH_IO,
	WITH_TEMP,
	WITH_GONE,
	WITH_IN_USE,
	WITH_PARTIAL,
	WITH_END,
	WITH_CRASH
};

static const char *const op_choices[] = { "none", "open", "list", "message", "read", "commit",
	NULL };
static const char *const source_choices[] = { "mem", "read", "fd", NULL };
static const char *const with_choices[] = { "io", "temp", "gone", "in_use", "partial", "end",
	"crash", NULL };

static const struct popart_opt options[] = {
	{ .name = "messages",
		.type = POPART_OPT_INT,
		.max = 1000000,
		.fallback = "3",
		.help = "How many messages there are." },
	{ .name = "size",
		.type = POPART_OPT_SIZE,
		.max = 1 << 30,
		.fallback = "1K",
		.help = "Octets of each, about." },
	{ .name = "source",
		.type = POPART_OPT_ENUM,
		.fallback = "mem",
		.choices = source_choices,
		.help = "What a message is read from." },
	{ .name = "chunk",
		.type = POPART_OPT_SIZE,
		.max = 1 << 30,
		.fallback = "0",
		.help = "With source \"read\": most octets at a time." },
	{ .name = "delay",
		.type = POPART_OPT_MSEC,
		.max = 3600000,
		.fallback = "0",
		.help = "How long each operation takes." },
	{ .name = "fail_op",
		.type = POPART_OPT_ENUM,
		.fallback = "none",
		.choices = op_choices,
		.help = "Which operation fails." },
	{ .name = "fail_nth",
		.type = POPART_OPT_INT,
		.min = 1,
		.max = 1000000,
		.fallback = "1",
		.help = "Which call of it, counted from the start." },
	{ .name = "fail_with",
		.type = POPART_OPT_ENUM,
		.fallback = "io",
		.choices = with_choices,
		.help = "How it fails; \"end\": read ends early; \"crash\": the process "
			"dies." },
	{ .name = NULL },
};

static const char body_line[] =
	".A line that begins with a dot, and goes on until it is seventy-one wide\r\n";

/* Headers, then lines, until there are at least size octets. */
static int add_message(struct memstore *store, unsigned number, size_t size)
{
	char head[128], uid[32], *text;
	int n = snprintf(head, sizeof(head),
		"From: memstore@example.org\r\nSubject: message %u\r\n\r\n", number);
	size_t len = (size_t)n, line = strlen(body_line);

	text = malloc(len + size + line);
	if (!text)
		return POPART_E_NOMEM;
	memcpy(text, head, len);
	for (; len < size; len += line)
		memcpy(text + len, body_line, line);
	snprintf(uid, sizeof(uid), "mem-%u", number);
	struct popart_str view = { .ptr = text, .len = len };
	uint64_t ref = memstore_add(store, uid, view);
	free(text);
	return ref ? POPART_OK : POPART_E_NOMEM;
}

static void set_failure(
	struct memstore *store, const struct popart_host *host, const struct popart_conf *conf)
{
	static const int status[] = { [WITH_IO] = POPART_E_IO,
		[WITH_TEMP] = POPART_R_TEMP,
		[WITH_GONE] = POPART_R_GONE,
		[WITH_IN_USE] = POPART_R_IN_USE,
		[WITH_PARTIAL] = POPART_R_PARTIAL,
		[WITH_END] = POPART_OK,
		[WITH_CRASH] = MEMSTORE_CRASH };
	int64_t choice = host->conf_int(conf, "fail_op");

	if (choice)
		memstore_fail(store, (enum memstore_op)(choice - 1),
			(unsigned)host->conf_int(conf, "fail_nth"),
			status[host->conf_int(conf, "fail_with")]);
}

static void set_source(
	struct memstore *store, const struct popart_host *host, const struct popart_conf *conf)
{
	static const enum popart_source_kind kinds[] = { POPART_SRC_MEM, POPART_SRC_READ,
		POPART_SRC_FD };

	memstore_source(store, kinds[host->conf_int(conf, "source")], 0,
		(size_t)host->conf_int(conf, "chunk"));
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct memstore *store = memstore_new();
	int status = store ? POPART_OK : POPART_E_NOMEM;

	for (unsigned i = 1; !status && i <= host->conf_int(conf, "messages"); i++)
		status = add_message(store, i, (size_t)host->conf_int(conf, "size"));
	if (status) {
		memstore_free(&store);
		return host->fail(inst, NULL, status, NULL, 0, "the messages do not fit");
	}
	memstore_delay(store, host->conf_int(conf, "delay"));
	set_source(store, host, conf);
	set_failure(store, host, conf);
	*state = store;
	return POPART_OK;
}

static void stop(void *state)
{
	struct memstore *store = state;

	memstore_free(&store);
}

#ifdef BLOCKSTORE /* blockstore.so: the same, as a store that waits on a network */
POPART_MODULE(blockstore, .version = "1.0", .license = "MIT",
	.summary = "a store in memory that may wait, for tests", .options = options,
	.storage = &memstore_ops_blocking, .start = start, .stop = stop);
#else
POPART_MODULE(memstore, .version = "1.0", .license = "MIT",
	.summary = "a store in memory, for tests", .options = options, .storage = &memstore_ops,
	.start = start, .stop = stop);
#endif
