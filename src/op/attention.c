/* attention.c — Attention: y = softmax(q k' scale + bias) v, over heads (Vaswani and others, 2017).
 *
 * q is [n, heads, s, d], k and v are [n, kv heads, t, …]; or [n, s, heads d] with the heads given
 * as attributes.  Where there are fewer heads of k and v than of q, each serves a group of these.
 * Past keys and values come before the new ones.  The bias is a mask (bool: what may be looked at,
 * else numbers to add), no look ahead (is_causal), a window around each query, and the lengths of
 * padded sequences; what is masked has -infinity.  A row in which all is masked has probability 0
 * everywhere.
 *
 * AttentionBias adds the bias to the scores; all else is composed of other operators. */
#include <math.h>

#include "op/compose.h"
#include "op/walk.h"

/* ---- AttentionBias ------------------------------------------------------------------------ */

static const struct attr bias_attrs[] = {
    ATTR(struct attention_bias, BOOL, is_causal, "false", "no query looks at later keys"),
    ATTR(struct attention_bias, INT, left_window_size, "-1", "keys before; -1: all"),
    ATTR(struct attention_bias, INT, right_window_size, "-1", "keys after; -1: all"),
    { 0 }
};

/* The mask may have fewer keys than there are: those beyond it are masked. */
static oc_status check_mask(const oc_shape *scores, const oc_shape *mask)
{
    oc_shape y, m = *mask;
    if (m.rank > 0 && scores->dim[3] > m.dim[m.rank - 1] && m.dim[m.rank - 1] > 1)
        m.dim[m.rank - 1] = scores->dim[3];
    TRY(oc__broadcast(scores, &m, &y));
    return oc__shape_match("the mask", scores, &y);
}

static oc_status bias_shape(const struct infer *s)
{
    if (s->x[0]->rank != 4)
        return oc__fail(OC_EUSAGE, "scores have rank %d, expected 4", s->x[0]->rank);
    if (s->n_in > 1 && s->x[1])
        TRY(check_mask(s->x[0], s->x[1]));
    if (s->n_in > 2 && s->x[2])
        TRY(oc__shape_match("lengths", &OC_SHAPE(s->x[0]->dim[0]), s->x[2]));
    return oc__shape_same(s);
}

static oc_status bias_grad_shape(const struct infer *s)
{
    TRY(check_mask(s->x[0], s->x[1]));
    s->y[0] = *s->x[1];
    s->yt[0] = s->xt[1];
    return OC_OK;
}

/* The element of the mask for a place of the scores; -1: beyond its last key. */
static int64_t mask_place(const oc_shape *mask, const int64_t place[4])
{
    int64_t at = 0;
    for (int i = 0; i < mask->rank; i++) {
        const int64_t want = place[4 - mask->rank + i], n = mask->dim[i];
        if (n > 1 && want >= n)
            return -1;
        at = at * n + (n > 1 ? want : 0);
    }
    return at;
}

/* What the mask adds: numbers as they are, bool as 0 or -infinity. */
static double of_mask(const struct call *c, const int64_t place[4])
{
    const int64_t at = mask_place(c->xs[1], place);
    if (at < 0)
        return -INFINITY;
    return c->xt[1] != OC_BOOL ? c->x[1][at] : c->x[1][at] != 0 ? 0 : -INFINITY;
}

/* Whether query i may look at key j; `offset` keys come before query 0. */
static bool may_look(const struct attention_bias *a, double offset, int64_t i, int64_t j)
{
    const double before = (double)i + offset - (double)j;
    return !(a->is_causal && before < 0) &&
           !(a->left_window_size >= 0 && before > (double)a->left_window_size) &&
           !(a->right_window_size >= 0 && -before > (double)a->right_window_size);
}

static void bias_run(const struct call *c)
{
    const int64_t heads = c->xs[0]->dim[1], s = c->xs[0]->dim[2], t = c->xs[0]->dim[3];
    const double *const length = c->n_in > 2 ? c->x[2] : NULL;
    const bool mask = c->n_in > 1 && c->x[1], past = c->n_in > 3 && c->xs[3];
    for (int64_t k = 0; k < oc_shape_count(c->ys[0]); k++) {
        const int64_t place[] = { k / t / s / heads, k / t / s % heads, k / t % s, k % t };
        const double known = length ? length[place[0]] : (double)t;
        const double offset = past ? (double)c->xs[3]->dim[2] : length ? known - (double)s : 0;
        const bool seen = may_look(c->attr, offset, place[2], place[3]) &&
                          (double)place[3] < known;
        const double bias = !seen ? -INFINITY : mask ? of_mask(c, place) : 0;
        c->y[0][k] = bias == -INFINITY ? bias : c->x[0][k] + bias;
    }
}

static void bias_grad_run(const struct call *c)
{
    const int64_t heads = c->xs[0]->dim[1], s = c->xs[0]->dim[2], t = c->xs[0]->dim[3];
    for (int64_t k = 0; k < oc_shape_count(c->ys[0]); k++)
        c->y[0][k] = 0;
    for (int64_t k = 0; k < oc_shape_count(c->xs[0]); k++) {
        const int64_t place[] = { k / t / s / heads, k / t / s % heads, k / t % s, k % t };
        const int64_t at = mask_place(c->xs[1], place);
        if (at >= 0)
            c->y[0][at] += c->x[0][k];
    }
}

/* What is masked takes dy too, which is 0 there, as no probability depends on it. */
static void bias_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                      oc_value *dx)
{
    dx[0] = dy[0];
    if (n->n_in > 1 && want[1])
        dx[1] = oc__apply(g, &oc__op_attention_bias_grad, NULL, OC_IN(dy[0], n->in[1]));
}

static const char *const bias_cases[] = {
    "2x3x4x5 4x5", "2x3x4x5 2x1x4x5", "1x1x2x3 ()", NULL
};

const struct op oc__op_attention_bias = {
    .entry = { "AttentionBias", "y = scores + mask, or -infinity where nothing may be seen",
               bias_attrs, sizeof(struct attention_bias) },
    .inputs = "scores mask? lengths? past?", .outputs = "y", .shape_only = 1 << 3,
    .shape = bias_shape, .grad = bias_grad, .run = bias_run, .cases = bias_cases,
};

const struct op oc__op_attention_bias_grad = {
    .entry = { "AttentionBiasGrad", "dmask = dy, summed to the mask", NULL, 0 },
    .inputs = "dy mask", .outputs = "dmask", .shape_only = 1 << 1,
    .shape = bias_grad_shape, .run = bias_grad_run,
};

/* ---- Attention ---------------------------------------------------------------------------- */

enum { QUERY, KEY, VALUE, MASK, PAST_KEY, PAST_VALUE, LENGTHS };
enum { OF_PRODUCT, OF_SOFTCAP, OF_BIAS, OF_SOFTMAX };   /* qk_matmul_output_mode */

static const struct attr attrs[] = {
    ATTR(struct attention, BOOL, is_causal, "false", "no query looks at later keys"),
    ATTR(struct attention, INT, kv_num_heads, "0", "heads of k and v, where they have rank 3"),
    ATTR(struct attention, INT, q_num_heads, "0", "heads of q, where it has rank 3"),
    ATTR_RANGE(struct attention, INT, qk_matmul_output_mode, "0",
               "scores as products, after softcap, after the bias, or probabilities", 0, 3),
    ATTR(struct attention, FLOAT, scale, "0", "of the scores; 0: one over the root of d"),
    ATTR_WORDS(struct attention, softmax_precision, "f32", "the least type for the softmax",
               oc__type_words),
    ATTR(struct attention, FLOAT, softcap, "0", "c in c tanh(score / c); 0: as they are"),
    ATTR(struct attention, INT, left_window_size, "-1", "keys before; -1: all"),
    ATTR(struct attention, INT, right_window_size, "-1", "keys after; -1: all"),
    { 0 }
};

/* [n, s, heads d] as [n, heads, s, d]; what has four dimensions stays. */
static oc_value apart(oc_graph *g, oc_value x, int64_t heads)
{
    if (oc__shape_of(g, x).rank == 4)
        return x;
    if (heads < 1)
        return oc__graph_fail(g, OC_EUSAGE, "Attention: of rank 3, the heads must be given");
    return oc__permuted(g, oc__reshaped(g, x, INTS(0, 0, heads, -1)), INTS(0, 2, 1, 3));
}

/* The scores [n, heads, s, t]; q comes scaled.  Groups of heads share a k. */
static oc_value product(oc_graph *g, oc_value q, oc_value k)
{
    const int64_t heads = oc__shape_of(g, q).dim[1], shared = oc__shape_of(g, k).dim[1];
    const int64_t d = oc__shape_of(g, q).dim[3];
    if (heads == shared)
        return oc_matmul(g, q, oc__permuted(g, k, INTS(0, 1, 3, 2)));
    const oc_value groups = oc__reshaped(g, q, INTS(0, shared, heads / shared, -1, d));
    const oc_value turned = oc__permuted(g, oc__unsqueezed(g, k, INTS(2)), INTS(0, 1, 2, 4, 3));
    const oc_value y = oc_matmul(g, groups, turned);
    return oc__reshaped(g, y, INTS(0, heads, -1, oc__shape_of(g, k).dim[2]));
}

/* p [n, heads, s, t] times v [n, shared, t, d]. */
static oc_value weigh(oc_graph *g, oc_value p, oc_value v)
{
    const int64_t heads = oc__shape_of(g, p).dim[1], shared = oc__shape_of(g, v).dim[1];
    if (heads == shared)
        return oc_matmul(g, p, v);
    const oc_value groups =
        oc__reshaped(g, p, INTS(0, shared, heads / shared, -1, oc__shape_of(g, p).dim[3]));
    const oc_value y = oc_matmul(g, groups, oc__unsqueezed(g, v, INTS(2)));
    return oc__reshaped(g, y, INTS(0, heads, -1, oc__shape_of(g, v).dim[3]));
}

static oc_value soft_cap(oc_graph *g, oc_value x, double cap)
{
    if (cap <= 0)
        return x;
    const oc_value bent = oc__apply(g, &oc__op_tanh, NULL, OC_IN(oc__scaled(g, x, 1 / cap)));
    return oc__scaled(g, bent, cap);
}

/* Softmax over the last dimension in which masked scores have probability 0 even where all are. */
static oc_value probabilities(oc_graph *g, oc_value scores, bool masked)
{
    const struct softmax last = { .axis = -1 };
    if (!masked)
        return oc__apply(g, &oc__op_softmax, &last, OC_IN(scores));
    const double least = oc__type_of(g, scores) == OC_F16 ? -6e4 : -1e30;
    const oc_value floor = oc__scalar_like(g, least, scores);
    const oc_value finite = oc__apply(g, &oc__op_larger, NULL, OC_IN(scores, floor));
    const oc_value p = oc__apply(g, &oc__op_softmax, &last, OC_IN(finite));
    const oc_value seen = oc__apply(g, &oc__op_greater, NULL, OC_IN(scores, floor));
    return oc_mul(g, p, oc__as_type(g, seen, oc__type_of(g, scores)));
}

/* In f32 at least, unless half precision is asked for. */
static oc_value precise(oc_graph *g, const struct attention *a, oc_value scores, bool masked)
{
    const oc_dtype type = oc__type_of(g, scores);
    if (type != OC_F16 && type != OC_BF16)
        return probabilities(g, scores, masked);
    const oc_value wide = oc__as_type(g, scores, (oc_dtype)a->softmax_precision);
    return oc__as_type(g, probabilities(g, wide, masked), type);
}

static bool is_biased(const struct attention *a, const oc_value *in)
{
    return a->is_causal || a->left_window_size >= 0 || a->right_window_size >= 0 ||
           !oc__is_none(in[MASK]) || !oc__is_none(in[LENGTHS]);
}

static void compose(oc_graph *g, const struct composition *c)
{
    const struct attention *const a = c->attr;
    const oc_value *const in = c->in;
    const bool flat = oc__shape_of(g, in[QUERY]).rank == 3, biased = is_biased(a, in);
    const oc_value q = apart(g, in[QUERY], a->q_num_heads);
    oc_value k = apart(g, in[KEY], a->kv_num_heads), v = apart(g, in[VALUE], a->kv_num_heads);
    const int64_t d = oc__shape_of(g, q).dim[3];
    if (!g->status && (d < 1 || oc__shape_of(g, k).dim[1] < 1)) {
        oc__graph_fail(g, OC_EUSAGE, "Attention: heads and their size must be known");
        return;
    }
    if (!oc__is_none(in[PAST_KEY]))
        k = oc__joined(g, in[PAST_KEY], k, 2);
    if (!oc__is_none(in[PAST_VALUE]))
        v = oc__joined(g, in[PAST_VALUE], v, 2);
    oc_value stage[4];
    const double scale = a->scale != 0 ? a->scale : 1 / sqrt((double)d);
    stage[OF_PRODUCT] = product(g, oc__scaled(g, q, scale), k);
    stage[OF_SOFTCAP] = stage[OF_BIAS] = soft_cap(g, stage[OF_PRODUCT], a->softcap);
    const struct attention_bias bias = { a->is_causal, a->left_window_size, a->right_window_size };
    if (biased)
        stage[OF_BIAS] = oc__apply(g, &oc__op_attention_bias, &bias,
                                   OC_IN(stage[OF_SOFTCAP], in[MASK], in[LENGTHS], in[PAST_KEY]));
    stage[OF_SOFTMAX] = precise(g, a, stage[OF_BIAS], biased);
    oc_value y = weigh(g, stage[OF_SOFTMAX], v);
    if (flat)
        y = oc__reshaped(g, oc__permuted(g, y, INTS(0, 2, 1, 3)), INTS(0, 0, -1));
    c->y[0] = y;
    c->y[1] = k;
    c->y[2] = v;
    c->y[3] = stage[a->qk_matmul_output_mode];
}

static const char *const cases[] = {
    "2x3x4x6 2x3x5x6 2x3x5x7",
    "2x4x6 2x5x6 2x5x9 q_num_heads=3 kv_num_heads=3",
    "2x4x3x6 2x2x5x6 2x2x5x3 3x5 qk_matmul_output_mode=2",
    "1x2x3x4 1x2x3x4 1x2x3x4 is_causal=true softcap=2 qk_matmul_output_mode=1",
    "1x2x3x4 1x2x3x4 1x2x3x4 b:3x3 scale=0.3 qk_matmul_output_mode=3",
    "1x2x3x4 1x2x3x4 1x2x3x4 1x2x3x7 1x2x4x4 1x2x4x4 is_causal=true",
    "2x2x3x4 2x2x5x4 2x2x5x4 - - - i5:2 left_window_size=1 right_window_size=1", NULL
};

const struct op oc__op_attention = {
    .entry = { "Attention", "y = softmax(q k' scale + bias) v", attrs, sizeof(struct attention) },
    .inputs = "q k v mask? past_key? past_value? lengths?",
    .outputs = "y present_key present_value scores", .compose = compose, .cases = cases,
};
