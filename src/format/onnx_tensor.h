/* onnx_tensor.h — tensors of ONNX files: what they are, and their numbers, read once and straight
 * to where they belong.
 *
 * The numbers lie in the model's file or in another one beneath its folder, which must be a regular
 * file with one name, reached without symbolic links.  A source stays open while tensors are
 * read. */
#ifndef OC_FORMAT_ONNX_TENSOR_H
#define OC_FORMAT_ONNX_TENSOR_H

#include "format/onnx_proto.h"

struct onnx_source {
    const struct file *model;
    struct file        other;                           /* the one last used; fd -1: none */
    char              *other_name;
    unsigned char     *window;                          /* for numbers that are not plain bytes */
};

oc_status oc__onnx_source_open(struct onnx_source *s, const struct file *model);
void      oc__onnx_source_close(struct onnx_source *s);

/* Type and shape of a tensor, and whether its data is as long as they say.  `what` begins messages:
 * "initializer". */
oc_status oc__onnx_tensor_check(const struct onnx_source *s, const struct onnx_tensor *t,
                                const char *what, oc_dtype *dtype, oc_shape *shape);
/* Its numbers, of that type, to where there is room for all of them. */
oc_status oc__onnx_tensor_read(struct onnx_source *s, const struct onnx_tensor *t,
                               const char *what, const oc_tensor *into);

/* A file that holds one tensor (.pb); its data is yours: oc__block_free(). */
oc_status oc__onnx_tensor_load(oc_tensor *out, const char *path);

#endif
