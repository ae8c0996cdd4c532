/* Read a regular file in one go. */
#include "native.h"

#ifdef _WIN32

int read_plain_file(const char *path, size_t max_bytes, int follow_links, FileContent *content)
{
    (void)path, (void)max_bytes, (void)follow_links, (void)content;
    return 0;
}

long long read_into_buffer(const char *path, unsigned char *bytes, size_t num_bytes)
{
    (void)path, (void)bytes, (void)num_bytes;
    return -1;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __APPLE__
#define MODIFIED st_mtimespec
#else
#define MODIFIED st_mtim
#endif

/* The file is read once and copied into a bytes object, since two calls that release the
 * interpreter lock cost more than a copy. A large one is read by Python, which copies nothing. */
#define MOST_BYTES ((size_t)16 << 20)

static int is_plain(const struct stat *status, size_t max_bytes)
{
    return S_ISREG(status->st_mode) && status->st_size > 0 &&
           (unsigned long long)status->st_size <= max_bytes;
}

/* Returns the number of bytes up to the end of the file, at most num_bytes; or -1. */
static long long read_all(int file, unsigned char *bytes, size_t num_bytes)
{
    size_t done = 0;
    while (done < num_bytes) {
        ssize_t count = read(file, bytes + done, num_bytes - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        done += (size_t)count;
    }
    return (long long)done;
}

int read_plain_file(const char *path, size_t max_bytes, int follow_links, FileContent *content)
{
    struct stat status;
    if (max_bytes > MOST_BYTES)
        max_bytes = MOST_BYTES;
    /* Before opening, which can block or have side effects for files that are not regular. */
    if ((follow_links ? stat : lstat)(path, &status) || !is_plain(&status, max_bytes))
        return 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow_links ? 0 : O_NOFOLLOW));
    if (file < 0)
        return 0;
    content->bytes = NULL;
    if (fstat(file, &status) == 0 && is_plain(&status, max_bytes)) {
        content->num_bytes = (size_t)status.st_size;
        content->modified_ns =
            (long long)status.MODIFIED.tv_sec * 1000000000 + status.MODIFIED.tv_nsec;
        /* One more byte shows whether the file has grown meanwhile. */
        content->bytes = malloc(content->num_bytes + 1);
        if (content->bytes && read_all(file, content->bytes, content->num_bytes + 1) !=
                                  (long long)content->num_bytes) {
            free(content->bytes);
            content->bytes = NULL;
        }
    }
    close(file);
    return content->bytes != NULL;
}

long long read_into_buffer(const char *path, unsigned char *bytes, size_t num_bytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return -1;
    long long count = read_all(file, bytes, num_bytes);
    close(file);
    return count;
}

#endif
