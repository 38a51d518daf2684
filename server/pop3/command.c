/* SPDX-License-Identifier: MIT */
#include "pop3/capa.h"
#include "pop3/sasl.h"
#include "pop3/state.h"

#include <stdlib.h>

#define ARGS_MAX    2u
#define DIGEST_LEN  32u /* APOP: hex digits of an MD5 */
#define NO_PASSWORD "-ERR passwords are refused without TLS; connect to the TLS port"

struct args {
	struct popart_str rest; /* what follows the blank after the keyword */
	size_t count;           /* words in it */
	struct popart_str word[ARGS_MAX];
};

/* A decimal number that stops at UINT64_MAX. False: not all digits. */
static bool number_of(struct popart_str word, uint64_t *number)
{
	uint64_t n = 0;

	for (size_t i = 0; i < word.len; i++) {
		unsigned digit = (unsigned char)word.ptr[i] - (unsigned)'0';

		if (digit > 9)
			return false;
		n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
	}
	*number = n;
	return word.len > 0;
}

static void start_listing(struct popart_session *s, enum listing listing)
{
	s->listing = (uint8_t)listing;
	s->cursor = 0;
	s->phase = PHASE_LISTING;
}

void command_totals(struct popart_session *s, struct popart_io *io)
{
	struct reply r;

	reply_begin(&r, io, "+OK ");
	reply_u64(&r, drop_live(&s->drop));
	reply_str(&r, " messages (");
	reply_u64(&r, s->drop.octets);
	reply_str(&r, " octets)");
	reply_end(&r);
}

/* The number of the message that the argument names, or 0 after an answer that says why
 * not. */
static uint32_t named(struct popart_session *s, struct popart_io *io, struct popart_str word)
{
	uint64_t number;
	struct reply r;

	if (!number_of(word, &number)) {
		session_bad(s, io, "a message number was expected");
		return 0;
	}
	if (number >= 1 && number <= s->drop.count) {
		if (!drop_message(&s->drop, (uint32_t)number).deleted)
			return (uint32_t)number;
		reply_line(io, "-ERR no such message; it is marked as deleted");
		return 0;
	}
	reply_begin(&r, io, "-ERR no such message; the last number is ");
	reply_u64(&r, s->drop.count);
	reply_end(&r);
	return 0;
}

/* A name that may be looked up: UTF-8 (RFC 6856 section 2.2) without control characters. */
static bool name_ok(struct popart_str name)
{
	if (name.len == 0 || !view_is_utf8(name))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		/* U+0080..U+009F are control characters too: C2 80 .. C2 9F. */
		if (c < 0x20 || c == 0x7F ||
			(c == 0xC2 && (unsigned char)name.ptr[i + 1] < 0xA0))
			return false;
	}
	return true;
}

/* Hands what is in s->login over to the embedder, or refuses what can never be right.
 * RFC 6856 section 2.2: names and passwords that are not UTF-8 are rejected. */
static void start_auth(struct popart_session *s, struct popart_io *io)
{
	const struct login *l = s->login;

	if (!name_ok(l->user) || (l->act_as.len > 0 && !name_ok(l->act_as)) ||
		l->password.len == 0 || !view_is_utf8(l->password)) {
		session_login_failed(s, l->mechanism, POPART_R_DENIED);
		session_forget_login(s);
		reply_status(io, POPART_R_DENIED, true, NULL);
		s->phase = PHASE_COMMAND;
		return;
	}
	s->phase = PHASE_AUTH;
}

/* A login with room for so many octets of text, or the one that USER began with more of it: no
 * secret is in that yet. NULL: out of memory, and the session ends. */
static struct login *room_for_login(
	struct popart_session *s, struct popart_io *io, const char *mechanism, size_t len)
{
	struct login *l = realloc(s->login, sizeof(*l) + len);

	if (!l) {
		session_internal(s, io, POPART_E_NOMEM);
		return NULL;
	}
	s->login = l;
	*l = (struct login){ .mechanism = mechanism, .len = len };
	return l;
}

static void cmd_user(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	struct popart_str name = view_trim(a->rest);
	struct login *l;

	session_forget_login(s);
	if (!(s->flags & POPART_SESSION_PASSWORDS)) {
		reply_line(io, NO_PASSWORD);
		return;
	}
	if (!name_ok(name)) {
		session_login_failed(s, "USER", POPART_R_DENIED);
		reply_status(io, POPART_R_DENIED, true, NULL);
		return;
	}
	l = room_for_login(s, io, "USER", name.len);
	if (!l)
		return;
	memcpy(l->text, name.ptr, name.len);
	l->user = view_of(l->text, name.len);
	reply_line(io, "+OK now the password");
}

static void cmd_pass(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	size_t name_len = s->login ? s->login->user.len : 0;
	struct login *l;

	if (!(s->flags & POPART_SESSION_PASSWORDS)) {
		reply_line(io, NO_PASSWORD);
		return;
	}
	if (!s->login) {
		session_bad(s, io, "USER comes first");
		return;
	}
	l = room_for_login(s, io, "USER", name_len + a->rest.len);
	if (!l)
		return;
	if (a->rest.len > 0)
		memcpy(l->text + name_len, a->rest.ptr, a->rest.len);
	l->user = view_of(l->text, name_len);
	l->password = view_of(l->text + name_len, a->rest.len);
	start_auth(s, io);
}

static bool is_digest(struct popart_str v)
{
	if (v.len != DIGEST_LEN)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			    (c >= 'A' && c <= 'F')))
			return false;
	}
	return true;
}

static void cmd_apop(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	struct popart_str name = a->word[0], digest = a->word[1];
	struct login *l;
	char *digits;

	session_forget_login(s);
	if (!s->stamp) {
		session_bad(s, io, "APOP is not offered here");
		return;
	}
	if (!is_digest(digest)) {
		session_bad(s, io, "a digest of 32 hexadecimal digits was expected");
		return;
	}
	l = room_for_login(s, io, "APOP", name.len + DIGEST_LEN);
	if (!l)
		return;
	memcpy(l->text, name.ptr, name.len);
	digits = l->text + name.len;
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		char c = digest.ptr[i];

		digits[i] = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
	}
	l->user = view_of(l->text, name.len);
	l->password = view_of(digits, DIGEST_LEN);
	start_auth(s, io);
}

/* A response to PLAIN; base64. */
static void take_plain(
	struct popart_session *s, struct popart_io *io, struct popart_str response)
{
	struct sasl_plain plain;
	struct login *l;
	size_t len = 0;

	s->phase = PHASE_COMMAND;
	l = room_for_login(s, io, "PLAIN", response.len / 4 * 3);
	if (!l)
		return;
	if (!base64_decode(response, l->text, &len)) {
		session_forget_login(s);
		session_bad(s, io, "the response is not base64");
		return;
	}
	if (!sasl_plain_parse(view_of(l->text, len), &plain)) {
		session_forget_login(s);
		session_bad(s, io, "the response is not what PLAIN asks for");
		return;
	}
	l->act_as = plain.act_as;
	l->user = plain.user;
	l->password = plain.password;
	start_auth(s, io);
}

void command_sasl(struct popart_session *s, struct popart_io *io, struct popart_str line)
{
	if (view_eq(line, VIEW_LIT("*"))) {
		s->phase = PHASE_COMMAND;
		session_forget_login(s);
		reply_line(io, "-ERR authentication cancelled");
		return;
	}
	take_plain(s, io, line);
}

static void cmd_auth(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	bool passwords = s->flags & POPART_SESSION_PASSWORDS;

	session_forget_login(s);
	if (a->count == 0) {
		/* Not in RFC 5034, but Outlook asks this way. */
		reply_line(io, "+OK mechanisms follow");
		start_listing(s, LISTING_MECHANISMS);
		return;
	}
	if (!view_eq_nocase(a->word[0], VIEW_LIT("PLAIN"))) {
		reply_line(io, "-ERR no such mechanism; CAPA lists those there are");
		return;
	}
	if (!passwords) {
		reply_line(io, NO_PASSWORD);
		return;
	}
	if (a->count == 1) {
		reply_line(io, "+ ");
		s->phase = PHASE_SASL;
		return;
	}
	take_plain(s, io, view_eq(a->word[1], VIEW_LIT("=")) ? VIEW_NONE : a->word[1]);
}

static void cmd_stls(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	(void)s;
	(void)a;
	reply_line(io, "-ERR no STLS here; TLS begins with the connection, on the port for it");
}

static void cmd_capa(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	(void)a;
	reply_line(io, "+OK capabilities follow");
	start_listing(s, LISTING_CAPA);
}

static void cmd_lang(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	if (a->count == 0) {
		reply_line(io, "+OK languages follow");
		start_listing(s, LISTING_LANG);
	} else if (view_eq(a->word[0], VIEW_LIT("*")) ||
		view_eq_nocase(a->word[0], VIEW_LIT("en"))) {
		reply_line(io, "+OK en English it is");
	} else {
		reply_line(io, "-ERR no such language; LANG lists those there are");
	}
}

/* RFC 6856 has it before login only; Outlook sends it afterwards. Octets are sent as they
 * are stored either way, so there is no mode to keep. */
static void cmd_utf8(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	(void)s;
	(void)a;
	reply_line(io, "+OK UTF-8 it is");
}

static void cmd_noop(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	(void)s;
	(void)a;
	reply_line(io, "+OK");
}

static void cmd_stat(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	struct reply r;

	(void)a;
	reply_begin(&r, io, "+OK ");
	reply_u64(&r, drop_live(&s->drop));
	reply_str(&r, " ");
	reply_u64(&r, s->drop.octets);
	reply_end(&r);
}

static void cmd_list(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	struct reply r;
	uint32_t number;

	if (a->count == 0) {
		command_totals(s, io);
		start_listing(s, LISTING_LIST);
		return;
	}
	number = named(s, io, a->word[0]);
	if (number == 0)
		return;
	reply_begin(&r, io, "+OK ");
	reply_u64(&r, number);
	reply_str(&r, " ");
	reply_u64(&r, drop_message(&s->drop, number).size);
	reply_end(&r);
}

static void cmd_uidl(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	struct uids_walk walk;
	struct reply r;
	uint32_t number;

	if (a->count == 0) {
		reply_line(io, "+OK unique-ids follow");
		start_listing(s, LISTING_UIDL);
		return;
	}
	number = named(s, io, a->word[0]);
	if (number == 0)
		return;
	reply_begin(&r, io, "+OK ");
	reply_u64(&r, number);
	reply_str(&r, " ");
	reply_view(&r, drop_uid(&s->drop, number, &walk));
	reply_end(&r);
}

static void start_message(
	struct popart_session *s, struct popart_io *io, uint32_t number, uint64_t lines)
{
	s->message = malloc(sizeof(*s->message));
	if (!s->message) {
		session_internal(s, io, POPART_E_NOMEM);
		return;
	}
	*s->message = (struct message){ .number = number, .lines = lines };
	s->phase = PHASE_MESSAGE;
}

static void cmd_retr(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	uint32_t number = named(s, io, a->word[0]);

	if (number != 0)
		start_message(s, io, number, WIRE_ALL);
}

static void cmd_top(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	uint32_t number;
	uint64_t lines;

	if (!number_of(a->word[1], &lines)) {
		session_bad(s, io, "a number of lines was expected");
		return;
	}
	number = named(s, io, a->word[0]);
	if (number != 0)
		start_message(s, io, number, lines < WIRE_ALL ? lines : WIRE_ALL - 1);
}

static void cmd_dele(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	uint32_t number = named(s, io, a->word[0]);
	struct reply r;

	if (number == 0)
		return;
	drop_delete(&s->drop, number);
	reply_begin(&r, io, "+OK message ");
	reply_u64(&r, number);
	reply_str(&r, " deleted");
	reply_end(&r);
}

static void cmd_rset(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	(void)a;
	drop_undelete_all(&s->drop);
	command_totals(s, io);
}

/* RFC 1939: only QUIT in TRANSACTION enters UPDATE. */
static void cmd_quit(struct popart_session *s, struct popart_io *io, const struct args *a)
{
	(void)a;
	session_forget_login(s);
	s->phase = PHASE_QUIT;
	if (s->state != POPART_STATE_TRANSACTION)
		return;
	s->state = POPART_STATE_UPDATE;
	if (s->drop.deleted == 0)
		return;
	s->refs = drop_deleted_refs(&s->drop);
	s->phase = PHASE_COMMIT;
	if (!s->refs)
		session_internal(s, io, POPART_E_NOMEM);
}

enum { BEFORE = 1u, AFTER = 2u, BOTH = 3u }; /* login */
enum { REST = 255u };                        /* one argument, blanks and all */

static const struct command {
	char keyword[5];
	uint8_t states;
	uint8_t least, most; /* arguments */
	void (*run)(struct popart_session *, struct popart_io *, const struct args *);
} commands[] = {
	{ "RETR", AFTER, 1, 1, cmd_retr },
	{ "DELE", AFTER, 1, 1, cmd_dele },
	{ "TOP", AFTER, 2, 2, cmd_top },
	{ "LIST", AFTER, 0, 1, cmd_list },
	{ "UIDL", AFTER, 0, 1, cmd_uidl },
	{ "STAT", AFTER, 0, 0, cmd_stat },
	{ "NOOP", AFTER, 0, 0, cmd_noop },
	{ "RSET", AFTER, 0, 0, cmd_rset },
	{ "USER", BEFORE, 1, REST, cmd_user },
	{ "PASS", BEFORE, 1, REST, cmd_pass },
	{ "AUTH", BEFORE, 0, 2, cmd_auth },
	{ "APOP", BEFORE, 2, 2, cmd_apop },
	{ "STLS", BOTH, 0, 0, cmd_stls },
	{ "CAPA", BOTH, 0, 0, cmd_capa },
	{ "LANG", BOTH, 0, 1, cmd_lang },
	{ "UTF8", BOTH, 0, 0, cmd_utf8 },
	{ "QUIT", BOTH, 0, 0, cmd_quit },
};

static const struct command *find(struct popart_str keyword)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (view_eq_nocase(keyword, view_str(commands[i].keyword)))
			return &commands[i];
	return NULL;
}

/* More blanks than one between words are forgiven, and blanks at the end. */
static void split(struct args *a)
{
	struct popart_str rest = a->rest;

	while (rest.len > 0) {
		struct popart_str word = view_cut(&rest, ' ');

		if (word.len == 0)
			continue;
		if (a->count < ARGS_MAX)
			a->word[a->count] = word;
		a->count++;
	}
}

void command_run(struct popart_session *s, struct popart_io *io, struct popart_str line)
{
	const struct command *c = find(view_cut(&line, ' '));
	struct args a = { .rest = line };
	unsigned now = s->state == POPART_STATE_AUTHORIZATION ? BEFORE : AFTER;
	uint32_t bad = s->stats.bad_commands;

	if (!c) {
		session_bad(s, io, "no such command");
		return;
	}
	if (!(c->states & now)) {
		session_bad(
			s, io, now == BEFORE ? "log in first" : "you are logged in already");
		return;
	}
	if (c->most == REST)
		a.count = line.ptr ? 1 : 0;
	else
		split(&a);
	if (a.count < c->least || a.count > c->most) {
		session_bad(s, io, "wrong number of arguments");
		return;
	}
	c->run(s, io, &a);
	if (s->stats.bad_commands == bad)
		s->bad_in_row = 0;
}
