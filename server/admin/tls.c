/* SPDX-License-Identifier: MIT */
#include "admin/tls.h"

uint64_t tls_logins(const struct scene *s, enum figures_result result, uint8_t mechanism)
{
	uint64_t n = 0;

	for (size_t g = 0; g < s->n; g++)
		if (!figures_passed(s->generations[g].board))
			n += figures_logins(s->generations[g].board, result, mechanism);
	return n;
}

uint64_t tls_handshakes(const struct scene *s, uint8_t version, uint8_t cipher, bool resumed)
{
	uint64_t n = 0;

	for (size_t g = 0; g < s->n; g++)
		if (!figures_passed(s->generations[g].board))
			n += figures_handshakes(
				s->generations[g].board, version, cipher, resumed);
	return n;
}

static json_t *names(const char *list)
{
	struct popart_str rest = view_str(list);
	json_t *array = json_array();

	while (array && rest.len > 0)
		(void)json_array_append_new(array, scene_text(view_cut(&rest, ' ')));
	return array;
}

static json_t *certificate(const struct scene *s, const struct figures_certificate *c)
{
	/* scene_time is of the server's clock. */
	int64_t not_before = c->not_before * 1000 - s->unix_ms;
	int64_t not_after = c->not_after * 1000 - s->unix_ms;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:b}", "file",
		scene_text(view_str(c->file)), "subject", scene_text(view_str(c->subject)),
		"issuer", scene_text(view_str(c->issuer)), "names", names(c->names), "serial",
		scene_text(view_str(c->serial)), "not_before", scene_time(s, not_before),
		"not_after", scene_time(s, not_after), "expires_s",
		(json_int_t)((not_after - s->now_ms) / 1000), "key",
		scene_text(view_str(c->key)), "fingerprint",
		scene_text(view_str(c->fingerprint)), "ocsp", c->ocsp != 0);
}

static json_t *certificates(const struct scene *s)
{
	json_t *array = json_array();
	struct figures_certificate c;

	for (uint32_t i = 0; s->n > 0 && array && i < BOARD_CERTIFICATES_MAX; i++)
		if (figures_certificate(s->generations[0].board, i, &c))
			(void)json_array_append_new(array, certificate(s, &c));
	return array;
}

static void add_use(json_t *array, const char *name, uint64_t n)
{
	if (n > 0)
		(void)json_array_append_new(
			array, json_pack("{s:s, s:I}", "name", name, "count", (json_int_t)n));
}

/* Any version, any cipher; 0: all of them. */
static uint64_t handshakes(const struct scene *s, uint8_t version, uint8_t cipher, bool resumed)
{
	uint64_t n = 0;

	for (uint8_t v = 1; v < figures_versions.n; v++)
		for (uint8_t c = 1; c < figures_ciphers.n; c++)
			if ((version == 0 || v == version) && (cipher == 0 || c == cipher))
				n += tls_handshakes(s, v, c, resumed);
	return n;
}

static json_t *versions(const struct scene *s)
{
	json_t *array = json_array();

	for (uint8_t v = 1; array && v < figures_versions.n; v++)
		add_use(array, figures_name(&figures_versions, v),
			handshakes(s, v, 0, false) + handshakes(s, v, 0, true));
	return array;
}

static json_t *ciphers(const struct scene *s)
{
	json_t *array = json_array();

	for (uint8_t c = 1; array && c < figures_ciphers.n; c++)
		add_use(array, figures_name(&figures_ciphers, c),
			handshakes(s, 0, c, false) + handshakes(s, 0, c, true));
	return array;
}

static json_t *mechanisms(const struct scene *s)
{
	json_t *array = json_array();

	for (uint8_t m = 1; array && m < figures_mechanisms.n; m++)
		add_use(array, figures_name(&figures_mechanisms, m),
			tls_logins(s, FIGURES_OK, m));
	return array;
}

json_t *tls_json(const struct scene *s)
{
	uint64_t resumed = handshakes(s, 0, 0, true), failures = 0;
	uint64_t all = resumed + handshakes(s, 0, 0, false);

	for (size_t g = 0; g < s->n; g++)
		if (!figures_passed(s->generations[g].board))
			failures += figures_handshakes_failed(s->generations[g].board);
	return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "certificates", certificates(s),
		"handshakes", (json_int_t)all, "resumed", (json_int_t)resumed, "failures",
		(json_int_t)failures, "versions", versions(s), "ciphers", ciphers(s),
		"mechanisms", mechanisms(s));
}
