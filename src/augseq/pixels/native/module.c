/* The optional C module `augseq.pixels.native._compiled`: reads and decodes common files faster.
 * Without it, Python does the same, with the same pixels. If WITHOUT_LIBJPEG is defined, it does not
 * decode JPEG files.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "native.h"

PyDoc_STRVAR(read_file_doc,
"read_file(path, max_bytes, follow_links)\n--\n\n"
"Return the bytes of a regular file, and its modification time in nanoseconds since 1970 UTC.\n\n"
"Returns None if the file is missing, empty, not regular, larger than `max_bytes` or 16 MiB, or a\n"
"symbolic link that must not be followed; on Windows always. Releases the interpreter lock\n"
"once.");

static PyObject *read_file(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *path, *result = NULL;
    unsigned long long max_bytes;
    int follow_links, is_plain;
    FileContent content;
    if (!PyArg_ParseTuple(arguments, "O&Kp:read_file", PyUnicode_FSConverter, &path, &max_bytes,
                          &follow_links))
        return NULL;
    const char *name = PyBytes_AsString(path);
    Py_BEGIN_ALLOW_THREADS
    is_plain = read_plain_file(name, (size_t)max_bytes, follow_links, &content);
    Py_END_ALLOW_THREADS
    Py_DECREF(path);
    if (!is_plain)
        Py_RETURN_NONE;
    result = Py_BuildValue("y#L", (char *)content.bytes, (Py_ssize_t)content.num_bytes,
                           content.modified_ns);
    free(content.bytes);
    return result;
}

PyDoc_STRVAR(read_into_doc,
"read_into(path, buffer)\n--\n\n"
"Read a file into a contiguous, writable buffer, and return the number of bytes up to its end, at\n"
"most those of the buffer.\n\n"
"Returns -1 if it cannot be read; on Windows always. Releases the interpreter lock once.");

static PyObject *read_into(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *path;
    Py_buffer buffer;
    long long count;
    if (!PyArg_ParseTuple(arguments, "O&w*:read_into", PyUnicode_FSConverter, &path, &buffer))
        return NULL;
    const char *name = PyBytes_AsString(path);
    Py_BEGIN_ALLOW_THREADS
    count = read_into_buffer(name, buffer.buf, (size_t)buffer.len);
    Py_END_ALLOW_THREADS
    Py_DECREF(path);
    PyBuffer_Release(&buffer);
    return PyLong_FromLongLong(count);
}

PyDoc_STRVAR(read_jpeg_header_doc,
"read_jpeg_header(data)\n--\n\n"
"Return height, width, channels (1 or 3) and orientation (1 to 8) of a common JPEG file.\n\n"
"Returns None if its header is damaged or unusual.");

static PyObject *read_jpeg_header(PyObject *Py_UNUSED(module), PyObject *data)
{
    JpegHeader header;
    Py_ssize_t num_bytes;
    char *bytes;
    if (PyBytes_AsStringAndSize(data, &bytes, &num_bytes))
        return NULL;
    if (!read_plain_jpeg_header((unsigned char *)bytes, (size_t)num_bytes, &header))
        Py_RETURN_NONE;
    return Py_BuildValue("IIii", header.height, header.width, header.num_channels,
                         header.orientation);
}

PyDoc_STRVAR(unfilter_rows_doc,
"unfilter_rows(filtered, rows, row_bytes, step)\n--\n\n"
"Undo the filters of the rows of a PNG file.\n\n"
"`step` is the size of a pixel in bytes, at least 1. Raises ValueError for an unknown filter, and\n"
"where the buffers do not fit the rows. Releases the interpreter lock.");

static PyObject *unfilter_rows(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer filtered, rows;
    Py_ssize_t row_bytes, step;
    int is_known = 0;
    if (!PyArg_ParseTuple(arguments, "y*w*nn:unfilter_rows", &filtered, &rows, &row_bytes, &step))
        return NULL;
    Py_ssize_t num_rows = row_bytes > 0 ? rows.len / row_bytes : 0;
    int fits = (step == 1 || step == 2 || step == 3 || step == 4 || step == 6 || step == 8) &&
               num_rows > 0 && row_bytes % step == 0 && rows.len == num_rows * row_bytes &&
               filtered.len == rows.len + num_rows;
    unsigned char *zeros = fits ? calloc(1, (size_t)row_bytes) : NULL;
    if (zeros) {
        Py_BEGIN_ALLOW_THREADS
        is_known = unfilter_png_rows(filtered.buf, rows.buf, (size_t)num_rows, (size_t)row_bytes,
                                     (size_t)step, zeros);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&filtered);
    PyBuffer_Release(&rows);
    free(zeros);
    if (is_known)
        Py_RETURN_NONE;
    if (fits && !zeros)
        return PyErr_NoMemory();
    PyErr_SetString(PyExc_ValueError, fits ? "unknown filter" : "the buffers do not fit the rows");
    return NULL;
}

#ifndef WITHOUT_LIBJPEG
PyDoc_STRVAR(decode_jpeg_doc,
"decode_jpeg(data, pixels, is_gray, top, left, height, width, denominator)\n--\n\n"
"Decode a part of an 8-bit JPEG file into a contiguous, writable buffer.\n\n"
"The image is scaled by 1 / denominator (1, 2, 4 or 8), rounded up; the part is given in\n"
"pixels of the scaled image. Raises ValueError where libjpeg fails or warns, and where the\n"
"file has no end marker. Releases the interpreter lock.");

static PyObject *decode_jpeg(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data, pixels;
    JpegRegion region = {0};
    int is_decoded = 0;
    if (!PyArg_ParseTuple(arguments, "y*w*pIIIII:decode_jpeg", &data, &pixels, &region.is_gray,
                          &region.top, &region.left, &region.height, &region.width,
                          &region.denominator))
        return NULL;
    region.data = data.buf;
    region.num_bytes = (size_t)data.len;
    region.pixels = pixels.buf;
    if ((size_t)pixels.len != (size_t)region.height * region.width * (region.is_gray ? 1 : 3)) {
        strcpy(region.message, "The buffer must have the size of the part");
    } else {
        Py_BEGIN_ALLOW_THREADS
        is_decoded = decode_jpeg_region(&region);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&data);
    PyBuffer_Release(&pixels);
    if (!is_decoded) {
        PyErr_SetString(PyExc_ValueError, region.message);
        return NULL;
    }
    Py_RETURN_NONE;
}
#endif

static PyMethodDef methods[] = {
    {"read_file", read_file, METH_VARARGS, read_file_doc},
    {"read_into", read_into, METH_VARARGS, read_into_doc},
    {"read_jpeg_header", read_jpeg_header, METH_O, read_jpeg_header_doc},
    {"unfilter_rows", unfilter_rows, METH_VARARGS, unfilter_rows_doc},
#ifndef WITHOUT_LIBJPEG
    {"decode_jpeg", decode_jpeg, METH_VARARGS, decode_jpeg_doc},
#endif
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_compiled", "Read and decode common files.", -1, methods,
    NULL, NULL, NULL, NULL,
};

/* As in `__init__.py`; to be raised in both when functions are added or changed. */
#define VERSION 1

PyMODINIT_FUNC PyInit__compiled(void)
{
    PyObject *created = PyModule_Create(&module);
    if (created && PyModule_AddIntConstant(created, "VERSION", VERSION)) {
        Py_DECREF(created);
        return NULL;
    }
    return created;
}
