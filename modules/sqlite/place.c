/* SPDX-License-Identifier: MIT */
#include "place.h"
#include <string.h>
#include <sys/statvfs.h>

bool place_is_remote(uint64_t type)
{
	static const uint32_t remote[] = {
		0x6969,     /* NFS */
		0x517b,     /* SMB */
		0xff534d42, /* CIFS */
		0xfe534d42, /* SMB 2 */
		0x5346414f, /* AFS */
		0x6b414653, /* kAFS */
		0x73757245, /* Coda */
		0x00c36400, /* Ceph */
		0x01021997, /* 9P */
		0x7461636f, /* OCFS2 */
		0x01161970, /* GFS2 */
		0x0bd00bd0, /* Lustre */
		0x47504653, /* GPFS */
		0x65735546, /* FUSE: sshfs, GlusterFS; nothing tells which */
	};

	for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
		if ((uint32_t)type == remote[i])
			return true;
	return false;
}

bool place_is_taken(const char *path)
{
	static const char *const endings[] = { "-wal", "-shm", "-journal" };
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t n = strlen(endings[i]);

		if (len >= n && strcmp(path + len - n, endings[i]) == 0)
			return true;
	}
	return false;
}

bool place_has_room(const char *directory, uint64_t octets)
{
	struct statvfs fs;

	return statvfs(directory, &fs) != 0 || fs.f_frsize == 0 ||
		fs.f_bavail > octets / fs.f_frsize;
}

struct popart_str place_directory(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (struct popart_str){ path, slash == path ? 1 : (size_t)(slash - path) };
}
