/* rotary_embedding.c — RotaryEmbedding: pairs of features turned by an angle that grows with the
 * position (Su and others, 2021).
 *
 *     real = cos a - sin b,  imaginary = sin a + cos b
 *
 * x is [n, heads, s, d] or [n, s, heads d].  The first rotary_embedding_dim features of a head are
 * turned: a and b are their halves, or, interleaved, the even and the odd ones.  cos and sin are
 * [n, s, half], or tables [positions, half] from which position_ids [n, s] choose. */
#include "op/compose.h"

static const struct attr attrs[] = {
    ATTR(struct rotary, BOOL, interleaved, "false", "pairs are neighbours, not halves"),
    ATTR(struct rotary, INT, num_heads, "0", "where x has rank 3"),
    ATTR(struct rotary, INT, rotary_embedding_dim, "0", "features that turn; 0: all"),
    { 0 }
};

/* A table's rows for each place, [n, s, 1, half]. */
static oc_value rows(oc_graph *g, oc_value table, oc_value position_ids)
{
    if (!oc__is_none(position_ids))
        table = oc__apply(g, &oc__op_gather, &(struct gather){ 0 }, OC_IN(table, position_ids));
    return oc__unsqueezed(g, table, INTS(2));
}

/* Turns x [n, s, heads, d] by the angles. */
static oc_value turn(oc_graph *g, oc_value x, int64_t d, oc_value cosine, oc_value sine,
                     bool interleaved)
{
    const oc_value pairs = interleaved ? oc__reshaped(g, x, INTS(0, 0, 0, d / 2, 2)) : x;
    oc_value a = oc__sliced(g, pairs, -1, 0, interleaved ? 1 : d / 2);
    oc_value b = oc__sliced(g, pairs, -1, interleaved ? 1 : d / 2, interleaved ? 2 : d);
    if (interleaved) {
        a = oc__squeezed(g, a, INTS(4));
        b = oc__squeezed(g, b, INTS(4));
    }
    oc_value real = oc_sub(g, oc_mul(g, cosine, a), oc_mul(g, sine, b));
    oc_value imaginary = oc_add(g, oc_mul(g, sine, a), oc_mul(g, cosine, b));
    if (!interleaved)
        return oc__joined(g, real, imaginary, -1);
    real = oc__unsqueezed(g, real, INTS(4));
    imaginary = oc__unsqueezed(g, imaginary, INTS(4));
    return oc__reshaped(g, oc__joined(g, real, imaginary, -1), INTS(0, 0, 0, d));
}

static void compose(oc_graph *g, const struct composition *c)
{
    const struct rotary *const a = c->attr;
    const bool flat = oc__shape_of(g, c->in[0]).rank == 3;
    if (flat && a->num_heads < 1) {
        oc__graph_fail(g, OC_EUSAGE, "RotaryEmbedding: of rank 3, num_heads must be given");
        return;
    }
    const oc_value x = flat ? oc__reshaped(g, c->in[0], INTS(0, 0, a->num_heads, -1))
                            : oc__permuted(g, c->in[0], INTS(0, 2, 1, 3));
    const int64_t all = oc__shape_of(g, x).dim[3];
    const int64_t d = a->rotary_embedding_dim ? a->rotary_embedding_dim : all;
    if (!g->status && (d < 2 || d % 2 || d > all)) {
        oc__graph_fail(g, OC_EUSAGE, "RotaryEmbedding: %lld of %lld features cannot be paired",
                       (long long)d, (long long)all);
        return;
    }
    const oc_value cosine = rows(g, c->in[1], c->in[3]), sine = rows(g, c->in[2], c->in[3]);
    const oc_value turning = d < all ? oc__sliced(g, x, -1, 0, d) : x;
    oc_value y = turn(g, turning, d, cosine, sine, a->interleaved);
    if (d < all)
        y = oc__joined(g, y, oc__sliced(g, x, -1, d, all), -1);
    c->y[0] = flat ? oc__reshaped(g, y, INTS(0, 0, a->num_heads * all))
                   : oc__permuted(g, y, INTS(0, 2, 1, 3));
}

static const char *const cases[] = {
    "2x3x4x6 2x4x3 2x4x3", "2x4x12 5x2 5x2 i5:2x4 num_heads=3 interleaved=true",
    "2x3x4x8 2x4x2 2x4x2 rotary_embedding_dim=4", NULL
};

const struct op oc__op_rotary_embedding = {
    .entry = { "RotaryEmbedding", "y = x with pairs of features turned by angles", attrs,
               sizeof(struct rotary) },
    .inputs = "x cos sin position_ids?", .outputs = "y", .compose = compose, .cases = cases,
};
