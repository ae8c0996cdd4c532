/* Read the header of a common JPEG file, with the result of `decoders/jpeg_header.py`.
 *
 * Unusual and damaged headers are not plain: lossless, arithmetic, hierarchical and 12-bit files,
 * CMYK, bytes between segments, several EXIF blocks, an orientation in XMP, rare subsampling.
 */
#include "native.h"

#include <string.h>

#define EXIF "Exif\0\0"
#define EXIF_BYTES 6
#define XMP "http://ns.adobe.com/xap/1.0/"
#define ORIENTATION 0x0112
#define SHORT 3

enum { SOF0 = 0xC0, SOF1 = 0xC1, SOF2 = 0xC2, DHT = 0xC4, SOI = 0xD8, EOI = 0xD9, SOS = 0xDA,
       DQT = 0xDB, DRI = 0xDD, APP0 = 0xE0, APP1 = 0xE1, APP15 = 0xEF, COM = 0xFE };

/* Files with more scans are rare, and may be made to take minutes. */
#define MOST_SCANS 20

typedef struct {
    const unsigned char *at;
    size_t num_bytes;
} Bytes;

static unsigned big_short(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static int begins_with(Bytes body, const void *start, size_t num_bytes)
{
    return body.num_bytes >= num_bytes && memcmp(body.at, start, num_bytes) == 0;
}

static int contains(Bytes body, const char *text)
{
    size_t num_bytes = strlen(text);
    for (size_t k = 0; k + num_bytes <= body.num_bytes; k++)
        if (body.at[k] == text[0] && memcmp(body.at + k, text, num_bytes) == 0)
            return 1;
    return 0;
}

/* Returns whether a body would be EXIF data if its prefix were intact. */
static int has_tiff_magic(Bytes body)
{
    return body.num_bytes >= EXIF_BYTES + 4 && (memcmp(body.at + EXIF_BYTES, "II*\0", 4) == 0 ||
                                                memcmp(body.at + EXIF_BYTES, "MM\0*", 4) == 0);
}

static unsigned number(const unsigned char *at, int count, int is_big)
{
    unsigned value = 0;
    for (int k = 0; k < count; k++)
        value = value << 8 | at[is_big ? k : count - 1 - k];
    return value;
}

/* Reads the orientation in a TIFF structure, 0 if there is none. */
static int read_orientation(Bytes tiff, int *orientation)
{
    int is_big = begins_with(tiff, "MM\0*", 4);
    if (!is_big && !begins_with(tiff, "II*\0", 4))
        return 0;
    if (tiff.num_bytes < 10)
        return 0;
    size_t start = number(tiff.at + 4, 4, is_big);
    if (start < 8 || start > tiff.num_bytes - 2)
        return 0;
    size_t count = number(tiff.at + start, 2, is_big);
    if (count * 12 > tiff.num_bytes - 2 - start)
        return 0;
    for (size_t k = 0; k < count; k++) {
        const unsigned char *entry = tiff.at + start + 2 + 12 * k;
        if (number(entry, 2, is_big) != ORIENTATION)
            continue;
        unsigned value = number(entry + 8, 2, is_big);
        *orientation = (int)value;
        return number(entry + 2, 2, is_big) == SHORT && number(entry + 4, 4, is_big) == 1 &&
               value >= 1 && value <= 8;
    }
    *orientation = 0;
    return 1;
}

/* Reads size and colours; the subsampling must be one of the usual ones. */
static int read_frame(Bytes body, JpegHeader *header)
{
    if (header->height || body.num_bytes < 6 || body.at[0] != 8)
        return 0;
    header->height = big_short(body.at + 1);
    header->width = big_short(body.at + 3);
    header->num_channels = body.at[5];
    if (!header->height || !header->width ||
        (header->num_channels != 1 && header->num_channels != 3) ||
        body.num_bytes != 6 + 3 * (size_t)header->num_channels)
        return 0;
    const unsigned char *sampling = body.at + 7;
    int is_usual = sampling[0] == 0x11;
    if (header->num_channels == 3)
        is_usual = (is_usual || sampling[0] == 0x21 || sampling[0] == 0x12 || sampling[0] == 0x22) &&
                   sampling[3] == 0x11 && sampling[6] == 0x11;
    return is_usual;
}

static int has_few_scans(const unsigned char *data, size_t num_bytes)
{
    const unsigned char *at = data, *end = data + num_bytes;
    int count = 0;
    while ((at = memchr(at, 0xFF, (size_t)(end - at))) && ++at < end)
        if (*at == SOS && ++count > MOST_SCANS)
            return 0;
    return 1;
}

int read_plain_jpeg_header(const unsigned char *data, size_t num_bytes, JpegHeader *header)
{
    size_t at = 2;
    int has_exif = 0, xmp_has_it = 0, is_progressive = 0;
    memset(header, 0, sizeof *header);
    if (num_bytes < 2 || data[0] != 0xFF || data[1] != SOI)
        return 0;
    while (at + 4 <= num_bytes && data[at] == 0xFF) {
        int marker = data[at + 1];
        size_t length = big_short(data + at + 2);
        if (length < 2 || length > num_bytes - at - 2)
            return 0;
        Bytes body = {data + at + 4, length - 2};
        if (marker == SOF0 || marker == SOF1 || marker == SOF2) {
            is_progressive = marker == SOF2;
            if (!read_frame(body, header))
                return 0;
        } else if (marker == SOS) {
            int has_all = !is_progressive && body.num_bytes && body.at[0] == header->num_channels;
            if (!header->orientation) {
                if (xmp_has_it)
                    return 0;
                header->orientation = 1;
            }
            return header->height && (has_all || has_few_scans(data, num_bytes));
        } else if (marker == APP1 && begins_with(body, EXIF, EXIF_BYTES)) {
            Bytes tiff = {body.at + EXIF_BYTES, body.num_bytes - EXIF_BYTES};
            if (has_exif++ || !read_orientation(tiff, &header->orientation))
                return 0;
        } else if (marker == APP1 && begins_with(body, XMP, sizeof XMP)) {
            xmp_has_it |= contains(body, "Orientation");
        } else if (begins_with(body, EXIF, EXIF_BYTES) ||
                   (marker == APP1 && has_tiff_magic(body))) {
            return 0; /* EXIF data in the wrong place */
        } else if (marker != DHT && marker != DQT && marker != DRI && marker != COM &&
                   (marker < APP0 || marker > APP15)) {
            return 0;
        }
        at += 2 + length;
    }
    return 0;
}
