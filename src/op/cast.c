/* cast.c — Cast and CastLike: another element type.
 *
 * To a whole-number type values are cut towards zero and held at the ends of its range; NaN becomes
 * 0; to bool, what is not 0 is true.  Between floating types it is differentiable. */
#include <math.h>

#include "op/attributes.h"
#include "op/op.h"

static const struct attr attrs[] = {
    ATTR_WORDS(struct cast, to, "f32", "the new type", oc__type_words), { 0 }
};

static oc_status shape(const struct infer *s)
{
    const struct cast *const a = s->attr;
    s->yt[0] = (oc_dtype)a->to;
    return oc__shape_same(s);
}

static void run(const struct call *c)
{
    const int64_t n = oc_shape_count(c->ys[0]);
    const bool whole = !oc__is_float(c->yt[0]) && c->yt[0] != OC_BOOL;
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = whole ? trunc(c->x[0][i]) : c->x[0][i];
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    const struct cast back = { .to = (int)oc__value(g, n->in[0])->dtype };
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_cast, &back, OC_IN(dy[0]));
}

static const char *const cases[] = {
    "2x7", "2x7 to=i32", "w:2x7 to=u8", "i5:2x7", "7 to=bool", NULL
};

const struct op oc__op_cast = {
    .entry = { "Cast", "y = x as another type", attrs, sizeof(struct cast) },
    .inputs = "x", .outputs = "y",
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

static const char *const round_modes[] = { "up", "down", "nearest", NULL };
static const struct attr like_attrs[] = {
    ATTR(struct cast_like, BOOL, saturate, "true", "concerns types of 8 bits, which are not there"),
    ATTR_WORDS(struct cast_like, round_mode, "up", "concerns a type that is not there",
               round_modes),
    { 0 }
};

static void compose_like(oc_graph *g, const struct composition *c)
{
    const struct cast to = { .to = (int)oc__value(g, c->in[1])->dtype };
    c->y[0] = oc__apply(g, &oc__op_cast, &to, OC_IN(c->in[0]));
}

static const char *const like_cases[] = { "2x3 i5:4", "i5:3 2", "2x3 1", NULL };

const struct op oc__op_cast_like = {
    .entry = { "CastLike", "y = x in the type of like", like_attrs, sizeof(struct cast_like) },
    .inputs = "x like", .outputs = "y", .compose = compose_like, .cases = like_cases,
};
