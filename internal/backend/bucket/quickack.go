package bucket

import "net"

// promptConn acknowledges what has come at once. Where a service sends an answer in two
// writes and leaves Nagle's algorithm on, as Ceph's gateway does with listings, it waits
// for that before it sends the second; and a kernel that expects to send something soon
// delays it by 40 ms.
type promptConn struct{ *net.TCPConn }

// Read implements net.Conn.
func (c promptConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 {
		acknowledge(c.TCPConn)
	}
	return n, err
}

func prompt(c net.Conn) net.Conn {
	if tcp, ok := c.(*net.TCPConn); ok && canAcknowledge {
		return promptConn{tcp}
	}
	return c
}
