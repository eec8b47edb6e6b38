/*
 * The limit: the least work that any server on one core must do to send a change to N sockets: one send() for each.
 *
 *     limit SOCKETS FRAME_BYTES [FIRST_BYTES]
 *
 * It authenticates nobody, and encodes, stores and remembers nothing: the frame is built once, before anything starts. If
 * FIRST_BYTES is given, each socket first receives two frames of that size, in one send().
 *
 * stdin:  "send CHANGES": sends that many frames to every socket, with one send() per socket
 * stdout: JSON lines: "listening" with the port, "ready" once SOCKETS sockets have upgraded, "sent" after each command
 * with the nanoseconds that the loop took
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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 4096, MOST_CHANGES = 64 };

static const char BEGINNING[] = "{\"type\":\"user_status_update\",\"padding\":\"";
static const char END[] = "\"}";
static const char ACCEPTED[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"; /* the answer to the one key that the sink sends */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Builds a text frame of `bytes` bytes, including the header, that the sink counts as an update; `copies` in a row. */
static unsigned char *make_frames(size_t bytes, size_t copies)
{
    size_t header = bytes <= 127 ? 2 : 4, length = bytes - header;
    unsigned char *frames = malloc(bytes * copies);
    if (frames == NULL)
        die("malloc");
    memset(frames, 'x', bytes);
    frames[0] = 0x81;
    frames[1] = header == 2 ? (unsigned char)length : 126;
    if (header == 4) {
        frames[2] = (unsigned char)(length >> 8);
        frames[3] = (unsigned char)length;
    }
    memcpy(frames + header, BEGINNING, sizeof BEGINNING - 1);
    memcpy(frames + bytes - (sizeof END - 1), END, sizeof END - 1);
    for (size_t i = 1; i < copies; i++)
        memcpy(frames + i * bytes, frames, bytes);
    return frames;
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        die("listen");
    printf("{\"event\":\"listening\",\"port\":%d}\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static int accept_upgrade(int listener, const unsigned char *first, size_t first_bytes)
{
    char request[8192];
    size_t n = 0;
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        die("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    do {
        ssize_t got = recv(fd, request + n, sizeof request - n, 0);
        if (got <= 0)
            die("recv");
        n += (size_t)got;
    } while (memmem(request, n, "\r\n\r\n", 4) == NULL);
    if (send(fd, ACCEPTED, sizeof ACCEPTED - 1, MSG_NOSIGNAL) < 0)
        die("send");
    if (first_bytes > 0 && send(fd, first, first_bytes, MSG_NOSIGNAL) < 0)
        die("send");
    return fd;
}

static void send_to_all(const int *sockets, size_t count, const unsigned char *frames, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        /* If a socket's buffer is full, the figure would measure something else, so it is better to give none. */
        if (send(sockets[i], frames, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)bytes)
            die("send");
    }
}

static int is_frame_size(size_t bytes)
{
    return bytes >= sizeof BEGINNING + sizeof END + 4 && bytes <= 65535 && bytes != 128 && bytes != 129;
}

int main(int argc, char **argv)
{
    size_t count = argc == 3 || argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    size_t bytes = count > 0 ? strtoul(argv[2], NULL, 10) : 0;
    size_t first_bytes = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (count == 0 || !is_frame_size(bytes) || (argc == 4 && !is_frame_size(first_bytes))) {
        fprintf(stderr, "usage: limit SOCKETS FRAME_BYTES [FIRST_BYTES]\n");
        return 2;
    }
    unsigned char *frames = make_frames(bytes, MOST_CHANGES);
    unsigned char *first = first_bytes > 0 ? make_frames(first_bytes, 2) : NULL;
    int *sockets = calloc(count, sizeof *sockets);
    if (sockets == NULL)
        die("calloc");
    int listener = listen_anywhere();
    for (size_t i = 0; i < count; i++)
        sockets[i] = accept_upgrade(listener, first, 2 * first_bytes);
    printf("{\"event\":\"ready\"}\n");
    fflush(stdout);

    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned changes;
        if (sscanf(line, "send %u", &changes) != 1 || changes == 0 || changes > MOST_CHANGES) {
            fprintf(stderr, "limit: unknown command: %s", line);
            return 2;
        }
        uint64_t started = now_ns();
        send_to_all(sockets, count, frames, changes * bytes);
        printf("{\"event\":\"sent\",\"ns\":%llu}\n", (unsigned long long)(now_ns() - started));
        fflush(stdout);
    }
    return 0;
}
