/* SPDX-License-Identifier: MIT */
/*
 * An auth module for popartd: asks a web service who a user is. It posts a form with user,
 * password and peer, and understands
 *
 *	200	yes; the body may have lines key=value, the user's attributes, of which
 *		"user" is the name that the server then knows the user by
 *	401,403	no
 *	404	not one of mine: the next auth module is asked
 *
 * and everything else, like no answer at all, as "cannot tell": that is never a no. Without
 * a password (delivery, popartctl why) the form has lookup=1 in its place.
 */
#include <curl/curl.h>
#include <popart/module.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX 16384u
#define FORM_MAX   262144u

struct client {
	const struct popart_host *host;
	struct popart_instance *inst;
	const char *url, *ca_file;
	int64_t timeout_ms;
};

/* ---- the form ---- */

struct form {
	char *text;
	size_t len, cap;
};

/* False: it does not fit. */
static int form_put(struct form *f, char c)
{
	if (f->len + 1 >= f->cap)
		return 0;
	f->text[f->len++] = c;
	f->text[f->len] = '\0';
	return 1;
}

/* "&name=" and the value, any octets of which are escaped. */
static int form_add(struct form *f, const char *name, struct popart_str value)
{
	static const char digits[] = "0123456789ABCDEF";
	int fits = f->len == 0 || form_put(f, '&');

	while (fits && *name)
		fits = form_put(f, *name++);
	fits = fits && form_put(f, '=');
	for (size_t i = 0; fits && i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
			fits = form_put(f, (char)c);
		else
			fits = form_put(f, '%') && form_put(f, digits[c >> 4]) &&
				form_put(f, digits[c & 15]);
	}
	return fits;
}

/* ---- the answer ---- */

struct answer {
	const struct popart_host *host;
	const struct popart_call *call;
	size_t len;
	char text[ANSWER_MAX];
};

static size_t take(char *data, size_t one, size_t n, void *ctx)
{
	struct answer *a = ctx;

	(void)one; /* 1 */
	if (n > sizeof(a->text) - a->len)
		return 0; /* curl gives up */
	memcpy(a->text + a->len, data, n);
	a->len += n;
	return n;
}

static int look(
	void *ctx, curl_off_t total, curl_off_t now, curl_off_t ultotal, curl_off_t ulnow)
{
	const struct answer *a = ctx;

	(void)total, (void)now, (void)ultotal, (void)ulnow;
	return a->host->stop_asked(a->call);
}

/* The lines of a yes. What the reply says is passed on. */
static int take_attributes(const struct answer *a, struct popart_auth_reply *reply)
{
	const char *line = a->text, *end = a->text + a->len;
	int status = POPART_OK;

	while (line < end && !status) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		const char *stop = lf ? lf : end;
		const char *equals = memchr(line, '=', (size_t)(stop - line));

		if (stop > line && stop[-1] == '\r')
			stop--;
		if (equals && equals > line && equals < stop) {
			struct popart_str key = { line, (size_t)(equals - line) };
			struct popart_str value = { equals + 1, (size_t)(stop - equals - 1) };

			if (key.len == 4 && memcmp(key.ptr, "user", 4) == 0)
				status = reply->set_user(reply, value);
			else
				status = reply->set_attr(reply, key, value);
		}
		line = lf ? lf + 1 : end;
	}
	return status;
}

/* ---- asking ---- */

static int64_t patience(const struct client *c, const struct popart_call *call)
{
	int64_t left = c->timeout_ms;

	if (call->deadline_ms != INT64_MAX && call->deadline_ms - c->host->now_ms() < left)
		left = call->deadline_ms - c->host->now_ms();
	return left;
}

/* Sends the form. A status; *code is what the service said. */
static int post(const struct client *c, const struct popart_call *call, const struct form *f,
	struct answer *a, long *code)
{
	CURL *curl = call->thread_state; /* keeps its connection for the next login */
	int64_t left = patience(c, call);
	CURLcode rc;

	if (left <= 0)
		return POPART_E_DEADLINE;
	curl_easy_setopt(curl, CURLOPT_URL, c->url);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, f->text); /* not copied */
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)f->len);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, a);
	rc = curl_easy_perform(curl);
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return POPART_E_CANCELLED;
	if (rc != CURLE_OK)
		return c->host->fail(c->inst, call, POPART_E_UNAVAIL, NULL, 0, "%s: %s", c->url,
			curl_easy_strerror(rc));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, code);
	return POPART_OK;
}

static int judge(const struct client *c, const struct popart_call *call, long code,
	const struct answer *a, struct popart_auth_reply *reply)
{
	switch (code) {
	case 200:
		return take_attributes(a, reply);
	case 401:
	case 403:
		return c->host->fail(c->inst, call, POPART_R_DENIED, NULL, 0,
			"the service said no (%ld)", code);
	case 404:
		return POPART_R_NEXT;
	default:
		return c->host->fail(c->inst, call, POPART_E_UNAVAIL, NULL, 0,
			"%s: answered %ld", c->url, code);
	}
}

static int ask(const struct client *c, const struct popart_call *call, struct form *f,
	struct popart_auth_reply *reply)
{
	struct answer *a = malloc(sizeof(*a));
	long code = 0;
	int status = POPART_E_NOMEM;

	if (a) {
		a->host = c->host;
		a->call = call;
		a->len = 0;
		status = post(c, call, f, a, &code);
	}
	if (!status)
		status = judge(c, call, code, a, reply);
	free(a);
	return status;
}

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	const struct client *c = state;
	struct form f = { .text = malloc(FORM_MAX), .cap = FORM_MAX };
	int status = POPART_E_NOMEM;

	if (f.text && form_add(&f, "user", login->user) && form_add(&f, "password", password) &&
		form_add(&f, "peer", login->peer))
		status = ask(c, call, &f, reply);
	else if (f.text)
		status = c->host->fail(c->inst, call, POPART_R_DENIED, NULL, 0,
			"the name or the password is too long");
	if (f.text)
		c->host->wipe(f.text, f.len);
	free(f.text);
	return status;
}

static int lookup(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_auth_reply *reply)
{
	const struct client *c = state;
	struct form f = { .text = malloc(FORM_MAX), .cap = FORM_MAX };
	int status = POPART_E_NOMEM;

	if (f.text && form_add(&f, "user", user) &&
		form_add(&f, "lookup", (struct popart_str){ "1", 1 }))
		status = ask(c, call, &f, reply);
	else if (f.text)
		status = POPART_R_NEXT;
	free(f.text);
	return status;
}

/* ---- the module ---- */

static int begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* A password goes over the network under TLS, or not at all. */
static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	const char *url = host->conf_str(conf, "url").ptr;

	int is_here = begins(url, "http://127.0.0.1:") || begins(url, "http://127.0.0.1/") ||
		begins(url, "http://[::1]:") || begins(url, "http://[::1]/");

	if (begins(url, "https://") || (is_here && !strchr(url, '@')))
		return POPART_OK;
	return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
		"url = \"%s\": passwords would be seen on the way; begin it with https:// "
		"(or http://127.0.0.1)",
		url);
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return POPART_E_NOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(c);
		return host->fail(inst, NULL, POPART_E_UNAVAIL, NULL, 0, "curl does not start");
	}
	c->host = host;
	c->inst = inst;
	c->url = host->conf_str(conf, "url").ptr;
	c->ca_file = host->conf_str(conf, "ca_file").ptr;
	c->timeout_ms = host->conf_int(conf, "timeout");
	*state = c;
	return POPART_OK;
}

/* What is the same for all requests of a thread. */
static int thread_start(void *state, uint32_t thread, void **thread_state)
{
	const struct client *c = state;
	CURL *curl = curl_easy_init();

	(void)thread;
	if (!curl)
		return POPART_E_NOMEM;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L); /* there are other threads */
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca_file);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	*thread_state = curl;
	return POPART_OK;
}

static void thread_stop(void *state, uint32_t thread, void *thread_state)
{
	(void)state, (void)thread;
	curl_easy_cleanup(thread_state);
}

static void stop(void *state)
{
	curl_global_cleanup();
	free(state);
}

static const struct popart_opt options[] = {
	{ .name = "url",
		.type = POPART_OPT_STRING,
		.flags = POPART_OPT_REQUIRED,
		.help = "Where the form is posted to: https, or http on this machine." },
	{ .name = "timeout",
		.type = POPART_OPT_MSEC,
		.min = 100,
		.max = 25000,
		.fallback = "10s",
		.help = "How long an answer may take." },
	{ .name = "ca_file",
		.type = POPART_OPT_PATH,
		.fallback = "/etc/ssl/certs/ca-certificates.crt",
		.help = "Whose certificates are believed (PEM)." },
	{ .name = NULL },
};

static const struct popart_auth_ops auth = {
	.size = sizeof(auth),
	.caps = POPART_AUTH_BLOCKS,
	.check_password = check_password,
	.lookup = lookup,
};

POPART_MODULE(http, .version = "1.0", .license = "MIT", .summary = "asks a web service",
	.needs = POPART_NEEDS_NETWORK, .options = options, .auth = &auth, .check = check,
	.start = start, .stop = stop, .thread_start = thread_start, .thread_stop = thread_stop);
