/*
 * The clients of a benchmark: connects WebSockets and uses epoll to count the update frames that reach each of them.
 *
 *     sink ADDRESS PORT FIRST [AT_ONCE [UPDATE]]
 *
 * AT_ONCE is how many sockets may be connecting at the same time. UPDATE is how an update begins; if a frame has several
 * lines, each of them may be one.
 *
 * stdin:  one request path per line (one socket for each), an empty line, then commands. A path may be followed by a tab
 *         and a text, which the socket sends as soon as it is open.
 *             arm UPDATES AHEAD MILLISECONDS    report when every socket has received UPDATES more update frames,
 *                                               and when the first of them has received more than AHEAD
 *             quiet PAUSE MILLISECONDS          report when nothing has arrived for PAUSE milliseconds
 *             ping SOCKETS EVERY MILLISECONDS TEXT
 *                                               for so long, send TEXT on that many sockets and time the next frame on
 *                                               each; every EVERY milliseconds, or if it is 0, after each answer
 *             stop                              end the pings now
 *             track FIRST_USER USERS            remember from now on which of these users each socket was told are busy
 *             states                            report how many of these statuses are not "busy"
 * stdout: JSON lines: "connected" once every socket has received FIRST frames, then "armed" and "complete", "quiet",
 *         "pinging" and "pinged", "tracking", or "states"; "failed" if a socket was lost or refused, or if MILLISECONDS
 *         have passed.
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
    CONNECTING_AT_ONCE = 128,     /* by default: enough to keep a server busy, far below any listen backlog */
    SOCKETS_PER_SOURCE = 10000,   /* an address pair has about 28,000 ports by default */
    CONNECT_MILLISECONDS = 120000,
    EVENTS = 1024,
    RECEIVE_BYTES = 1 << 16,
};

enum state { CONNECTING, UPGRADING, OPEN, LOST };

struct client {
    int fd;
    enum state state;
    char *path;
    char *greeting;    /* the text to send when the socket is open, or NULL */
    uint64_t started_ns, ready_ns;
    uint64_t asked_ns; /* when the ping that awaits its answer was sent, or 0 */
    uint64_t due_ns;   /* when the next ping is to be sent */
    unsigned char *busy; /* one byte for each tracked user */
    uint64_t frames;   /* text frames since the upgrade */
    uint64_t updates;  /* how many of these are updates */
    unsigned char *kept; /* the beginning of a frame whose rest has not arrived yet */
    size_t kept_bytes;
};

enum waiting { FOR_CONNECT, FOR_COMMAND, FOR_UPDATES, FOR_QUIET, FOR_PINGS };

struct times {
    uint32_t *microseconds;
    size_t count, room;
};

static struct {
    struct sockaddr_in server;
    const char *update;        /* how an update begins */
    size_t update_bytes, at_once;
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
    char ping[256];
    size_t pingers;            /* how many sockets send pings */
    uint64_t ping_every_ns;
    struct times pongs;
    uint64_t first_user, users; /* the tracked users; none if `users` is 0 */
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

static void note_time(struct times *times, uint64_t ns)
{
    if (times->count == times->room) {
        times->room = times->room ? 2 * times->room : 4096;
        times->microseconds = realloc(times->microseconds, times->room * sizeof *times->microseconds);
        if (times->microseconds == NULL)
            die("realloc");
    }
    times->microseconds[times->count++] = (uint32_t)(ns / 1000);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Prints the median, the 99th percentile and the maximum of `times` as JSON fields, and empties it. */
static void print_times(struct times *times)
{
    size_t n = times->count;
    qsort(times->microseconds, n, sizeof *times->microseconds, by_size);
    const uint32_t *t = times->microseconds;
    printf(",\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u", n ? t[n / 2] : 0, n ? t[n * 99 / 100] : 0, n ? t[n - 1] : 0);
    times->count = 0;
}

/* Sends a text frame with a mask of zeros, which is valid. */
static void send_text(struct client *client, const char *text)
{
    size_t n = strlen(text), header = n < 126 ? 6 : 8;
    unsigned char frame[8 + 4096] = {0x81, (unsigned char)(0x80 | (n < 126 ? n : 126))};
    if (n > 4096)
        return;
    if (n >= 126) {
        frame[2] = (unsigned char)(n >> 8);
        frame[3] = (unsigned char)n;
    }
    memcpy(frame + header, text, n);
    if (send(client->fd, frame, header + n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(header + n))
        lose(client);
}

static void send_ping(struct client *client)
{
    client->asked_ns = now_ns();
    client->due_ns += sink.ping_every_ns;
    send_text(client, sink.ping);
}

static void take_pong(struct client *client)
{
    note_time(&sink.pongs, now_ns() - client->asked_ns);
    client->asked_ns = 0;
    if (sink.ping_every_ns == 0)
        send_ping(client);
}

static void track(struct client *client, const unsigned char *line, size_t n)
{
    static const char USER[] = "\"user_id\":", BUSY[] = "\"is_busy\":true";
    const unsigned char *user = memmem(line, n, USER, sizeof USER - 1);
    if (user == NULL)
        return;
    uint64_t id = strtoull((const char *)user + sizeof USER - 1, NULL, 10);
    if (id >= sink.first_user && id - sink.first_user < sink.users)
        client->busy[id - sink.first_user] = memmem(line, n, BUSY, sizeof BUSY - 1) != NULL;
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
    sink.last_ns = client->ready_ns = now_ns();
}

static void count_update(struct client *client)
{
    client->updates++;
    if (sink.first_ns == 0 && client->updates > sink.ahead) {
        sink.first_ns = sink.heard_ns;
        sink.busy_ns = 0;
    }
    if (client->updates == sink.target && ++sink.complete == sink.count)
        sink.last_ns = now_ns();
}

static void count_text(struct client *client, const unsigned char *payload, size_t n, size_t whole)
{
    client->frames++;
    if (sink.waiting == FOR_CONNECT)
        count_connected(client);
    size_t left = n, line, updates = 0;
    for (const unsigned char *p = payload; left > 0; p += line, left -= line) {
        const unsigned char *end = memchr(p, '\n', left);
        line = end == NULL ? left : (size_t)(end - p) + 1;
        if (line < sink.update_bytes || memcmp(p, sink.update, sink.update_bytes) != 0)
            continue;
        count_update(client);
        updates++;
        if (sink.users > 0)
            track(client, p, line);
    }
    if (updates > 0)
        sink.frame_bytes = whole;
    else if (client->asked_ns != 0)
        take_pong(client);
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
    if (client->greeting != NULL)
        send_text(client, client->greeting);
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
    client->started_ns = now_ns();
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
    while (sink.started < sink.count && sink.started - sink.connected - sink.lost < sink.at_once)
        start_client(sink.started++);
    if (sink.lost > 0) {
        failed("a socket was lost");
    } else if (sink.connected == sink.count) {
        struct times waits = {0};
        for (size_t i = 0; i < sink.count; i++)
            note_time(&waits, sink.clients[i].ready_ns - sink.clients[i].started_ns);
        printf("{\"event\":\"connected\",\"sockets\":%zu,\"seconds\":%.6f", sink.count,
               (double)(sink.last_ns - sink.started_ns) / 1e9);
        print_times(&waits);
        printf("}\n");
        free(waits.microseconds);
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

static void start_pings(uint64_t sockets, uint64_t every_ms, const char *text)
{
    snprintf(sink.ping, sizeof sink.ping, "%.*s", (int)strcspn(text, "\n"), text);
    sink.pingers = sockets < sink.count ? sockets : sink.count;
    sink.ping_every_ns = every_ms * 1000000u;
    sink.waiting = FOR_PINGS;
    printf("{\"event\":\"pinging\"}\n");
    for (size_t i = 0; i < sink.pingers; i++) {
        /* Spread over the interval, so that they are not all sent at the same moment. */
        sink.clients[i].due_ns = sink.heard_ns + sink.ping_every_ns * i / sink.pingers;
        if (every_ms == 0)
            send_ping(&sink.clients[i]);
    }
}

static void send_due_pings(uint64_t now)
{
    for (size_t i = 0; i < sink.pingers && sink.ping_every_ns > 0; i++) {
        struct client *client = &sink.clients[i];
        if (client->state == OPEN && client->asked_ns == 0 && client->due_ns <= now)
            send_ping(client);
    }
}

/* Pings that were not answered yet count with the time they have waited, so that a stalled server isn't overlooked. */
static void end_pings(uint64_t now)
{
    for (size_t i = 0; i < sink.pingers; i++) {
        struct client *client = &sink.clients[i];
        if (client->asked_ns != 0 && sink.ping_every_ns > 0)
            note_time(&sink.pongs, now - client->asked_ns);
        client->asked_ns = 0;
    }
    printf("{\"event\":\"pinged\",\"pings\":%zu", sink.pongs.count);
    print_times(&sink.pongs);
    printf("}\n");
    sink.waiting = FOR_COMMAND;
}

static void start_tracking(uint64_t first_user, uint64_t users)
{
    sink.first_user = first_user;
    sink.users = users;
    for (size_t i = 0; i < sink.count; i++) {
        sink.clients[i].busy = calloc(users, 1);
        if (sink.clients[i].busy == NULL)
            die("calloc");
    }
    printf("{\"event\":\"tracking\"}\n");
}

static void report_states(void)
{
    size_t others = 0;
    for (size_t i = 0; i < sink.count; i++)
        for (uint64_t user = 0; user < sink.users; user++)
            others += sink.clients[i].busy[user] == 0;
    printf("{\"event\":\"states\",\"not_busy\":%zu}\n", others);
}

static void read_command(void)
{
    char line[512];
    int text = 0;
    unsigned long long first, ahead, milliseconds = 0;
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
    } else if (sscanf(line, "ping %llu %llu %llu %n", &first, &ahead, &milliseconds, &text) == 3) {
        start_pings(first, ahead, line + text);
    } else if (sscanf(line, "track %llu %llu", &first, &ahead) == 2) {
        start_tracking(first, ahead);
    } else if (strncmp(line, "stop", 4) == 0) {
        if (sink.waiting == FOR_PINGS)
            end_pings(sink.heard_ns);
    } else if (strncmp(line, "states", 6) == 0) {
        report_states();
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
    } else if (sink.waiting == FOR_PINGS) {
        if (now >= sink.deadline_ns)
            end_pings(now);
        else
            send_due_pings(now);
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
        int timeout = sink.waiting == FOR_COMMAND ? -1 : sink.waiting == FOR_UPDATES ? 0 : sink.waiting == FOR_PINGS ? 1 : 5;
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
        char *greeting = strchr(line, '\t');
        if (greeting != NULL)
            *greeting++ = 0;
        sink.clients[sink.count++] = (struct client){
            .fd = -1, .state = CONNECTING, .path = strdup(line), .greeting = greeting ? strdup(greeting) : NULL};
    }
    free(line);
}

int main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    sink.server.sin_family = AF_INET;
    if (argc < 4 || argc > 6 || inet_pton(AF_INET, argv[1], &sink.server.sin_addr) != 1) {
        fprintf(stderr, "usage: sink ADDRESS PORT FIRST [AT_ONCE [UPDATE]]\n");
        return 2;
    }
    sink.server.sin_port = htons((uint16_t)atoi(argv[2]));
    sink.first = strtoull(argv[3], NULL, 10);
    sink.at_once = argc > 4 ? strtoull(argv[4], NULL, 10) : CONNECTING_AT_ONCE;
    sink.update = argc > 5 ? argv[5] : "{\"type\":\"user_status_update\"";
    sink.update_bytes = strlen(sink.update);
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
