/* Undo the filters of PNG rows.
 *
 * Section 9 of the PNG specification: each byte was replaced by its difference to a prediction
 * from the bytes left of it, above it, and above left, one pixel away.
 */
#include "native.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define HAS_SSE2 1
#endif

enum { NONE, SUB, UP, AVERAGE, PAETH };

/* Without branches, which would be mispredicted for half of the bytes. */
static inline uint8_t paeth(int left, int above, int corner)
{
    int to_left = abs(above - corner), to_above = abs(left - corner);
    int to_corner = abs(left + above - 2 * corner);
    int nearest = left, least = to_left;
    nearest = to_above < least ? above : nearest;
    least = to_above < least ? to_above : least;
    return (uint8_t)(to_corner < least ? corner : nearest);
}

/* Eight bytes at once: compilers only do this with more optimization than is asked of them. */
static void add_bytes(const uint8_t *some, const uint8_t *others, uint8_t *out, size_t num_bytes)
{
    const uint64_t high = 0x8080808080808080u;
    uint64_t a, b;
    size_t k = 0;
    for (; k + 8 <= num_bytes; k += 8) {
        memcpy(&a, some + k, 8);
        memcpy(&b, others + k, 8);
        /* Without the highest bit of each byte, nothing is carried into the next one. */
        a = ((a & ~high) + (b & ~high)) ^ ((a ^ b) & high);
        memcpy(out + k, &a, 8);
    }
    for (; k < num_bytes; k++)
        out[k] = some[k] + others[k];
}

/* `step` is a constant wherever this is inlined, which makes it twice as fast. */
static inline void unfilter_row(int filter, const uint8_t *in, const uint8_t *above, uint8_t *out,
                                size_t num_bytes, size_t step)
{
    size_t k;
    switch (filter) {
    case NONE:
        memcpy(out, in, num_bytes);
        return;
    case SUB:
        memcpy(out, in, step);
        for (k = step; k < num_bytes; k++)
            out[k] = in[k] + out[k - step];
        return;
    case UP:
        add_bytes(in, above, out, num_bytes);
        return;
    case AVERAGE:
        for (k = 0; k < step; k++)
            out[k] = in[k] + above[k] / 2;
        for (; k < num_bytes; k++)
            out[k] = in[k] + (out[k - step] + above[k]) / 2;
        return;
    case PAETH:
        for (k = 0; k < step; k++)
            out[k] = in[k] + above[k];
        for (; k < num_bytes; k++)
            out[k] = in[k] + paeth(out[k - step], above[k], above[k - step]);
    }
}

/* The number of bytes before the first that is not 0. */
static size_t count_zeros(const uint8_t *bytes, size_t num_bytes)
{
    size_t k = 0;
    uint64_t eight;
    for (; k + 8 <= num_bytes; k += 8) {
        memcpy(&eight, bytes + k, 8);
        if (eight)
            break;
    }
    while (k < num_bytes && bytes[k] == 0)
        k++;
    return k;
}

/* One byte for each pixel, as in masks, where most pixels equal all their neighbours: where the
 * pixel to the left equals that of the row above, the prediction is the byte above. */
static void unfilter_paeth_bytes(const uint8_t *in, const uint8_t *above, uint8_t *out,
                                 size_t num_bytes)
{
    uint8_t left = 0, corner = 0;
    for (size_t k = 0; k < num_bytes; k++) {
        if (left == corner) {
            size_t count = count_zeros(in + k, num_bytes - k);
            memcpy(out + k, above + k, count);
            k += count;
            if (k == num_bytes)
                return;
            if (count)
                left = corner = above[k - 1];
        }
        uint8_t up = above[k];
        /* Inside of an area that begins in this row, without arithmetic. */
        if (in[k] || up != corner)
            left = in[k] + paeth(left, up, corner);
        out[k] = left;
        corner = up;
    }
}

static void unfilter_sub_bytes(const uint8_t *in, uint8_t *out, size_t num_bytes)
{
    uint8_t left = 0;
    for (size_t k = 0; k < num_bytes; k++) {
        size_t count = count_zeros(in + k, num_bytes - k);
        memset(out + k, left, count);
        k += count;
        if (k == num_bytes)
            return;
        out[k] = left += in[k];
    }
}

#ifdef HAS_SSE2
/* One pixel of 3 or 4 bytes, as 16-bit numbers. */
static inline __m128i load_pixel(const uint8_t *from, size_t step)
{
    uint32_t bytes;
    if (step == 4)
        memcpy(&bytes, from, 4);
    else /* Not `memcpy`, which compilers do through memory here: it takes 5 times as long. */
        bytes = from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16;
    return _mm_unpacklo_epi8(_mm_cvtsi32_si128((int)bytes), _mm_setzero_si128());
}

static inline __m128i magnitude(__m128i number)
{
    return _mm_max_epi16(number, _mm_sub_epi16(_mm_setzero_si128(), number));
}

static inline __m128i choose(__m128i mask, __m128i yes, __m128i no)
{
    return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

/* All bytes of a pixel at once: most rows of photographs have this filter. */
static inline void unfilter_paeth(const uint8_t *in, const uint8_t *above, uint8_t *out,
                                  size_t num_bytes, size_t step)
{
    const __m128i low_bytes = _mm_set1_epi16(0xFF);
    __m128i left = _mm_setzero_si128(), corner = left;
    for (size_t k = 0; k < num_bytes; k += step) {
        __m128i up = load_pixel(above + k, step);
        __m128i from_left = _mm_sub_epi16(up, corner), from_up = _mm_sub_epi16(left, corner);
        __m128i to_left = magnitude(from_left), to_up = magnitude(from_up);
        __m128i to_corner = magnitude(_mm_add_epi16(from_left, from_up));
        __m128i least = _mm_min_epi16(to_corner, _mm_min_epi16(to_left, to_up));
        __m128i nearest = choose(_mm_cmpeq_epi16(least, to_left), left,
                                 choose(_mm_cmpeq_epi16(least, to_up), up, corner));
        left = _mm_and_si128(_mm_add_epi16(load_pixel(in + k, step), nearest), low_bytes);
        corner = up;
        uint32_t bytes = (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(left, left));
        memcpy(out + k, &bytes, 2);
        out[k + 2] = (uint8_t)(bytes >> 16);
        if (step == 4)
            out[k + 3] = (uint8_t)(bytes >> 24);
    }
}
#endif

int unfilter_png_rows(const unsigned char *in, unsigned char *out, size_t num_rows,
                      size_t row_bytes, size_t step, const unsigned char *zeros)
{
    const uint8_t *above = zeros;
    for (size_t row = 0; row < num_rows; row++, in += row_bytes + 1, out += row_bytes) {
        int filter = in[0];
        if (filter > PAETH)
            return 0;
#ifdef HAS_SSE2
        if (filter == PAETH && (step == 3 || step == 4)) {
            if (step == 3)
                unfilter_paeth(in + 1, above, out, row_bytes, 3);
            else
                unfilter_paeth(in + 1, above, out, row_bytes, 4);
            above = out;
            continue;
        }
#endif
        if (step == 1 && (filter == PAETH || filter == SUB)) {
            if (filter == PAETH)
                unfilter_paeth_bytes(in + 1, above, out, row_bytes);
            else
                unfilter_sub_bytes(in + 1, out, row_bytes);
            above = out;
            continue;
        }
        switch (step) {
        case 1: unfilter_row(filter, in + 1, above, out, row_bytes, 1); break;
        case 2: unfilter_row(filter, in + 1, above, out, row_bytes, 2); break;
        case 3: unfilter_row(filter, in + 1, above, out, row_bytes, 3); break;
        case 4: unfilter_row(filter, in + 1, above, out, row_bytes, 4); break;
        case 6: unfilter_row(filter, in + 1, above, out, row_bytes, 6); break;
        default: unfilter_row(filter, in + 1, above, out, row_bytes, 8);
        }
        above = out;
    }
    return 1;
}
