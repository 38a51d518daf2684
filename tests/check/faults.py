# SPDX-License-Identifier: MIT
"""The faults that faulty.c can have: what popart-module-check has to say of each."""

# fault: words of the tests to run (the first is that of the test that has to fail), and
# what the sentence has to match, clause included.
FAULTS = {
    "check-writes": (["check() looks"], r"about to make a file.*popart_module\.check"),
    "start-leaks": (["starts and stops"], r"more octets of memory.*popart_module\.stop"),
    "start-keeps-descriptor": (["starts and stops"], r"10 more descriptors are open"),
    "start-fails": (["a start that fails"], r"starts that failed for lack of descriptors.*"
                    r"popart_module\.start: On failure nothing is left"),
    "stop-leaves-thread": (["starts and stops"], r"10 more threads run"),
    "thread-leaks": (["thread_start and thread_stop"], r"octets.*popart_module\.thread_stop"),
    "stat-beyond-table": (["an empty maildrop"], r"stat_add was given the index 1"),
    "size-short": (["sizes and octets"], r"listed with 23 octets, and a RETR would send 24"
                   r".*popart_msg\.wire_size"),
    "size-lf": (["sizes and octets"], r"listed with 25 octets, and a RETR would send 29"),
    "uid-space": (["sizes and octets"], r"has a unique-id of.*1\.\.70 octets"),
    "uid-twice": (["sizes and octets"], r"two messages have the unique-id.*unique in the"),
    "uid-position": (["when others are removed"], r"after others were removed it has"),
    "uid-reused": (["never given to another"], r"was that of a message that is removed"),
    "list-live": (["frozen by open"], r"16 messages were there at open, and 17 were listed"),
    "sink-ignored": (["the sink says so"], r"list went on after the sink had said no"),
    "lock-fcntl": (["a second open"], r"POPART_OK in another thread and R_IN_USE"),
    "lock-lost": (["a second open"], r"Locks must shut out threads as well as processes"),
    "lock-kept": (["before close"], r"open failed: R_IN_USE"),
    "thread-local": (["moves between threads"], r"0 messages were listed where 16 are"),
    "static-buffer": (["side by side in threads"], r"could not be read|not those"),
    "leak-close": (["leave no memory"], r"octets.*popart_storage_ops\.close"),
    "leak-open": (["a second open"], r"descriptors were open before the module's start"),
    "drop-set": (["a second open"], r"returned R_IN_USE and has changed \*drop"),
    "hang-open": (["an empty maildrop"], r"gave no answer for 2 s in open \(first call\)"),
    "id-same": (["maildrop_id"], r"two users, each with mail of his own, have one maildrop_id"),
    "keeps-user": (["sizes and octets"], r"1\.\.70 octets of 0x21\.\.0x7E"),
    "source-moves": (["in odd pieces"], r"24 octets, and 0 when read in small pieces"),
    "source-short": (["sizes and octets"], r"came as 23 octets that are not those"),
    "form-no-dots": (["what is said of the octets"], r"its form says NO_DOTS"),
    "body-offset": (["what is said of the octets"], r"body_offset is 2"),
    "truncation": (["cut short"], r"a short message must never look complete"),
    "crash": (["sizes and octets"], r"died of SIGABRT in message \(second call\)"),
    "fail-other": (["vanished is GONE"], r"gave fail\(\) R_GONE and returned R_TEMP"),
    "commit-unsynced": (["commit is synced"], r"commit has removed.*durably"),
    "commit-more": (["exactly what is named", "before close"], r"14 messages were listed"),
    "commit-torn": (["a session that commits is killed"], r"one of two messages is gone.*"
                    r"POPART_STORE_ATOMIC_COMMIT"),
    "commit-late": (["before close"], r"16 messages were listed where 15 are"),
    "close-removes": (["sizes and octets"], r"15 messages were listed where 16 are"),
    "deliver-visible": (["a delivery is killed", "an abandoned delivery"], r"storage\.h: "),
    "deliver-unsynced": (["a delivery is synced"], r"synced none, and returned POPART_OK"),
    "deliver-abandoned": (["abandoned"], r"four that were abandoned 5 are listed"),
    "deliver-mixed": (["not mixed up"], r"of two deliveries at once"),
    "auth-empty": (["NUL, spaces and 8-bit"], r"an empty password was answered with POPART_OK"),
    "auth-prefix": (["NUL, spaces and 8-bit"], r"with a space behind it was answered with POPART_OK"),
    "auth-nul": (["NUL, spaces and 8-bit"], r"with a NUL behind it was answered with POPART_OK"),
    "auth-overread": (["the right password"], r"died of SIGSEGV in check_password"),
    "auth-reply": (["a reply that cannot"], r"E_NOMEM\), and check_password returned POPART_OK"),
    "auth-unknown": (["an unknown user"], r"an unknown user made the module fail with E_IO"),
    "auth-next-text": (["an unknown user"], r"POPART_R_NEXT: Never reaches the client"),
    "auth-silent": (["a wrong password"], r"denied without a word in the log"),
    "auth-log-secret": (["a wrong password"], r"a wrong password is in the log"),
    "auth-log-line": (["no line of the log", "a name with a newline"], r"One line, no newline"),
    "auth-keeps": (["leaves no copies"], r"still in memory after check_password.*not be kept"),
    "auth-stop": (["it does not say no"], r"called the right password wrong"),
    "auth-static": (["in four threads at once"], r"logins were no plain (yes|no)"),
    "auth-leaks": (["logins leave no memory"], r"octets of memory.*popart_auth_ops"),
    "auth-path": (["NUL, slashes and newlines"], r"the name with a NUL.*POPART_OK"),
    "lookup-differs": (["lookup agrees"], r"lookup did not say two=a=b"),
    "iterate-on": (["iterate names"], r"iterate went on"),
    "remove-keeps": (["made and removed"], r"after remove a login that is to be a no"),
    "change-cached": (["changed, also"], r"after a change of the password a login that is to be "
                      "a no"),
    "add-over": (["made and removed"], r"returned POPART_OK, not R_PERM"),
    "disabled-in": (["changed, also"], r"after a change to disabled a login that is to be a no"),
    "change-drops": (["attributes are set anew"], r"a login says \"home:/srv/new;more:m=n;\""),
}
# What untidy.c has wrong in its tables.
UNTIDY = {
    "the descriptor says what it is": [
        r"there is no version", r"there is no license", r"needs has bits that mean nothing: 0x100"],
    "the entry returns the same descriptor again": [r"returned two different pointers"],
    "each option has a name, a sentence, and a default that fits": [
        r'the default of option "size" does not fit: .*"lots" is not a size',
        r'the option "Size" is not snake_case', r'the option "Size" has no help',
        r'the option "name" has a name that is the server\'s own',
        r'the option "choice" has no choices'],
    "each counter has a name, a kind and a sentence": [
        r'the counter "twice" is there twice', r'"twice" is of kind 7'],
}
# Those that a store's own deliveries do not bring to light.
MEDDLED = {"truncation", "fail-other"}
