package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

// forward serves the listening socket it inherited as file descriptor 3 by dialing address for each
// connection. The socket belongs to the network namespace it was opened in and the dialing to ours,
// so a cluster that has no interface outside is reached on 127.0.0.1 all the same.
func forward(address string) error {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go join(client.(*net.TCPConn), address)
	}
}

func join(client *net.TCPConn, address string) {
	defer client.Close()
	dialed, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer dialed.Close()
	server := dialed.(*net.TCPConn)
	sent := make(chan struct{})
	go func() {
		io.Copy(server, client)
		server.CloseWrite()
		close(sent)
	}()
	io.Copy(client, server)
	client.CloseWrite()
	<-sent
}
