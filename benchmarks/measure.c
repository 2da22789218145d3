/* Run a command in a network namespace and write what it cost as a line of JSON.
 *
 *     measure NAMESPACE RESULT COMMAND...
 *
 * NAMESPACE and RESULT are files. This program is small, so that the peak memory of the command is its own, and not that
 * of whoever started it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) { perror(what); exit(125); }

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec / 1e6; }

int main(int count, char **words)
{
    if (count < 4) return 125;
    int namespace = open(words[1], O_RDONLY), status;
    if (namespace < 0 || setns(namespace, CLONE_NEWNET) < 0) fail(words[1]);
    close(namespace);
    FILE *result = fopen(words[2], "we");
    if (!result) fail(words[2]);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (!child) {
        prctl(PR_SET_PDEATHSIG, 9);
        execvp(words[3], words + 3);
        fail(words[3]);
    }
    struct rusage used;
    if (wait4(child, &status, 0, &used) < 0) fail("wait4");
    clock_gettime(CLOCK_MONOTONIC, &end);
    fprintf(result, "{\"wall\": %.6f, \"cpu\": %.6f, \"peak\": %ld, \"status\": %d}\n",
            end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9,
            seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return fclose(result) ? 125 : 0;
}
