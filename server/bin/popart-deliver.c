/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/clock.h"
#include "bin/become.h"
#include "bin/config.h"
#include "bin/deliver_options.h"
#include "bin/modpath.h"
#include "deliver/ward.h"

#define GRACE_MS 10000

struct run {
	const struct deliver_options *options;
	struct buf text; /* the configuration */
	struct report report;
	struct conf *conf;
	struct log *log;
	int64_t begun_ms;
};

/* Tells the MTA. Returns the exit status. */
static int say(const struct deliver_options *o, enum verdict v, struct popart_str more)
{
	bool bounce = v == VERDICT_FULL ? o->bounce_full : o->bounce_refused;
	int status = verdict_status(v, bounce);
	struct buf line;

	if (v == VERDICT_DELIVERED)
		return status;
	buf_init(&line, 2048);
	verdict_say(v, bounce, more, &line);
	(void)fprintf(stderr, "%s\n", buf_cstr(&line));
	buf_free(&line);
	return status;
}

/* --- before the delivery ----------------------------------------------------------------- */

/* Before we become somebody else: the server's log may be root's own. Whoever may not write
 * there still delivers. */
static bool open_log(struct run *r, int *fd)
{
	*fd = -1;
	if (r->conf->log_to != LOG_TO_FILE)
		return true;
	*fd = log_open_file(r->conf->log_path);
	if (*fd < 0 && (errno == EACCES || errno == ENXIO)) /* ENXIO: a pipe nobody reads */
		r->conf->log_to = LOG_TO_STDERR;
	else if (*fd < 0)
		conf_report_log(r->conf, &r->report);
	return *fd >= 0 || r->conf->log_to == LOG_TO_STDERR;
}

static bool prepare(struct run *r, const char *name)
{
	int log_fd;

	if (!config_read(name, &r->text)) {
		report_error(&r->report, NULL, 0,
			"cannot read the configuration %s: %s; name one with -c FILE", name,
			strerror(errno));
		return false;
	}
	r->conf = conf_load(buf_view(&r->text), name, &r->report);
	buf_wipe(&r->text); /* passwords may be in it */
	if (!r->conf || !open_log(r, &log_fd))
		return false;
	if (!become(r->conf, &r->report)) {
		if (log_fd >= 0)
			(void)close(log_fd);
		return false;
	}
	r->log = conf_log(r->conf, "deliver", log_fd);
	if (!r->log)
		report_error(&r->report, NULL, 0, "out of memory");
	return r->log != NULL;
}

/* --- and after it ------------------------------------------------------------------------ */

/* What the other process wrote: it may have died of writing anywhere. */
static struct popart_str written(const char *room, size_t size)
{
	return view_of(room, strnlen(room, size));
}

static void log_end_of(struct run *r, enum verdict v, int status,
	const struct deliver_outcome *out, int signal)
{
	struct log_line l;

	log_begin(
		r->log, &l, v == VERDICT_DELIVERED ? LOG_EV_DELIVERED : LOG_EV_DELIVERY_FAILED);
	if (out->store[0])
		log_view(&l, "instance", written(out->store, sizeof(out->store)));
	if (v != VERDICT_DELIVERED) {
		log_str(&l, "reason", verdicts[v].name);
		log_i64(&l, "exit", status);
	}
	log_u64(&l, "octets", out->octets);
	log_i64(&l, "ms", clock_ms() - r->begun_ms);
	if (signal)
		log_i64(&l, "signal", signal);
	if (v == VERDICT_DIED && out->doing[0])
		log_view(&l, "doing", written(out->doing, sizeof(out->doing)));
	if (v != VERDICT_DELIVERED && out->why[0])
		log_view(&l, "text", written(out->why, sizeof(out->why)));
	log_quoted(&l, "user", view_str(r->options->user));
	log_end(&l);
	log_flush(r->log);
}

static void work(void *order, struct deliver_outcome *out, int wake)
{
	deliver(order, out, wake);
}

static int with_configuration(struct run *r)
{
	const struct deliver_options *o = r->options;
	struct deliver_order order = { .conf = r->conf,
		.log = r->log,
		.user = view_str(o->user),
		.head = o->head,
		.input = STDIN_FILENO,
		.timeout_ms = o->timeout_ms };
	int signal = 0, status;
	struct deliver_outcome *out = ward_run(work, &order, GRACE_MS, &signal);

	if (!out)
		return say(o, VERDICT_TEMPORARY, view_str(strerror(errno)));
	enum verdict v = (enum verdict)atomic_load(&out->verdict);
	if (v >= VERDICTS)
		v = VERDICT_DIED;
	status = say(o, v, written(out->say, sizeof(out->say)));
	if (v == VERDICT_CONFIG)
		(void)fprintf(stderr, "%.*s", VIEW_FMT(written(out->why, sizeof(out->why))));
	log_end_of(r, v, status, out, signal);
	ward_free(&out);
	return status;
}

/* So that nothing that is opened later takes their place. */
static bool standard_descriptors(void)
{
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_WRONLY) != fd)
			return false;
	}
	return true;
}

static int run(const struct deliver_options *o)
{
	struct run r = { .options = o, .begun_ms = clock_ms() };
	int status;

	buf_init(&r.text, CONFIG_TEXT_MAX);
	report_init(&r.report);
	if (getauxval(AT_SECURE)) {
		/* Whoever calls it chooses configuration and modules. */
		status = say(o, VERDICT_CONFIG,
			VIEW_LIT("it must not be set-user-id or set-group-id; have the MTA run "
				 "it "
				 "as the right account"));
	} else if (fcntl(STDIN_FILENO, F_GETFD) < 0 || !standard_descriptors()) {
		status = say(o, VERDICT_INPUT, VIEW_LIT("standard input is closed"));
	} else if (!head_is_legal(&o->head)) {
		status = say(o, VERDICT_ADDRESS, VIEW_NONE);
	} else if (!modpath_use(o->module_path)) {
		status = say(o, VERDICT_TEMPORARY, VIEW_LIT("out of memory"));
	} else if (prepare(&r, o->config ? o->config : CONFIG_DEFAULT)) {
		status = with_configuration(&r);
	} else {
		status = say(o, VERDICT_CONFIG, VIEW_NONE);
		(void)fputs(buf_cstr(&r.report.text), stderr);
	}
	if (r.log)
		log_free(&r.log);
	if (r.conf)
		conf_free(&r.conf);
	report_free(&r.report);
	buf_wipe(&r.text);
	return status;
}

int main(int argc, char **argv)
{
	struct deliver_options options;
	struct buf why;
	int status;

	ward_guard();
	(void)umask(077);
	buf_init(&why, 1024);
	if (!deliver_options_parse(&options, argc, argv, &why))
		status = say(&options, VERDICT_USAGE, buf_view(&why));
	else if (options.action == DELIVER_HELP)
		status = fputs(deliver_options_help, stdout) < 0 ? EX_TEMPFAIL : EX_OK;
	else if (options.action == DELIVER_VERSION)
		status = printf("popart-deliver %s (module ABI %u.%u)\n", POPART_VERSION,
				 POPART_API_MAJOR, POPART_API_MINOR) < 0
			? EX_TEMPFAIL
			: EX_OK;
	else
		status = run(&options);
	buf_free(&why);
	return status;
}
