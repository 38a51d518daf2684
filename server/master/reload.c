/* SPDX-License-Identifier: MIT */
#include "master/reload.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conf/source.h"
#include "master/announce.h"
#include "master/life.h"
#include "master/listener.h"

/* generation, worker: 0 if none is meant. */
static void log_reason(const struct master *m, enum log_event event, unsigned generation,
	unsigned worker, struct popart_str reason)
{
	struct log_line l;

	log_begin(m->log, &l, event);
	if (generation)
		log_u64(&l, "generation", generation);
	if (worker)
		log_u64(&l, "worker", worker);
	log_message(&l, "reason", reason);
	log_end(&l);
}

/* Warnings belong to what is used. Who asked reads the same words. */
static void log_failure(struct master *m, unsigned worker, struct popart_str why)
{
	struct buf told;

	buf_init(&told, CHAN_TEXT_MAX);
	while (why.len > 0) {
		struct popart_str line = view_cut(&why, '\n');

		if (report_is_warning(line))
			continue;
		log_reason(m, LOG_EV_RELOAD_FAILED, m->last_number, worker, line);
		if (told.len > 0)
			buf_add_char(&told, '\n');
		buf_add(&told, line);
	}
	desk_answer_reload(m, 500, 0, buf_view(&told));
	buf_free(&told);
}

static unsigned count(const struct master *m)
{
	unsigned n = 0;

	for (const struct generation *g = m->newest; g; g = g->older)
		n++;
	return n;
}

/* NULL: a reload can begin. */
static const char *obstacle(const struct master *m)
{
	if (m->coming)
		return "another generation is starting";
	if (count(m) >= RELOAD_GENERATIONS_MAX)
		return "too many earlier generations still finish their sessions";
	return NULL;
}

void reload_ask(struct master *m)
{
	const char *why = obstacle(m);

	if (m->ending)
		log_reason(m, LOG_EV_RELOAD_FAILED, 0, 0, VIEW_LIT("popartd is stopping"));
	else if (why && !m->reload_wanted)
		log_reason(m, LOG_EV_RELOAD_WAITS, 0, 0, view_str(why));
	m->reload_wanted = !m->ending;
	/* For how long is up to the sessions of those generations. */
	if (why && !m->coming && !m->ending)
		desk_reload_waits(m, why);
}

/* The program that is installed now. -1: the report says why. */
static int open_binary(const struct master_setup *s, struct report *r)
{
	struct stat st;
	int fd = s->binary ? open(s->binary, O_PATH | O_CLOEXEC)
			   : fcntl(s->binary_fd, F_DUPFD_CLOEXEC, 3);

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	report_error(r, s->binary, 0,
		"cannot run this program for the workers: %s; install popartd there again",
		fd >= 0 ? "not a regular file" : strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static bool begin(struct master *m, struct report *r)
{
	const struct master_setup *s = m->setup;
	struct popart_str text = s->conf_text;
	char *copy = NULL;
	bool ok = false;
	int binary_fd;

	if (s->conf_is_file) {
		copy = source_file(s->conf_name, &text.len);
		if (!copy) {
			report_error(r, s->conf_name, 0, "cannot read the configuration: %s",
				source_strerror(errno));
			return false;
		}
		text.ptr = copy;
	}
	binary_fd = open_binary(s, r);
	if (binary_fd >= 0) {
		ok = master_add_generation(m, text, binary_fd, r);
		(void)close(binary_fd);
	}
	if (copy)
		explicit_bzero(copy, text.len);
	free(copy);
	return ok;
}

void reload_begin(struct master *m)
{
	struct report report;

	if (!m->reload_wanted || m->ending || obstacle(m))
		return;
	m->reload_wanted = false;
	desk_reload_begun(m);
	m->last_number++;
	report_init(&report);
	announce_reload(&m->notify);
	if (!begin(m, &report)) {
		log_failure(m, 0, buf_view(&report.text));
		announce_ready(&m->notify, m->serving);
	}
	report_free(&report);
}

/* Those of one generation that the other does not have. */
static void log_listeners(const struct master *m, enum log_event event,
	const struct generation *g, const struct generation *other)
{
	for (size_t i = 0; i < g->conf->nlisten; i++)
		if (!generation_has_socket(other, g->listeners[i]))
			listener_log(
				m->log, event, &g->conf->listen[i], g->listeners[i], g->passed);
}

void reload_succeed(struct master *m)
{
	struct generation *old = m->serving;

	if (m->coming->conf->login_delay_s > 0)
		board_pass_logins(old->board, m->coming->board);
	master_take_over(m);
	/* After the admin process was told to take no more connections: who has the answer
	 * and comes again meets the next one. */
	desk_answer_reload(m, 200, m->serving->number, VIEW_NONE);
	log_listeners(m, LOG_EV_LISTEN, m->serving, old);
	log_listeners(m, LOG_EV_UNLISTEN, old, m->serving);
	life_retire(old, m->serving, m->log);
	reload_announce(m);
}

void reload_announce(struct master *m)
{
	struct generation *g = m->serving;
	struct log_line l;

	for (const struct generation *old = g->older; old; old = old->older) {
		if (generation_count(old, WORKER_READY) > 0)
			return;
	}
	if (g->announced)
		return;
	g->announced = true;
	log_begin(m->log, &l, LOG_EV_RELOAD);
	log_u64(&l, "generation", g->number);
	log_u64(&l, "workers", g->nworkers);
	log_u64(&l, "threads", g->conf->threads);
	log_str(&l, "account", g->account.name);
	log_end(&l);
	if (!m->coming) /* else one that was asked for meanwhile says it */
		announce_ready(&m->notify, g);
}

void reload_fail(struct master *m, unsigned worker, struct popart_str why)
{
	log_failure(m, worker, why);
	master_give_up(m);
	announce_ready(&m->notify, m->serving);
}
