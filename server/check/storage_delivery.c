/* SPDX-License-Identifier: MIT */
/* Messages that the store takes in. */
#include <string.h>
#include "check/delivery.h"
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

#define FINISH "storage.h: popart_storage_ops.deliver_finish"

static bool deliver(struct scene *s, struct popart_str text, bool finish)
{
	struct delivery d;
	int status = delivery_of(&d, s, 0, USER_A, text, NULL, 0, finish);

	return tally_holds(
		s->tally, status == POPART_OK, FINISH, "a delivery failed: %s", d.why);
}

static void are_listed(struct scene *s)
{
	struct session x;

	for (size_t i = 0; i < SAMPLES; i++)
		if (!deliver(s, samples[i], true))
			return;
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, SAMPLES);
	for (size_t i = 0; i < x.list.n && i < SAMPLES; i++)
		session_shows(&x, 0, i, samples[i]);
	session_close(&x, 0);
}

static void abandoned(struct scene *s)
{
	struct delivery d;
	struct session x;

	/* At once, half-way, and with all of it written. */
	if (!deliver(s, samples[0], true) || !deliver(s, samples[1], false))
		return;
	for (int part = 0; part < 3; part++) {
		if (!tally_holds(s->tally, delivery_begin(&d, s, 0, USER_A, NULL) == POPART_OK,
			    "storage.h: popart_storage_ops.deliver_begin",
			    "deliver_begin failed: %s", d.why))
			return;
		if (part)
			(void)delivery_write(&d, 0, samples[1].ptr, samples[1].len / 2);
		if (part == 2)
			(void)delivery_write(&d, 0, NULL, 0);
		delivery_abandon(&d, 0);
	}
	if (!session_begin(&x, s, USER_A))
		return;
	tally_holds(s->tally, x.list.n == 1,
		"storage.h: popart_storage_ops.deliver_begin: finish or abandon ends it",
		"of one delivery and four that were abandoned %zu are listed", x.list.n);
	session_close(&x, 0);
}

static void unseen_by_a_session(struct scene *s)
{
	struct delivery d;
	struct session x;

	if (!deliver(s, samples[0], true) || !session_begin(&x, s, USER_A))
		return;
	if (!tally_holds(s->tally, delivery_begin(&d, s, 0, USER_A, NULL) == POPART_OK,
		    "storage.h: popart_storage_ops.deliver_begin: Not under the session lock",
		    "a delivery beside a session failed: %s", d.why)) {
		session_close(&x, 0);
		return;
	}
	(void)delivery_write(&d, 0, samples[1].ptr, samples[1].len);
	session_shows(&x, 0, 0, samples[0]);
	int status = delivery_finish(&d, 0);

	tally_holds(s->tally, status == POPART_OK, FINISH ": Not under the session lock",
		"a delivery beside a session failed: %s", d.why);
	session_shows(&x, 0, 0, samples[0]);
	if (!(s->ops->caps & POPART_STORE_READ_ONLY)) {
		size_t removed;

		(void)session_commit(&x, 0, &x.list.v[0].ref, 1, &removed);
	}
	session_close(&x, 0);
	if (!session_begin(&x, s, USER_A))
		return;
	/* Only what is named has gone: not what came meanwhile. */
	if (session_has(&x, s->ops->caps & POPART_STORE_READ_ONLY ? 2 : 1))
		session_shows(&x, 0, x.list.n - 1, samples[1]);
	session_close(&x, 0);
}

/* Two at once into one maildrop, piece by piece. */
static void interleaved(struct scene *s)
{
	struct delivery a, b;
	struct session x;

	if (!tally_holds(s->tally,
		    delivery_begin(&a, s, 0, USER_A, NULL) == POPART_OK &&
			    delivery_begin(&b, s, 0, USER_A, NULL) == POPART_OK,
		    "storage.h: popart_storage_ops.deliver_begin",
		    "two deliveries at once into one maildrop cannot begin"))
		return;
	for (int i = 0; i < 100; i++) {
		(void)delivery_write(&a, 0, "aaaa\r\n", 6);
		(void)delivery_write(&b, 0, "bbbb\r\n", 6);
	}
	int first = delivery_finish(&b, 0), second = delivery_finish(&a, 0);

	tally_holds(s->tally, !first && !second, FINISH,
		"of two deliveries at once into one maildrop one failed");
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, 2);
	for (size_t i = 0; i < x.list.n; i++)
		tally_holds(s->tally, x.list.v[i].wire_size == 600, FINISH,
			"two deliveries of 600 octets at once became one of %llu",
			(unsigned long long)x.list.v[i].wire_size);
	session_close(&x, 0);
}

/* What a message of another store brings: neither times that go back nor any octet that a
 * unique-id may have are in the way. */
static const struct brought {
	const char *uid;
	int64_t received_s;
	uint32_t flags;
} brought[] = {
	{ "uid-of-another-store", 1700000000, 0 },
	{ "0000abcd4a", 1700000000, POPART_MSG_SEEN },
	{ "1600000000.M1P2.host,S=3", 1600000000, 0 },
	{ "~00112233445566778899aabbccddeeff", 1, POPART_MSG_SEEN },
	{ "!\"#$%&'()*+,-./0123456789:;<=>?@", 1500000000, 0 },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~", 1500000000,
		POPART_MSG_SEEN },
	{ "//////////////////////////////////////////////////////////////////////", 1700000000,
		0 },
	{ ".", 1650000000, 0 },
	{ "00112233445566778899aabbccddeeff", 1400000000, 0 },
	{ "00112233445566778899aabbccddeeff-2", 1400000000, 0 },
	{ "zz", 4000000000, POPART_MSG_SEEN },
	{ "a", 1700000001, 0 },
};
enum { BROUGHT = sizeof(brought) / sizeof(brought[0]) };

#define ABOUT "storage.h: popart_delivery: All of this is listed again in later sessions"

static void check_brought(struct scene *s)
{
	struct session x;

	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, BROUGHT);
	for (size_t i = 0; i < x.list.n && i < BROUGHT; i++) {
		const struct brought *b = &brought[i];
		const struct mock_msg *m = &x.list.v[i];

		tally_holds(s->tally, strcmp(m->uid, b->uid) == 0, ABOUT,
			"a message was delivered with the unique-id %s and has %s", b->uid,
			m->uid);
		tally_holds(s->tally, m->received_s == b->received_s, ABOUT,
			"a message was delivered as of %lld and is listed as of %lld",
			(long long)b->received_s, (long long)m->received_s);
		tally_holds(s->tally, (m->flags & POPART_MSG_SEEN) == b->flags, ABOUT,
			"message %zu was delivered with the flags %u and has %u", i + 1,
			b->flags, m->flags & POPART_MSG_SEEN);
		session_shows(&x, 0, i, samples[i]);
	}
	session_close(&x, 0);
}

static void keeps_what_it_brings(struct scene *s)
{
	for (size_t i = 0; i < BROUGHT; i++) {
		struct popart_delivery about = { .size = sizeof(about),
			.flags = brought[i].flags,
			.received_s = brought[i].received_s,
			.uid = { brought[i].uid, strlen(brought[i].uid) } };
		struct delivery d;
		int status = delivery_of(&d, s, 0, USER_A, samples[i], &about, 0, true);

		if (status == POPART_R_UNSUPPORTED && i == 0) {
			tally_inapt(s->tally,
				"the store does not keep the unique-ids of others, and says "
				"so");
			return;
		}
		if (!tally_holds(s->tally, status == POPART_OK,
			    "storage.h: popart_delivery: or deliver_begin answers "
			    "POPART_R_UNSUPPORTED",
			    "a delivery with the unique-id %s failed: %s", brought[i].uid,
			    d.why))
			return;
	}
	check_brought(s);
	check_brought(s);
	if (s->module->again && scene_restart(s))
		check_brought(s);
}

const struct store_test delivery_tests[] = {
	{ "deliveries are listed with their octets", NEEDS_DELIVER, are_listed },
	{ "an abandoned delivery leaves nothing", NEEDS_DELIVER, abandoned },
	{ "a delivery beside a session", NEEDS_DELIVER, unseen_by_a_session },
	{ "deliveries at once are not mixed up", NEEDS_DELIVER, interleaved },
	{ "a delivery keeps its unique-id, order, time and flags", NEEDS_DELIVER,
		keeps_what_it_brings },
	{ NULL, 0, NULL },
};
