/* Decode a part of a JPEG file with libjpeg-turbo: rows above and below it are skipped, and so is
 * most of what is left and right of it. Optional: without this module, the whole file is decoded
 * and then cropped, with the same pixels.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

/* Older releases skip rows incorrectly in some files with chroma subsampling. */
#if !defined(LIBJPEG_TURBO_VERSION_NUMBER) || LIBJPEG_TURBO_VERSION_NUMBER < 2001000
#error "libjpeg-turbo 2.1 or newer is needed"
#endif

/* Chroma is interpolated from neighbours, so pixels at the border of a part differ from those of
 * the whole image. One more pixel on each side is enough; this is a block of subsampled chroma. */
#define MARGIN_PX 16

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf escape;
    char message[JMSG_LENGTH_MAX];
} Errors;

typedef struct {
    const unsigned char *data;
    size_t num_bytes;
    J_COLOR_SPACE colorspace;
    unsigned top, left, height, width; /* of the part, in pixels of the scaled image */
    unsigned denominator;              /* the image is scaled by 1 / denominator */
    unsigned char *pixels;             /* height * width * channels bytes */
    char message[JMSG_LENGTH_MAX];
} Task;

static void escape_error(j_common_ptr info)
{
    Errors *errors = (Errors *)info->err;
    info->err->format_message(info, errors->message);
    longjmp(errors->escape, 1);
}

/* libjpeg only warns about damage; here that is an error. */
static void escape_warning(j_common_ptr info, int level)
{
    if (level < 0)
        escape_error(info);
}

/* Data below the part is never read, so the end marker must be checked separately. */
static int has_end_marker(const unsigned char *data, size_t num_bytes)
{
    for (size_t k = num_bytes; k >= 2; k--)
        if (data[k - 2] == 0xFF && data[k - 1] == JPEG_EOI)
            return 1;
    return 0;
}

static void read_rows(struct jpeg_decompress_struct *info, const Task *task)
{
    JDIMENSION right = task->left + task->width + MARGIN_PX;
    JDIMENSION start = task->left > MARGIN_PX ? task->left - MARGIN_PX : 0;
    JDIMENSION width = (right < info->output_width ? right : info->output_width) - start;
    jpeg_crop_scanline(info, &start, &width);
    if (task->top > MARGIN_PX)
        jpeg_skip_scanlines(info, task->top - MARGIN_PX);

    size_t channels = (size_t)info->output_components, num_bytes = task->width * channels;
    JSAMPROW row = (*info->mem->alloc_large)((j_common_ptr)info, JPOOL_IMAGE, width * channels);
    while (info->output_scanline < task->top + task->height) {
        JDIMENSION y = info->output_scanline;
        jpeg_read_scanlines(info, &row, 1);
        if (y >= task->top)
            memcpy(task->pixels + (y - task->top) * num_bytes,
                   row + (task->left - start) * channels, num_bytes);
    }
}

/* Returns 0, or -1 with a message in the task. */
static int decode(Task *task)
{
    struct jpeg_decompress_struct info;
    Errors errors;
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = escape_error;
    errors.base.emit_message = escape_warning;
    if (setjmp(errors.escape)) {
        memcpy(task->message, errors.message, sizeof errors.message);
        jpeg_destroy_decompress(&info);
        return -1;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, (unsigned char *)task->data, (unsigned long)task->num_bytes);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = task->colorspace;
    info.dct_method = JDCT_ISLOW; /* the accurate one, as in Pillow */
    info.scale_num = 1;
    info.scale_denom = task->denominator;
    jpeg_calc_output_dimensions(&info);

    const char *problem = NULL;
    if (!has_end_marker(info.src->next_input_byte, info.src->bytes_in_buffer))
        problem = "Premature end of JPEG file";
    else if (!task->height || !task->width || task->height > info.output_height ||
             task->width > info.output_width || task->top > info.output_height - task->height ||
             task->left > info.output_width - task->width)
        problem = "The part must lie within the image";
    if (problem) {
        strcpy(task->message, problem);
        jpeg_destroy_decompress(&info);
        return -1;
    }
    jpeg_start_decompress(&info);
    read_rows(&info, task);
    jpeg_destroy_decompress(&info);
    return 0;
}

PyDoc_STRVAR(decode_region_doc,
"decode_region(data, pixels, is_gray, top, left, height, width, denominator)\n--\n\n"
"Decode a part of an 8-bit JPEG file into a contiguous, writable buffer.\n\n"
"The image is scaled by 1 / denominator (1, 2, 4 or 8), rounded up; the part is given in\n"
"pixels of the scaled image. Raises ValueError where libjpeg fails or warns, and where the\n"
"file has no end marker. Releases the interpreter lock.");

static PyObject *decode_region(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data, pixels;
    Task task;
    int is_gray, failed;
    if (!PyArg_ParseTuple(arguments, "y*w*pIIIII:decode_region", &data, &pixels, &is_gray,
                          &task.top, &task.left, &task.height, &task.width, &task.denominator))
        return NULL;
    task.colorspace = is_gray ? JCS_GRAYSCALE : JCS_RGB;
    task.data = data.buf;
    task.num_bytes = (size_t)data.len;
    task.pixels = pixels.buf;
    if ((size_t)pixels.len != (size_t)task.height * task.width * (is_gray ? 1 : 3)) {
        strcpy(task.message, "The buffer must have the size of the part");
        failed = 1;
    } else {
        Py_BEGIN_ALLOW_THREADS
        failed = decode(&task);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&data);
    PyBuffer_Release(&pixels);
    if (failed) {
        PyErr_SetString(PyExc_ValueError, task.message);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"decode_region", decode_region, METH_VARARGS, decode_region_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_jpeg_regions", "Decode parts of JPEG files.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__jpeg_regions(void)
{
    return PyModule_Create(&module);
}
