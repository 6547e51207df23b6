package store

import (
	"fmt"

	"golang.org/x/sys/windows"
)

func statFS(dir string) (f fsFacts, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(name, &f.free, &f.total, nil)
	}
	if err != nil {
		return fsFacts{}, fmt.Errorf("asking for the file system of %q: %w", dir, err)
	}
	volume := make([]uint16, windows.MAX_LONG_PATH)
	if windows.GetVolumePathName(name, &volume[0], uint32(len(volume))) == nil {
		switch windows.GetDriveType(&volume[0]) {
		case windows.DRIVE_REMOTE:
			f.kind = "network drive"
		case windows.DRIVE_RAMDISK:
			f.kind = "RAM disk"
		}
	}
	return f, nil
}
