/* SPDX-License-Identifier: MIT */
/* Where a database is, and what there is in its place. */
#include "unit/sqlite/tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "place.h"

/* What statfs says here; 0: the truth. */
static uint32_t pretended_type;

/* In place of libc's, for the whole program. */
int statfs(const char *path, struct statfs *fs)
{
	int result = (int)syscall(SYS_statfs, path, fs);

	if (result == 0 && pretended_type)
		fs->f_type = (__typeof__(fs->f_type))pretended_type;
	return result;
}

static void types(void)
{
	static const uint32_t remote[] = { 0x6969, 0xff534d42, 0xfe534d42, 0x65735546,
		0x01021997 };
	static const uint32_t local[] = { 0xef53, 0x58465342, 0x9123683e, 0x01021994,
		0x2fc12fc1, 0x794c7630 };
	struct box b;

	box_make(&b, NULL);
	box_fill(&b, 1);
	for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
		box_restart(&b, NULL);
		pretended_type = remote[i];
		CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
		CU_ASSERT_TRUE(box_log_has(&b, "network file system"));
		CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_R_PERM);
	}
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		pretended_type = local[i];
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	}
	pretended_type = 0;
	box_free(&b);
}

static void names(void)
{
	CU_ASSERT_TRUE(place_is_taken("/mail/anna-wal"));
	CU_ASSERT_TRUE(place_is_taken("/mail/anna-shm"));
	CU_ASSERT_TRUE(place_is_taken("/mail/anna.db-journal"));
	CU_ASSERT_FALSE(place_is_taken("/mail/anna-wal.db"));
	CU_ASSERT_FALSE(place_is_taken("/mail-wal/anna"));
	CU_ASSERT_EQUAL(place_directory("/mail/anna").len, 5);
	CU_ASSERT_EQUAL(place_directory("/anna").len, 1);
}

/* User "mail.db-wal" would have the WAL of user "mail.db" for a maildrop. */
static void wal_of_another(void)
{
	struct box b;

	box_make(&b, NULL);
	box_fill(&b, 1);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	strcat(b.path, "-wal");
	box_restart(&b, NULL);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_R_PERM);
	box_free(&b);
}

/* Each name has a WAL of its own, which the other does not know. */
static void two_names(void)
{
	char other[128];
	struct box b;

	box_make(&b, NULL);
	box_fill(&b, 2);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	snprintf(other, sizeof(other), "%s/other.db", b.dir);
	CU_ASSERT_EQUAL(link(b.path, other), 0);
	/* Also to a connection that is open. */
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_R_PERM);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	CU_ASSERT_TRUE(box_log_has(&b, "has another name"));
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_R_PERM);
	CU_ASSERT_EQUAL(unlink(other), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 2);
	box_free(&b);
}

static void missing(void)
{
	struct stat st;
	struct box b;

	box_make(&b, NULL);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 0);
	CU_ASSERT_EQUAL(stat(b.path, &st), -1); /* a login makes nothing */
	/* A session that began without a database does not see the first delivery. */
	box_fill(&b, 1);
	CU_ASSERT_EQUAL(b.list.n, 0);
	CU_ASSERT_EQUAL(box_commit(&b, NULL, 0), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 1);
	box_free(&b);
}

static void missing_directory(void)
{
	struct box b;

	box_make(&b, NULL);
	strcpy(b.path + strlen(b.dir), "/not-mounted/mail.db");
	box_restart(&b, NULL);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_TEMP);
	CU_ASSERT_TRUE(box_log_has(&b, "mount what is missing"));
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_R_TEMP);
	box_free(&b);
}

static void odd_things(void)
{
	struct box b;

	box_make(&b, NULL);
	CU_ASSERT_EQUAL(mkdir(b.path, 0700), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_R_PERM);
	CU_ASSERT_EQUAL(rmdir(b.path), 0);
	CU_ASSERT_EQUAL(mkfifo(b.path, 0600), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	CU_ASSERT_TRUE(box_log_has(&b, "not a regular file"));
	box_free(&b);
	/* A path is never a URI, whatever is in it. */
	box_make(&b, NULL);
	strcpy(b.path + strlen(b.dir), "/a%%20b?mode=memory&c#\xc3\xa4 '\"\n.db");
	box_restart(&b, NULL);
	strcpy(b.path + strlen(b.dir), "/a%20b?mode=memory&c#\xc3\xa4 '\"\n.db");
	box_fill(&b, 2);
	CU_ASSERT_TRUE(box_size(&b) > 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 2);
	box_free(&b);
}

static mode_t mode_of(const struct box *b, const char *suffix)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", b->path, suffix);
	return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static void modes(void)
{
	mode_t before = umask(0);
	struct box b;

	box_make(&b, NULL);
	box_fill(&b, 1);
	CU_ASSERT_EQUAL(mode_of(&b, ""), 0600);
	CU_ASSERT_EQUAL(mode_of(&b, "-wal"), 0600);
	CU_ASSERT_EQUAL(mode_of(&b, "-shm"), 0600);
	umask(before);
	/* Beside it is nothing when nobody has it open. */
	mockhost_stop(&b.host);
	CU_ASSERT_EQUAL(mode_of(&b, "-wal"), 0);
	CU_ASSERT_EQUAL(mode_of(&b, "-shm"), 0);
	box_restart(&b, NULL);
	box_free(&b);
}

/* A backup that is put back while a session is open is another maildrop: what was listed
 * says nothing of it. */
static void replaced(void)
{
	char other[128], command_text[256];
	struct box b;
	size_t n = box_letter(1, command_text);

	box_make(&b, NULL);
	box_fill(&b, 3);
	mockhost_stop(&b.host);
	box_restart(&b, NULL);
	snprintf(other, sizeof(other), "%s/other", b.dir);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(rename(b.path, other), 0);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], command_text, n), POPART_R_TEMP);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_R_TEMP);
	box_fill(&b, 3);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], command_text, n), POPART_R_TEMP);
	CU_ASSERT_TRUE(box_log_has(&b, "another file than at login"));
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_R_TEMP);
	box_logout(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 3);
	CU_ASSERT_TRUE(box_is_sound(&b));
	box_free(&b);
}

static int restore(const char *from, const char *to)
{
	sqlite3 *source = NULL, *target = NULL;
	sqlite3_backup *backup;
	int rc = SQLITE_ERROR;

	if (sqlite3_open(from, &source) == SQLITE_OK &&
		sqlite3_open(to, &target) == SQLITE_OK &&
		(backup = sqlite3_backup_init(target, "main", source, "main")) != NULL) {
		(void)sqlite3_backup_step(backup, -1);
		rc = sqlite3_backup_finish(backup);
	}
	(void)sqlite3_close(source);
	(void)sqlite3_close(target);
	return rc;
}

/* The same with what ".restore" does: the file stays, and what is in it changes. */
static void restored(void)
{
	char backup[128], text[256];
	struct box b;
	size_t n = box_letter(1, text);

	box_make(&b, NULL);
	snprintf(backup, sizeof(backup), "%s/backup", b.dir);
	CU_ASSERT_EQUAL(box_deliver(&b, "early", "x", 1), POPART_OK);
	CU_ASSERT_EQUAL(restore(b.path, backup), SQLITE_OK);
	box_fill(&b, 3);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 4);
	CU_ASSERT_EQUAL(restore(backup, b.path), SQLITE_OK);
	/* Ids after the backup's are given again, to others. */
	CU_ASSERT_EQUAL(box_deliver(&b, "late", "y", 1), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[2], text, n), POPART_R_TEMP);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[1].ref, 1), POPART_R_TEMP);
	CU_ASSERT_TRUE(box_log_has(&b, "another file than at login"));
	box_logout(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 2);
	CU_ASSERT_TRUE(box_is_sound(&b));
	box_free(&b);
}

static char id_of(struct box *b, char id[64])
{
	struct mock_call call;
	size_t len = 0;

	mock_call_begin(&call, b->host, 0, 1);
	CU_ASSERT_EQUAL(
		b->ops->maildrop_id(mockhost_state(b->host), &call.pub, &b->user, id, &len),
		POPART_OK);
	mock_call_end(&call);
	CU_ASSERT_TRUE(len > 0 && len < 64);
	id[len] = 0;
	return id[len];
}

/* Two names of one file are one maildrop, and one lock. */
static void linked(void)
{
	char one[64], two[64], other[128];
	struct box b;

	box_make(&b, NULL);
	id_of(&b, one);
	id_of(&b, two);
	CU_ASSERT_STRING_EQUAL(one, two);
	box_fill(&b, 1);
	id_of(&b, one);
	CU_ASSERT_STRING_NOT_EQUAL(one, two);
	snprintf(other, sizeof(other), "%s/other.db", b.dir);
	CU_ASSERT_EQUAL(symlink(b.path, other), 0);
	strcpy(b.path, other);
	box_restart(&b, NULL);
	id_of(&b, two);
	CU_ASSERT_STRING_EQUAL(one, two);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 1);
	box_free(&b);
}

/* In a process of its own, which is nobody. 0: as it should be, else the number of what
 * is not. */
static int as_nobody(struct box *b, int (*run)(struct box *))
{
	int state;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(99);
		_exit(run(b));
	}
	return waitpid(pid, &state, 0) == pid && WIFEXITED(state) ? WEXITSTATUS(state) : 98;
}

static int only_reads(struct box *b)
{
	if (box_login(b) != POPART_OK || b->list.n != 2)
		return 1;
	if (b->ops->commit(b->drop, &b->call.pub, &b->list.v[0].ref, 1, &(size_t){ 0 }) !=
		POPART_R_PERM)
		return 2;
	return box_deliver(b, NULL, "x", 1) == POPART_R_PERM ? 0 : 3;
}

static int is_shut_out(struct box *b)
{
	if (box_login(b) != POPART_R_PERM || !box_log_has(b, "writable"))
		return 1;
	return box_deliver(b, NULL, "x", 1) == POPART_R_PERM ? 0 : 3;
}

static void remove_beside(const struct box *b, const char *suffix)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", b->path, suffix);
	(void)unlink(path);
}

static void read_only(void)
{
	static const char *const none_kept[] = { "connections=0", NULL };
	struct box b;

	box_make(&b, none_kept);
	box_fill(&b, 2);
	CU_ASSERT_EQUAL(chmod(b.path, 0444), 0);
	CU_ASSERT_EQUAL(chmod(b.dir, 0777), 0); /* for the -shm beside it */
	CU_ASSERT_EQUAL(as_nobody(&b, only_reads), 0);
	CU_ASSERT_EQUAL(chmod(b.path, 0400), 0);
	if (getuid() == 0)
		CU_ASSERT_EQUAL(as_nobody(&b, is_shut_out), 0);
	/* A directory in which SQLite cannot put its files. */
	remove_beside(&b, "-wal");
	remove_beside(&b, "-shm");
	CU_ASSERT_EQUAL(chmod(b.dir, 0555), 0);
	CU_ASSERT_EQUAL(chmod(b.path, 0444), 0);
	CU_ASSERT_EQUAL(as_nobody(&b, is_shut_out), 0);
	CU_ASSERT_EQUAL(chmod(b.dir, 0700), 0);
	CU_ASSERT_TRUE(box_is_sound(&b));
	box_free(&b);
}

CU_TestInfo place_tests[] = { { "network file systems are refused", types },
	{ "names beside a database", names },
	{ "a user whose database is the WAL of another's", wal_of_another },
	{ "a database with two names", two_names },
	{ "a missing database is an empty maildrop", missing },
	{ "a missing directory is an error", missing_directory },
	{ "directories, pipes and odd names", odd_things },
	{ "only the owner may read", modes }, { "a database that is replaced", replaced },
	{ "a backup put back into the same file", restored },
	{ "one file under two names", linked }, { "a file that is read-only", read_only },
	CU_TEST_INFO_NULL };
