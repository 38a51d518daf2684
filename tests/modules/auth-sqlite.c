/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>
#include "modules/auth-target.h"

const struct popart_module *popart_module_entry_sqlite(void);

static const char *const settings[] = { "users=@scratch@/users.db", NULL };

static const char demo[] =
	"INSERT INTO user (name, password) VALUES ('demo', '{PLAIN}se cret');"
	"INSERT INTO attribute (user, key, value) VALUES ('demo', 'home', '/srv/demo'),"
	" ('demo', 'storage', 'mail'), ('demo', 'empty', ''), ('demo', 'two', 'a=b')";

static bool fill(const char *dir)
{
	char path[PATH_MAX];
	sqlite3 *db = NULL;
	bool ok;

	snprintf(path, sizeof(path), "%s/users.db", dir);
	ok = sqlite3_open(path, &db) == SQLITE_OK &&
		sqlite3_exec(db, demo, NULL, NULL, NULL) == SQLITE_OK;
	sqlite3_close(db);
	return ok;
}

const struct auth_target auth_target = {
	.entry = popart_module_entry_sqlite, .settings = settings, .fill = fill
};
