/* shim.c — the calls of oneDNN that differ between its versions, in the words of version 2. */
#include "backend/onednn/shim.h"

#include <stdio.h>
#include <string.h>

_Static_assert(DNNL_VERSION_MAJOR == 2, "this shim speaks to oneDNN 2");

bool oc__desc_tag(struct desc *d, int rank, const int64_t *dim, dnnl_format_tag_t tag)
{
    return rank >= 1 && rank <= DNNL_MAX_NDIMS &&
           dnnl_memory_desc_init_by_tag(&d->md, rank, dim, dnnl_f32, tag) == dnnl_success;
}

bool oc__desc_any(struct desc *d, int rank, const int64_t *dim)
{
    return oc__desc_tag(d, rank, dim, dnnl_format_tag_any);
}

bool oc__desc_strided(struct desc *d, int rank, const int64_t *dim, const int64_t *stride)
{
    return rank >= 1 && rank <= DNNL_MAX_NDIMS &&
           dnnl_memory_desc_init_by_strides(&d->md, rank, dim, dnnl_f32, stride) == dnnl_success;
}

bool oc__desc_plain(struct desc *d, int rank, const int64_t *dim)
{
    return oc__desc_strided(d, rank, dim, NULL);
}

bool oc__desc_is_known(const struct desc *d)
{
    return d->md.format_kind == dnnl_blocked && d->md.offset0 == 0 &&
           d->md.data_type == dnnl_f32 && d->md.extra.flags == 0;
}

bool oc__desc_is_plain(const struct desc *d)
{
    const dnnl_blocking_desc_t *b = &d->md.format_desc.blocking;
    if (!oc__desc_is_known(d) || b->inner_nblks > 0 || oc__desc_is_padded(d))
        return false;
    int64_t dense = 1;
    for (int i = d->md.ndims - 1; i >= 0; i--) {
        if (d->md.dims[i] > 1 && b->strides[i] != dense)    /* of one element it says nothing */
            return false;
        dense *= d->md.dims[i];
    }
    return true;
}

bool oc__desc_is_padded(const struct desc *d)
{
    return memcmp(d->md.dims, d->md.padded_dims, (size_t)d->md.ndims * sizeof d->md.dims[0]) != 0;
}

bool oc__desc_equal(const struct desc *a, const struct desc *b)
{
    return dnnl_memory_desc_equal(&a->md, &b->md) != 0;
}

size_t oc__desc_bytes(const struct desc *d)
{
    return dnnl_memory_desc_get_size(&d->md);
}

int oc__desc_dims(const struct desc *d, int64_t dim[DNNL_MAX_NDIMS])
{
    memcpy(dim, d->md.dims, sizeof d->md.dims);
    return d->md.ndims;
}

/* Layouts with the channels inside, by rank. */
static const struct lanes_tag {
    int64_t           lanes;
    dnnl_format_tag_t tag[6];
} lanes_tags[] = {
    { 16, { [3] = dnnl_nCw16c, [4] = dnnl_nChw16c, [5] = dnnl_nCdhw16c } },
    { 8, { [3] = dnnl_nCw8c, [4] = dnnl_nChw8c, [5] = dnnl_nCdhw8c } },
    { 0, { [3] = dnnl_nwc, [4] = dnnl_nhwc, [5] = dnnl_ndhwc } },
};

bool oc__desc_with_lanes(struct desc *d, int rank, const int64_t *dim, int64_t lanes)
{
    for (size_t i = 0; i < sizeof lanes_tags / sizeof *lanes_tags && rank >= 3 && rank <= 5; i++)
        if (lanes_tags[i].lanes == lanes)
            return oc__desc_tag(d, rank, dim, lanes_tags[i].tag[rank]);
    return false;
}

bool oc__desc_lanes(const struct desc *d, int64_t *lanes)
{
    struct desc like;
    for (size_t i = 0; i < sizeof lanes_tags / sizeof *lanes_tags; i++) {
        *lanes = lanes_tags[i].lanes;
        if (oc__desc_with_lanes(&like, d->md.ndims, d->md.dims, *lanes) && oc__desc_equal(&like, d))
            return true;
    }
    return false;
}

void oc__desc_as_i32(struct desc *d)
{
    d->md.data_type = dnnl_s32;
}

bool oc__desc_swap(struct desc *out, const struct desc *d, int k)
{
    int order[DNNL_MAX_NDIMS];
    for (int i = 0; i < DNNL_MAX_NDIMS; i++)
        order[i] = i == k ? k + 1 : i == k + 1 ? k : i;
    return dnnl_memory_desc_permute_axes(&out->md, &d->md, order) == dnnl_success;
}

/* Dimensions from the outermost to the innermost: by falling stride, ties as they are written. */
static void order_by_stride(const dnnl_memory_desc_t *md, int order[DNNL_MAX_NDIMS])
{
    const int64_t *stride = md->format_desc.blocking.strides;
    for (int i = 0; i < md->ndims; i++) {
        int at = i;
        for (; at > 0 && stride[order[at - 1]] < stride[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

void oc__desc_name(const struct desc *d, const char *letters, char *name, size_t room)
{
    const dnnl_blocking_desc_t *b = &d->md.format_desc.blocking;
    int order[DNNL_MAX_NDIMS] = { 0 };
    order_by_stride(&d->md, order);
    size_t n = 0;
    for (int i = 0; i < d->md.ndims && n + 1 < room; i++) {
        bool blocked = false;
        for (int k = 0; k < b->inner_nblks; k++)
            blocked |= b->inner_idxs[k] == order[i];
        const char letter = letters[order[i]];
        name[n++] = (char)(blocked ? letter - 'a' + 'A' : letter);
    }
    name[n] = 0;
    for (int k = 0; k < b->inner_nblks && n + 1 < room; k++) {
        const int wrote = snprintf(name + n, room - n, "%lld%c", (long long)b->inner_blks[k],
                                   letters[b->inner_idxs[k]]);
        n += wrote > 0 ? (size_t)wrote : 0;
    }
}

bool oc__desc_of(struct desc *d, const_dnnl_primitive_desc_t pd, int arg)
{
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, arg);
    if (!md || md->ndims == 0)
        return false;
    d->md = *md;
    return true;
}

dnnl_memory_t oc__dnn_memory(const struct desc *d, dnnl_engine_t engine)
{
    dnnl_memory_t memory = NULL;
    return dnnl_memory_create(&memory, &d->md, engine, DNNL_MEMORY_NONE) == dnnl_success ? memory
                                                                                         : NULL;
}

dnnl_primitive_attr_t oc__dnn_attr(const struct post *post)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    const dnnl_scratchpad_mode_t user = dnnl_scratchpad_mode_user;
    bool ok = dnnl_primitive_attr_create(&attr) == dnnl_success &&
              dnnl_primitive_attr_set_scratchpad_mode(attr, user) == dnnl_success;
    if (ok && post && (post->sum || post->activation != dnnl_alg_kind_undef)) {
        ok = dnnl_post_ops_create(&ops) == dnnl_success;
        if (ok && post->sum)
            ok = dnnl_post_ops_append_sum(ops, 1) == dnnl_success;
        if (ok && post->activation != dnnl_alg_kind_undef)
            ok = dnnl_post_ops_append_eltwise(ops, 1, post->activation, post->alpha, post->beta) ==
                 dnnl_success;
        ok = ok && dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success;
    }
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (!ok && attr) {
        dnnl_primitive_attr_destroy(attr);
        attr = NULL;
    }
    return attr;
}

/* The primitive descriptor of an operation descriptor, unless it is the library's reference. */
static dnnl_primitive_desc_t described(dnnl_status_t status, const void *operation,
                                       const struct setting *s)
{
    dnnl_primitive_desc_t pd = NULL;
    if (status != dnnl_success ||
        dnnl_primitive_desc_create(&pd, operation, s->attr, s->engine, s->forward) != dnnl_success)
        return NULL;
    const char *info = "";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &info);
    if (strncmp(info, "ref", 3) != 0)
        return pd;
    dnnl_primitive_desc_destroy(pd);
    return NULL;
}

static dnnl_prop_kind_t direction(enum pass pass)
{
    return pass == PASS_TRAINING ? dnnl_forward_training : dnnl_forward_inference;
}

static dnnl_primitive_desc_t deconvolution(enum pass pass, const struct dnn_conv *c,
                                           const struct setting *s)
{
    dnnl_deconvolution_desc_t d;
    const dnnl_memory_desc_t *b = c->b ? &c->b->md : NULL;
    const dnnl_alg_kind_t direct = dnnl_deconvolution_direct;
    dnnl_status_t status;
    if (pass == PASS_DATA)
        status = dnnl_dilated_deconvolution_backward_data_desc_init(
            &d, direct, &c->x->md, &c->w->md, &c->y->md, c->stride, c->dilation, c->begin, c->end);
    else if (pass == PASS_WEIGHTS)
        status = dnnl_dilated_deconvolution_backward_weights_desc_init(
            &d, direct, &c->x->md, &c->w->md, b, &c->y->md, c->stride, c->dilation, c->begin,
            c->end);
    else
        status = dnnl_dilated_deconvolution_forward_desc_init(
            &d, direction(pass), direct, &c->x->md, &c->w->md, b, &c->y->md, c->stride, c->dilation,
            c->begin, c->end);
    return described(status, &d, s);
}

dnnl_primitive_desc_t oc__dnn_convolution(enum pass pass, const struct dnn_conv *c,
                                          const struct setting *s)
{
    if (c->transposed)
        return deconvolution(pass, c, s);
    dnnl_convolution_desc_t d;
    const dnnl_memory_desc_t *b = c->b ? &c->b->md : NULL;
    const dnnl_alg_kind_t kind = c->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
    dnnl_status_t status;
    if (pass == PASS_DATA)
        status = dnnl_dilated_convolution_backward_data_desc_init(
            &d, kind, &c->x->md, &c->w->md, &c->y->md, c->stride, c->dilation, c->begin, c->end);
    else if (pass == PASS_WEIGHTS)
        status = dnnl_dilated_convolution_backward_weights_desc_init(
            &d, kind, &c->x->md, &c->w->md, b, &c->y->md, c->stride, c->dilation, c->begin,
            c->end);
    else
        status = dnnl_dilated_convolution_forward_desc_init(
            &d, direction(pass), kind, &c->x->md, &c->w->md, b, &c->y->md, c->stride, c->dilation,
            c->begin, c->end);
    return described(status, &d, s);
}

dnnl_primitive_desc_t oc__dnn_pool(enum pass pass, const struct dnn_pool *c,
                                   const struct setting *s)
{
    dnnl_pooling_v2_desc_t d;
    dnnl_status_t status;
    if (pass == PASS_DATA)
        status = dnnl_pooling_v2_backward_desc_init(&d, c->kind, &c->x->md, &c->y->md, c->stride,
                                                    c->kernel, c->dilation, c->begin, c->end);
    else
        status =
            dnnl_pooling_v2_forward_desc_init(&d, direction(pass), c->kind, &c->x->md, &c->y->md,
                                              c->stride, c->kernel, c->dilation, c->begin, c->end);
    return described(status, &d, s);
}

dnnl_primitive_desc_t oc__dnn_eltwise(enum pass pass, const struct dnn_formula *f,
                                      const struct setting *s)
{
    const dnnl_memory_desc_t *x = &f->x->md;
    dnnl_eltwise_desc_t d;
    dnnl_status_t status;
    if (pass == PASS_DATA)
        status = dnnl_eltwise_backward_desc_init(&d, f->kind, x, x, f->alpha, f->beta);
    else
        status = dnnl_eltwise_forward_desc_init(&d, direction(pass), f->kind, x, f->alpha, f->beta);
    return described(status, &d, s);
}

dnnl_primitive_desc_t oc__dnn_softmax_along(enum pass pass, const struct dnn_softmax *f,
                                      const struct setting *s)
{
    const dnnl_alg_kind_t kind = dnnl_softmax_accurate;
    const dnnl_memory_desc_t *x = &f->x->md;
    dnnl_softmax_v2_desc_t d;
    dnnl_status_t status;
    if (pass == PASS_DATA)
        status = dnnl_softmax_v2_backward_desc_init(&d, kind, x, x, x, f->axis);
    else
        status = dnnl_softmax_v2_forward_desc_init(&d, direction(pass), kind, x, x, f->axis);
    return described(status, &d, s);
}

dnnl_primitive_desc_t oc__dnn_product(const struct desc *x, const struct desc *w,
                                      const struct desc *b, const struct desc *y,
                                      const struct setting *s)
{
    dnnl_matmul_desc_t d;
    const dnnl_status_t status =
        dnnl_matmul_desc_init(&d, &x->md, &w->md, b ? &b->md : NULL, &y->md);
    return described(status, &d, s);
}

dnnl_primitive_desc_t oc__dnn_reorder(const struct desc *from, const struct desc *to,
                                      const struct setting *s)
{
    dnnl_primitive_desc_t pd = NULL;
    return dnnl_reorder_primitive_desc_create(&pd, &from->md, s->engine, &to->md, s->engine,
                                              s->attr) == dnnl_success
               ? pd
               : NULL;
}
