/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bin/become.h"
#include "bin/config.h"
#include "bin/modpath.h"
#include "ctl/ctl.h"
#include "master/rundir.h"

#define HELP_MAX       65536u
#define SOCKET_DEFAULT "/run/popart/admin.socket"

static int print_help(const struct ctl *c)
{
	struct buf text;
	int status;

	buf_init(&text, HELP_MAX);
	ctl_help(c->command, &text);
	status = fputs(buf_cstr(&text), stdout) < 0 ? CTL_FAILED : CTL_OK;
	buf_free(&text);
	return status;
}

static int print_version(void)
{
	return printf("popartctl %s (module ABI %u.%u)\n", POPART_VERSION, POPART_API_MAJOR,
		       POPART_API_MINOR) < 0
		? CTL_FAILED
		: CTL_OK;
}

/* --- what a command needs ---------------------------------------------------------------- */

static bool read_configuration(struct ctl *c, struct report *r)
{
	const char *name = c->config ? c->config : CONFIG_DEFAULT;
	struct buf text;

	buf_init(&text, CONFIG_TEXT_MAX);
	if (config_read(name, &text))
		c->conf = conf_load(buf_view(&text), name, r);
	else
		report_error(r, NULL, 0,
			"cannot read the configuration %s: %s; name one with "
			"-c FILE",
			name, strerror(errno));
	buf_wipe(&text); /* passwords may be in it */
	return c->conf != NULL;
}

/* While no server runs, the directory may have gone with the last one. Who is not root makes
 * it if he may, or finds out when he wants it. */
static bool make_lock_directory(struct ctl *c, struct report *r)
{
	struct account account;
	bool ok;

	if (geteuid() != 0)
		return true;
	if (!account_prepare(&account, c->conf, r))
		return false;
	ok = rundir_make(c->conf->run_dir, &account, conf_place(c->conf, "run_dir"), r);
	account_free(&account);
	return ok;
}

/* Where the server that is meant has its socket. Who may talk to it need not be allowed to
 * read its configuration: then it is where a server has it that was told nothing else. */
static bool find_socket(struct ctl *c, struct report *r)
{
	if (c->socket)
		return true;
	if (!c->conf && !read_configuration(c, r)) {
		if (c->config || access(SOCKET_DEFAULT, F_OK) != 0)
			return false;
		c->socket = SOCKET_DEFAULT;
	} else {
		c->socket = c->conf->admin_socket;
		if (!c->socket)
			report_error(r, c->conf->name, 0,
				"the server has no status socket: add  admin = { };  and "
				"restart it");
	}
	return c->socket != NULL;
}

static bool prepare(struct ctl *c, struct report *r)
{
	uint32_t needs = c->command->needs;

	if ((needs & CTL_SERVER) && !(needs & CTL_CONF))
		return find_socket(c, r);
	if (!(needs & CTL_CONF))
		return true;
	if (!modpath_use(c->module_path)) {
		report_error(r, NULL, 0, "out of memory");
		return false;
	}
	if (!read_configuration(c, r) || (needs & CTL_LOCKS && !make_lock_directory(c, r)) ||
		!(needs & CTL_STAY ? become_for_files(c->conf, r) : become(c->conf, r)))
		return false;
	if (!(needs & CTL_MODULES))
		return true;
	c->host = host_tool_new((struct host_setup){ .stopping = &c->stopping }, c->conf, r);
	return c->host != NULL;
}

static int run(struct ctl *c)
{
	struct report report;
	int status;

	report_init(&report);
	if (prepare(c, &report)) {
		status = c->command->run(c);
	} else {
		(void)fputs(buf_cstr(&report.text), stderr);
		status = CTL_CONFIG;
	}
	host_tool_free(&c->host);
	if (c->conf)
		conf_free(&c->conf);
	report_free(&report);
	return status;
}

int main(int argc, char **argv)
{
	struct ctl c;
	struct buf why;
	int status;

	(void)umask(077);
	buf_init(&why, 1024);
	if (!ctl_parse(&c, argc, argv, &why))
		status = ctl_fail(CTL_USAGE, "%s", buf_cstr(&why));
	else if (c.help)
		status = print_help(&c);
	else if (c.version)
		status = print_version();
	else
		status = run(&c);
	buf_free(&why);
	if (fflush(stdout) != 0 && status == CTL_OK)
		status = ctl_fail(
			CTL_FAILED, "cannot write to standard output: %s", strerror(errno));
	return status;
}
