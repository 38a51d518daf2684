/* SPDX-License-Identifier: MIT */
#include "accounts.h"
#include <string.h>
#include <strings.h>

static const char *const parameters[] = { ":user", ":name", ":domain" };
enum { USER, NAME, DOMAIN, PARAMETERS };

static int parameter(sqlite3_stmt *stmt, int i)
{
	const char *name = sqlite3_bind_parameter_name(stmt, i);
	int k = 0;

	while (k < PARAMETERS && (!name || strcmp(name, parameters[k]) != 0))
		k++;
	return k;
}

static bool has_column(sqlite3_stmt *stmt, const char *name)
{
	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		const char *column = sqlite3_column_name(stmt, i);

		if (column && strcasecmp(column, name) == 0)
			return true;
	}
	return false;
}

const char *query_flaw(sqlite3_stmt *stmt, const char *tail)
{
	int n = stmt ? sqlite3_bind_parameter_count(stmt) : 0;
	bool asks = false;

	if (tail && tail[strspn(tail, "; \t\r\n")])
		return "there is more than one statement";
	if (!stmt || sqlite3_column_count(stmt) == 0 || !sqlite3_stmt_readonly(stmt) ||
		sqlite3_stmt_isexplain(stmt))
		return "it is no SELECT";
	for (int i = 1; i <= n; i++) {
		if (parameter(stmt, i) == PARAMETERS)
			return "the parameters are :user, :name and :domain";
		asks |= parameter(stmt, i) != DOMAIN;
	}
	if (!asks)
		return "it does not ask for :user, nor :name";
	return has_column(stmt, "password") ? NULL : "it has no column named password";
}

int query_bind(sqlite3_stmt *stmt, struct popart_str user)
{
	const char *at = user.len ? memchr(user.ptr, '@', user.len) : NULL;
	size_t name_len = at ? (size_t)(at - user.ptr) : user.len;
	struct popart_str values[PARAMETERS] = { [USER] = user,
		[NAME] = { user.ptr, name_len },
		[DOMAIN] = { at ? at + 1 : "", at ? user.len - name_len - 1 : 0 } };
	int n = sqlite3_bind_parameter_count(stmt), rc = SQLITE_OK;

	for (int i = 1; i <= n && rc == SQLITE_OK; i++) {
		int k = parameter(stmt, i);

		rc = k == PARAMETERS ? SQLITE_MISUSE
				     : sqlite3_bind_text64(stmt, i, values[k].ptr,
					       values[k].len, SQLITE_STATIC, SQLITE_UTF8);
	}
	return rc;
}
