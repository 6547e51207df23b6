package bucket

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPrompt: after a read the connection owes no acknowledgement.
func TestPrompt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		p := make([]byte, 4)
		for {
			n, err := c.Read(p)
			if err != nil {
				return
			}
			_, _ = c.Write(p[:n])
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tcp, isTCP := c.(*net.TCPConn)
	if !isTCP {
		t.Fatalf("a %T", c)
	}
	owes := func(read net.Conn) bool {
		t.Helper()
		for range 40 { // a new connection acknowledges at once by itself
			if _, err := read.Write([]byte("ping")); err != nil {
				t.Fatal(err)
			}
			if _, err := read.Read(make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := tcp.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		quick := 0
		if cerr := raw.Control(func(fd uintptr) { quick, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK) }); cerr != nil || err != nil {
			t.Fatal(cerr, err)
		}
		return quick == 0
	}
	if !owes(c) {
		t.Skip("this kernel does not delay acknowledgements")
	}
	if owes(prompt(c)) {
		t.Error("acknowledgements are delayed")
	}
}
