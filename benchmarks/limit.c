/* The fewest round trips that point tags at an image: what no client can be faster than. It has no safety at all.
 *
 *     limit SCHEME HOST PORT NAME TAG TAGS...
 *
 * Points TAGS of the repository NAME at what TAG holds. LOGIN is `user:password` in base64, CA_FILE holds the authority that is
 * trusted, and REALM and SERVICE say that the token server is known beforehand, as Docker Hub's is. A connection for each
 * tag is opened at once, and while the token is fetched; then there is one GET, and all PUTs together.
 */
#define _GNU_SOURCE
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 64
#define LARGEST (1 << 20)

struct link { int socket; SSL *tls; };
struct answer { int status, size; char *head, *body; };

static SSL_CTX *trust;
static const char *scheme, *host, *port, *name;
static char realm[1024], service[256], authorization[8192], type[256], *manifest;
static int manifest_size;

static void fail(const char *what) { fprintf(stderr, "limit: %s\n", what); exit(1); }

static void link_to(struct link *link, int secure, const char *where, const char *at)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int one = 1;
    if (getaddrinfo(where, at, &hints, &found)) fail("no such host");
    link->socket = socket(found->ai_family, SOCK_STREAM, 0);
    if (connect(link->socket, found->ai_addr, found->ai_addrlen)) fail("cannot connect");
    setsockopt(link->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    freeaddrinfo(found);
    if (!secure) return;
    link->tls = SSL_new(trust);
    SSL_set_fd(link->tls, link->socket);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(link->tls), where);
    if (SSL_connect(link->tls) != 1) fail("no TLS");
}

static int receive(struct link *link, char *bytes, int size)
{
    return link->tls ? SSL_read(link->tls, bytes, size) : (int)recv(link->socket, bytes, size, 0);
}

static void transmit(struct link *link, const char *bytes, int size)
{
    while (size > 0) {
        int sent = link->tls ? SSL_write(link->tls, bytes, size) : (int)send(link->socket, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0) fail("cannot send");
        bytes += sent;
        size -= sent;
    }
}

static void header(const char *head, const char *field, char *value, int size)
{
    const char *found = strcasestr(head, field);
    const char *end = found ? strstr(found, "\r\n") : NULL;
    snprintf(value, size, "%.*s", end ? (int)(end - found - strlen(field)) : 0, end ? found + strlen(field) : "");
}

static struct answer hear(struct link *link)
{
    struct answer answer = {.head = malloc(LARGEST)};
    char length[32];
    int have = 0, n;
    if (!answer.head) fail("no memory");
    while (!answer.body) {
        if ((n = receive(link, answer.head + have, LARGEST - 1 - have)) <= 0) fail("no answer");
        answer.head[have += n] = 0;
        if ((answer.body = strstr(answer.head, "\r\n\r\n"))) answer.body += 4;
    }
    header(answer.head, "\r\nContent-Length: ", length, sizeof length);
    answer.size = atoi(length);
    while (answer.head + have < answer.body + answer.size) {
        if ((n = receive(link, answer.head + have, LARGEST - 1 - have)) <= 0) fail("half an answer");
        answer.head[have += n] = 0;
    }
    answer.status = atoi(answer.head + 9);
    return answer;
}

static struct answer ask(struct link *link, const char *method, const char *tag, const char *headers, const char *body, int size)
{
    char request[16384];
    int length = snprintf(request, sizeof request, "%s /v2/%s/manifests/%s HTTP/1.1\r\nHost: %s:%s\r\n%s%s\r\n",
                          method, name, tag, host, port, authorization, headers);
    if (length + size >= LARGEST || length >= (int)sizeof request) fail("too long");
    char *whole = malloc(length + size);
    if (!whole) fail("no memory");
    memcpy(whole, request, length);
    memcpy(whole + length, body, size);
    transmit(link, whole, length + size);
    free(whole);
    return hear(link);
}

static void parameter(const char *challenge, const char *field, char *value, int size)
{
    const char *found = strstr(challenge, field);
    const char *begin = found ? found + strlen(field) : "";
    snprintf(value, size, "%.*s", (int)strcspn(begin, "\""), begin);
}

static void fetch_token(void)
{
    struct link link = {0};
    char where[256] = "", at[8] = "", path[512] = "", request[2048], token[8000];
    int secure = !strncmp(realm, "https", 5);
    if (sscanf(strstr(realm, "://") + 3, "%255[^:/]:%7[0-9]%511s", where, at, path) != 3) fail("no realm");
    link_to(&link, secure, where, at);
    snprintf(request, sizeof request,
             "GET %s?service=%s&scope=repository:%s:pull,push HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Basic %s\r\n\r\n",
             path, service, name, where, at, getenv("LOGIN"));
    transmit(&link, request, strlen(request));
    struct answer answer = hear(&link);
    parameter(answer.body, "\"token\": \"", token, sizeof token);
    if (answer.status != 200 || !*token) fail("no token");
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %s\r\n", token);
}

static void *open_link(void *link)
{
    link_to(link, !strcmp(scheme, "https"), host, port);
    return NULL;
}

struct put { struct link *link; const char *tag; };

static void *put_tag(void *argument)
{
    struct put *put = argument;
    char headers[512];
    snprintf(headers, sizeof headers, "Content-Type: %s\r\nContent-Length: %d\r\n", type, manifest_size);
    if (ask(put->link, "PUT", put->tag, headers, manifest, manifest_size).status != 201) fail("not stored");
    return NULL;
}

int main(int count, char **words)
{
    static struct link links[MOST];
    static struct put puts[MOST];
    pthread_t threads[MOST];
    int tags = count - 6;
    if (tags < 1 || tags > MOST) return 2;
    scheme = words[1], host = words[2], port = words[3], name = words[4];
    const char *accept = "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json\r\n";
    if (!strcmp(scheme, "https")) {
        trust = SSL_CTX_new(TLS_client_method());
        if (!trust || SSL_CTX_load_verify_file(trust, getenv("CA_FILE")) != 1) fail("CA_FILE");
        SSL_CTX_set_verify(trust, SSL_VERIFY_PEER, NULL);
    }
    struct answer answer = {0};
    for (int i = 1; i < tags; i++) pthread_create(&threads[i], NULL, open_link, &links[i]);
    if (getenv("REALM")) {
        snprintf(realm, sizeof realm, "%s", getenv("REALM"));
        snprintf(service, sizeof service, "%s", getenv("SERVICE"));
        pthread_create(&threads[0], NULL, open_link, &links[0]);
    } else {
        open_link(&links[0]);
        answer = ask(&links[0], "GET", words[5], accept, "", 0);
        if (answer.status == 401) {
            parameter(answer.head, "realm=\"", realm, sizeof realm);
            parameter(answer.head, "service=\"", service, sizeof service);
        }
    }
    if (*realm) {
        fetch_token();
        if (getenv("REALM")) pthread_join(threads[0], NULL);
        answer = ask(&links[0], "GET", words[5], accept, "", 0);
    }
    if (answer.status != 200) fail("no such image");
    manifest = answer.body;
    manifest_size = answer.size;
    header(answer.head, "\r\nContent-Type: ", type, sizeof type);
    for (int i = 1; i < tags; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < tags; i++) {
        puts[i] = (struct put){&links[i], words[6 + i]};
        pthread_create(&threads[i], NULL, put_tag, &puts[i]);
    }
    for (int i = 0; i < tags; i++) pthread_join(threads[i], NULL);
    return 0;
}
