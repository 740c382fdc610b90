package codepages

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Release returns the pages of the program's code to the kernel. Pages that are used again
// are loaded from the kernel's cache of the file. If that fails, nothing changes.
func Release() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		// 00400000-0146f000 r-xp 00000000 fe:00 11273843    /usr/bin/collector
		fields := strings.Fields(lines.Text())
		if len(fields) != 6 || fields[1] != "r-xp" || fields[5] != program {
			continue
		}
		first, last, _ := strings.Cut(fields[0], "-")
		start, errStart := strconv.ParseUint(first, 16, 64)
		end, errEnd := strconv.ParseUint(last, 16, 64)
		if errStart == nil && errEnd == nil {
			// Code is never changed in memory, so the file holds all of it.
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(start), uintptr(end-start), syscall.MADV_DONTNEED)
		}
	}
}
