/* SPDX-License-Identifier: MIT */
#include "net/certs.h"
#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"

#define HOST_MAX 255u
#define RSA_LAST (UINT32_C(1) << 31)
#define TEXT_MAX ((size_t)64 << 20) /* of all names, and who has them */

/* One of the names in a certificate: "pop.example.net", "*.example.net", "192.0.2.1". */
struct host {
	const char *name; /* as canonical makes it; "" where there is none */
	size_t pair, group;
};

/* What suits a host. GnuTLS chooses among these by the client's abilities. */
struct group {
	gnutls_certificate_credentials_t credentials;
	uint32_t *members; /* as member_of makes them, in order */
	size_t n;
};

struct certs {
	struct arena arena; /* names and members */
	struct host *hosts; /* by name */
	size_t nhosts, hosts_cap;
	struct group *groups; /* that of the first certificate comes first */
	size_t ngroups;
	size_t npairs;
	struct {
		int64_t expires;
		bool rsa, ocsp_expired;
		struct tls_about about;
	} pairs[];
};

static gnutls_datum_t datum(struct popart_str v)
{
	return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)v.ptr,
		.size = (unsigned)v.len };
}

/* --- names --- */

/* A-labels (RFC 5890) in lower case, and a NUL. False: no host is called that. */
static bool canonical(struct popart_str name, char out[HOST_MAX + 1])
{
	gnutls_datum_t labels = { .data = NULL };
	bool ok = name.len > 0 && name.len <= HOST_MAX && !memchr(name.ptr, '\0', name.len) &&
		gnutls_idna_map(name.ptr, (unsigned)name.len, &labels, 0) >= 0 &&
		labels.size <= HOST_MAX;

	for (size_t i = 0; ok && i < labels.size; i++) {
		char c = (char)labels.data[i];
		out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	out[ok ? labels.size : 0] = '\0';
	gnutls_free(labels.data);
	return ok;
}

/* Turns a host's name into what stands for it in a certificate for many, "*.example.net":
 * NULL where nothing does, for a star has two labels behind it at least. */
static const char *starred(char *name)
{
	char *dot = strchr(name, '.');

	if (!dot || dot == name || !strchr(dot + 1, '.'))
		return NULL;
	dot[-1] = '*';
	return dot - 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct host *)a)->name, ((const struct host *)b)->name);
}

/* Where the entries of that name begin; nhosts: there are none. */
static size_t find(const struct certs *c, const char *name)
{
	size_t low = 0, high = c->nhosts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(c->hosts[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->nhosts && strcmp(c->hosts[low].name, name) == 0 ? low : c->nhosts;
}

static bool add_name(struct certs *c, size_t pair, const char *name)
{
	if (c->nhosts == c->hosts_cap) {
		size_t cap = c->hosts_cap ? 2 * c->hosts_cap : 16;
		struct host *hosts = realloc(c->hosts, cap * sizeof(*hosts));
		if (!hosts)
			return false;
		c->hosts = hosts;
		c->hosts_cap = cap;
	}
	const char *kept = arena_copy(&c->arena, view_str(name)).ptr;
	c->hosts[c->nhosts] = (struct host){ .name = kept, .pair = pair };
	return kept && ++c->nhosts;
}

/* Of one of the alternative names; "": of another kind, or not to be found by. */
static void name_of(int type, const char *octets, size_t len, char name[HOST_MAX + 1])
{
	name[0] = '\0';
	if (type == GNUTLS_SAN_DNSNAME)
		(void)canonical(view_of(octets, len), name);
	else if (type == GNUTLS_SAN_IPADDRESS && (len == 4 || len == 16))
		(void)inet_ntop(len == 4 ? AF_INET : AF_INET6, octets, name, HOST_MAX + 1);
}

/* RFC 6125, section 6.4.4: the subject's common name counts if nothing else does. */
static bool add_names(struct certs *c, size_t pair, gnutls_x509_crt_t crt)
{
	char octets[HOST_MAX + 1], name[HOST_MAX + 1] = "";
	size_t before = c->nhosts, len;
	int type = 0;

	/* One that is too long for a host is passed over; any other error is the end. */
	for (unsigned i = 0; type >= 0 || type == GNUTLS_E_SHORT_MEMORY_BUFFER; i++) {
		len = sizeof(octets);
		type = gnutls_x509_crt_get_subject_alt_name(crt, i, octets, &len, NULL);
		name_of(type, octets, len, name);
		if (name[0] && !add_name(c, pair, name))
			return false;
	}
	if (c->nhosts > before)
		return true;
	len = sizeof(octets);
	if (gnutls_x509_crt_get_dn_by_oid(
		    crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, octets, &len) >= 0)
		(void)canonical(view_of(octets, len), name);
	return add_name(c, pair, name);
}

/* --- pairs --- */

static bool no_memory(struct buf *error)
{
	buf_add_str(error, "out of memory for certificates");
	return false;
}

static const char *name_or(const char *name, const struct tls_pair *pair)
{
	return name ? name : pair->name;
}

/* Not the one that says no more than that there is nothing. */
static void add_reason(struct buf *error, int rc)
{
	if (rc < 0 && rc != GNUTLS_E_NO_CERTIFICATE_FOUND &&
		rc != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		buf_printf(error, ": %s", gnutls_strerror(rc));
}

static void hex(char *room, size_t size, const unsigned char *octets, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < n && at + 2 < size; i++) {
		room[at++] = digits[octets[i] >> 4];
		room[at++] = digits[octets[i] & 15];
	}
	room[at] = '\0';
}

static void put_dn(char room[160], gnutls_x509_crt_t crt,
	int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned))
{
	gnutls_datum_t dn = { .data = NULL };

	if (get(crt, &dn, 0) >= 0)
		(void)snprintf(room, 160, "%.*s", (int)dn.size, (const char *)dn.data);
	gnutls_free(dn.data);
}

/* Before the names are sorted. */
static void put_names(const struct certs *c, size_t pair, struct tls_about *about)
{
	size_t at = 0;

	for (size_t i = 0; i < c->nhosts; i++) {
		size_t n = strlen(c->hosts[i].name);
		if (c->hosts[i].pair != pair || n == 0)
			continue;
		about->nnames++;
		if (at + n + 1 >= sizeof(about->names))
			continue;
		if (at > 0)
			about->names[at++] = ' ';
		memcpy(about->names + at, c->hosts[i].name, n);
		at += n;
	}
}

static void describe(struct certs *c, size_t pair, gnutls_x509_crt_t crt)
{
	struct tls_about *about = &c->pairs[pair].about;
	unsigned char octets[64];
	size_t len = sizeof(octets);
	unsigned bits = 0;
	int kind = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
	const char *name = gnutls_pk_get_name((gnutls_pk_algorithm_t)kind);

	about->not_before = (int64_t)gnutls_x509_crt_get_activation_time(crt);
	about->not_after = c->pairs[pair].expires;
	put_dn(about->subject, crt, gnutls_x509_crt_get_dn3);
	put_dn(about->issuer, crt, gnutls_x509_crt_get_issuer_dn3);
	put_names(c, pair, about);
	(void)snprintf(about->key, sizeof(about->key), "%s %u", name ? name : "?", bits);
	if (gnutls_x509_crt_get_serial(crt, octets, &len) >= 0)
		hex(about->serial, sizeof(about->serial), octets, len);
	len = sizeof(octets);
	if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, octets, &len) >= 0)
		hex(about->fingerprint, sizeof(about->fingerprint), octets, len);
}

/* The first certificate of a chain is the one that names the host. */
static bool read_chain(
	struct certs *c, size_t index, const struct tls_pair *pair, struct buf *error)
{
	gnutls_datum_t pem = datum(pair->chain);
	gnutls_x509_crt_t *list = NULL;
	unsigned n = 0;
	int rc = gnutls_x509_crt_list_import2(&list, &n, &pem, GNUTLS_X509_FMT_PEM, 0);

	if (rc < 0 || n == 0) {
		buf_printf(error, "%s: no certificate in PEM form", pair->name);
		add_reason(error, rc);
		return false;
	}
	c->pairs[index].expires = (int64_t)gnutls_x509_crt_get_expiration_time(list[0]);
	c->pairs[index].rsa = gnutls_x509_crt_get_pk_algorithm(list[0], NULL) == GNUTLS_PK_RSA;
	bool ok = add_names(c, index, list[0]) || no_memory(error);
	if (ok)
		describe(c, index, list[0]);
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return ok;
}

/* So that a complaint is about the key, not about the pair. */
static bool is_key(const struct tls_pair *pair, struct buf *error)
{
	const char *name = name_or(pair->key_name, pair);
	gnutls_datum_t pem = datum(pair->key);
	gnutls_x509_privkey_t key;
	int rc = gnutls_x509_privkey_init(&key);

	if (rc == 0) {
		rc = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
		gnutls_x509_privkey_deinit(key);
	}
	if (rc == GNUTLS_E_DECRYPTION_FAILED) {
		buf_printf(error,
			"%s: the key is encrypted, and nobody is there to type its password; "
			"`openssl pkey -in %s` prints it without",
			name, name);
	} else if (rc < 0) {
		buf_printf(error, "%s: no private key in PEM form", name);
		add_reason(error, rc);
	}
	return rc == 0;
}

static bool refuse_pair(const struct tls_pair *pair, int rc, struct buf *error)
{
	if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		buf_printf(error, "%s: not the key of the certificate in %s",
			name_or(pair->key_name, pair), pair->name);
	else
		buf_printf(error, "%s: %s", pair->name, gnutls_strerror(rc));
	return false;
}

static bool refuse_ocsp(const struct tls_pair *pair, int rc, struct buf *error)
{
	const char *name = name_or(pair->ocsp_name, pair);

	if (rc == GNUTLS_E_OCSP_MISMATCH_WITH_CERTS)
		buf_printf(error,
			"%s: an OCSP response about another certificate than that in %s", name,
			pair->name);
	else
		buf_printf(error, "%s: no OCSP response in DER form: %s", name,
			gnutls_strerror(rc));
	return false;
}

static bool add_pair(gnutls_certificate_credentials_t credentials, const struct tls_pair *pair,
	bool *ocsp_expired, struct buf *error)
{
	gnutls_datum_t chain = datum(pair->chain), key = datum(pair->key);
	gnutls_datum_t ocsp = datum(pair->ocsp);
	int rc,
		index = gnutls_certificate_set_x509_key_mem2(
			credentials, &chain, &key, GNUTLS_X509_FMT_PEM, NULL, 0);

	if (index < 0)
		return refuse_pair(pair, index, error);
	if (ocsp.size == 0)
		return true;
	rc = gnutls_certificate_set_ocsp_status_request_mem(
		credentials, &ocsp, (unsigned)index, GNUTLS_X509_FMT_DER);
	*ocsp_expired = rc == GNUTLS_E_EXPIRED; /* no reason not to serve */
	return rc >= 0 || *ocsp_expired || refuse_ocsp(pair, rc, error);
}

/* --- groups --- */

/* Of several keys that a client of TLS 1.3 can use GnuTLS takes the first: RSA, which is
 * slower by far, comes last. */
static uint32_t member_of(const struct certs *c, size_t pair)
{
	return (uint32_t)pair | (c->pairs[pair].rsa ? RSA_LAST : 0);
}

static int by_order(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* Adds the certificates that have this very name. */
static void suit_name(const struct certs *c, const char *name, uint32_t *members, size_t *n)
{
	for (size_t i = find(c, name); i < c->nhosts && strcmp(c->hosts[i].name, name) == 0;
		i++)
		members[(*n)++] = member_of(c, c->hosts[i].pair);
}

/* Which certificates are for a host that one of them names. Room for 2 * nhosts. */
static size_t suit(const struct certs *c, const char *host, uint32_t *members)
{
	char name[HOST_MAX + 1];
	size_t n = 0, unique = 0;

	suit_name(c, host, members, &n);
	memcpy(name, host, strlen(host) + 1);
	const char *star = starred(name);
	if (star)
		suit_name(c, star, members, &n);
	qsort(members, n, sizeof(*members), by_order);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || members[i] != members[unique - 1])
			members[unique++] = members[i];
	return unique;
}

/* Those that are for each host of the first. Room for as many again behind them. */
static size_t suit_first(const struct certs *c, uint32_t *members)
{
	uint32_t *others = members + 2 * c->nhosts;
	size_t n = 0, nothers, kept;
	bool begun = false;

	for (size_t i = 0; i < c->nhosts; i++) {
		if (c->hosts[i].pair != 0)
			continue;
		nothers = suit(c, c->hosts[i].name, others);
		if (!begun) {
			memcpy(members, others, nothers * sizeof(*others));
			n = nothers;
		}
		begun = true;
		kept = 0;
		for (size_t j = 0; j < n; j++)
			if (bsearch(&members[j], others, nothers, sizeof(*others), by_order))
				members[kept++] = members[j];
		n = kept;
	}
	return n;
}

static bool fill(
	struct certs *c, const struct group *g, const struct tls_pair *pairs, struct buf *error)
{
	/* Version 2: adding a pair returns its index, which its OCSP response needs. */
	gnutls_certificate_set_flags(g->credentials, GNUTLS_CERTIFICATE_API_V2);
	for (size_t i = 0; i < g->n; i++) {
		size_t pair = g->members[i] & ~RSA_LAST;
		if (!add_pair(
			    g->credentials, &pairs[pair], &c->pairs[pair].ocsp_expired, error))
			return false;
	}
	return true;
}

/* The group of just these, which may be new. False: error says why there is none. */
static bool group_of(struct certs *c, const uint32_t *members, size_t n,
	const struct tls_pair *pairs, size_t *index, struct buf *error)
{
	struct group *g = c->groups;

	while (g < c->groups + c->ngroups &&
		!view_eq(view_of(g->members, g->n * sizeof(*members)),
			view_of(members, n * sizeof(*members))))
		g++;
	*index = (size_t)(g - c->groups);
	if (*index < c->ngroups)
		return true;
	g->members = arena_alloc(&c->arena, n * sizeof(*members));
	if (!g->members || gnutls_certificate_allocate_credentials(&g->credentials) < 0)
		return no_memory(error);
	c->ngroups++;
	g->n = n;
	memcpy(g->members, members, n * sizeof(*members));
	return fill(c, g, pairs, error);
}

/* Before anything is looked up. The first group is that of the first certificate. */
static bool group_hosts(struct certs *c, const struct tls_pair *pairs, struct buf *error)
{
	uint32_t *members = calloc(4 * c->nhosts, sizeof(*members));
	bool ok;
	size_t n, index;

	c->groups = calloc(c->nhosts + 1, sizeof(*c->groups));
	if (!members || !c->groups) {
		free(members);
		return no_memory(error);
	}
	qsort(c->hosts, c->nhosts, sizeof(*c->hosts), by_name);
	n = suit_first(c, members);
	ok = group_of(c, members, n, pairs, &index, error);
	for (size_t i = 0; ok && i < c->nhosts; i++) {
		n = suit(c, c->hosts[i].name, members);
		ok = group_of(c, members, n, pairs, &c->hosts[i].group, error);
	}
	free(members);
	return ok;
}

struct certs *certs_new(const struct tls_pair *pairs, size_t n, struct buf *error)
{
	struct certs *c = calloc(1, sizeof(*c) + n * sizeof(c->pairs[0]));
	bool ok = c || no_memory(error);

	if (c)
		arena_init(&c->arena, TEXT_MAX);
	for (size_t i = 0; ok && i < n; i++) {
		ok = read_chain(c, i, &pairs[i], error) && is_key(&pairs[i], error);
		c->npairs++;
	}
	ok = ok && c->hosts && group_hosts(c, pairs, error);
	if (!ok)
		certs_free(&c);
	return c;
}

void certs_free(struct certs **cp)
{
	struct certs *c = *cp;

	if (!c)
		return;
	for (size_t i = 0; i < c->ngroups; i++)
		gnutls_certificate_free_credentials(c->groups[i].credentials);
	arena_free(&c->arena);
	free(c->groups);
	free(c->hosts);
	free(c);
	*cp = NULL;
}

int64_t certs_expires(const struct certs *c, size_t index)
{
	return index < c->npairs ? c->pairs[index].expires : -1;
}

bool certs_about(const struct certs *c, size_t index, struct tls_about *about)
{
	if (index >= c->npairs)
		return false;
	*about = c->pairs[index].about;
	return true;
}

bool certs_ocsp_expired(const struct certs *c, size_t index)
{
	return index < c->npairs && c->pairs[index].ocsp_expired;
}

gnutls_certificate_credentials_t certs_for(const struct certs *c, struct popart_str host)
{
	char name[HOST_MAX + 1];
	size_t i = c->nhosts, group = 0;
	const char *star = NULL;

	if (canonical(host, name)) {
		i = find(c, name);
		star = i == c->nhosts ? starred(name) : NULL;
	}
	if (star)
		i = find(c, star);
	if (i < c->nhosts)
		group = c->hosts[i].group;
	return c->groups[group].credentials;
}

bool certs_for_all(const struct certs *c)
{
	return c->ngroups == 1;
}
