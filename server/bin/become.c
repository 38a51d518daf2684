/* SPDX-License-Identifier: MIT */
#include "bin/become.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "host/ids.h"
#include "master/account.h"

static bool has_as_user(const struct conf *conf)
{
	for (size_t i = 0; i < conf->nstorage; i++) {
		if (conf->storage[i].as_user)
			return true;
	}
	return false;
}

bool become(const struct conf *conf, struct report *r)
{
	struct place at = conf_place(conf, "user");
	struct account account;
	bool ok;

	if (geteuid() != 0 && has_as_user(conf))
		return true;
	if (!account_prepare(&account, conf, r))
		return false;
	ok = account_become(&account) == 0;
	if (!ok)
		report_error(r, at.file, at.line, "cannot become user \"%s\": %s", account.name,
			strerror(errno));
	account_free(&account);
	return ok;
}

bool become_for_files(const struct conf *conf, struct report *r)
{
	struct account account;
	bool ok;

	if (geteuid() != 0)
		return true;
	if (!account_prepare(&account, conf, r))
		return false;
	ok = !account.change || ids_take(account.uid, account.gid);
	if (!ok)
		report_error(r, NULL, 0, "cannot take the ids of user \"%s\"", account.name);
	account_free(&account);
	return ok;
}
