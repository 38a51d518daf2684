/* SPDX-License-Identifier: MIT */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "conf/load.h"

/* Of an environment variable that is an absolute path; what stands behind is added. */
static const char *below(struct load *l, const char *variable, const char *rest)
{
	const char *dir = getenv(variable);
	struct buf path;
	const char *kept;

	if (!dir || dir[0] != '/')
		return NULL;
	buf_init(&path, 4096);
	buf_add_str(&path, dir);
	buf_add_str(&path, rest);
	kept = path.failed ? NULL : load_keep(l, buf_cstr(&path));
	buf_free(&path);
	return kept;
}

static const char *below_tmp(struct load *l, const char *rest)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/tmp/popart-%u%s", (unsigned)geteuid(), rest);
	return load_keep(l, path);
}

/* RUNTIME_DIRECTORY and STATE_DIRECTORY are systemd's. The master sets them too, for its
 * workers, who are somebody else and would come to other defaults. */
static const char *default_run_dir(struct load *l)
{
	const char *dir = below(l, "RUNTIME_DIRECTORY", "");

	if (dir)
		return dir;
	if (geteuid() == 0)
		return "/run/popart";
	dir = below(l, "XDG_RUNTIME_DIR", "/popart");
	return dir ? dir : below_tmp(l, "");
}

static const char *default_state_dir(struct load *l)
{
	const char *dir = below(l, "STATE_DIRECTORY", "");

	if (dir)
		return dir;
	if (geteuid() == 0)
		return "/var/lib/popart";
	dir = below(l, "XDG_STATE_HOME", "/popart");
	if (!dir)
		dir = below(l, "HOME", "/.local/state/popart");
	return dir ? dir : below_tmp(l, "/state");
}

/* POPART_MODULE_PATH is popartd's --module-path, POPART_MODULEDIR the build tree that it
 * is in: the environment tells its workers too. */
static void find_module_path(struct load *l, struct conf_value *v)
{
	const char *path = getenv("POPART_MODULE_PATH");

	if (!path && !v->given)
		path = getenv("POPART_MODULEDIR");
	if (path && path[0] != '\0')
		v->text = view_str(load_keep(l, path));
}

static const char *default_hostname(struct load *l)
{
	char name[LOAD_HOSTNAME_MAX + 1];

	if (gethostname(name, sizeof name) != 0 || name[0] == '\0')
		return "localhost";
	name[sizeof name - 1] = '\0';
	return load_keep(l, name);
}

static unsigned cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned)CPU_COUNT(&set);
	return 1;
}

void load_defaults(struct load *l, struct popart_conf *values)
{
	for (size_t i = 0; i < values->n; i++) {
		struct conf_value *v = &values->values[i];

		if (strcmp(v->row->name, "workers") == 0 && v->number == 0)
			v->number = cores();
		if (strcmp(v->row->name, "module_path") == 0)
			find_module_path(l, v);
		if (v->given)
			continue;
		if (strcmp(v->row->name, "hostname") == 0)
			v->text = view_str(default_hostname(l));
		else if (strcmp(v->row->name, "run_dir") == 0)
			v->text = view_str(default_run_dir(l));
		else if (strcmp(v->row->name, "state_dir") == 0)
			v->text = view_str(default_state_dir(l));
	}
}
