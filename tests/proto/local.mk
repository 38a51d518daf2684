# SPDX-License-Identifier: MIT
check_PROGRAMS += tests/proto/run
TESTS += tests/proto/run
tests_proto_run_SOURCES = tests/proto/run.c tests/proto/script.c tests/proto/script.h \
	tests/support/memstore.c tests/support/memstore.h
tests_proto_run_CPPFLAGS = $(TEST_CPPFLAGS)
tests_proto_run_LDADD = $(POP3_LIBS) $(GNUTLS_LIBS)
EXTRA_DIST += \
	tests/proto/010-greeting.txt \
	tests/proto/011-greeting-hostname.txt \
	tests/proto/012-greeting-hostname-odd.txt \
	tests/proto/013-greeting-long.txt \
	tests/proto/020-line-ends.txt \
	tests/proto/021-unknown-command.txt \
	tests/proto/022-wrong-state.txt \
	tests/proto/023-too-many-bad.txt \
	tests/proto/024-bad-in-a-row.txt \
	tests/proto/025-long-line.txt \
	tests/proto/026-long-line-no-end.txt \
	tests/proto/027-pipelining.txt \
	tests/proto/028-pipelining-errors.txt \
	tests/proto/030-user-pass.txt \
	tests/proto/031-pass-spaces.txt \
	tests/proto/032-pass-nul.txt \
	tests/proto/033-pass-empty.txt \
	tests/proto/034-user-after-failure.txt \
	tests/proto/035-passwords-off.txt \
	tests/proto/036-login-statuses.txt \
	tests/proto/037-in-use.txt \
	tests/proto/038-open-fails.txt \
	tests/proto/039-too-many-messages.txt \
	tests/proto/040-stat.txt \
	tests/proto/041-stat-64-bit.txt \
	tests/proto/042-list.txt \
	tests/proto/043-list-empty.txt \
	tests/proto/044-deleted-stay-numbered.txt \
	tests/proto/045-uidl.txt \
	tests/proto/046-uid-too-long.txt \
	tests/proto/047-uid-bad-octet.txt \
	tests/proto/048-uid-empty.txt \
	tests/proto/050-retr.txt \
	tests/proto/051-retr-empty.txt \
	tests/proto/052-retr-long-lines.txt \
	tests/proto/053-retr-gone.txt \
	tests/proto/054-retr-internal.txt \
	tests/proto/055-retr-source-fails.txt \
	tests/proto/056-retr-truncated.txt \
	tests/proto/057-size-mismatch.txt \
	tests/proto/058-retr-wire-form.txt \
	tests/proto/060-top.txt \
	tests/proto/061-top-long.txt \
	tests/proto/070-quit-update.txt \
	tests/proto/071-quit-partial.txt \
	tests/proto/072-quit-refused.txt \
	tests/proto/073-quit-internal.txt \
	tests/proto/074-close-without-quit.txt \
	tests/proto/075-quit-then-close.txt \
	tests/proto/076-abort.txt \
	tests/proto/077-rset.txt \
	tests/proto/080-apop.txt \
	tests/proto/081-apop-without-passwords.txt \
	tests/proto/090-capa.txt \
	tests/proto/091-capa-expire.txt \
	tests/proto/092-capa-implementation-long.txt \
	tests/proto/100-auth-plain.txt \
	tests/proto/101-auth-challenge.txt \
	tests/proto/102-auth-cancel.txt \
	tests/proto/103-auth-empty-response.txt \
	tests/proto/104-auth-base64.txt \
	tests/proto/105-auth-mechanisms.txt \
	tests/proto/106-auth-plain-parts.txt \
	tests/proto/107-auth-act-as.txt \
	tests/proto/108-auth-long.txt \
	tests/proto/109-auth-long-continued.txt \
	tests/proto/110-auth-closed.txt \
	tests/proto/120-utf8.txt \
	tests/proto/121-utf8-user.txt \
	tests/proto/122-utf8-malformed.txt \
	tests/proto/123-lang.txt \
	tests/proto/130-stls.txt
