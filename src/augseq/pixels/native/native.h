/* The parts of the optional C module `augseq.pixels.native._compiled`. None of them touches Python, so all
 * run without the interpreter lock; `module.c` makes them callable.
 *
 * Each handles the plain case only and reports anything else as "not plain": the Python code next
 * to it then does the same work from the start, and finds the words for what is wrong.
 */
#ifndef AUGSEQ_NATIVE_H
#define AUGSEQ_NATIVE_H

#include <stddef.h>

#define MESSAGE_BYTES 256

/* read_file.c */

typedef struct {
    unsigned char *bytes; /* to be freed by the caller */
    size_t num_bytes;
    long long modified_ns; /* since 1970 UTC */
} FileContent;

/* Reads a regular file of 1 to max_bytes bytes; returns 0 if it is none, or cannot be read. */
int read_plain_file(const char *path, size_t max_bytes, int follow_links, FileContent *content);

/* Reads a file into a buffer; returns the number of bytes up to its end, at most num_bytes; or -1. */
long long read_into_buffer(const char *path, unsigned char *bytes, size_t num_bytes);

/* jpeg_header.c */

typedef struct {
    unsigned height, width; /* as stored */
    int num_channels;       /* 1 or 3 */
    int orientation;        /* from the EXIF data, 1 (upright) to 8 */
} JpegHeader;

/* Returns 0 unless the header is that of a common and undamaged 8-bit JPEG file. */
int read_plain_jpeg_header(const unsigned char *data, size_t num_bytes, JpegHeader *header);

/* png_rows.c */

/* Undoes the filters of rows, of which each begins with the number of its filter.
 *
 * `step` is the size of a pixel in bytes: 1, 2, 3, 4, 6 or 8. `zeros` has row_bytes bytes. Returns 0
 * for an unknown filter. */
int unfilter_png_rows(const unsigned char *in, unsigned char *out, size_t num_rows,
                      size_t row_bytes, size_t step, const unsigned char *zeros);

/* jpeg_region.c: only with libjpeg-turbo */

typedef struct {
    const unsigned char *data;
    size_t num_bytes;
    int is_gray;
    unsigned top, left, height, width; /* of the part, in pixels of the scaled image */
    unsigned denominator;              /* the image is scaled by 1 / denominator */
    unsigned char *pixels;             /* height * width * (is_gray ? 1 : 3) bytes */
    char message[MESSAGE_BYTES];
} JpegRegion;

/* Decodes a part of a JPEG file; returns 0, with a message, if libjpeg fails or warns. */
int decode_jpeg_region(JpegRegion *region);

#endif
