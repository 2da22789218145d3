/* A line between two TUN devices on which every packet waits, handshakes too: `tc netem` for kernels without it.
 *
 *     delay DEVICE DEVICE
 *
 * Each line of standard input is a delay in microseconds, one way, and is answered by a line when it holds. It ends with
 * standard input.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LARGEST 65536
#define WAITING 131072 /* packets in one direction; more are lost, as on a real line */
#define BURST 64

struct packet { uint64_t due; int size; unsigned char *bytes; };
struct lane { int from, to; unsigned first, end; struct packet *packets; };

static uint64_t delay;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void fail(const char *what) { perror(what); exit(1); }

static int device(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int file = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (file < 0) fail("/dev/net/tun");
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(file, TUNSETIFF, &request) < 0) fail(name);
    return file;
}

static void take(struct lane *lane)
{
    static unsigned char bytes[LARGEST];
    for (int i = 0; i < BURST; i++) {
        int size = read(lane->from, bytes, sizeof bytes);
        unsigned next = (lane->end + 1) % WAITING;
        if (size <= 0) return;
        if (next == lane->first) continue;
        struct packet *packet = &lane->packets[lane->end];
        packet->bytes = malloc(size);
        if (!packet->bytes) fail("malloc");
        memcpy(packet->bytes, bytes, size);
        packet->size = size;
        packet->due = now() + delay;
        lane->end = next;
    }
}

static void give(struct lane *lane)
{
    for (uint64_t time = now(); lane->first != lane->end; lane->first = (lane->first + 1) % WAITING) {
        struct packet *packet = &lane->packets[lane->first];
        if (packet->due > time) return;
        if (write(lane->to, packet->bytes, packet->size) < 0) { /* lost: the device is full */ }
        free(packet->bytes);
    }
}

int main(int count, char **names)
{
    if (count != 3) return 2;
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PDEATHSIG, 9);
    setpriority(PRIO_PROCESS, 0, -15);
    int one = device(names[1]), other = device(names[2]);
    struct lane lanes[2] = {{.from = one, .to = other}, {.from = other, .to = one}};
    for (int i = 0; i < 2; i++)
        if (!(lanes[i].packets = calloc(WAITING, sizeof(struct packet)))) fail("calloc");
    struct pollfd files[3] = {{one, POLLIN, 0}, {other, POLLIN, 0}, {0, POLLIN, 0}};
    puts("ready");
    fflush(stdout);
    for (;;) {
        uint64_t next = 0, time = now();
        for (int i = 0; i < 2; i++) {
            struct packet *packet = &lanes[i].packets[lanes[i].first];
            if (lanes[i].first != lanes[i].end && (!next || packet->due < next)) next = packet->due;
        }
        uint64_t wait = next > time ? next - time : 0;
        struct timespec pause = {wait / 1000000000ull, wait % 1000000000ull};
        ppoll(files, 3, next ? &pause : NULL, NULL);
        for (int i = 0; i < 2; i++) {
            if (files[i].revents & POLLIN) take(&lanes[i]);
            give(&lanes[i]);
        }
        if (files[2].revents) {
            char line[64];
            if (!fgets(line, sizeof line, stdin)) return 0;
            delay = strtoull(line, NULL, 10) * 1000;
            puts("set");
            fflush(stdout);
        }
    }
}
