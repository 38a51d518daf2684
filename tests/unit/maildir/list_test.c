/* SPDX-License-Identifier: MIT */
/* What is listed, in which order, under which size and unique-id. */
#include "unit/maildir/tests.h"

#include "name.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void order_and_flags(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "cur/1700000300.b.h:2,S", TEXT("A: b\n\nx\n"));
	box_put(&b, "new/1700000200.z.h", TEXT("A: b\r\n\r\nx\r\n"));
	box_put(&b, "cur/1700000300.a.h:2,", TEXT("no newline"));
	box_put(&b, "new/900000000.x.h", TEXT(""));
	box_put(&b, "cur/.hidden", TEXT("x"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 4);
	CU_ASSERT_STRING_EQUAL(b.list.v[0].uid, "900000000.x.h");
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, "1700000200.z.h");
	CU_ASSERT_STRING_EQUAL(b.list.v[2].uid, "1700000300.a.h");
	CU_ASSERT_STRING_EQUAL(b.list.v[3].uid, "1700000300.b.h");
	CU_ASSERT_EQUAL(b.list.v[0].wire_size, 0);
	CU_ASSERT_EQUAL(b.list.v[1].wire_size, 11);
	CU_ASSERT_EQUAL(b.list.v[2].wire_size, 12);
	CU_ASSERT_EQUAL(b.list.v[3].wire_size, 11);
	CU_ASSERT_EQUAL(b.list.v[3].flags, POPART_MSG_SEEN);
	CU_ASSERT_EQUAL(b.list.v[2].flags, 0);
	CU_ASSERT_EQUAL(b.list.v[1].received_s, 1700000200);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], "", 0), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("A: b\r\n\r\nx\r\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[2], TEXT("no newline")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[3], TEXT("A: b\n\nx\n")), POPART_OK);
	box_free(&b);
}

static void odd_files(void)
{
	struct box b;
	char path[512];
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	box_make(&b, NULL);
	box_put(&b, "cur/1.good", TEXT("x\n"));
	box_put(&b, "target", TEXT("linked\n"));
	box_path(&b, "cur/2.fifo", path);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	box_path(&b, "cur/3.dir", path);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	box_path(&b, "cur/4.dangling", path);
	CU_ASSERT_EQUAL(symlink("nowhere", path), 0);
	box_path(&b, "cur/5.linked", path);
	CU_ASSERT_EQUAL(symlink("../target", path), 0);
	box_path(&b, "cur/6.loop", path);
	CU_ASSERT_EQUAL(symlink("6.loop", path), 0);
	box_path(&b, "cur/7.fifolink", path);
	CU_ASSERT_EQUAL(symlink("2.fifo", path), 0);
	box_path(&b, "cur/8.sock", path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", path);
	CU_ASSERT_EQUAL(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	close(s);
	box_path(&b, "cur/9.socklink", path);
	CU_ASSERT_EQUAL(symlink("8.sock", path), 0);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, 2);
		CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("x\n")), POPART_OK);
		CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("linked\n")), POPART_OK);
	}
	/* One line for each session, however many are left out. */
	CU_ASSERT_EQUAL(mockhost_log_lines(b.host), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "left out 2 files"));
	box_free(&b);
}

/* The target of a link disappears, which no directory of ours shows. */
static void link_goes_bad(void)
{
	struct box b;
	char path[512];

	box_make(&b, NULL);
	box_put(&b, "target", TEXT("linked\n"));
	box_path(&b, "cur/900000000.linked", path);
	CU_ASSERT_EQUAL(symlink("../target", path), 0);
	for (int i = 0; i < 40; i++) {
		char name[64];

		snprintf(name, sizeof(name), "cur/%d.m", 1700000000 + i);
		box_put(&b, name, TEXT("x\n"));
	}
	box_age(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 41);
	box_remove(&b, "target");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], "", 0), POPART_R_GONE);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 40);
	box_free(&b);
}

/* Root reads anything, so the session is another user's then. */
static void unreadable(void)
{
	static const char *const open_to_all[] = { "", "cur", "new", "cur/1.good" };
	struct box b;
	char path[512];

	box_make(&b, NULL);
	box_put(&b, "cur/1.good", TEXT("x\n"));
	box_put(&b, "cur/2.secret", TEXT("y\n"));
	box_path(&b, "cur/2.secret", path);
	CU_ASSERT_EQUAL(chmod(path, 0), 0);
	CU_ASSERT_EQUAL(chmod(b.dir, 0755), 0);
	for (size_t i = 0; i < 4; i++) {
		box_path(&b, open_to_all[i], path);
		CU_ASSERT_EQUAL(chmod(path, 0755), 0);
	}
	if (getuid() == 0)
		CU_ASSERT_EQUAL(seteuid(65534), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 1);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("x\n")), POPART_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "2.secret"));
	box_logout(&b);
	CU_ASSERT_EQUAL(seteuid(getuid()), 0);
	box_free(&b);
}

static void missing_maildir(void)
{
	struct box b;
	char path[512];
	static const char *const parts[] = { "cur", "new", "tmp", "" };

	box_make(&b, NULL);
	for (size_t i = 0; i < 4; i++) {
		box_path(&b, parts[i], path);
		CU_ASSERT_EQUAL(rmdir(path), 0);
	}
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 0);
	box_logout(&b);
	CU_ASSERT_EQUAL(rmdir(b.dir), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_TEMP);
	CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "mounted"));
	box_free(&b);
}

/* A directory that is none of a Maildir is more likely a mistake than an empty maildrop. */
static void not_a_maildir(void)
{
	struct box b;
	char path[512];

	box_make(&b, NULL);
	box_path(&b, "cur", path);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_logout(&b);
	box_path(&b, "new", path);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_TEMP);
	box_free(&b);
}

/* Moved away by another program: its messages are somewhere, so nothing is empty. */
static void lost_directory(void)
{
	struct box b;
	size_t removed = 0;

	box_make(&b, NULL);
	box_put(&b, "cur/1700000000.a:2,S", TEXT("a\n"));
	box_put(&b, "new/1700000001.b", TEXT("b\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 2);
	box_rename(&b, "cur", "elsewhere");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], "", 0), POPART_R_TEMP);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("b\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0, 1 }, 2, &removed), POPART_R_PARTIAL);
	CU_ASSERT_EQUAL(removed, 1);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_TEMP);
	CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "cur is not there"));
	box_rename(&b, "elsewhere", "cur");
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 1);
	box_free(&b);
}

/* layout = auto, and the directory can be read but not entered. */
static void closed_directory(void)
{
	static const char *const automatic[] = { "layout=auto", "cache=false", NULL };
	struct box b;
	char path[512];

	box_make(&b, automatic);
	box_put(&b, "cur/1700000000.a:2,S", TEXT("a\n"));
	box_path(&b, "", path);
	CU_ASSERT_EQUAL(chmod(b.dir, 0755), 0);
	CU_ASSERT_EQUAL(chmod(path, 0744), 0);
	if (getuid() == 0)
		CU_ASSERT_EQUAL(seteuid(65534), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	CU_ASSERT_EQUAL(seteuid(getuid()), 0);
	CU_ASSERT_EQUAL(chmod(path, 0700), 0);
	box_restart(&b, (const char *const[]){ "layout=auto", NULL });
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 1);
	/* A Maildir that lost both is no plain directory. */
	box_logout(&b);
	box_rename(&b, "cur", "tmp/cur");
	box_rename(&b, "new", "tmp/new");
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_TEMP);
	box_free(&b);
}

static void plain_layout(void)
{
	static const char *const plain[] = { "layout=auto", "read_only=true", NULL };
	struct box b;
	char path[512];

	box_make(&b, plain);
	box_path(&b, "cur", path);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	box_path(&b, "new", path);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	box_put(&b, "10:30 b.eml", TEXT("b\n"));
	box_put(&b, "10:30 a.eml", TEXT("a\r\n"));
	box_put(&b, "c,S=5.eml", TEXT("c"));
	box_put(&b, ".hidden", TEXT("c"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("a\r\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("b\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[2], TEXT("c")), POPART_OK);
	CU_ASSERT_STRING_EQUAL(b.list.v[2].uid, "c,S=5.eml");
	CU_ASSERT_EQUAL(b.list.v[0].uid[0], '~');
	CU_ASSERT_STRING_NOT_EQUAL(b.list.v[0].uid, b.list.v[1].uid);
	box_free(&b);
}

static void read_only(void)
{
	static const char *const options[] = { "read_only=true", NULL };
	struct box b;
	size_t removed;

	box_make(&b, options);
	box_put(&b, "new/1.a,W=9", TEXT("x\n"));
	box_put(&b, "cur/1.a:2,S", TEXT("y\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 2);
	CU_ASSERT_STRING_NOT_EQUAL(b.list.v[0].uid, b.list.v[1].uid);
	for (size_t i = 0; i < 2; i++)
		if (b.list.v[i].flags & POPART_MSG_SIZE_HINT)
			CU_ASSERT_EQUAL(box_get(&b, &b.list.v[i], TEXT("x\n")), POPART_OK);
	CU_ASSERT_EQUAL(
		box_commit(&b, (uint64_t[]){ b.list.v[0].ref, b.list.v[1].ref }, 2, &removed),
		POPART_OK);
	CU_ASSERT_EQUAL(removed, 2);
	CU_ASSERT_EQUAL(
		box_deliver(&b,
			&(struct popart_delivery){ .size = sizeof(struct popart_delivery) },
			TEXT("z\n"), 9),
		POPART_R_UNSUPPORTED);
	box_logout(&b);
	CU_ASSERT_TRUE(box_has(&b, "new/1.a,W=9") && box_has(&b, "cur/1.a:2,S"));
	CU_ASSERT_FALSE(box_has(&b, "popart.cache"));
	CU_ASSERT_EQUAL(box_entries(&b, "."), 3);
	box_free(&b);
}

/* ,W= is believed, without a look at the file, until the message is sent. */
static void hint_is_healed(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "cur/1700000000.right,S=2,W=3:2,S", TEXT("x\n"));
	box_put(&b, "new/1700000001.wrong,S=2,W=4", TEXT("y\n"));
	box_put(&b, "new/1700000002.absurd,S=2,W=400", TEXT("z\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 1);
	CU_ASSERT_EQUAL(b.list.v[0].wire_size, 3);
	CU_ASSERT_EQUAL(b.list.v[1].wire_size, 4);
	CU_ASSERT_EQUAL(b.list.v[2].wire_size, 3);
	CU_ASSERT_EQUAL(b.list.v[1].flags, POPART_MSG_SIZE_HINT);
	CU_ASSERT_EQUAL(b.list.v[2].flags, 0);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("x\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("y\n")), POPART_OK);
	CU_ASSERT_TRUE(box_has(&b, "cur/1700000000.right,S=2,W=3:2,S"));
	CU_ASSERT_TRUE(box_has(&b, "new/1700000001.wrong,S=2,W=3"));
	/* And is still there under its new name. */
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("y\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "sizes-healed"), 1);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, "1700000001.wrong");
	CU_ASSERT_EQUAL(b.list.v[1].wire_size, 3);
	box_free(&b);
}

/* The name is taken already: the cache has to know better than the name. */
static void hint_is_corrected_by_the_cache(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "new/1700000000.other", TEXT("o\n"));
	box_put(&b, "new/1700000001.wrong,W=4", TEXT("y\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 2);
	box_put(&b, "new/1700000001.wrong,W=3", TEXT("not the same\n"));
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("y\n")), POPART_OK);
	box_remove(&b, "new/1700000001.wrong,W=3");
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 2);
	CU_ASSERT_EQUAL(b.list.v[1].wire_size, 3);
	CU_ASSERT_EQUAL(b.list.v[1].flags, 0);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("y\n")), POPART_OK);
	box_free(&b);
}

/* Two messages, one base name: both are there, and each keeps its unique-id whatever
 * becomes of the other. */
static void same_base(void)
{
	struct box b;
	char first[80] = "", second[80] = "";
	size_t removed;

	box_make(&b, NULL);
	box_put(&b, "cur/1700000000.a:2,S", TEXT("old\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_put(&b, "new/1700000000.a", TEXT("new one\n"));
	box_put(&b, "cur/1700000000.a,S=11:2,", TEXT("and a third\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "names-separated"), 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(box_find(&b, "1700000000.a"));
	CU_ASSERT_EQUAL(box_get(&b, box_find(&b, "1700000000.a"), TEXT("old\n")), POPART_OK);
	for (size_t i = 0, k = 0; i < 3; i++)
		if (strcmp(b.list.v[i].uid, "1700000000.a") != 0)
			strcpy(k++ ? second : first, b.list.v[i].uid);
	CU_ASSERT_STRING_NOT_EQUAL(first, second);
	CU_ASSERT_EQUAL(
		box_commit(&b, &box_find(&b, "1700000000.a")->ref, 1, &removed), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 2);
	CU_ASSERT_PTR_NOT_NULL(box_find(&b, first));
	CU_ASSERT_PTR_NOT_NULL(box_find(&b, second));
	box_free(&b);
}

/* A mover that links and unlinks shows one message under two names for a moment. */
static void linked_in_both(void)
{
	struct box b;
	char from[512], to[512];

	box_make(&b, NULL);
	box_put(&b, "new/1700000000.a", TEXT("x\n"));
	box_path(&b, "new/1700000000.a", from);
	box_path(&b, "cur/1700000000.a:2,", to);
	CU_ASSERT_EQUAL(link(from, to), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 1);
	box_remove(&b, "new/1700000000.a");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("x\n")), POPART_OK);
	box_free(&b);
}

static void hinted_or_nameless(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "cur/strange name:2,S", TEXT("x\n"));
	box_put(&b, "cur/word,W=3:2,S", TEXT("y\n"));
	box_put(&b, "cur/:2,S", TEXT("z\n"));
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
		for (size_t k = 0; k < 3; k++)
			CU_ASSERT_TRUE(b.list.v[k].received_s > 1700000000);
	}
	box_free(&b);
}

static void one_id_for_two_paths(void)
{
	static const struct popart_user alice = { .size = sizeof(alice),
		.name = { "alice", 5 } };
	struct box b, c;
	struct mock_call call;
	char id[64], other[64], path[512];
	size_t len, other_len;

	box_make(&b, NULL);
	box_make(&c, NULL);
	mock_call_begin(&call, b.host, 0, 1);
	CU_ASSERT_EQUAL(b.ops->maildrop_id(mockhost_state(b.host), &call.pub, &alice, id, &len),
		POPART_OK);
	mock_call_end(&call);
	for (unsigned round = 0; round < 2; round++) {
		mock_call_begin(&call, c.host, 0, 1);
		CU_ASSERT_EQUAL(c.ops->maildrop_id(mockhost_state(c.host), &call.pub, &alice,
					other, &other_len),
			POPART_OK);
		mock_call_end(&call);
		CU_ASSERT_TRUE(len <= 64 && other_len <= 64);
		CU_ASSERT_EQUAL(len == other_len && memcmp(id, other, len) == 0, round == 1);
		snprintf(path, sizeof(path), "%s.old", c.root);
		if (round == 0) {
			CU_ASSERT_EQUAL(rename(c.root, path), 0);
			CU_ASSERT_EQUAL(symlink(b.root, c.root), 0);
		}
	}
	box_free(&c);
	box_free(&b);
}

static void stopped_while_counting(void)
{
	struct box b;

	box_make(&b, NULL);
	for (int i = 0; i < 200; i++) {
		char name[64];

		snprintf(name, sizeof(name), "cur/%d.m", 1700000000 + i);
		box_put(&b, name, TEXT("x\n"));
	}
	mockhost_stop_at(b.host, 1);
	CU_ASSERT_EQUAL(box_login(&b), POPART_E_CANCELLED);
	mockhost_stop_at(b.host, 0);
	/* What was counted is not counted again. */
	CU_ASSERT_TRUE(mockhost_stat(b.host, "messages-scanned") > 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 200);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 200);
	box_free(&b);
}

static void failing_sink(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "cur/1.m", TEXT("x\n"));
	box_put(&b, "cur/2.m", TEXT("x\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_logout(&b);
	b.list.fail_at = 1;
	mock_call_begin(&b.call, b.host, 0, 1);
	CU_ASSERT_EQUAL(
		b.ops->open(mockhost_state(b.host), &b.call.pub,
			&(struct popart_user){ .size = sizeof(struct popart_user) }, &b.drop),
		POPART_OK);
	CU_ASSERT_EQUAL(b.ops->list(b.drop, &b.call.pub, &b.list.sink), POPART_E_NOMEM);
	box_free(&b);
}

/* What the list should say of a name, as it is read by itself. */
static void check_listed(struct box *b, const char *file)
{
	struct popart_str full = { file, strlen(file) };
	char key[NAME_LEN], uid[UID_LEN + 1];
	const struct mock_msg *m;
	struct name n;

	name_parse(&n, full, false);
	uid[name_uid(key, name_key(&n, key), uid)] = 0;
	m = box_find(b, uid);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(m->flags, name_seen(&n) ? POPART_MSG_SEEN : 0);
	CU_ASSERT(name_time(&n) < 0 || m->received_s == name_time(&n));
}

/* Names that differ from their neighbours in one octet, which means something, or nothing. */
static void alike(void)
{
	static const char like[] = "1700000001.MabcdefP7.host:2,S",
			  odd[] = "b7.,:%~! \x01\x7f\x80";
	char files[512][sizeof(like)], path[64];
	size_t n = 0;
	struct box b;

	box_make(&b, NULL);
	for (size_t i = 1; i < 25; i++)
		for (const char *c = odd; *c; c++) {
			memcpy(files[n], like, sizeof(like));
			files[n][i] = *c;
			snprintf(path, sizeof(path), "cur/%s", files[n]);
			if (*c == like[i] || box_has(&b, path))
				continue;
			box_put(&b, path, TEXT("x\n"));
			n++;
		}
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, n);
	for (size_t i = 0; i < n; i++)
		check_listed(&b, files[i]);
	box_free(&b);
}

CU_TestInfo list_tests[] = { { "order, sizes, flags", order_and_flags },
	{ "names like the one before", alike }, { "FIFO, socket, directory, links", odd_files },
	{ "a link goes bad", link_goes_bad }, { "an unreadable file", unreadable },
	{ "no Maildir yet, no disk", missing_maildir },
	{ "neither new/ nor cur/", not_a_maildir },
	{ "a directory that is moved away", lost_directory },
	{ "a directory that cannot be entered", closed_directory },
	{ "plain directory", plain_layout }, { "read_only leaves no trace", read_only },
	{ "a wrong ,W= is healed", hint_is_healed },
	{ "a wrong ,W= that cannot be healed", hint_is_corrected_by_the_cache },
	{ "two messages, one base name", same_base },
	{ "one message, two links", linked_in_both },
	{ "names without a time", hinted_or_nameless },
	{ "two paths, one maildrop", one_id_for_two_paths },
	{ "told to stop while counting", stopped_while_counting },
	{ "a list that nobody takes", failing_sink }, CU_TEST_INFO_NULL };
