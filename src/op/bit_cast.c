/* bit_cast.c — BitCast: the same bits as another type of the same size. */
#include "op/attributes.h"
#include "op/op.h"

static const struct attr attrs[] = {
    ATTR_WORDS(struct cast, to, "f32", "the type", oc__type_words), { 0 }
};

static oc_status shape(const struct infer *s)
{
    const oc_dtype to = (oc_dtype)((const struct cast *)s->attr)->to;
    if (oc_dtype_size(to) != oc_dtype_size(s->xt[0]))
        return oc__fail(OC_EUSAGE, "%s and %s are not of one size", oc_dtype_name(s->xt[0]),
                        oc_dtype_name(to));
    s->yt[0] = to;
    return oc__shape_same(s);
}

static void run(const struct call *c)
{
    uint64_t bits = 0;
    const oc_tensor from = { c->xt[0], { 0 }, &bits }, to = { c->yt[0], { 0 }, &bits };
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        oc_tensor_set(&from, 0, c->x[0][i]);
        c->y[0][i] = oc_tensor_get(&to, 0);
    }
}

static const char *const cases[] = { "i9:2x3 to=u64", "b:5 to=i8", NULL };

const struct op oc__op_bit_cast = {
    .entry = { "BitCast", "y = the bits of x as another type", attrs, sizeof(struct cast) },
    .inputs = "x", .outputs = "y", .view = true, .flops = oc__flops_none,
    .shape = shape, .run = run, .cases = cases,
};
