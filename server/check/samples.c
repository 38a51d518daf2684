/* SPDX-License-Identifier: MIT */
#include "check/samples.h"

#define TEXT(s)                                  \
	{                                        \
		.ptr = (s), .len = sizeof(s) - 1 \
	}

const struct popart_str samples[SAMPLES] = {
	TEXT("Subject: plain\r\n\r\nbody\r\n"),
	TEXT("Subject: unix\n\nbody\nmore\n"),
	TEXT("Subject: mixed\r\n\nbody\r\n\n"),
	TEXT(""),
	TEXT("x"),
	TEXT("\n"),
	TEXT("\r"),
	TEXT("\r\n"),
	TEXT("no line end at all"),
	TEXT("ends in a lone carriage return\r"),
	TEXT("a bare \r in the middle\n"),
	TEXT("\r\r\n\r\n\n\r"),
	TEXT(".\n..\n...\r\n.dot\n"),
	TEXT("From nobody\n\n.\n"),
	TEXT("NUL \0 in it\0\n\0"),
	TEXT("\x80\xff\xfe 8-bit \xc3\xa4\n"),
};

bool samples_put(struct scene *s, const char *user)
{
	for (size_t i = 0; i < SAMPLES; i++)
		if (!scene_put(s, user, i, samples[i]))
			return false;
	return true;
}
