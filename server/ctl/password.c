/* SPDX-License-Identifier: MIT */
#include "ctl/password.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "ctl/ctl.h"
#include "ctl/stop.h"
#include "net/prep.h"

#define PASSWORD_MAX 1024u

#define LOOK_MS 200

struct line {
	char room[PASSWORD_MAX];
	size_t len;
	bool full; /* the rest of it is read, too, and not kept */
};

/* Whether there is something to read; on a terminal a signal must be able to end it. */
static bool wait_for_octets(int fd, const _Atomic uint32_t *stopping)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (stopping && !atomic_load(stopping) && poll(&p, 1, LOOK_MS) <= 0)
		;
	return !stopping || !atomic_load(stopping);
}

/* Octet by octet: what follows the line is not ours. False: *why. */
static bool read_line(
	int fd, const _Atomic uint32_t *stopping, struct line *line, const char **why)
{
	bool some = false;
	char c = '\0';
	ssize_t n = 1;

	*line = (struct line){ .len = 0 };
	while (n != 0 && c != '\n') {
		if (!wait_for_octets(fd, stopping)) {
			*why = "interrupted";
			return false;
		}
		n = read(fd, &c, 1);
		if (n < 0 && errno != EINTR) {
			*why = strerror(errno);
			return false;
		}
		some |= n > 0;
		if (n > 0 && c != '\n' && line->len < sizeof(line->room))
			line->room[line->len++] = c;
		else
			line->full |= n > 0 && c != '\n';
	}
	if (line->len && line->room[line->len - 1] == '\r')
		line->len--;
	if (line->full)
		*why = "longer than 1024 octets";
	else if (!some)
		*why = "there is none: standard input has ended";
	else if (!line->len)
		*why = "it is empty";
	return !*why;
}

static bool say(int fd, const char *text)
{
	return write(fd, text, strlen(text)) >= 0;
}

static bool ask(int fd, const char *prompt, struct line *line, const char **why)
{
	_Atomic uint32_t stopping = 0;
	struct stop *stop = stop_begin(&stopping);
	struct termios before, silent;
	bool known = stop && tcgetattr(fd, &before) == 0, ok = known;

	if (known) {
		silent = before;
		silent.c_lflag &= (tcflag_t)~ECHO;
		silent.c_lflag |= ECHONL;
		silent.c_cc[VSUSP] =
			_POSIX_VDISABLE; /* the shell would not have echo, either */
		ok = tcsetattr(fd, TCSAFLUSH, &silent) == 0 && say(fd, prompt);
	}
	if (!ok)
		*why = strerror(errno);
	ok = ok && read_line(fd, &stopping, line, why);
	if (known)
		(void)tcsetattr(fd, TCSAFLUSH, &before);
	stop_end(&stop);
	return ok;
}

static bool ask_twice(int fd, struct line *first, const char **why)
{
	struct line second = { .len = 0 };
	bool ok = ask(fd, "Password: ", first, why) && ask(fd, "Again: ", &second, why);

	if (ok &&
		(first->len != second.len ||
			memcmp(first->room, second.room, first->len) != 0)) {
		*why = "the two are not the same";
		ok = false;
	}
	explicit_bzero(&second, sizeof(second));
	return ok;
}

int password_take(struct buf *out)
{
	const char *why = NULL;
	struct line line = { .len = 0 };
	bool ok;

	ok = isatty(STDIN_FILENO) ? ask_twice(STDIN_FILENO, &line, &why)
				  : read_line(STDIN_FILENO, NULL, &line, &why);
	if (ok && !prep_credential(view_of(line.room, line.len), out)) {
		why = "it is not UTF-8, or has control characters, with which nobody could "
		      "log in";
		ok = false;
	}
	explicit_bzero(&line, sizeof(line));
	return ok ? CTL_OK : ctl_fail(CTL_USAGE, "the password: %s", why);
}
