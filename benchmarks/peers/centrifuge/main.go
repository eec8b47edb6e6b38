// A server that uses the library centrifuge: it sends each message to every client, which are all subscribed to one
// channel.
//
// stdin:  "send COUNT BYTES": publishes COUNT messages of BYTES bytes
// stdout: JSON lines: "listening" with the port, "sent" after each command
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"
)

const channel = "all"

func message(bytes int) []byte {
	beginning, end := `{"type":"user_status_update","padding":"`, `"}`
	return []byte(beginning + strings.Repeat("x", bytes-len(beginning)-len(end)) + end)
}

func newNode() *centrifuge.Node {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{UserID: "user"},
			Subscriptions: map[string]centrifuge.SubscribeOptions{channel: {}},
			// The sink answers pings of WebSocket, but not those that the library sends as messages of its own.
			PingPongConfig: &centrifuge.PingPongConfig{PingInterval: 25 * time.Second, PongTimeout: -1},
		}, nil
	})
	// Without a handler of connects, the library has nothing to call, but clients stay connected.
	node.OnConnect(func(*centrifuge.Client) {})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	return node
}

func listen(node *centrifuge.Node) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	fmt.Printf("{\"event\":\"listening\",\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
}

func main() {
	node := newNode()
	listen(node)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var count, bytes int
		if _, err := fmt.Sscanf(lines.Text(), "send %d %d", &count, &bytes); err != nil {
			log.Fatalf("unknown command: %s", lines.Text())
		}
		data := message(bytes)
		for range count {
			if _, err := node.Publish(channel, data); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Println(`{"event":"sent"}`)
	}
}
