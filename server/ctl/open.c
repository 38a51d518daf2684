/* SPDX-License-Identifier: MIT */
#include "ctl/open.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A browser is not for root, and not without a screen. */
static bool has_screen(void)
{
	const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

	return geteuid() != 0 && ((x && *x) || (wayland && *wayland));
}

static bool write_file(struct ctl_open *o, const char *url)
{
	const char *top = getenv("XDG_RUNTIME_DIR");
	FILE *file;
	bool good;
	int n = snprintf(o->directory, sizeof(o->directory), "%s/popart-web.XXXXXX",
		top && *top == '/' ? top : "/tmp");

	if (n < 0 || (size_t)n >= sizeof(o->directory) || !mkdtemp(o->directory)) {
		o->directory[0] = '\0';
		return false;
	}
	(void)snprintf(o->file, sizeof(o->file), "%s/open.html", o->directory);
	file = fopen(o->file, "wxe"); /* the program's umask is 077 */
	if (!file)
		return false;
	good = fprintf(file,
		       "<!doctype html><meta charset=\"utf-8\"><title>popart</title>"
		       "<meta http-equiv=\"refresh\" content=\"0;url=%s\">\n",
		       url) > 0;
	return fclose(file) == 0 && good;
}

/* In a group of its own, so that Ctrl-C is not for it; what it says is nobody's concern. */
static bool start_browser(char *file)
{
	extern char **environ;
	char program[] = "xdg-open";
	char *argv[] = { program, file, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none;
	pid_t pid;
	bool started = false;

	(void)sigemptyset(&none);
	if (posix_spawn_file_actions_init(&files) != 0)
		return false;
	if (posix_spawnattr_init(&how) == 0) {
		started = posix_spawnattr_setflags(
				  &how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP) == 0 &&
			posix_spawnattr_setsigmask(&how, &none) == 0 &&
			posix_spawn_file_actions_addopen(
				&files, STDIN_FILENO, "/dev/null", O_RDWR, 0) == 0 &&
			posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, STDOUT_FILENO) ==
				0 &&
			posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, STDERR_FILENO) ==
				0 &&
			posix_spawnp(&pid, "xdg-open", &files, &how, argv, environ) == 0;
		(void)posix_spawnattr_destroy(&how);
	}
	(void)posix_spawn_file_actions_destroy(&files);
	return started;
}

bool ctl_open(struct ctl_open *o, const char *url)
{
	*o = (struct ctl_open){ .directory = "" };
	return has_screen() && write_file(o, url) && start_browser(o->file);
}

void ctl_open_end(struct ctl_open *o)
{
	if (!o->directory[0])
		return;
	(void)unlink(o->file);
	(void)rmdir(o->directory);
	o->directory[0] = '\0';
}
