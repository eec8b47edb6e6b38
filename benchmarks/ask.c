/*
 * The HTTP clients of a benchmark: keep-alive connections that each send one request at a time.
 *
 *     ask ADDRESS PORT
 *
 * stdin:  one line per connection, an empty line, then commands. The fields of a line are separated by tabs: method, path,
 *         token, and any number of JSON bodies, which the connection sends in turn.
 *             go MILLISECONDS EVERY    send requests for so long; each connection sends the next one after the answer,
 *                                      or if EVERY isn't 0, every EVERY microseconds
 * stdout: JSON lines: "connected", and "done" after each command; "failed" if a response isn't 200 or a connection ended.
 *
 * Exits when stdin is closed.
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

enum { MOST_BODIES = 4, RESPONSE_BYTES = 1 << 16, EVENTS = 256 };

struct request {
    char *bytes;
    size_t length;
};

struct connection {
    int fd;
    struct request requests[MOST_BODIES];
    size_t bodies, next;
    uint64_t asked_ns, due_ns;
    char response[RESPONSE_BYTES];
    size_t received;
};

static struct connection **connections;
static size_t count, waiting;
static int epoll;
static uint64_t every_ns, until_ns;
static uint32_t *times_us;
static size_t times, room;
static char why[128];

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "ask: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void fail(const char *text, size_t n)
{
    size_t kept = 0;
    if (why[0] != 0)
        return;
    for (size_t i = 0; i < n && kept < sizeof why - 1 && text[i] >= ' '; i++)
        if (text[i] != '"' && text[i] != '\\')
            why[kept++] = text[i];
    if (kept == 0)
        strcpy(why, "?");
}

static void note_time(uint64_t ns)
{
    if (times == room) {
        room = room ? 2 * room : 65536;
        times_us = realloc(times_us, room * sizeof *times_us);
        if (times_us == NULL)
            die("realloc");
    }
    times_us[times++] = (uint32_t)(ns / 1000);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void add_request(struct connection *connection, const char *method, const char *path, const char *token,
                        const char *body)
{
    if (connection->bodies == MOST_BODIES) {
        fprintf(stderr, "ask: too many bodies\n");
        exit(2);
    }
    struct request *request = &connection->requests[connection->bodies++];
    int n = asprintf(&request->bytes,
                     "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     method, path, token, strlen(body), body);
    if (n < 0)
        die("asprintf");
    request->length = (size_t)n;
}

static void read_connection(char *line, const struct sockaddr_in *server)
{
    struct connection *connection = calloc(1, sizeof *connection);
    connections = realloc(connections, (count + 1) * sizeof *connections);
    if (connection == NULL || connections == NULL)
        die("malloc");
    connections[count++] = connection;
    char *method = strsep(&line, "\t"), *path = strsep(&line, "\t"), *token = strsep(&line, "\t");
    if (token == NULL) {
        fprintf(stderr, "ask: a line needs a method, a path and a token\n");
        exit(2);
    }
    for (char *body; (body = strsep(&line, "\t")) != NULL;)
        add_request(connection, method, path, token, body);
    if (connection->bodies == 0)
        add_request(connection, method, path, token, "");
    int one = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (const struct sockaddr *)server, sizeof *server) < 0)
        die("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        die("epoll_ctl");
}

static void ask(struct connection *connection)
{
    const struct request *request = &connection->requests[connection->next++ % connection->bodies];
    connection->asked_ns = now_ns();
    connection->due_ns += every_ns;
    waiting++;
    if (send(connection->fd, request->bytes, request->length, MSG_NOSIGNAL) != (ssize_t)request->length)
        fail("a request could not be sent", 64);
}

/* Returns the size of the whole response, or 0 if it isn't complete. */
static size_t response_bytes(const struct connection *connection)
{
    const char *p = connection->response;
    const char *end = memmem(p, connection->received, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    const char *length = memmem(p, (size_t)(end - p), "Content-Length: ", 16);
    size_t whole = (size_t)(end - p) + 4 + (length == NULL ? 0 : strtoull(length + 16, NULL, 10));
    return whole <= connection->received ? whole : 0;
}

static void receive(struct connection *connection)
{
    ssize_t n = recv(connection->fd, connection->response + connection->received,
                     RESPONSE_BYTES - 1 - connection->received, MSG_DONTWAIT);
    if (n <= 0) {
        fail("a connection ended", 64);
        return;
    }
    connection->received += (size_t)n;
    connection->response[connection->received] = 0;
    if (response_bytes(connection) == 0)
        return;
    if (strncmp(connection->response, "HTTP/1.1 200", 12) != 0)
        fail(connection->response, connection->received);
    uint64_t now = now_ns();
    note_time(now - connection->asked_ns);
    connection->asked_ns = 0;
    connection->received = 0;
    waiting--;
    if (every_ns == 0 && now < until_ns)
        ask(connection);
}

static void ask_due(uint64_t now)
{
    for (size_t i = 0; i < count; i++)
        if (connections[i]->asked_ns == 0 && connections[i]->due_ns <= now)
            ask(connections[i]);
}

static void go(uint64_t milliseconds, uint64_t every_us)
{
    struct epoll_event events[EVENTS];
    uint64_t started = now_ns(), now = started;
    every_ns = every_us * 1000u;
    until_ns = started + milliseconds * 1000000u;
    times = 0;
    for (size_t i = 0; i < count; i++) {
        connections[i]->due_ns = started + every_ns * i / count;
        if (every_ns == 0)
            ask(connections[i]);
    }
    while (why[0] == 0 && (now < until_ns || waiting > 0)) {
        if (every_ns > 0 && now < until_ns)
            ask_due(now);
        int n = epoll_wait(epoll, events, EVENTS, 1);
        for (int i = 0; i < n; i++)
            receive(events[i].data.ptr);
        now = now_ns();
        if (now > until_ns + 10000000000u)
            fail("requests were not answered within 10 s", 64);
    }
    if (why[0] != 0) {
        printf("{\"event\":\"failed\",\"why\":\"%s\"}\n", why);
        return;
    }
    qsort(times_us, times, sizeof *times_us, by_size);
    printf("{\"event\":\"done\",\"requests\":%zu,\"seconds\":%.6f,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n", times,
           (double)(now - started) / 1e9, times ? times_us[times / 2] : 0, times ? times_us[times * 99 / 100] : 0,
           times ? times_us[times - 1] : 0);
}

int main(int argc, char **argv)
{
    struct sockaddr_in server = {.sin_family = AF_INET};
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    if (argc != 3 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
        fprintf(stderr, "usage: ask ADDRESS PORT\n");
        return 2;
    }
    server.sin_port = htons((uint16_t)atoi(argv[2]));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    while ((n = getline(&line, &size, stdin)) > 1) {
        line[n - 1] = 0;
        read_connection(line, &server);
    }
    printf("{\"event\":\"connected\"}\n");
    fflush(stdout);
    while (getline(&line, &size, stdin) > 0) {
        unsigned long long milliseconds, every_us;
        if (sscanf(line, "go %llu %llu", &milliseconds, &every_us) != 2) {
            fprintf(stderr, "ask: unknown command: %s", line);
            return 2;
        }
        go(milliseconds, every_us);
        fflush(stdout);
    }
    return 0;
}
