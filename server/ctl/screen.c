/* SPDX-License-Identifier: MIT */
#include "ctl/screen.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* The other screen, without a cursor, and lines that end at its edge. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define ROWS  24u

struct screen {
	struct termios before;
	sigset_t mask; /* before */
	int signals;
	bool keys; /* standard input is a terminal */
};

/* All of it, as far as the terminal is there. */
static void put(struct popart_str text)
{
	while (text.len > 0) {
		ssize_t n = write(STDOUT_FILENO, text.ptr, text.len);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			text = view_of(text.ptr + n, text.len - (size_t)n);
	}
}

/* Keys come at once and unseen. What ends a program still does; Ctrl-Z would leave the
 * terminal as it is now. */
static bool take_keys(struct screen *s)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &s->before) != 0)
		return errno == ENOTTY;
	raw = s->before;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] = _POSIX_VDISABLE;
	s->keys = true;
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

struct screen *screen_take(void)
{
	struct screen *s = calloc(1, sizeof(*s));
	sigset_t set;

	if (!s)
		return NULL;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, &s->mask);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0 || !take_keys(s)) {
		int why = errno;
		(void)sigprocmask(SIG_SETMASK, &s->mask, NULL);
		if (s->signals >= 0)
			(void)close(s->signals);
		free(s);
		errno = why;
		return NULL;
	}
	put(VIEW_LIT(ENTER));
	return s;
}

void screen_give_back(struct screen **screen)
{
	struct screen *s = *screen;

	if (!s)
		return;
	put(VIEW_LIT(LEAVE));
	if (s->keys)
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->before);
	(void)close(s->signals);
	(void)sigprocmask(SIG_SETMASK, &s->mask, NULL);
	free(s);
	*screen = NULL;
}

unsigned screen_rows(const struct screen *s)
{
	struct winsize size;

	(void)s;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : ROWS;
}

void screen_draw(struct screen *s, struct popart_str lines)
{
	unsigned rows = screen_rows(s);
	struct buf out;

	buf_init(&out, 1u << 20);
	buf_add_str(&out, "\033[H");
	for (unsigned row = 0; row < rows && lines.len > 0; row++) {
		if (row)
			buf_add_str(&out, "\r\n");
		buf_add(&out, view_cut(&lines, '\n'));
		buf_add_str(&out, "\033[0m\033[K");
	}
	buf_add_str(&out, "\033[J");
	put(buf_view(&out));
	buf_free(&out);
}

enum screen_event screen_wait(struct screen *s, int64_t ms, char *key)
{
	struct pollfd ready[2] = { { .fd = s->signals, .events = POLLIN },
		{ .fd = s->keys ? STDIN_FILENO : -1, .events = POLLIN } };
	struct signalfd_siginfo info;

	if (poll(ready, 2, ms < 0 ? 0 : (int)ms) < 0)
		return errno == EINTR ? SCREEN_TIME : SCREEN_END;
	if (ready[0].revents && read(s->signals, &info, sizeof(info)) == sizeof(info))
		return info.ssi_signo == SIGWINCH ? SCREEN_RESIZE : SCREEN_END;
	if (ready[1].revents)
		return read(STDIN_FILENO, key, 1) == 1 ? SCREEN_KEY : SCREEN_END;
	return SCREEN_TIME;
}
