/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "abi/rig.h"
#include "support/tap.h"

/* Every wrong module gets one line that names the file and the field, and nothing of it
 * stays loaded or started. */

static void is_unloaded(const char *file)
{
	void *still = dlopen(file, RTLD_NOW | RTLD_NOLOAD);

	CU_ASSERT_PTR_NULL(still);
	if (still)
		dlclose(still);
}

/* said: the whole report. */
static void refused(struct rig *r, const char *said)
{
	CU_ASSERT_FALSE(rig_start(r));
	if (strcmp(rig_said(r), said) != 0)
		fprintf(stderr, "# said: %s# want: %s", rig_said(r), said);
	CU_ASSERT_STRING_EQUAL(rig_said(r), said);
	char file[128];
	snprintf(file, sizeof(file), "%s", r->module);
	host_free(&r->host);
	is_unloaded(file);
	rig_free(r);
}

#define AT    "test.conf:4: "
#define FIRST AT "module \"planted\": DIR/planted.so: "

static void bad_descriptors(void)
{
	static const char *const cases[][2] = {
		{ "magic",
			"magic is 0x54524150, not 0x50415254; it is no popart module, or made "
			"for another byte order" },
		{ "major",
			"api_major is 2, this server has 1; install the module's build for "
			"this "
			"server" },
		{ "minor", "api_minor_min is 1, this server has 0; it needs a newer server" },
		{ "size",
			"size is 16, should be at least 128; build it anew with this server's "
			"headers" },
		{ "name",
			"name is \"plated\", not \"planted\" as the file's; rename the file to "
			"plated.so" },
		{ "no_name", "name is empty; it must be that of the file" },
		{ "no_ops", "auth and storage are both missing; the module must be mended" },
		{ "no_start", "start is missing; the module must be mended" },
		{ "no_stop", "stop is missing; the module must be mended" },
		{ "no_thread_stop", "thread_stop is missing; the module must be mended" },
		{ "opt_stride", "opt_stride is too small; the module must be mended" },
		{ "stat_stride", "stat_stride is too small; the module must be mended" },
		{ "auth_empty",
			"auth has none of check_password, fetch_secret, check_token; the "
			"module must be mended" },
		{ "auth_no_size", "auth.size is not set; the module must be mended" },
		{ "store_no_size", "storage.size is not set; the module must be mended" },
		{ "accounts_no_size", "accounts.size is not set; the module must be mended" },
		{ "no_close", "storage.close is missing; the module must be mended" },
		{ "no_commit", "storage.commit is missing; the module must be mended" },
		{ "half_deliver",
			"storage has some of the four deliver functions only; the module "
			"must be mended" },
		{ "half_accounts",
			"accounts has some of its four functions only; the module must be "
			"mended" },
		{ "lone_accounts",
			"accounts is there without auth; the module must be mended" },
		{ "nothing",
			"popart_module_entry returned nothing; the module must be mended" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig r;
		char said[512];

		rig_init(&r, cases[i][0]);
		rig_auth(&r, "a", NULL);
		rig_storage(&r, "s", NULL);
		/* Both blocks name it; each is told of. */
		snprintf(said, sizeof(said),
			FIRST "%s\ntest.conf:6: module \"planted\": DIR/planted.so: %s\n",
			cases[i][1], cases[i][1]);
		refused(&r, said);
	}
}

static void no_such_kind(void)
{
	struct rig r;

	rig_init(&r, "no_auth");
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	refused(&r, AT "module \"planted\" has no auth operations; take another\n");
	rig_init(&r, "no_storage");
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	refused(&r,
		"test.conf:6: module \"planted\" has no storage operations; take another\n");
}

static void needs_user_ids(void)
{
	struct rig r;

	rig_init(&r, "user_ids");
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	refused(&r,
		"test.conf:6: module \"planted\" reaches for files as their owners only; add: "
		"as_user = true;\n");
	rig_init(&r, "user_ids");
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", "as_user = true;");
	CU_ASSERT(rig_load(&r));
	rig_free(&r);
}

static void bad_files(void)
{
	struct rig r;
	char said[512];

	rig_init(&r, NULL);
	setenv("RIG_MODULE", "hollow", 1);
	rig_auth(&r, "a", NULL);
	setenv("RIG_MODULE", "planet", 1);
	rig_storage(&r, "s", NULL);
	unsetenv("RIG_MODULE");
	refused(&r,
		AT "module \"hollow\": DIR/hollow.so: symbol popart_module_entry is missing; "
		   "it is no popart module (POPART_MODULE makes it)\n"
		   "test.conf:6: module \"planet\": there is no planet.so in DIR; did you "
		   "mean \"planted\"?\n");

	rig_init(&r, NULL);
	FILE *f = fopen(r.module, "w");
	fputs("no shared object\n", f);
	fclose(f);
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	CU_ASSERT_FALSE(rig_load(&r));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_said(&r), FIRST "cannot be loaded: "));
	CU_ASSERT_EQUAL(r.report.errors, 2);
	rig_free(&r);

	rig_init(&r, NULL);
	unlink(r.module);
	mkdir(r.module, 0755);
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	snprintf(said, sizeof(said), "%s",
		FIRST
		"not a regular file; name the module's shared object\n"
		"test.conf:6: module \"planted\": DIR/planted.so: not a regular file; name "
		"the module's shared object\n");
	refused(&r, said);
}

/* What is written on the first line of the report. */
static void first_line(struct rig *r, const char *want)
{
	CU_ASSERT_FALSE(rig_load(r));
	CU_ASSERT(strncmp(rig_said(r), want, strlen(want)) == 0);
	if (strncmp(rig_said(r), want, strlen(want)) != 0)
		fprintf(stderr, "# said: %s# want: %s\n", rig_said(r), want);
	char file[128];
	snprintf(file, sizeof(file), "%s", r->module);
	host_free(&r->host);
	is_unloaded(file);
	chmod(r->dir, 0755);
	rig_free(r);
}

static void begin(struct rig *r)
{
	rig_init(r, NULL);
	rig_auth(r, "a", NULL);
	rig_storage(r, "s", NULL);
}

static void writable_by_others(void)
{
	struct rig r;

	begin(&r);
	chmod(r.module, 0646);
	first_line(&r,
		FIRST "the module may be written by everybody (mode 0646), who could run "
		      "code in the server; chmod go-w\n");
	begin(&r);
	chmod(r.module, 0664);
	first_line(&r,
		FIRST "the module may be written by its group (mode 0664), who could run "
		      "code in the server; chmod go-w\n");
	begin(&r);
	chmod(r.dir, 01777);
	first_line(&r,
		AT "module \"planted\": DIR: the directory of a module may be written by "
		   "everybody (mode 1777), who could run code in the server; chmod go-w\n");
	begin(&r);
	chmod(r.dir, 0775);
	first_line(&r,
		AT "module \"planted\": DIR: the directory of a module may be written by "
		   "its group (mode 0775), who could run code in the server; chmod go-w\n");
}

static void owned_by_others(void)
{
	struct rig r;

	if (geteuid() != 0)
		return; /* nobody else can give files away */
	begin(&r);
	CU_ASSERT_EQUAL(chown(r.module, 12345, (gid_t)-1), 0);
	first_line(&r,
		FIRST "the module belongs to uid 12345, who is neither root nor the "
		      "server's owner; chown root\n");
	begin(&r);
	CU_ASSERT_EQUAL(chown(r.dir, 12345, (gid_t)-1), 0);
	first_line(&r,
		AT "module \"planted\": DIR: the directory of a module belongs to uid "
		   "12345, who is neither root nor the server's owner; chown root\n");
}

/* A link into a directory that others may write is as bad as a file there. */
static void reached_by_link(void)
{
	char open_dir[128], target[160];
	struct rig r;

	begin(&r);
	snprintf(open_dir, sizeof(open_dir), "%s/open", r.dir);
	snprintf(target, sizeof(target), "%s/planted.so", open_dir);
	mkdir(open_dir, 0755);
	CU_ASSERT_EQUAL(rename(r.module, target), 0);
	CU_ASSERT_EQUAL(symlink(target, r.module), 0);
	chmod(open_dir, 0777);
	first_line(&r,
		AT "module \"planted\": DIR/open: the directory of a module may be written "
		   "by everybody (mode 0777), who could run code in the server; chmod go-w\n");
}

static void wrong_options(void)
{
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", "anwser = 1;");
	rig_storage(&r, "s", "path = \"/srv/%x\";");
	CU_ASSERT_FALSE(rig_start(&r));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_said(&r), AT "unknown key \"anwser\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_said(&r), "did you mean \"answer\"?"));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_said(&r),
		"test.conf:6: path: \"%x\" means nothing here; there are "
		"%u %n %d %h %{attribute} and %%\n"));
	rig_free(&r);

	rig_init(&r, NULL);
	buf_add_str(&r.conf_text, "auth = ( { module = \"planted\"; } );\n");
	rig_storage(&r, "s", NULL);
	CU_ASSERT_FALSE(rig_start(&r));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_said(&r), "test.conf:3: journal is missing"));
	rig_free(&r);
}

static void journal_is(const struct rig *r, const char *want)
{
	char *journal = rig_journal(r);

	if (strcmp(journal, want) != 0)
		fprintf(stderr, "# journal: %s\n# want:    %s\n", journal, want);
	CU_ASSERT_STRING_EQUAL(journal, want);
	free(journal);
}

static void check_fails(void)
{
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", "check = 5; say = \"user and any at once\";");
	rig_storage(&r, "s", "check = -2;");
	CU_ASSERT_FALSE(rig_start(&r));
	CU_ASSERT_STRING_EQUAL(rig_said(&r),
		AT
		"auth \"a\": check: user and any at once: No such file or directory\n"
		"test.conf:6: storage \"s\": check failed (no-memory) and the module does not "
		"say why; see its manual\n");
	journal_is(&r, "");
	rig_free(&r);
}

static void second_start_fails(void)
{
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", NULL);
	rig_auth(&r, "b", NULL);
	rig_auth(&r, "c", "start = -1; say = \"cannot open it\";");
	rig_storage(&r, "s", NULL);
	CU_ASSERT_FALSE(rig_start(&r));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_said(&r),
		"auth \"c\": start: cannot open it: No such file or directory\n"));
	journal_is(&r, "start 0;start 0;start -1;stop 0;stop 0;");
	rig_free(&r);
}

static void thread_three_fails(void)
{
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", "thread_fails = 3; thread_status = -4;");
	CU_ASSERT_FALSE(rig_start(&r));
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_said(&r),
		"storage \"s\": thread_start failed (unavailable) and the module"));
	/* Both instances in threads 0 to 2, the first one in thread 3. */
	journal_is(&r,
		"start 0;start 0;"
		"thread_start 0;thread_start 0;thread_start 1;thread_start 1;"
		"thread_start 2;thread_start 2;thread_start 3;thread_stop 3;"
		"thread_stop 2;thread_stop 2;thread_stop 1;thread_stop 1;"
		"thread_stop 0;thread_stop 0;stop 0;stop 0;");
	rig_free(&r);
}

static void older_module(void)
{
	struct rig r;

	rig_init(&r, "old");
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	CU_ASSERT(rig_load(&r));
	CU_ASSERT_STRING_EQUAL(rig_said(&r), "");
	rig_free(&r);
}

static void listing(void)
{
	struct rig r;
	struct buf out;
	char want[256];

	rig_init(&r, NULL);
	buf_init(&out, 65536);
	host_list_modules(r.dir, &out);
	snprintf(want, sizeof(want), "planted 1.0 (auth, storage) %s: wrong on purpose\n",
		r.module);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), want));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "refused: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "hollow.so: symbol popart_module_entry"));
	buf_free(&out);
	rig_free(&r);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{ "a wrong descriptor: the field is named", bad_descriptors },
		{ "auth where storage is asked for, and the other way", no_such_kind },
		{ "a store that works as the user only", needs_user_ids },
		{ "no module, no shared object, no such file", bad_files },
		{ "a file or directory that others may write", writable_by_others },
		{ "a file or directory that belongs to others", owned_by_others },
		{ "a link to a directory that others may write", reached_by_link },
		{ "unknown, missing and senseless options", wrong_options },
		{ "check says no, with and without a reason", check_fails },
		{ "start of the third instance fails", second_start_fails },
		{ "thread_start fails in thread 3", thread_three_fails },
		{ "an older module, with a shorter table", older_module },
		{ "the list of modules", listing },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "refusals", NULL, NULL, NULL, NULL, tests },
		CU_SUITE_INFO_NULL };

	return tap_main(argc, argv, "abi", suites);
}
