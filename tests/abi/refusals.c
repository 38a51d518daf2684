/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <elf.h>
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

/* Its octets changed: the first `old` (all of them, with `every`) becomes `new`. */
static void patch(const char *file, const char *old, const char *new, size_t len, bool every)
{
	char *text = malloc(4 << 20), *at = text;
	FILE *f = fopen(file, "r+b");
	bool found = false;

	if (!text || !f)
		abort();
	size_t n = fread(text, 1, 4 << 20, f);
	while ((at = memmem(at, n - (size_t)(at - text), old, len)) != NULL) {
		memcpy(at, new, len);
		found = true;
		if (!every)
			break;
	}
	CU_ASSERT(found);
	rewind(f);
	CU_ASSERT(fwrite(text, 1, n, f) == n && fclose(f) == 0);
	free(text);
}

static void write_file(const char *file, const char *octets, size_t len)
{
	FILE *f = fopen(file, "wb");

	if (!f || fwrite(octets, 1, len, f) != len || fclose(f) != 0)
		abort();
}

static void begin(struct rig *r)
{
	rig_init(r, NULL);
	rig_auth(r, "a", NULL);
	rig_storage(r, "s", NULL);
}

static void no_shared_object(void)
{
#define FILE_OF(octets, reason)                                                        \
	{                                                                              \
		.text = (octets), .len = sizeof(octets) - 1, .said = FIRST reason "\n" \
	}
	static const struct {
		const char *text;
		size_t len;
		const char *said;
	} cases[] = {
		FILE_OF("", "is empty; copy it again"),
		FILE_OF("\177ELF\2\1\1", "is cut off; copy it again"),
		FILE_OF("#!/bin/sh\nexit 1\n", "is a text; name the module's shared object"),
		FILE_OF("# planted.la - a libtool library file\n",
			"is libtool's description of a library; name the .so that it "
			"installs, or that lies in .libs"),
		FILE_OF("!<arch>\n\0\0",
			"is an archive of object files; link them with -shared"),
		FILE_OF("PK\3\4\0\0\0\0", "is no shared object; name the module's"),
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig r;

		begin(&r);
		write_file(r.module, cases[i].text, cases[i].len);
		first_line(&r, cases[i].said);
	}
}

/* One octet of the file's head, and what is said of it. */
static void with_head(long at, char value, const char *said)
{
	struct rig r;

	begin(&r);
	FILE *f = fopen(r.module, "r+b");
	if (!f || fseek(f, at, SEEK_SET) != 0 || fputc(value, f) == EOF || fclose(f) != 0)
		abort();
	CU_ASSERT_FALSE(rig_load(&r));
	if (!strstr(rig_said(&r), said))
		fprintf(stderr, "# said: %s# want: %s\n", rig_said(&r), said);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_said(&r), said));
	rig_free(&r);
}

static void for_other_machines(void)
{
#if defined(__x86_64__)
	with_head(18, (char)EM_AARCH64,
		FIRST "was built for 64-bit ARM, this server for x86-64; build it for this "
		      "machine\n");
	with_head(4, ELFCLASS32,
		FIRST "was built for 32 bits, this server for x86-64; build it for this "
		      "machine\n");
#endif
	with_head(18, (char)EM_68K, FIRST "was built for machine 4 of ELF, this server for ");
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	with_head(5, ELFDATA2MSB, FIRST "was built for another byte order, this server for ");
	with_head(16, ET_REL,
		FIRST "is an object file, no shared object; link it with -shared\n");
	with_head(16, ET_EXEC, FIRST "is a program, no shared object; link it with -shared\n");
#endif
}

static void what_it_needs(void)
{
	struct stat st;
	struct rig r;

	begin(&r);
	CU_ASSERT_EQUAL(truncate(r.module, 1000), 0);
	first_line(&r, FIRST "is cut off; copy it again\n");

	begin(&r);
	CU_ASSERT(stat(r.module, &st) == 0 && truncate(r.module, st.st_size / 3) == 0);
	first_line(&r, FIRST "is cut off; copy it again\n");

	begin(&r);
	patch(r.module, "libc.so.6", "libq.so.6", strlen("libq.so.6"), true);
	first_line(&r,
		FIRST "needs the library libq.so.6, which is not installed; install it (ldd "
		      "says what else is missing)\n");
#if defined(__x86_64__)
	begin(&r);
	patch(r.module, "GLIBC_2.2.5", "GLIBC_9.9.9", strlen("GLIBC_9.9.9"), true);
	first_line(&r,
		FIRST "needs GLIBC_9.9.9, which is newer than what is here; build it here\n");
#endif

	rig_init(&r, NULL);
	setenv("RIG_MODULE", "lacking", 1);
	rig_auth(&r, "a", NULL);
	unsetenv("RIG_MODULE");
	rig_storage(&r, "s", NULL);
	first_line(&r,
		AT "module \"lacking\": DIR/lacking.so: uses \"popart_log\", which neither it "
		   "nor a library that it is linked with has; the server exports nothing, its "
		   "functions are in struct popart_host\n");
}

static void file_not_there(void)
{
	char name[160];
	struct rig r;

	rig_init(&r, NULL);
	snprintf(name, sizeof(name), "%s/plantd.so", r.dir);
	setenv("RIG_MODULE", name, 1);
	rig_auth(&r, "a", NULL);
	snprintf(name, sizeof(name), "%s/no/such/plantd.so", r.dir);
	setenv("RIG_MODULE", name, 1);
	rig_storage(&r, "s", NULL);
	unsetenv("RIG_MODULE");
	refused(&r,
		AT
		"module \"DIR/plantd.so\": DIR/plantd.so: there is no such file; did you mean "
		"\"DIR/planted.so\"?\n"
		"test.conf:6: module \"DIR/no/such/plantd.so\": DIR/no/such/plantd.so: there "
		"is "
		"no such directory; of the way to it only DIR is there\n");
}

/* As somebody else than root, to whom nothing is closed. */
static void closed(void)
{
	char file[160], dir[128];
	struct rig r;

	if (geteuid() != 0)
		return;
	begin(&r);
	CU_ASSERT(chmod(r.dir, 0755) == 0 && chmod(r.module, 0600) == 0);
	CU_ASSERT_EQUAL(seteuid(12345), 0);
	first_line(
		&r, FIRST "uid 12345 may not read it (mode 0600); chmod a+r DIR/planted.so\n");
	CU_ASSERT_EQUAL(seteuid(0), 0);

	rig_init(&r, NULL);
	snprintf(dir, sizeof(dir), "%s/closed", r.dir);
	snprintf(file, sizeof(file), "%s/planted.so", dir);
	CU_ASSERT(mkdir(dir, 0700) == 0 && rename(r.module, file) == 0);
	CU_ASSERT_EQUAL(chmod(r.dir, 0755), 0);
	setenv("RIG_MODULE", file, 1);
	rig_auth(&r, "a", NULL);
	unsetenv("RIG_MODULE");
	rig_storage(&r, "s", NULL);
	CU_ASSERT_EQUAL(seteuid(12345), 0);
	first_line(&r,
		AT "module \"DIR/closed/planted.so\": DIR/closed/planted.so: uid 12345 may not "
		   "search the directory DIR/closed; chmod a+x DIR/closed\n");
	CU_ASSERT_EQUAL(seteuid(0), 0);
}

/* The first directory that is free for all to rename things in counts, however far up. */
static void above_it(void)
{
	char up[128], dir[160], file[192];
	struct rig r;

	rig_init(&r, NULL);
	snprintf(up, sizeof(up), "%s/up", r.dir);
	snprintf(dir, sizeof(dir), "%s/modules", up);
	snprintf(file, sizeof(file), "%s/planted.so", dir);
	CU_ASSERT(mkdir(up, 0755) == 0 && mkdir(dir, 0755) == 0);
	CU_ASSERT(rename(r.module, file) == 0 && chmod(up, 0777) == 0);
	setenv("RIG_MODULE", file, 1);
	rig_auth(&r, "a", NULL);
	unsetenv("RIG_MODULE");
	rig_storage(&r, "s", NULL);
	first_line(&r,
		AT "module \"DIR/up/modules/planted.so\": DIR/up/modules/planted.so: above it, "
		   "DIR/up may be written by everybody (mode 0777), who could run code in the "
		   "server; chmod go-w DIR/up\n");
}

static void writable_by_others(void)
{
	struct rig r;

	begin(&r);
	chmod(r.module, 0646);
	first_line(&r,
		FIRST "the module may be written by everybody (mode 0646), who could run "
		      "code in the server; chmod go-w DIR/planted.so\n");
	begin(&r);
	chmod(r.module, 0664);
	first_line(&r,
		FIRST "the module may be written by its group (mode 0664), who could run "
		      "code in the server; chmod go-w DIR/planted.so\n");
	begin(&r);
	chmod(r.dir, 01777);
	first_line(&r,
		FIRST "its directory DIR may be written by everybody (mode 1777), who could "
		      "run code in the server; chmod go-w DIR\n");
	begin(&r);
	chmod(r.dir, 0775);
	first_line(&r,
		FIRST "its directory DIR may be written by its group (mode 0775), who could "
		      "run code in the server; chmod go-w DIR\n");
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
		      "server's owner; chown root DIR/planted.so\n");
	begin(&r);
	CU_ASSERT_EQUAL(chown(r.dir, 12345, (gid_t)-1), 0);
	first_line(&r,
		FIRST "its directory DIR belongs to uid 12345, who is neither root nor the "
		      "server's owner; chown root DIR\n");
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
		FIRST "its directory DIR/open may be written by everybody (mode 0777), who "
		      "could run code in the server; chmod go-w DIR/open\n");
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
		{ "a file that is no shared object", no_shared_object },
		{ "a shared object for another machine", for_other_machines },
		{ "libraries, versions and symbols that are not here", what_it_needs },
		{ "a path to no file, with the nearest that there is", file_not_there },
		{ "a file or directory that is closed to us", closed },
		{ "a directory further up that others may write", above_it },
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
