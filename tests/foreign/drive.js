// Runs the published client and reports, an object each, what its user would see.
// `makeClass` takes the WebSocket that the class shall find; the port it has built in is mapped to the server's.
(function drive(makeClass, WebSocket, port, token, report) {
  class MappedWebSocket extends WebSocket {
    constructor(url) {
      super(url.replace("localhost:8000", `localhost:${port}`));
    }
  }
  const feed = new (makeClass(MappedWebSocket))(token);
  feed.onConnect = () => report({ event: "connect" });
  feed.onDisconnect = (close) => report({ event: "disconnect", code: close.code });
  feed.onStatusUpdate = (message) => report({ event: "status", message });
  feed.onPong = (message) => report({ event: "pong", message });
  feed.onError = (error) => report({ event: "error", message: error.code ? { ...error } : {} });
  feed.connect();
  return feed;
})
