/* SPDX-License-Identifier: MIT */
/*
 * alone CONFIGURATION COMMAND...: one worker without a master, as a child of COMMAND, so that
 * it can run under a program that counts what it does (valgrind cannot run the master). Prints
 * the port once it accepts connections; ends it when standard input ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bin/config.h"
#include "ipc/chan.h"
#include "ipc/secret.h"
#include "master/generation.h"

static struct generation *prepare(const char *path, struct report *r)
{
	const char key[SECRET_TICKET_KEY] = { 0 };
	struct generation_setup setup = {
		.conf_name = path, .ticket_key = view_of(key, sizeof(key)), .number = 1
	};
	struct generation *g = NULL;
	struct buf text;

	buf_init(&text, CONFIG_TEXT_MAX);
	if (!config_read(path, &text)) {
		report_error(r, path, 0, "cannot read it: %s", strerror(errno));
	} else {
		setup.conf_text = buf_view(&text);
		setup.binary_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
		g = generation_new(&setup, r);
		(void)close(setup.binary_fd);
	}
	buf_free(&text);
	return g;
}

/* In the child: COMMAND, followed by what makes popartd a worker. */
static NORETURN void become(char **command, int n, int chan)
{
	char **argv = calloc((size_t)n + 3, sizeof(char *)), number[16];
	char role[] = "--child=worker";

	if (argv && fcntl(chan, F_SETFD, 0) == 0) {
		(void)snprintf(number, sizeof(number), "%d", chan);
		memcpy(argv, command, (size_t)n * sizeof(char *));
		argv[n] = role;
		argv[n + 1] = number;
		(void)execvp(argv[0], argv);
	}
	perror(command[0]);
	_exit(127);
}

static bool send_start(const struct generation *g, int chan)
{
	struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = CHAN_START, .generation = 1 };
	int fds[CHAN_FDS_MAX] = { g->conf_fd, g->board_fd, g->secrets_fd };
	size_t n = 3;

	for (size_t i = 0; i < g->conf->nlisten; i++)
		fds[n++] = g->listeners[i];
	msg.text_len = (uint32_t)strlen(g->conf_name);
	memcpy(msg.text, g->conf_name, msg.text_len);
	return chan_send(chan, &msg, fds, n) == 0;
}

static bool say(int chan, enum chan_kind kind)
{
	struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = kind };

	return chan_send(chan, &msg, NULL, 0) == 0;
}

static bool comes_up(int chan)
{
	struct chan_msg msg;
	int fds[CHAN_FDS_MAX];
	size_t n = CHAN_FDS_MAX;

	if (chan_recv(chan, &msg, fds, &n) != 1)
		return false;
	if (msg.kind != CHAN_READY)
		(void)fprintf(stderr, "%.*s\n", (int)msg.text_len, msg.text);
	return msg.kind == CHAN_READY && say(chan, CHAN_ACCEPT);
}

static void print_port(const struct generation *g)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	(void)getsockname(g->listeners[0], (struct sockaddr *)&address, &len);
	(void)printf("%u\n", (unsigned)ntohs(address.sin_port));
	(void)fflush(stdout);
}

static int run(const struct generation *g, char **command, int n)
{
	int chan[2], status = 1;
	char rest[64];
	pid_t pid;

	if (chan_pair(chan) != 0)
		return 1;
	pid = fork();
	if (pid == 0)
		become(command, n, chan[1]);
	(void)close(chan[1]);
	if (pid > 0 && send_start(g, chan[0]) && comes_up(chan[0])) {
		print_port(g);
		while (read(STDIN_FILENO, rest, sizeof(rest)) > 0)
			;
		(void)say(chan[0], CHAN_STOP);
	}
	(void)close(chan[0]);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	return status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct generation *g;
	struct report report;
	int status = 1;

	if (argc < 3) {
		(void)fprintf(stderr, "usage: alone CONFIGURATION COMMAND...\n");
		return 2;
	}
	report_init(&report);
	g = prepare(argv[1], &report);
	if (g)
		status = run(g, argv + 2, argc - 2);
	else
		(void)fprintf(stderr, "%s", buf_cstr(&report.text));
	if (g)
		generation_free(&g);
	report_free(&report);
	return status;
}
