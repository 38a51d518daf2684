/* SPDX-License-Identifier: MIT */
#include "bin/check.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "conf/conf.h"
#include "host/host.h"
#include "host/loader.h"
#include "master/admin_socket.h"
#include "master/limits.h"
#include "master/listener.h"
#include "master/logfile.h"
#include "master/rundir.h"
#include "master/secrets.h"
#include "worker/certify.h"

#define DUMP_MAX (4u << 20)

struct check {
	struct report report;
	struct conf *conf;
	struct host *host;
	struct account account; /* whom we have become, if name is there */
};

/* As the account: what the master would stumble over when it makes a place for it. */
static void check_places(struct check *c, const struct account *a)
{
	struct place run_dir = conf_place(c->conf, "run_dir");

	(void)rundir_check(c->conf->run_dir, a, run_dir, &c->report);
}

/* What only root may read is read while we are root. The ticket key is nobody's. */
static void check_certificates(struct check *c, const char *name)
{
	static const char ticket_key[SECRET_TICKET_KEY];
	struct tls_context *tls = NULL;
	struct secrets *secrets;
	int fd = secrets_read(
		c->conf, view_of(ticket_key, sizeof(ticket_key)), name, &c->report);

	if (fd < 0)
		return;
	secrets = secrets_open(fd);
	if (!secrets)
		report_error(&c->report, name, 0, "cannot keep the certificates in memory: %s",
			strerror(errno));
	else if (certify(c->conf, secrets, &tls, &c->report))
		tls_context_free(&tls);
	secrets_free(&secrets);
	(void)close(fd);
}

/* Loads no module before it is somebody harmless. */
static bool become_worker(struct check *c, bool to_serve)
{
	struct place at = conf_place(c->conf, "user");

	if (!to_serve && geteuid() != 0)
		return true;
	if (!account_prepare(&c->account, c->conf, &c->report))
		return false;
	c->account.act_as = false; /* only looks */
	if (account_become(&c->account) != 0) {
		report_error(&c->report, at.file, at.line, "cannot become user \"%s\": %s",
			c->account.name, strerror(errno));
		return false;
	}
	if (to_serve)
		check_places(c, &c->account);
	return true;
}

/* Mere looking asks no module: what it thinks may depend on files that are not here. */
static void load_modules(struct check *c, bool to_serve)
{
	struct host_setup setup = { .role = POPART_ROLE_CHECK,
		.threads = 1,
		.module_path = c->conf->module_path,
		.account = c->account.name };

	c->host = host_new(&setup);
	if (!c->host)
		report_error(&c->report, NULL, 0, "out of memory");
	else if (host_load(c->host, c->conf, &c->report) && to_serve)
		(void)host_check(c->host, &c->report);
}

/* to_serve: also for what a start needs, and mere looking does not. False: the report has
 * all that is wrong. */
static bool load(struct check *c, struct popart_str text, const char *name, bool to_serve)
{
	c->conf = conf_load(text, name, &c->report);
	if (!c->conf)
		return false;
	if (to_serve) {
		limits_check(c->conf, &c->report);
		(void)listeners_check(c->conf, &c->report);
		check_certificates(c, name);
		(void)logfile_check(c->conf, &c->report);
		(void)admin_socket_check(c->conf, &c->report);
	}
	if (become_worker(c, to_serve))
		load_modules(c, to_serve);
	return c->report.errors == 0;
}

static void begin(struct check *c)
{
	*c = (struct check){ .conf = NULL };
	report_init(&c->report);
}

/* Prints what was found. Returns the exit status. */
static int end(struct check *c, bool ok)
{
	(void)fputs(buf_cstr(&c->report.text), stderr);
	if (c->host)
		host_free(&c->host);
	if (c->conf)
		conf_free(&c->conf);
	account_free(&c->account);
	report_free(&c->report);
	return ok ? 0 : 1;
}

static bool print(struct buf *b)
{
	return fputs(buf_cstr(b), stdout) >= 0 && fflush(stdout) == 0 && !b->failed;
}

int check_configuration(struct popart_str text, const char *name)
{
	struct check c;

	begin(&c);
	bool ok = load(&c, text, name, true);
	if (ok)
		(void)printf("%s: configuration ok\n", name);
	return end(&c, ok);
}

int check_dump(struct popart_str text, const char *name)
{
	struct check c;
	struct buf out;

	begin(&c);
	buf_init(&out, DUMP_MAX);
	bool ok = load(&c, text, name, false);
	if (ok) {
		conf_dump(c.conf, &out);
		host_dump(c.host, &out);
		ok = print(&out);
	}
	buf_free(&out);
	return end(&c, ok);
}

int check_list_modules(const char *module_path)
{
	struct buf out;

	buf_init(&out, DUMP_MAX);
	host_list_modules(module_path, &out);
	bool ok = out.len > 0;
	if (!ok) {
		loader_say_closed(module_path, &out);
		(void)fprintf(stderr,
			"popartd: there are no modules in %s%s; --module-path DIR looks "
			"elsewhere\n",
			module_path, buf_cstr(&out));
	} else {
		ok = print(&out);
	}
	buf_free(&out);
	return ok ? 0 : 1;
}
