/* case.c — see case.h. */
#include "run/case.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/rng.h"

static oc_status bad_token(const struct op_case *c, const char *token)
{
    return oc__fail(OC_EBUG, "%s: case token %s is not understood", c->op->entry.name,
                    oc__quote_z(token));
}

/* "2x3x4", or "()". */
static bool parse_shape(const char *text, oc_shape *shape)
{
    *shape = (oc_shape){ 0 };
    if (!strcmp(text, "()"))
        return true;
    for (const char *p = text; shape->rank < OC_MAX_RANK; p++) {
        char *end;
        const long long n = strtoll(p, &end, 10);
        if (end == p || n < 0)
            return false;
        shape->dim[shape->rank++] = n;
        if (!*end)
            return true;
        if (*end != 'x')
            return false;
        p = end;
    }
    return false;
}

static oc_status parse_token(struct op_case *c, const char *token)
{
    static const struct { char letter; enum case_kind kind; } kinds[] = {
        { 'p', CASE_POSITIVE }, { 'c', CASE_CONSTANT }, { 'w', CASE_WIDE },
        { 'u', CASE_UNIT },     { 'a', CASE_ABOVE },    { 'b', CASE_BOOL },
        { 'i', CASE_INDEX },
    };
    struct case_input *const in = &c->in[c->n++];
    *in = (struct case_input){ .kind = CASE_ANY, .fixed = *token == '=' };
    token += in->fixed;
    if (!strcmp(token, "-")) {
        in->kind = CASE_ABSENT;
        return OC_OK;
    }
    const char *const colon = strchr(token, ':');
    for (size_t i = 0; colon && i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].letter == *token)
            in->kind = kinds[i].kind;
    if (in->kind == CASE_INDEX)
        in->below = strtoll(token + 1, NULL, 10);
    const bool good = parse_shape(colon ? colon + 1 : token, &in->shape);
    if (!good || (colon && in->kind == CASE_ANY) || (in->kind == CASE_INDEX && in->below < 1))
        return bad_token(c, token);
    return OC_OK;
}

oc_status oc__case_parse(const struct op *op, const char *text, struct op_case *out)
{
    char token[64];
    memset(out, 0, sizeof *out);
    out->op = op;
    if (op->entry.size > sizeof out->attr)
        return oc__fail(OC_EBUG, "%s: attributes of %zu bytes", op->entry.name, op->entry.size);
    const char *p = text;
    while (*p) {
        const size_t n = strcspn(p, " ");
        if (memchr(p + 1, '=', n - 1))          /* at its start it marks a constant */
            break;
        if (n >= sizeof token || out->n == OP_MAX_INPUTS)
            return bad_token(out, p);
        memcpy(token, p, n);
        token[n] = '\0';
        TRY(parse_token(out, token));
        p += n;
        p += strspn(p, " ");
    }
    oc__attr_defaults(&op->entry, out->attr);
    return oc__attr_parse(&op->entry, out->attr, op->entry.name, p);
}

oc_dtype oc__case_dtype(const struct case_input *in, oc_dtype real)
{
    return in->kind == CASE_INDEX ? OC_I64 : in->kind == CASE_BOOL ? OC_BOOL : real;
}

static bool is_real(const struct case_input *in) { return in->kind <= CASE_CONSTANT; }

/* The place of value `rank` of `n` in the range of its kind; `u` in [0, 1) moves it a little. */
static double spread(enum case_kind kind, int64_t rank, int64_t n, double u)
{
    static const double low[] = { -2, -6, 0.5, -0.9, 1.1, 0.5 };
    static const double high[] = { 2, 6, 2.5, 0.9, 3, 2.5 };
    const double at = ((double)rank + 0.5 + 0.3 * (u - 0.5)) / (double)n;
    return low[kind] + at * (high[kind] - low[kind]);
}

/* Fills one input; `order` deals the places of the range out to the values. */
static void fill(const struct case_input *in, const oc_tensor *t, uint64_t key,
                 const int64_t *order, int64_t n)
{
    const int64_t count = oc_shape_count(&t->shape);
    for (int64_t i = 0; i < count; i++) {
        const uint64_t draw = (uint64_t)i;
        if (is_real(in))
            oc_tensor_set(t, i, spread(in->kind, order[i], n, oc__uniform(key, draw)));
        else
            oc_tensor_set(t, i,
                          (double)oc__below(key, draw, in->kind == CASE_BOOL ? 2 : in->below));
    }
}

oc_status oc__case_fill(const struct op_case *c, uint64_t seed, oc_tensor *in)
{
    const uint64_t key = oc__key(seed, oc__hash(c->op->entry.name));
    int64_t n = 0;
    for (int i = 0; i < c->n; i++)
        n += is_real(&c->in[i]) ? oc_shape_count(&c->in[i].shape) : 0;
    n += n % 2;                                         /* even: 0 lies between two values */
    int64_t *const order = oc__alloc((size_t)n + 1, sizeof *order);
    if (!order)
        return OC_ELIMIT;
    oc__permutation(key, n, order);
    oc_status status = OC_OK;
    int64_t at = 0;
    for (int i = 0; i < c->n; i++) {
        const struct case_input *const from = &c->in[i];
        in[i] = (oc_tensor){ oc__case_dtype(from, OC_F64), from->shape, NULL };
        if (from->kind == CASE_ABSENT)
            continue;
        in[i].data = oc__block_alloc(oc_tensor_bytes(&in[i]) + 1);
        if (!in[i].data)
            status = OC_ELIMIT;
        else
            fill(from, &in[i], oc__key(key, (uint64_t)i + 1), order + at, n);
        at += is_real(from) ? oc_shape_count(&from->shape) : 0;
    }
    oc__free(order);
    return status;
}
