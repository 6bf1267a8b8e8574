/* shim.h — the only place that knows which version of oneDNN this is.
 *
 * Version 2 describes memory by a struct of value semantics and an operation by a descriptor that
 * becomes a primitive descriptor in a second step; version 3 has handles and one call.  Everything
 * that differs is behind these functions: `struct desc` (a memory descriptor) and the dnn_* calls
 * that return a primitive descriptor, owned by the caller (dnnl_primitive_desc_destroy()), or NULL
 * where the library cannot do it or would do it by its reference code, which is slower by a factor
 * of up to 80. */
#ifndef OC_BACKEND_ONEDNN_SHIM_H
#define OC_BACKEND_ONEDNN_SHIM_H

#include <dnnl.h>
#include "ocellus.h"

/* Memory: f32, its dimensions and how they lie. */
struct desc { dnnl_memory_desc_t md; };

bool   oc__desc_plain(struct desc *d, int rank, const int64_t *dim);    /* dense, row-major */
bool   oc__desc_any(struct desc *d, int rank, const int64_t *dim);      /* the library chooses */
bool   oc__desc_tag(struct desc *d, int rank, const int64_t *dim, dnnl_format_tag_t tag);
bool   oc__desc_strided(struct desc *d, int rank, const int64_t *dim, const int64_t *stride);
bool   oc__desc_is_plain(const struct desc *d);
bool   oc__desc_is_known(const struct desc *d);         /* blocked in the documented way */
bool   oc__desc_is_padded(const struct desc *d);
bool   oc__desc_equal(const struct desc *a, const struct desc *b);
size_t oc__desc_bytes(const struct desc *d);
int    oc__desc_dims(const struct desc *d, int64_t dim[DNNL_MAX_NDIMS]); /* returns the rank */
/* Channels inside: [n, c / lanes, places, lanes]; lanes = 0 stands for [n, places, c]. */
bool   oc__desc_lanes(const struct desc *d, int64_t *lanes);
bool   oc__desc_with_lanes(struct desc *d, int rank, const int64_t *dim, int64_t lanes);
void   oc__desc_as_i32(struct desc *d);
/* The same memory with dimensions k and k + 1 in each other's place. */
bool   oc__desc_swap(struct desc *out, const struct desc *d, int k);
/* "nChw16c" with one letter of `letters` per dimension. */
void   oc__desc_name(const struct desc *d, const char *letters, char *name, size_t room);
/* What a primitive wants for one of its arguments (DNNL_ARG_…); false: it has none. */
bool   oc__desc_of(struct desc *d, const_dnnl_primitive_desc_t pd, int arg);

/* A memory object without memory, owned by the caller; NULL when there is no room. */
dnnl_memory_t oc__dnn_memory(const struct desc *d, dnnl_engine_t engine);

/* What a primitive does beyond its sum of products.  oc__dnn_attr() makes the attributes, owned by
 * the caller, with scratch memory given by the caller too. */
struct post {
    bool            sum;                                /* adds what the result held before */
    dnnl_alg_kind_t activation;                         /* dnnl_alg_kind_undef: none */
    float           alpha, beta;
};
dnnl_primitive_attr_t oc__dnn_attr(const struct post *post); /* post may be NULL */

enum pass { PASS_TRAINING, PASS_INFERENCE, PASS_DATA, PASS_WEIGHTS };

/* What creating a primitive needs besides its own descriptors. */
struct setting {
    dnnl_engine_t               engine;
    const_dnnl_primitive_attr_t attr;
    const_dnnl_primitive_desc_t forward;                /* of a backward pass; else NULL */
};

/* The descriptors are those of x, w, b, y or, in a backward pass, of their gradients; b may be
 * NULL. */
struct dnn_conv {
    bool               transposed, winograd;
    const struct desc *x, *w, *b, *y;
    dnnl_dims_t        stride, dilation, begin, end;    /* dilation 0 means dense here */
};
dnnl_primitive_desc_t oc__dnn_convolution(enum pass pass, const struct dnn_conv *c,
                                          const struct setting *s);

struct dnn_pool {
    dnnl_alg_kind_t    kind;
    const struct desc *x, *y;
    dnnl_dims_t        kernel, stride, dilation, begin, end;
};
dnnl_primitive_desc_t oc__dnn_pool(enum pass pass, const struct dnn_pool *c,
                                   const struct setting *s);

dnnl_primitive_desc_t oc__dnn_product(const struct desc *x, const struct desc *w,
                                      const struct desc *b, const struct desc *y,
                                      const struct setting *s);
/* A formula of one variable, element by element; backwards, x is what the formula's kind reads. */
struct dnn_formula { dnnl_alg_kind_t kind; float alpha, beta; const struct desc *x; };
dnnl_primitive_desc_t oc__dnn_eltwise(enum pass pass, const struct dnn_formula *f,
                                      const struct setting *s);

struct dnn_softmax { int axis; const struct desc *x; };
dnnl_primitive_desc_t oc__dnn_softmax_along(enum pass pass, const struct dnn_softmax *f,
                                      const struct setting *s);

/* Unlike the others it may be the library's reference: a layout once chosen must be reachable. */
dnnl_primitive_desc_t oc__dnn_reorder(const struct desc *from, const struct desc *to,
                                      const struct setting *s);

#endif
