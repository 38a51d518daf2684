/* SPDX-License-Identifier: MIT */
/*
 * A whole session fed with anything. The first octet chooses how: how long the pieces of
 * input are, how small the output, whether passwords are allowed, what a source is.
 *
 * Holds: single lines are at most 512 octets and printable; what is open is closed;
 * nothing is committed unless a complete QUIT was sent.
 */
#include <popart/driver.h>

#include <stdint.h>
#include <stdlib.h>

#include "base/view.h"
#include "support/memstore.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct client {
	bool in_lines; /* of a message or a listing */
	char line[512];
	size_t len;
};

/* The words with which answers of many lines begin. */
static bool begins_lines(struct popart_str line)
{
	return view_starts(line, VIEW_LIT("+OK ")) &&
		(view_ends(line, VIEW_LIT(" follow\r\n")) ||
			view_ends(line, VIEW_LIT(" follows\r\n")) ||
			view_ends(line, VIEW_LIT(" octets\r\n")));
}

/* A status line, or one of LIST: its first line is that of a login too, so those lines are
 * not known by what stands before them. */
static void check_status(struct popart_str line)
{
	REQUIRE(view_ends(line, VIEW_LIT("\r\n")));
	REQUIRE(view_starts(line, VIEW_LIT("+OK")) || view_starts(line, VIEW_LIT("-ERR ")) ||
		view_eq(line, VIEW_LIT("+ \r\n")) || view_eq(line, VIEW_LIT(".\r\n")) ||
		(line.ptr[0] >= '1' && line.ptr[0] <= '9'));
	for (size_t i = 0; i + 2 < line.len; i++)
		REQUIRE(line.ptr[i] >= ' ' && line.ptr[i] <= '~');
}

static void client_reads(struct client *c, struct popart_str out)
{
	for (size_t i = 0; i < out.len; i++) {
		struct popart_str line;

		if (c->len < sizeof(c->line))
			c->line[c->len] = out.ptr[i];
		c->len++;
		REQUIRE(c->in_lines || c->len <= sizeof(c->line));
		if (out.ptr[i] != '\n')
			continue;
		line = view_of(c->line, c->len < sizeof(c->line) ? c->len : sizeof(c->line));
		if (c->in_lines) {
			c->in_lines = !view_eq(line, VIEW_LIT(".\r\n"));
		} else {
			check_status(line);
			c->in_lines = begins_lines(line);
		}
		c->len = 0;
	}
}

static bool has_quit(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 5 <= size; i++)
		if (view_eq_nocase(view_of(data + i, 4), VIEW_LIT("QUIT")) &&
			memchr(data + i + 4, '\n', size - i - 4))
			return true;
	return false;
}

static void fill(struct memstore *store, unsigned choice)
{
	static const struct popart_str texts[] = {
		{ "A: 1\n\n.body\nlast", 16 },
		{ ".\r\n..\r\n\r\n", 9 },
		{ "", 0 },
		{ "\r\n\0\xff\n.", 6 },
	};
	static const char *const uids[] = { "a", "b", "c", "d" };
	static const enum popart_source_kind kinds[] = { POPART_SRC_MEM, POPART_SRC_FD,
		POPART_SRC_READ, POPART_SRC_READ };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		REQUIRE(memstore_add(store, uids[i], texts[i]) > 0);
	memstore_source(store, kinds[choice & 3], 0, (choice & 3) == 3 ? 1 : 0);
}

static void play(struct popart_driver *driver, const uint8_t *data, size_t size, size_t piece,
	size_t cap)
{
	char out[2048];
	struct popart_io io = { .size = sizeof(io), .out = out, .out_cap = cap };
	struct client client = { 0 };
	enum popart_want want = POPART_WANT_OUTPUT;

	while (want != POPART_WANT_DONE) {
		if (want == POPART_WANT_INPUT) {
			REQUIRE(io.in_len == 0 && !io.in_eof);
			io.in = (const char *)data;
			io.in_len = size < piece ? size : piece;
			data += io.in_len;
			size -= io.in_len;
			io.in_eof = size == 0;
		}
		want = popart_driver_run(driver, &io);
		REQUIRE(io.out_len <= cap);
		client_reads(&client, view_of(out, io.out_len));
		io.out_len = 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned choice = size > 0 ? data[0] : 0;
	struct memstore *store = memstore_new();
	struct popart_session_conf session = { .size = sizeof(session),
		.flags = (choice & 128 ? 0u : (unsigned)POPART_SESSION_PASSWORDS) |
			(unsigned)POPART_SESSION_STRICT };
	struct popart_driver_conf conf = { .size = sizeof(conf),
		.session = &session,
		.storage = &memstore_ops,
		.storage_state = store };
	struct popart_driver *driver;

	REQUIRE(store);
	fill(store, choice);
	driver = popart_driver_new(&conf, 0, VIEW_NONE, VIEW_NONE, VIEW_NONE, NULL);
	REQUIRE(driver);
	if (size > 0)
		play(driver, data + 1, size - 1, choice & 4 ? 1 + (choice >> 3 & 7) : 65536,
			choice & 64 ? POPART_OUT_MIN : 2048);
	popart_driver_free(&driver);
	REQUIRE(memstore_opened(store) == 0 && memstore_held(store) == 0);
	if (memstore_commits(store) > 0)
		REQUIRE(has_quit(data, size));
	memstore_free(&store);
	return 0;
}
