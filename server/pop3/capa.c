/* SPDX-License-Identifier: MIT */
#include "pop3/capa.h"

#include <stdlib.h>

enum shown { ALWAYS, WITH_PASSWORDS, EXPIRE, LOGIN_DELAY, IMPLEMENTATION };

static const struct {
	const char *text;
	enum shown shown;
} capabilities[] = {
	{ "TOP", ALWAYS },
	{ "UIDL", ALWAYS },
	{ "RESP-CODES", ALWAYS },
	{ "AUTH-RESP-CODE", ALWAYS },
	{ "PIPELINING", ALWAYS },
	{ "UTF8 USER", ALWAYS },
	{ "LANG", ALWAYS },
	{ "USER", WITH_PASSWORDS },
	{ "SASL PLAIN", WITH_PASSWORDS },
	{ "EXPIRE ", EXPIRE },
	{ "LOGIN-DELAY ", LOGIN_DELAY },
	{ "IMPLEMENTATION ", IMPLEMENTATION },
};

static bool is_shown(enum shown shown, const struct popart_session_conf *conf, uint32_t flags)
{
	switch (shown) {
	case WITH_PASSWORDS:
		return flags & POPART_SESSION_PASSWORDS;
	case EXPIRE:
		return conf->expire_days >= -1;
	case LOGIN_DELAY:
		return conf->login_delay_s > 0;
	case IMPLEMENTATION:
		return conf->implementation.len > 0;
	case ALWAYS:
	default:
		return true;
	}
}

static void add_value(struct reply *r, enum shown shown, const struct popart_session_conf *conf)
{
	if (shown == EXPIRE && conf->expire_days < 0) {
		reply_str(r, "NEVER");
	} else if (shown == EXPIRE) {
		reply_u64(r, (uint64_t)conf->expire_days);
	} else if (shown == LOGIN_DELAY) {
		reply_u64(r, conf->login_delay_s);
	} else if (shown == IMPLEMENTATION) {
		char *clean = reply_clean(conf->implementation);

		reply_str(r, clean ? clean : "popart");
		free(clean);
	}
}

bool capa_line(
	struct popart_io *io, size_t n, const struct popart_session_conf *conf, uint32_t flags)
{
	struct reply r;

	if (n >= ARRAY_LEN(capabilities))
		return false;
	if (!is_shown(capabilities[n].shown, conf, flags))
		return true;
	reply_begin(&r, io, capabilities[n].text);
	add_value(&r, capabilities[n].shown, conf);
	reply_end(&r);
	return true;
}
