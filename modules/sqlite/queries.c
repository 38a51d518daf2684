/* SPDX-License-Identifier: MIT */
#include "store.h"

const char *const store_queries[] = {
	[QUERY_MAKING] = "PRAGMA schema_version",
	[QUERY_LAST] = "SELECT coalesce(max(id), 0) FROM message",
	[QUERY_LIST] = ("SELECT id, uid, size, received, flags FROM message "
			"WHERE id > ?1 AND id <= ?2 ORDER BY 1"),
	[QUERY_MESSAGES] = ("SELECT m.id, stored, form, size, sum, data FROM message AS m "
			    "LEFT JOIN chunk AS c ON c.id = m.id << 20 AND stored <= 65536 "
			    "WHERE m.id >= ?1 AND m.id <= ?2 ORDER BY m.id"),
	[QUERY_CHUNK] = "SELECT sum, data FROM chunk WHERE id = ?1",
	[QUERY_DOOM] = "INSERT INTO doomed (id) SELECT id FROM message WHERE id = ?1",
	[QUERY_REMOVE] = "DELETE FROM message WHERE id = ?1",
	[QUERY_DOOMED] = "SELECT id FROM doomed LIMIT 1",
	[QUERY_DROP] = ("DELETE FROM chunk WHERE id IN "
			"(SELECT id FROM chunk WHERE id >= ?1 AND id < ?2 LIMIT ?3)"),
	[QUERY_FORGET] = "DELETE FROM doomed WHERE id = ?1",
	[QUERY_FREE_PAGES] = "PRAGMA freelist_count",
	[QUERY_PAGES] = "PRAGMA page_count",
	[QUERY_TOTAL] = "SELECT coalesce(sum(size), 0) FROM message",
	[QUERY_HAS_UID] = "SELECT 1 FROM message WHERE uid = ?1",
	[QUERY_ADD] = ("INSERT INTO message (uid, size, stored, form, flags, received) "
		       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
	[QUERY_COUNT] = "SELECT count(*) FROM message",
	[QUERY_BETWEEN] = "SELECT count(*) FROM message WHERE id > ?1 AND id < ?2",
	[QUERY_HAS_LISTED] = ("SELECT count(*) FROM sqlite_schema "
			      "WHERE name = 'listed' AND type = 'table'"),
	[QUERY_RANGES] = "SELECT id, last, messages FROM listed ORDER BY 1",
	[QUERY_LISTED] = ("SELECT id, last, messages, sum, data FROM listed "
			  "WHERE id > ?1 ORDER BY 1"),
	[QUERY_NEXT_RANGE] = "SELECT id, last FROM listed WHERE id > ?1 ORDER BY 1 LIMIT 1",
	[QUERY_LAST_RANGE] = ("SELECT last, CASE WHEN length(data) < ?1 / 2 THEN id - 1 "
			      "ELSE last END FROM listed ORDER BY id DESC LIMIT 1"),
	[QUERY_REMEMBER] = ("INSERT INTO listed (id, last, messages, sum, data) "
			    "VALUES (?1, ?2, ?3, ?4, ?5)"),
	[QUERY_FORGET_LISTED] = ("DELETE FROM listed WHERE last >= ?1 "
				 "AND id = (SELECT max(id) FROM listed WHERE id <= ?1)"),
	[QUERY_INTEGRITY] = "PRAGMA integrity_check(100)",
	[QUERY_NEXT] = ("SELECT id, uid, size, stored, form, flags, received FROM message "
			"WHERE id > ?1 ORDER BY 1 LIMIT 1"),
	[QUERY_MORE_CHUNKS] = "SELECT count(*) FROM chunk WHERE id >= ?1 AND id < ?2",
	[QUERY_STRANGERS] = ("SELECT type, name FROM sqlite_schema WHERE name NOT IN "
			     "('message', 'chunk', 'doomed', 'listed', 'listed_insert', "
			     "'listed_delete', 'listed_update', 'sqlite_sequence', "
			     "'sqlite_autoindex_message_1', 'sqlite_stat1', 'sqlite_stat4')"),
	[QUERY_AUTO_VACUUM] = "PRAGMA auto_vacuum",
	[QUERY_COUNTER] = ("SELECT coalesce((SELECT seq FROM sqlite_sequence "
			   "WHERE name = 'message'), 0) AS counter, max(id) AS highest "
			   "FROM message HAVING counter < highest"),
	[QUERY_UNDEAD] = "SELECT id, uid FROM message WHERE id IN (SELECT id FROM doomed)",
	[QUERY_ORPHANS] = ("SELECT id >> 20 AS m, count(*) FROM chunk "
			   "WHERE m NOT IN (SELECT id FROM message) "
			   "AND m NOT IN (SELECT id FROM doomed) GROUP BY m"),
	[QUERY_ADD_CHUNK] = "INSERT INTO chunk (id, sum, data) VALUES (?1, ?2, ?3)",
};
