package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// kinds are the magic numbers of statfs(2), of the file systems that are told by
// name. FUSE does not say which one it is.
var kinds = map[uint32]string{
	unix.BCACHEFS_SUPER_MAGIC:  "bcachefs",
	unix.BTRFS_SUPER_MAGIC:     "btrfs",
	unix.EXT4_SUPER_MAGIC:      "ext4",
	unix.F2FS_SUPER_MAGIC:      "f2fs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlay",
	unix.XFS_SUPER_MAGIC:       "xfs",
	0x2fc12fc1:                 "zfs", // not in Linux itself

	unix.AFS_FS_MAGIC:     "afs",
	unix.AFS_SUPER_MAGIC:  "afs",
	unix.CEPH_SUPER_MAGIC: "ceph",
	unix.CIFS_SUPER_MAGIC: "cifs",
	unix.CODA_SUPER_MAGIC: "coda",
	unix.FUSE_SUPER_MAGIC: "fuse",
	unix.NFS_SUPER_MAGIC:  "nfs",
	unix.SMB2_SUPER_MAGIC: "smb2",
	unix.SMB_SUPER_MAGIC:  "smb",
	unix.V9FS_MAGIC:       "9p",

	unix.RAMFS_MAGIC: "ramfs",
	unix.TMPFS_MAGIC: "tmpfs",
}

func statFS(dir string) (fsFacts, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fsFacts{}, fmt.Errorf("asking for the file system of %q: %w", dir, err)
	}
	size := uint64(st.Bsize)
	return fsFacts{free: st.Bavail * size, total: st.Blocks * size, filesFree: st.Ffree, filesTotal: st.Files, kind: kinds[uint32(st.Type)]}, nil
}
