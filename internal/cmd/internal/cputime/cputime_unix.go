//go:build unix

package cputime

import (
	"syscall"
	"time"
)

// Used returns the CPU time that this process has used, the collection of its garbage
// included; 0 if it is not known on this system.
func Used() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
