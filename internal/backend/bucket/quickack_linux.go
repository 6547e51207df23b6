package bucket

import (
	"net"

	"golang.org/x/sys/unix"
)

const canAcknowledge = true

// acknowledge sends an acknowledgement that is due; see TCP_QUICKACK in tcp(7).
func acknowledge(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
}
