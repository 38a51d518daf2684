/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "admin/admin.h"
#include "bin/check.h"
#include "bin/config.h"
#include "bin/modpath.h"
#include "bin/options.h"
#include "bin/quick.h"
#include "conf/conf.h"
#include "master/master.h"
#include "worker/worker.h"

enum { EXIT_USAGE = 2 };

/* popartd --child=ROLE FD: how the master runs us. NULL: it does not. */
static int (*child_role(int argc, char **argv, int *chan))(int)
{
	uint64_t fd;

	if (argc != 3 || !view_u64(view_str(argv[2]), INT_MAX, &fd))
		return NULL;
	*chan = (int)fd;
	if (strcmp(argv[1], "--child=worker") == 0)
		return worker_main;
	return strcmp(argv[1], "--child=admin") == 0 ? admin_main : NULL;
}

static int child_main(int (*role)(int), int chan)
{
	/* The kernel names a program that was run by descriptor after the descriptor. */
	(void)prctl(PR_SET_NAME, "popartd");
	if (fcntl(chan, F_SETFD, FD_CLOEXEC) < 0) {
		(void)fprintf(stderr, "popartd: --child is for the server itself\n");
		return EXIT_USAGE;
	}
	return role(chan);
}

/* So that no socket of ours can become standard error. */
static bool standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
	if (fd > STDERR_FILENO)
		(void)close(fd);
	return fd > STDERR_FILENO;
}

static bool read_config(const char *path, struct buf *text)
{
	if (config_read(path, text))
		return true;
	(void)fprintf(stderr,
		"popartd: cannot read the configuration %s: %s; name one with -c FILE, or "
		"serve a directory with --maildir DIR\n",
		path, strerror(errno));
	return false;
}

/* Everybody on the machine can read a command line. */
static void hide_password(char *user)
{
	char *colon = user ? strchr(user, ':') : NULL;

	if (colon)
		memset(colon + 1, '*', strlen(colon + 1));
}

static bool same_file(const char *path, int fd)
{
	struct stat a, b;

	return stat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev &&
		a.st_ino == b.st_ino;
}

/* Where our program was when we were started, as the kernel knows it; "" if it does not. The
 * kernel appends a word to the name of a file that was replaced meanwhile. */
static void own_path(char room[PATH_MAX], int binary_fd)
{
	static const char gone[] = " (deleted)";
	ssize_t n = readlink("/proc/self/exe", room, PATH_MAX - 1);
	struct popart_str path = view_of(room, n > 0 ? (size_t)n : 0);

	room[path.len] = '\0';
	if (view_ends(path, view_str(gone)) && !same_file(room, binary_fd))
		room[path.len - strlen(gone)] = '\0';
}

/* The file that -c names, wherever we are later; a link is followed then. */
static bool absolute(const char *name, char room[PATH_MAX])
{
	char here[PATH_MAX] = "";
	int n;

	if (name[0] != '/' && !getcwd(here, sizeof(here)))
		return false;
	n = snprintf(room, PATH_MAX, "%s%s%s", here, here[0] ? "/" : "", name);
	return n > 0 && n < PATH_MAX;
}

static int serve(const struct options *o, struct popart_str text, const char *name)
{
	char path[PATH_MAX], binary[PATH_MAX];
	struct master_setup setup = { .conf_text = text, .conf_name = name };

	setup.conf_is_file = !o->maildir;
	if (setup.conf_is_file) {
		if (!absolute(name, path)) {
			(void)fprintf(stderr, "popartd: cannot tell where %s is: %s\n", name,
				strerror(errno));
			return 1;
		}
		setup.conf_name = path;
	}
	/* The program that we are, whatever replaces its file. */
	setup.binary_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (setup.binary_fd < 0) {
		(void)fprintf(stderr,
			"popartd: cannot open /proc/self/exe: %s; is /proc "
			"mounted?\n",
			strerror(errno));
		return 1;
	}
	own_path(binary, setup.binary_fd);
	setup.binary = binary[0] ? binary : NULL;
	int status = master_main(&setup);
	(void)close(setup.binary_fd);
	return status;
}

static int usage_error(struct buf *why)
{
	(void)fprintf(stderr, "popartd: %s\n", buf_cstr(why));
	return EXIT_USAGE;
}

static int with_configuration(const struct options *o, struct buf *text, struct buf *why)
{
	const char *name = o->maildir ? QUICK_NAME : o->config ? o->config : CONFIG_DEFAULT;
	int status;

	if (o->maildir) {
		if (!quick_config(o, text, why))
			return usage_error(why);
		hide_password(o->user);
	} else if (!read_config(name, text)) {
		return 1;
	}
	if (o->action == ACTION_CHECK)
		status = check_configuration(buf_view(text), name);
	else if (o->action == ACTION_DUMP)
		status = check_dump(buf_view(text), name);
	else
		status = serve(o, buf_view(text), name);
	return status;
}

static int run(const struct options *o, struct buf *text, struct buf *why)
{
	const char *path;

	if (!modpath_use(o->module_path)) {
		(void)fprintf(stderr, "popartd: out of memory\n");
		return 1;
	}
	switch (o->action) {
	case ACTION_HELP:
		return fputs(options_help, stdout) < 0 ? 1 : 0;
	case ACTION_VERSION:
		return printf("popartd %s (module ABI %u.%u)\n", POPART_VERSION,
			       POPART_API_MAJOR, POPART_API_MINOR) < 0;
	case ACTION_MODULES:
		path = getenv("POPART_MODULE_PATH");
		if (!path)
			path = getenv("POPART_MODULEDIR");
		return check_list_modules(path ? path : POPART_MODULEDIR);
	default:
		return with_configuration(o, text, why);
	}
}

int main(int argc, char **argv)
{
	struct options options;
	struct buf text, why;
	int (*role)(int);
	int chan, status;

	if (!standard_descriptors())
		return 1;
	role = child_role(argc, argv, &chan);
	if (role)
		return child_main(role, chan);
	(void)umask(077);
	buf_init(&text, CONFIG_TEXT_MAX);
	buf_init(&why, 1024);
	if (options_parse(&options, argc, argv, &why))
		status = run(&options, &text, &why);
	else
		status = usage_error(&why);
	buf_wipe(&text); /* passwords may be in it */
	buf_free(&why);
	return status;
}
