/* SPDX-License-Identifier: MIT */
#include "bin/check.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "conf/conf.h"
#include "host/host.h"
#include "master/account.h"

#define DUMP_MAX (4u << 20)

struct check {
	struct report report;
	struct conf *conf;
	struct host *host;
};

/* Loads no module before it is somebody harmless. */
static bool become_worker(struct check *c, const char *name)
{
	struct account account;
	bool ok;

	if (geteuid() != 0)
		return true;
	if (!account_choose(&account, c->conf->user, 0, name, &c->report))
		return false;
	ok = account_become(&account) == 0;
	if (!ok)
		report_error(&c->report, name, 0, "cannot become user \"%s\": %s", account.name,
			strerror(errno));
	account_free(&account);
	return ok;
}

static bool load(struct check *c, struct popart_str text, const char *name)
{
	struct host_setup setup = { .role = POPART_ROLE_CHECK, .threads = 1 };

	c->conf = conf_load(text, name, &c->report);
	if (!c->conf || !become_worker(c, name))
		return false;
	setup.module_path = c->conf->module_path;
	c->host = host_new(&setup);
	if (!c->host) {
		report_error(&c->report, NULL, 0, "out of memory");
		return false;
	}
	return host_load(c->host, c->conf, &c->report);
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
	bool ok = load(&c, text, name) && host_check(c.host, &c.report);
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
	bool ok = load(&c, text, name);
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
	if (ok)
		ok = print(&out);
	else
		(void)fprintf(stderr,
			"popartd: there are no modules in %s; --module-path DIR looks "
			"elsewhere\n",
			module_path);
	buf_free(&out);
	return ok ? 0 : 1;
}
