// The client that the API's document publishes under "JavaScript Integration", kept to the letter: clients like it are
// out there, so nothing in it may be changed to suit the server.
class FeedWebSocket {
  constructor(token) {
    this.token = token;
    this.ws = null;
    this.isConnected = false;
    this.reconnectInterval = 5000;
    this.maxReconnectAttempts = 5;
    this.reconnectAttempts = 0;
  }

  connect() {
    try {
      const wsUrl = `ws://localhost:8000/ws/feed?token=${this.token}`;
      this.ws = new WebSocket(wsUrl);
      
      this.ws.onopen = () => {
        console.log('WebSocket connected');
        this.isConnected = true;
        this.reconnectAttempts = 0;
        this.onConnect?.();
      };

      this.ws.onmessage = (event) => {
        try {
          const message = JSON.parse(event.data);
          this.handleMessage(message);
        } catch (error) {
          console.error('Error parsing WebSocket message:', error);
        }
      };

      this.ws.onclose = (event) => {
        console.log('WebSocket disconnected:', event.code, event.reason);
        this.isConnected = false;
        this.onDisconnect?.(event);
        
        // Attempt to reconnect if not a clean close
        if (event.code !== 1000 && this.reconnectAttempts < this.maxReconnectAttempts) {
          setTimeout(() => {
            this.reconnectAttempts++;
            this.connect();
          }, this.reconnectInterval);
        }
      };

      this.ws.onerror = (error) => {
        console.error('WebSocket error:', error);
        this.onError?.(error);
      };
    } catch (error) {
      console.error('Error connecting to WebSocket:', error);
    }
  }

  handleMessage(message) {
    switch (message.type) {
      case 'user_status_update':
        this.onStatusUpdate?.(message);
        break;
      case 'pong':
        this.onPong?.(message);
        break;
      case 'error':
        this.onError?.(message);
        break;
      default:
        console.log('Unknown message type:', message.type);
    }
  }

  sendMessage(message) {
    if (this.ws && this.isConnected) {
      this.ws.send(JSON.stringify(message));
    }
  }

  ping() {
    this.sendMessage({
      type: 'ping',
      timestamp: new Date().toISOString()
    });
  }

  disconnect() {
    if (this.ws) {
      this.ws.close(1000, 'User disconnected');
      this.ws = null;
    }
    this.isConnected = false;
  }

  // Event handlers
  onConnect = null;
  onDisconnect = null;
  onStatusUpdate = null;
  onPong = null;
  onError = null;
}
