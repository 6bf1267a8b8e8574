/* safetensors.h — the file format of model weights: a JSON header, then plain bytes. */
#ifndef OC_FORMAT_SAFETENSORS_H
#define OC_FORMAT_SAFETENSORS_H

#include "format/weights.h"

enum { SAFETENSORS_HEADER_MAX = 100000000 };            /* the format's own limit */

/* Reads and checks the header; closed with oc__weights_close(), also after a failure. */
oc_status oc__safetensors_open(struct weights *w, const char *path);

/* The same content always gives the same bytes. */
oc_status oc__safetensors_write(const char *path, const struct weights_content *content,
                                enum write_flags flags);

#endif
