/* SPDX-License-Identifier: MIT */
/*
 * Prints what the manuals have to describe, one row a line, fields divided by tabs:
 *
 *	option	TABLE	NAME	TYPE	DEFAULT
 *	event	NAME	LEVEL
 *	field	NAME	EVENT...
 *	reason	NAME
 *	status	NAME
 *	counter	NAME
 *	stat	MODULE	NAME
 *	exit	STATUS	REASON		of popart-deliver
 *	command	WORDS	OPTION...	of popartctl; without words: what all take
 *	ctlexit	STATUS
 *
 * TABLE is server, listen, tls, certificates, log, admin or the name of a module; DEFAULT is
 * "-" for none. The modules are the arguments, paths of shared objects.
 */
#include <dlfcn.h>
#include <popart/module.h>
#include <popart/session.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "conf/conf.h"
#include "ctl/ctl.h"
#include "deliver/verdict.h"
#include "host/host.h"

static const char *const levels[] = {
	[POPART_LOG_ERROR] = "error",
	[POPART_LOG_WARN] = "warn",
	[POPART_LOG_INFO] = "info",
	[POPART_LOG_DEBUG] = "debug",
};

static const char *const types[] = {
	[POPART_OPT_BOOL] = "bool",
	[POPART_OPT_INT] = "int",
	[POPART_OPT_SIZE] = "size",
	[POPART_OPT_MSEC] = "msec",
	[POPART_OPT_STRING] = "string",
	[POPART_OPT_PATH] = "path",
	[POPART_OPT_ENUM] = "enum",
	[POPART_OPT_LIST] = "list",
};

static void print_field(const char *name)
{
	printf("field\t%s", name);
	for (size_t i = 0; i < LOG_EV_COUNT; i++) {
		struct popart_str rest = view_str(log_events[i].fields);
		while (rest.len > 0)
			if (view_eq(view_cut(&rest, ' '), view_str(name)))
				printf("\t%s", log_events[i].name);
	}
	printf("\n");
}

static void print_log(void)
{
	for (size_t i = 0; i < LOG_EV_COUNT; i++)
		printf("event\t%s\t%s\n", log_events[i].name, levels[log_events[i].level]);
	for (const struct log_field_row *row = log_fields; row->name; row++)
		print_field(row->name);
	for (const char *const *reason = popart_session_reasons(); *reason; reason += 2)
		printf("reason\t%s\n", *reason);
	for (int status = POPART_E_BUG; status <= POPART_R_PARTIAL; status++)
		printf("status\t%s\n", host_status_name(status));
}

static void print_options(const char *table, const struct popart_opt *rows, size_t stride)
{
	const char *at = (const char *)rows;
	for (; rows && rows->name;
		rows = (const struct popart_opt *)(const void *)(at += stride))
		printf("option\t%s\t%s\t%s\t%s\n", table, rows->name, types[rows->type],
			rows->fallback ? rows->fallback : "-");
}

static bool print_module(const char *path)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *symbol = object ? dlsym(object, "popart_module_entry") : NULL;
	popart_module_entry_fn *entry = NULL;
	if (!symbol) {
		fprintf(stderr, "%s\n", dlerror());
		return false;
	}
	memcpy(&entry, &symbol, sizeof entry);
	const struct popart_module *module = entry();
	print_options(module->name, module->options, module->opt_stride);
	const char *at = (const char *)module->stats;
	for (const struct popart_stat *row = module->stats; row && row->name;
		row = (const struct popart_stat *)(const void *)(at += module->stat_stride))
		printf("stat\t%s\t%s\n", module->name, row->name);
	dlclose(object);
	return true;
}

static void print_command(const char *words, const struct ctl_option *options)
{
	printf("command\t%s", words);
	for (; options && options->name; options++)
		printf("\t--%s", options->name);
	printf("\n");
}

static void print_commands(void)
{
	print_command("", ctl_options);
	for (const struct ctl_command *row = ctl_commands; row->words; row++)
		print_command(row->words, row->options);
	for (int i = 0; i < CTL_EXITS; i++)
		printf("ctlexit\t%d\n", i);
}

int main(int argc, char **argv)
{
	print_options("server", conf_server_rows, sizeof conf_server_rows[0]);
	print_options("listen", conf_listen_rows, sizeof conf_listen_rows[0]);
	print_options("tls", conf_tls_rows, sizeof conf_tls_rows[0]);
	print_options("certificates", conf_certificate_rows, sizeof conf_certificate_rows[0]);
	print_options("log", conf_log_rows, sizeof conf_log_rows[0]);
	print_options("admin", conf_admin_rows, sizeof conf_admin_rows[0]);
	print_log();
#define BOARD_COUNTER(id, name, help) printf("counter\t%s\n", name);
#include "ipc/board_counters.h"
#undef BOARD_COUNTER
	for (size_t i = 0; i < VERDICTS; i++) {
		printf("exit\t%d\t%s\n", verdicts[i].status, verdicts[i].name);
		if (verdicts[i].bounce)
			printf("exit\t%d\t%s\n", verdicts[i].bounce, verdicts[i].name);
	}
	print_commands();
	for (int i = 1; i < argc; i++)
		if (!print_module(argv[i]))
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
