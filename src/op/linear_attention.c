/* linear_attention.c — LinearAttention and CausalConvWithState: sequence mixers with a state.
 *
 * LinearAttention (Katharopoulos and others, 2020; with the delta rule, Yang and others, 2024)
 * walks over a sequence with a state S [n, heads, d_k, d_v]:
 *
 *     S = exp(decay) S                       gated
 *     v = beta (v - S' k)                    delta
 *     S = S + k v',  y = scale q S
 *
 * Inputs are [n, t, heads d].  It is composed step by step, so t must be known. */
#include <math.h>

#include "op/compose.h"
#include "op/conv.h"

/* ---- LinearAttention ---------------------------------------------------------------------- */

enum { QUERY, KEY, VALUE, PAST, DECAY, BETA };
enum { STEPS_MAX = 4096 };
enum { RULE_LINEAR, RULE_GATED, RULE_DELTA, RULE_GATED_DELTA };

static const char *const rules[] = { "linear", "gated", "delta", "gated_delta", NULL };
static const struct attr linear_attrs[] = {
    ATTR(struct linear_attention, INT, chunk_size, "64", "a hint, without effect"),
    ATTR_RANGE(struct linear_attention, INT, kv_num_heads, "1", "heads of keys and values", 1,
               65536),
    ATTR_RANGE(struct linear_attention, INT, q_num_heads, "1", "heads of queries", 1, 65536),
    ATTR(struct linear_attention, FLOAT, scale, "0", "of y; 0: one over the root of d_k"),
    ATTR_WORDS(struct linear_attention, update_rule, "gated_delta", "how the state follows", rules),
    { 0 }
};

/* Step i of x [n, t, heads d] as [n, heads, 1, d], or for `column` [n, heads, d, 1]. */
static oc_value at_step(oc_graph *g, oc_value x, int64_t i, int64_t heads, bool column)
{
    const oc_value row = oc__sliced(g, x, 1, i, i + 1);
    return oc__reshaped(g, row, column ? INTS(0, heads, -1, 1) : INTS(0, heads, 1, -1));
}

/* The state after step i. */
static oc_value advance(oc_graph *g, const struct composition *c, oc_value state, int64_t i)
{
    const struct linear_attention *const a = c->attr;
    const int64_t heads = a->kv_num_heads;
    const oc_value key = at_step(g, c->in[KEY], i, heads, true);
    oc_value value = at_step(g, c->in[VALUE], i, heads, false);
    if (a->update_rule == RULE_GATED || a->update_rule == RULE_GATED_DELTA) {
        const oc_value decay = at_step(g, c->in[DECAY], i, heads, true);
        state = oc_mul(g, state, oc__apply(g, &oc__op_exp, NULL, OC_IN(decay)));
    }
    if (a->update_rule == RULE_DELTA || a->update_rule == RULE_GATED_DELTA) {
        const int64_t own = oc__shape_of(g, c->in[BETA]).dim[2] == 1 ? 1 : heads;
        const oc_value known = oc_matmul(g, oc__permuted(g, key, INTS(0, 1, 3, 2)), state);
        value = oc_mul(g, at_step(g, c->in[BETA], i, own, true), oc_sub(g, value, known));
    }
    return oc_add(g, state, oc_matmul(g, key, value));
}

/* scale q S at step i, [n, 1, q_heads d_v]; several heads of q read the same state. */
static oc_value read_out(oc_graph *g, const struct composition *c, oc_value state, int64_t i,
                         double scale)
{
    const struct linear_attention *const a = c->attr;
    const int64_t groups = a->q_num_heads / a->kv_num_heads;
    const oc_value row = oc__sliced(g, c->in[QUERY], 1, i, i + 1);
    const oc_value q = oc__reshaped(g, row, INTS(0, a->kv_num_heads, groups, -1));
    return oc__reshaped(g, oc__scaled(g, oc_matmul(g, q, state), scale), INTS(0, 1, -1));
}

static oc_status check_linear(const oc_graph *g, const struct composition *c)
{
    const struct linear_attention *const a = c->attr;
    const bool gated = a->update_rule == RULE_GATED || a->update_rule == RULE_GATED_DELTA;
    const bool delta = a->update_rule == RULE_DELTA || a->update_rule == RULE_GATED_DELTA;
    const oc_shape q = oc__shape_of(g, c->in[QUERY]);
    if (gated == oc__is_none(c->in[DECAY]) || delta == oc__is_none(c->in[BETA]))
        return oc__fail(OC_EUSAGE, "LinearAttention: decay or beta do not belong to the rule");
    if (a->q_num_heads % a->kv_num_heads)
        return oc__fail(OC_EUSAGE, "LinearAttention: %lld heads of queries for %lld of keys",
                        (long long)a->q_num_heads, (long long)a->kv_num_heads);
    for (int i = QUERY; i <= VALUE; i++)
        if (oc__shape_of(g, c->in[i]).rank != 3)
            return oc__fail(OC_EUSAGE, "LinearAttention: input %d has not rank 3", i);
    if (q.dim[1] > STEPS_MAX)
        return oc__fail(OC_EUSAGE, "LinearAttention: %lld steps, at most %d are possible",
                        (long long)q.dim[1], STEPS_MAX);
    if (q.dim[0] < 0 || q.dim[1] < 1 || q.dim[2] < 1 || oc__shape_of(g, c->in[VALUE]).dim[2] < 1)
        return oc__fail(OC_EUSAGE, "LinearAttention: its shapes must be known");
    return OC_OK;
}

/* An empty state. */
static oc_value nothing(oc_graph *g, oc_shape shape, oc_dtype type)
{
    struct constant_of_shape a = { .shape = { .n = shape.rank }, .type = (int)type };
    for (int i = 0; i < shape.rank; i++)
        a.shape.v[i] = shape.dim[i];
    return oc__apply(g, &oc__op_constant_of_shape, &a, 0, NULL);
}

static void compose_linear(oc_graph *g, const struct composition *c)
{
    const struct linear_attention *const a = c->attr;
    if (check_linear(g, c)) {
        oc__graph_fail(g, OC_EUSAGE, NULL);
        return;
    }
    const oc_shape q = oc__shape_of(g, c->in[QUERY]), v = oc__shape_of(g, c->in[VALUE]);
    const int64_t heads = a->kv_num_heads, d = q.dim[2] / a->q_num_heads;
    const double scale = a->scale != 0 ? a->scale : 1 / sqrt((double)d);
    oc_value state = c->in[PAST], y = OC_NONE;
    if (oc__is_none(state))
        state = nothing(g, OC_SHAPE(q.dim[0], heads, d, v.dim[2] / heads),
                        oc__type_of(g, c->in[QUERY]));
    for (int64_t i = 0; i < q.dim[1] && !g->status; i++) {
        state = advance(g, c, state, i);
        const oc_value row = read_out(g, c, state, i, scale);
        y = oc__is_none(y) ? row : oc__joined(g, y, row, 1);
    }
    c->y[0] = y;
    c->y[1] = state;
}

static const char *const linear_cases[] = {
    "2x3x4 2x3x4 2x3x6 q_num_heads=2 kv_num_heads=2 update_rule=linear",
    "1x3x8 1x3x4 1x3x6 1x2x2x3 1x3x2 q_num_heads=4 kv_num_heads=2 update_rule=gated",
    "1x2x4 1x2x4 1x2x6 - 1x2x4 1x2x1 q_num_heads=2 kv_num_heads=2 scale=0.3", NULL
};

const struct op oc__op_linear_attention = {
    .entry = { "LinearAttention", "S = S + k v', y = q S, along a sequence", linear_attrs,
               sizeof(struct linear_attention) },
    .inputs = "q k v past? decay? beta?", .outputs = "y present",
    .compose = compose_linear, .cases = linear_cases,
};

/* ---- CausalConvWithState ------------------------------------------------------------------ */

static const char *const activations[] = { "none", "silu", "swish", NULL };
static const struct attr conv_attrs[] = {
    ATTR_WORDS(struct causal_conv, activation, "none", "of the result", activations), { 0 }
};

/* x [n, c, t] after the k - 1 places before it, which are the past or 0; every channel is convolved
 * by itself. */
static void compose_conv(oc_graph *g, const struct composition *c)
{
    const struct causal_conv *const a = c->attr;
    const oc_shape x = oc__shape_of(g, c->in[0]), w = oc__shape_of(g, c->in[1]);
    if (x.rank != 3 || w.rank != 3 || oc_shape_count(&x) < 1 || w.dim[2] < 1) {
        oc__graph_fail(g, OC_EUSAGE, "CausalConvWithState: x [n, c, t], w [c, 1, k] must be known");
        return;
    }
    const int64_t before = w.dim[2] - 1;
    oc_value past = c->in[3];
    if (oc__is_none(past))
        past = nothing(g, OC_SHAPE(x.dim[0], x.dim[1], before), oc__type_of(g, c->in[0]));
    const oc_value whole = oc__joined(g, past, c->in[0], 2);
    const struct conv conv = { .group = x.dim[1] };
    oc_value y = oc__apply(g, &oc__op_conv, &conv, OC_IN(whole, c->in[1], c->in[2]));
    if (a->activation)
        y = oc__apply(g, &oc__op_swish, &(struct swish){ 1 }, OC_IN(y));
    c->y[0] = y;
    c->y[1] = oc__sliced(g, whole, 2, x.dim[2], x.dim[2] + before);
}

static const char *const conv_cases[] = {
    "2x3x5 3x1x3", "1x2x4 2x1x3 2 1x2x2 activation=silu", "1x2x4 2x1x1", NULL
};

const struct op oc__op_causal_conv_with_state = {
    .entry = { "CausalConvWithState", "y = x after its past, convolved channel by channel",
               conv_attrs, sizeof(struct causal_conv) },
    .inputs = "x w bias? past?", .outputs = "y present", .compose = compose_conv,
    .cases = conv_cases,
};
