# SPDX-License-Identifier: MIT
check_PROGRAMS += docs/examples/embed
TESTS += docs/examples/test-embed.sh
docs_examples_embed_SOURCES = docs/examples/embed.c
docs_examples_embed_LDADD = libpopart.la
EXTRA_DIST += docs/examples/test-embed.sh
