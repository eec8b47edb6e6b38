/*
 * The clients of a benchmark: connects WebSockets and uses epoll to count the update frames that reach each of them.
 *
 *     sink ADDRESS PORT FIRST
 *
 * stdin:  one request path per line (one socket for each), an empty line, then commands:
 *             arm UPDATES AHEAD MILLISECONDS    report when every socket has received UPDATES more update frames,
 *                                               and when the first of them has received more than AHEAD
 *             quiet PAUSE MILLISECONDS          report when nothing has arrived for PAUSE milliseconds
 * stdout: JSON lines: "connected" once every socket has received FIRST frames, then "armed" and "complete", or "quiet";
 *         "failed" if a socket was lost or refused, or if MILLISECONDS have passed.
 *
 * Times are CLOCK_MONOTONIC in nanoseconds, so that they can be compared with Python's time.monotonic_ns().
 * Exits when stdin is closed, so that a benchmark that is killed leaves no sink behind.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTING_AT_ONCE = 128,     /* enough to keep a server busy, far below any listen backlog */
    SOCKETS_PER_SOURCE = 10000,   /* an address pair has about 28,000 ports by default */
    CONNECT_MILLISECONDS = 30000,
    EVENTS = 1024,
    RECEIVE_BYTES = 1 << 16,
};

static const char UPDATE[] = "{\"type\":\"user_status_update\"";

enum state { CONNECTING, UPGRADING, OPEN, LOST };

struct client {
    int fd;
    enum state state;
    char *path;
    uint64_t frames;   /* text frames since the upgrade */
    uint64_t updates;  /* how many of these are updates */
    unsigned char *kept; /* the beginning of a frame whose rest has not arrived yet */
    size_t kept_bytes;
};

enum waiting { FOR_CONNECT, FOR_COMMAND, FOR_UPDATES, FOR_QUIET };

static struct {
    struct sockaddr_in server;
    uint64_t first;            /* frames a socket must receive to count as connected */
    struct client *clients;
    size_t count, started, connected, lost;
    int epoll;

    enum waiting waiting;
    uint64_t deadline_ns, pause_ns;
    uint64_t target;           /* updates that every socket is to receive */
    uint64_t ahead;            /* how many of these come before the clock starts */
    size_t complete;           /* sockets that have received them all */
    uint64_t started_ns, first_ns, last_ns, heard_ns;
    uint64_t busy_ns;          /* time spent receiving since first_ns */
    size_t frame_bytes;        /* size of the last update, including its header */
    unsigned close_code;       /* the first close code that the server sent */
    char refusal[64];          /* the first status line that was not 101 */
} sink;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void failed(const char *why)
{
    printf("{\"event\":\"failed\",\"why\":\"%s\",\"sockets\":%zu,\"connected\":%zu,\"complete\":%zu,\"lost\":%zu,"
           "\"close_code\":%u,\"refusal\":\"%s\"}\n",
           why, sink.count, sink.connected, sink.complete, sink.lost, sink.close_code, sink.refusal);
    sink.waiting = FOR_COMMAND;
}

static void lose(struct client *client)
{
    if (client->state == LOST)
        return;
    close(client->fd);
    client->state = LOST;
    sink.lost++;
}

/* Returns the size of the whole frame at `p`, of which `n` bytes are present, or 0 if its header is incomplete. */
static size_t frame_bytes(const unsigned char *p, size_t n, size_t *header)
{
    if (n < 2)
        return 0;
    size_t length = p[1] & 0x7f;
    *header = length < 126 ? 2 : length == 126 ? 4 : 10;
    if (n < *header)
        return 0;
    if (length >= 126) {
        length = 0;
        for (size_t i = 2; i < *header; i++)
            length = length << 8 | p[i];
    }
    return *header + length;
}

static void pong(struct client *client, const unsigned char *payload, size_t n)
{
    unsigned char frame[6 + 125] = {0x8a, (unsigned char)(0x80 | n)}; /* a mask of zeros is valid */
    if (n > 125)
        return;
    memcpy(frame + 6, payload, n);
    if (send(client->fd, frame, 6 + n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
        lose(client);
}

static void count_connected(struct client *client)
{
    if (client->state != OPEN || client->frames != sink.first)
        return;
    sink.connected++;
    sink.last_ns = now_ns();
}

static void count_text(struct client *client, const unsigned char *payload, size_t n, size_t whole)
{
    client->frames++;
    if (sink.waiting == FOR_CONNECT)
        count_connected(client);
    if (n < sizeof UPDATE - 1 || memcmp(payload, UPDATE, sizeof UPDATE - 1) != 0)
        return;
    sink.frame_bytes = whole;
    client->updates++;
    if (sink.first_ns == 0 && client->updates > sink.ahead) {
        sink.first_ns = sink.heard_ns;
        sink.busy_ns = 0;
    }
    if (client->updates == sink.target && ++sink.complete == sink.count)
        sink.last_ns = now_ns();
}

static void take_frame(struct client *client, const unsigned char *p, size_t header, size_t whole)
{
    const unsigned char *payload = p + header;
    switch (p[0] & 0x0f) {
    case 0x1:
        count_text(client, payload, whole - header, whole);
        break;
    case 0x8:
        if (sink.close_code == 0 && whole - header >= 2)
            sink.close_code = (unsigned)payload[0] << 8 | payload[1];
        lose(client);
        break;
    case 0x9:
        pong(client, payload, whole - header);
        break;
    }
}

static size_t take_frames(struct client *client, const unsigned char *p, size_t n)
{
    size_t taken = 0, header;
    while (client->state == OPEN) {
        size_t whole = frame_bytes(p + taken, n - taken, &header);
        if (whole == 0 || whole > n - taken)
            break;
        take_frame(client, p + taken, header, whole);
        taken += whole;
    }
    return taken;
}

/* Saves the status line at `p`. The caller has found an empty line after it, so the status line is complete. */
static void note_refusal(const unsigned char *p)
{
    if (sink.refusal[0] != 0)
        return;
    for (size_t n = 0; n < sizeof sink.refusal - 1 && *p >= ' ' && *p < 0x7f && *p != '"' && *p != '\\'; n++)
        sink.refusal[n] = (char)*p++;
}

static size_t take_upgrade(struct client *client, const unsigned char *p, size_t n)
{
    const unsigned char *end = memmem(p, n, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    if (n < 12 || memcmp(p, "HTTP/1.1 101", 12) != 0) {
        note_refusal(p);
        lose(client);
        return n;
    }
    client->state = OPEN;
    count_connected(client);
    return (size_t)(end - p) + 4;
}

static void take(struct client *client, const unsigned char *p, size_t n)
{
    size_t taken = 0;
    if (client->state == UPGRADING)
        taken = take_upgrade(client, p, n);
    if (client->state == OPEN)
        taken += take_frames(client, p + taken, n - taken);
    n -= taken;
    if (n > 0) {
        unsigned char *kept = malloc(n);
        if (kept == NULL)
            die("malloc");
        memcpy(kept, p + taken, n);
        free(client->kept);
        client->kept = kept;
    }
    client->kept_bytes = n;
}

static void receive(struct client *client)
{
    static unsigned char buffer[2 * RECEIVE_BYTES];
    /* Bytes kept from before go first, so that a frame is always parsed in one piece. */
    size_t kept = client->kept_bytes;
    if (kept > RECEIVE_BYTES) {
        lose(client);
        return;
    }
    if (kept > 0)
        memcpy(buffer, client->kept, kept);
    ssize_t n = recv(client->fd, buffer + kept, RECEIVE_BYTES, MSG_DONTWAIT);
    if (n > 0)
        take(client, buffer, kept + (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        lose(client);
}

static void start_client(size_t index)
{
    struct client *client = &sink.clients[index];
    int one = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        die("socket");
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (ntohl(sink.server.sin_addr.s_addr) >> 24 == 127) {
        struct sockaddr_in source = {.sin_family = AF_INET};
        source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index / SOCKETS_PER_SOURCE));
        setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(client->fd, (struct sockaddr *)&source, sizeof source) < 0)
            die("bind");
    }
    if (connect(client->fd, (struct sockaddr *)&sink.server, sizeof sink.server) < 0 && errno != EINPROGRESS)
        die("connect");
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
    if (epoll_ctl(sink.epoll, EPOLL_CTL_ADD, client->fd, &event) < 0)
        die("epoll_ctl");
}

static void ask_upgrade(struct client *client)
{
    char request[8192], host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &sink.server.sin_addr, host, sizeof host);
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     client->path, host, ntohs(sink.server.sin_port));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    client->state = UPGRADING;
    /* The empty buffer of a new socket takes a request of this size at once. */
    if (n >= (int)sizeof request || send(client->fd, request, (size_t)n, MSG_NOSIGNAL) != n ||
        epoll_ctl(sink.epoll, EPOLL_CTL_MOD, client->fd, &event) < 0)
        lose(client);
}

static void keep_connecting(void)
{
    while (sink.started < sink.count && sink.started - sink.connected - sink.lost < CONNECTING_AT_ONCE)
        start_client(sink.started++);
    if (sink.lost > 0) {
        failed("a socket was lost");
    } else if (sink.connected == sink.count) {
        printf("{\"event\":\"connected\",\"sockets\":%zu,\"seconds\":%.6f}\n", sink.count,
               (double)(sink.last_ns - sink.started_ns) / 1e9);
        sink.waiting = FOR_COMMAND;
    }
}

static void arm(uint64_t updates, uint64_t ahead)
{
    uint64_t most = 0;
    for (size_t i = 0; i < sink.count; i++) {
        most = sink.clients[i].updates > most ? sink.clients[i].updates : most;
        sink.clients[i].updates = 0;
    }
    /* "stray": unexpected updates, beyond the last target. */
    uint64_t stray = most > sink.target ? most - sink.target : 0;
    sink.target = updates;
    sink.ahead = ahead;
    sink.complete = 0;
    sink.first_ns = sink.last_ns = sink.busy_ns = 0;
    sink.waiting = FOR_UPDATES;
    printf("{\"event\":\"armed\",\"stray\":%llu}\n", (unsigned long long)stray);
}

static void read_command(void)
{
    char line[128];
    unsigned long long first, ahead, milliseconds;
    ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);
    if (n <= 0)
        exit(0);
    line[n] = 0;
    sink.heard_ns = now_ns();
    if (sscanf(line, "arm %llu %llu %llu", &first, &ahead, &milliseconds) == 3) {
        arm(first, ahead);
    } else if (sscanf(line, "quiet %llu %llu", &first, &milliseconds) == 2) {
        sink.pause_ns = first * 1000000u;
        sink.waiting = FOR_QUIET;
    } else {
        fprintf(stderr, "sink: unknown command: %s", line);
        exit(2);
    }
    sink.deadline_ns = sink.heard_ns + milliseconds * 1000000u;
}

static void answer(uint64_t now)
{
    if (sink.waiting == FOR_CONNECT)
        keep_connecting();
    if (sink.waiting == FOR_COMMAND)
        return;
    if (sink.waiting == FOR_UPDATES && sink.complete == sink.count) {
        printf("{\"event\":\"complete\",\"first_ns\":%llu,\"last_ns\":%llu,\"busy_ns\":%llu,\"frame_bytes\":%zu}\n",
               (unsigned long long)sink.first_ns, (unsigned long long)sink.last_ns,
               (unsigned long long)sink.busy_ns, sink.frame_bytes);
        sink.waiting = FOR_COMMAND;
    } else if (sink.waiting == FOR_QUIET && now - sink.heard_ns >= sink.pause_ns) {
        /* No wave has been caused yet, so the updates received so far are not stray. */
        for (size_t i = 0; i < sink.count; i++)
            sink.clients[i].updates = 0;
        sink.target = 0;
        printf("{\"event\":\"quiet\"}\n");
        sink.waiting = FOR_COMMAND;
    } else if (sink.lost > 0) {
        failed("a socket was lost");
    } else if (now >= sink.deadline_ns) {
        failed("it took too long");
    }
}

static void run(void)
{
    static struct epoll_event events[EVENTS];
    for (;;) {
        /* While armed, the sink polls instead of sleeping: waking a sleeping process costs the sender time, and a
         * slower sender would have to pay this more often. */
        int timeout = sink.waiting == FOR_COMMAND ? -1 : sink.waiting == FOR_UPDATES ? 0 : 5;
        int n = epoll_wait(sink.epoll, events, EVENTS, timeout);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        uint64_t now = now_ns();
        for (int i = 0; i < n; i++) {
            struct client *client = events[i].data.ptr;
            if (client == NULL) {
                read_command();
                continue;
            }
            sink.heard_ns = now;
            if (client->state == CONNECTING)
                ask_upgrade(client);
            else if (client->state != LOST)
                receive(client);
        }
        uint64_t done = now_ns();
        if (n > 0)
            sink.busy_ns += done - now;
        answer(done);
        fflush(stdout);
    }
}

static void read_paths(void)
{
    char *line = NULL;
    size_t size = 0, room = 0;
    ssize_t n;
    while ((n = getline(&line, &size, stdin)) > 1) {
        if (sink.count == room) {
            room = room ? 2 * room : 1024;
            sink.clients = realloc(sink.clients, room * sizeof *sink.clients);
            if (sink.clients == NULL)
                die("realloc");
        }
        line[n - 1] = 0;
        sink.clients[sink.count++] = (struct client){.fd = -1, .state = CONNECTING, .path = strdup(line)};
    }
    free(line);
}

int main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    sink.server.sin_family = AF_INET;
    if (argc != 4 || inet_pton(AF_INET, argv[1], &sink.server.sin_addr) != 1) {
        fprintf(stderr, "usage: sink ADDRESS PORT FIRST\n");
        return 2;
    }
    sink.server.sin_port = htons((uint16_t)atoi(argv[2]));
    sink.first = strtoull(argv[3], NULL, 10);
    read_paths();
    sink.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (sink.epoll < 0 || epoll_ctl(sink.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
        die("epoll");
    sink.waiting = FOR_CONNECT;
    sink.started_ns = now_ns();
    sink.deadline_ns = sink.started_ns + CONNECT_MILLISECONDS * 1000000ull;
    keep_connecting();
    fflush(stdout);
    run();
}
