/* SPDX-License-Identifier: MIT */
#include "master/account.h"
#include <unistd.h>
#include "suites.h"

struct choice {
	struct account account;
	struct report report;
	bool ok;
};

static void choose(struct choice *c, const char *user, uid_t self)
{
	report_init(&c->report);
	c->ok = account_choose(&c->account, user, self,
		(struct place){ .file = "x.conf", .line = 3 }, &c->report);
}

static void drop(struct choice *c)
{
	account_free(&c->account);
	report_free(&c->report);
}

static bool says(struct choice *c, const char *text)
{
	return strstr(buf_cstr(&c->report.text), text) != NULL;
}

static void root_becomes_the_named_account(void)
{
	struct choice c;

	choose(&c, "nobody", 0);
	CU_ASSERT_FATAL(c.ok);
	CU_ASSERT_TRUE(c.account.change);
	CU_ASSERT_EQUAL(c.account.uid, 65534);
	CU_ASSERT_STRING_EQUAL(c.account.name, "nobody");
	CU_ASSERT_FATAL(c.account.ngroups >= 1);
	CU_ASSERT_EQUAL(c.account.groups[0], c.account.gid);
	CU_ASSERT_EQUAL(c.report.errors + c.report.warnings, 0);
	drop(&c);
}

static void a_number_needs_no_account(void)
{
	static const char *const forms[] = { "#54321", "54321" };

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct choice c;
		choose(&c, forms[i], 0);
		CU_ASSERT_FATAL(c.ok);
		CU_ASSERT_EQUAL(c.account.uid, 54321);
		CU_ASSERT_EQUAL(c.account.gid, 54321);
		CU_ASSERT_EQUAL(c.account.ngroups, 1);
		CU_ASSERT_EQUAL(c.account.groups[0], 54321);
		drop(&c);
	}
}

static void a_number_finds_its_account(void)
{
	struct choice c;

	choose(&c, "#65534", 0);
	CU_ASSERT_FATAL(c.ok);
	CU_ASSERT_STRING_EQUAL(c.account.name, "nobody");
	drop(&c);
}

static void root_is_allowed_with_a_warning(void)
{
	static const char *const forms[] = { "root", "#0", "0" };

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct choice c;
		choose(&c, forms[i], 0);
		CU_ASSERT_TRUE(c.ok);
		CU_ASSERT_FALSE(c.account.change);
		CU_ASSERT_EQUAL(c.report.warnings, 1);
		CU_ASSERT_TRUE(says(&c, "root"));
		drop(&c);
	}
}

static void what_is_no_account_is_refused(void)
{
	static const char *const forms[] = { "no-such-account-here", "", "#", "#-1", "#12x",
		"-1", "4294967295", "#4294967295", "99999999999999999999" };

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct choice c;
		choose(&c, forms[i], 0);
		CU_ASSERT_FALSE(c.ok);
		CU_ASSERT_PTR_NULL(c.account.groups);
		CU_ASSERT_EQUAL(c.report.errors, 1);
		CU_ASSERT_TRUE(says(&c, "x.conf"));
		CU_ASSERT_TRUE(says(&c, forms[i]));
		drop(&c);
	}
}

static void only_root_becomes_somebody_else(void)
{
	struct choice c;

	choose(&c, "nobody", 12345);
	CU_ASSERT_FALSE(c.ok);
	CU_ASSERT_TRUE(says(&c, "only root"));
	drop(&c);
	choose(&c, "#12345", 12345);
	CU_ASSERT_TRUE(c.ok);
	CU_ASSERT_FALSE(c.account.change);
	drop(&c);
	choose(&c, NULL, 12345);
	CU_ASSERT_TRUE(c.ok);
	CU_ASSERT_FALSE(c.account.change);
	CU_ASSERT_EQUAL(c.account.uid, 12345);
	drop(&c);
}

static void prepare(struct choice *c, const char *more)
{
	struct conf *conf;
	struct buf text;

	report_init(&c->report);
	buf_init(&text, 1024);
	buf_printf(&text,
		"listen = { address = \"127.0.0.1:0\"; }; auth = { module = \"static\"; };\n"
		"storage = { module = \"maildir\"; %s\n",
		more);
	conf = conf_load(buf_view(&text), "x.conf", &c->report);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	c->ok = account_prepare(&c->account, conf, &c->report);
	conf_free(&conf);
	buf_free(&text);
}

static void groups_of_the_configuration_are_added_once(void)
{
	struct choice c;
	int before, mail = 0;

	if (geteuid() != 0)
		return;
	prepare(&c, "}; user = \"nobody\";");
	CU_ASSERT_TRUE_FATAL(c.ok);
	before = c.account.ngroups;
	drop(&c);
	prepare(&c,
		"}; user = \"nobody\"; supplementary_groups = [ \"mail\", \"nogroup\", "
		"\"mail\" ];");
	CU_ASSERT_TRUE_FATAL(c.ok);
	CU_ASSERT_EQUAL(c.account.ngroups, before + 1);
	for (int i = 0; i < c.account.ngroups; i++)
		mail += c.account.groups[i] == 8;
	CU_ASSERT_EQUAL(mail, 1);
	CU_ASSERT_FALSE(c.account.act_as);
	drop(&c);
	prepare(&c, "}; user = \"nobody\";\nsupplementary_groups = [ \"no-such-group\" ];");
	CU_ASSERT_FALSE(c.ok);
	CU_ASSERT_PTR_NULL(c.account.groups);
	CU_ASSERT_TRUE(says(&c, "x.conf:3: supplementary_groups: there is no group "));
	drop(&c);
}

static void as_user_is_kept_and_warned_of(void)
{
	struct choice c;

	prepare(&c,
		geteuid() == 0 ? "as_user = true; }; user = \"nobody\";"
			       : "as_user = true; };");
	CU_ASSERT_EQUAL(c.ok, geteuid() == 0);
	CU_ASSERT_EQUAL(c.account.act_as, c.ok);
	CU_ASSERT_TRUE(says(&c, "x.conf:2: "));
	CU_ASSERT_TRUE(says(&c, "as_user = true"));
	drop(&c);
}

CU_TestInfo account_tests[] = {
	{ "groups of the configuration are added, once",
		groups_of_the_configuration_are_added_once },
	{ "as_user is for root, kept and warned of", as_user_is_kept_and_warned_of },
	{ "root becomes the named account", root_becomes_the_named_account },
	{ "a number needs no account", a_number_needs_no_account },
	{ "a number finds its account", a_number_finds_its_account },
	{ "root is allowed, with a warning", root_is_allowed_with_a_warning },
	{ "what is no account is refused", what_is_no_account_is_refused },
	{ "only root becomes somebody else", only_root_becomes_somebody_else },
	CU_TEST_INFO_NULL,
};
