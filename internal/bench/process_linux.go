package bench

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc: USER_HZ is 100 on every Linux that programs see (proc_pid_stat(5)).
const tick = time.Second / 100

// usageOf returns what a process and its children have used so far; ok is false when there is no such process.
func usageOf(pid int) (u usage, ok bool) {
	if pid <= 0 {
		return usage{}, false
	}
	for _, member := range family(pid) {
		fields, found := statFields(member)
		if !found {
			continue
		}
		ok = true
		u.cpu += time.Duration(number(fields[11])+number(fields[12])) * tick
		u.memory += number(fields[21]) * int64(os.Getpagesize())
	}
	return u, ok
}

// statFields returns the fields of a process behind its name, the state first.
func statFields(pid int) (fields []string, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, false // it has ended
	}
	fields = strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	return fields, len(fields) > 21
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0 // a field of another kernel
	}
	return n
}

// family returns a process and all that descend from it.
func family(pid int) []int {
	children := make(map[int][]int)
	for _, p := range processes() {
		if fields, ok := statFields(p); ok {
			parent := int(number(fields[1]))
			children[parent] = append(children[parent], p)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

func processes() (pids []int) {
	folders, _ := filepath.Glob("/proc/[0-9]*") // the pattern is a good one
	for _, folder := range folders {
		pids = append(pids, int(number(filepath.Base(folder))))
	}
	return pids
}

// listening is the state of a listening socket in /proc/net/tcp.
const listening = "0A"

// findServer returns the process that listens at an address of this machine; 0 when none is found.
func findServer(address netip.AddrPort) int {
	inodes := listeners(address)
	if len(inodes) == 0 {
		return 0
	}
	for _, pid := range processes() {
		if pid == os.Getpid() || !holds(pid, inodes) {
			continue
		}
		if fields, ok := statFields(pid); ok && holds(int(number(fields[1])), inodes) {
			return int(number(fields[1])) // it is a worker: its parent counts for all of them
		}
		return pid
	}
	return 0
}

// listeners returns the sockets that listen at an address, as links of /proc/PID/fd.
func listeners(address netip.AddrPort) (links []string) {
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // no IPv6
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 10 || fields[3] != listening {
				continue
			}
			local, port, _ := strings.Cut(fields[1], ":")
			if n, err := strconv.ParseUint(port, 16, 16); err != nil || uint16(n) != address.Port() {
				continue
			}
			if strings.Trim(local, "0") == "" || local == kernelHex(address.Addr()) {
				links = append(links, "socket:["+fields[9]+"]")
			}
		}
	}
	return links
}

// kernelHex writes an address as /proc/net/tcp does: words of four bytes in the order of the machine, which is little-endian
// wherever this is likely to run.
func kernelHex(a netip.Addr) string {
	b := a.AsSlice()
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	return strings.ToUpper(fmt.Sprintf("%x", b))
}

func holds(pid int, links []string) bool {
	descriptors, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // the pattern is a good one
	for _, name := range descriptors {
		if link, err := os.Readlink(name); err == nil && slices.Contains(links, link) {
			return true
		}
	}
	return false
}
