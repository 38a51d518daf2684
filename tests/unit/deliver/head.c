/* SPDX-License-Identifier: MIT */
#include "deliver/head.h"
#include "suites.h"

/* What the beginning of a message becomes. */
static void becomes(const struct head *h, const char *message, const char *want)
{
	struct popart_str rest = view_str(message);
	struct buf out;

	buf_init(&out, HEAD_MAX);
	head_make(h, &rest, &out);
	buf_add(&out, rest);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&out), want);
	buf_free(&out);
}

static void nothing_is_added_unless_told(void)
{
	const struct head none = { 0 };

	becomes(&none, "", "");
	becomes(&none, "From a Mon\nSubject: x\n\n", "From a Mon\nSubject: x\n\n");
}

static void lines_end_as_the_message_does(void)
{
	const struct head both = { .return_path = "a@x", .delivered_to = "b@x" };

	becomes(&both, "S: x\n\r\n", "Return-Path: <a@x>\nDelivered-To: b@x\nS: x\n\r\n");
	becomes(&both, "S: x\r\n\n", "Return-Path: <a@x>\r\nDelivered-To: b@x\r\nS: x\r\n\n");
	becomes(&both, "\r\nx", "Return-Path: <a@x>\r\nDelivered-To: b@x\r\n\r\nx");
	becomes(&both, "\nx", "Return-Path: <a@x>\nDelivered-To: b@x\n\nx");
	becomes(&both, "no end", "Return-Path: <a@x>\nDelivered-To: b@x\nno end");
	becomes(&both, "", "Return-Path: <a@x>\nDelivered-To: b@x\n");
	becomes(&(struct head){ .return_path = "" }, "x\n", "Return-Path: <>\nx\n");
}

static void the_line_of_an_mbox_is_taken_off(void)
{
	const struct head strip = { .strip_from = true, .delivered_to = "b@x" };

	becomes(&strip, "From a@x Mon\nS: x\n", "Delivered-To: b@x\nS: x\n");
	becomes(&strip, "From a@x Mon\r\nS: x\r\n", "Delivered-To: b@x\r\nS: x\r\n");
	becomes(&strip, "From: a\nS: x\n", "Delivered-To: b@x\nFrom: a\nS: x\n");
	becomes(&strip, "S: x\nFrom a\n", "Delivered-To: b@x\nS: x\nFrom a\n");
	becomes(&strip, "From without end", "Delivered-To: b@x\nFrom without end");
}

static void addresses_are_one_line(void)
{
	char longest[902];

	memset(longest, 'a', sizeof(longest));
	longest[900] = '\0';
	CU_ASSERT_TRUE(head_is_legal(&(struct head){ 0 }));
	CU_ASSERT_TRUE(head_is_legal(&(struct head){ .return_path = "" }));
	CU_ASSERT_TRUE(head_is_legal(&(struct head){ .return_path = "\"a b\"@x" }));
	CU_ASSERT_TRUE(head_is_legal(&(struct head){ .delivered_to = "j\xc3\xb6rg@x" }));
	CU_ASSERT_TRUE(head_is_legal(&(struct head){ .delivered_to = longest }));
	longest[900] = 'a';
	longest[901] = '\0';
	CU_ASSERT_FALSE(head_is_legal(&(struct head){ .delivered_to = longest }));
	CU_ASSERT_FALSE(head_is_legal(&(struct head){ .return_path = "a\nX: y" }));
	CU_ASSERT_FALSE(head_is_legal(&(struct head){ .return_path = "a\r" }));
	CU_ASSERT_FALSE(head_is_legal(&(struct head){ .delivered_to = "a\tb" }));
	CU_ASSERT_FALSE(head_is_legal(&(struct head){ .delivered_to = "a\x7f" }));
}

CU_TestInfo head_tests[] = {
	{ "nothing is added unless told", nothing_is_added_unless_told },
	{ "lines end as the message does", lines_end_as_the_message_does },
	{ "the line of an mbox is taken off", the_line_of_an_mbox_is_taken_off },
	{ "an address is one line of a header", addresses_are_one_line },
	CU_TEST_INFO_NULL,
};
