# SPDX-License-Identifier: MIT
check_PROGRAMS += docs/examples/embed
TESTS += docs/examples/test-embed.sh
docs_examples_embed_SOURCES = docs/examples/embed.c
docs_examples_embed_LDADD = libpopart.la
EXTRA_DIST += docs/examples/test-embed.sh

# Modules to learn from, each with a Makefile of its own; nothing of them is built here.
emlexampledir = $(docdir)/examples/eml
dist_emlexample_DATA = docs/examples/eml/Makefile docs/examples/eml/eml.c
emlxxexampledir = $(docdir)/examples/eml-cpp
dist_emlxxexample_DATA = docs/examples/eml-cpp/Makefile docs/examples/eml-cpp/emlxx.cc
emlrsexampledir = $(docdir)/examples/eml-rust
dist_emlrsexample_DATA = docs/examples/eml-rust/Makefile docs/examples/eml-rust/emlrs.rs \
	docs/examples/eml-rust/popart.rs
httpexampledir = $(docdir)/examples/http
dist_httpexample_DATA = docs/examples/http/Makefile docs/examples/http/http.c
