/* graph_read.c — graphs built from their text (graph_text.h). */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "nn/graph_text.h"
#include "op/attributes.h"
#include "op/norm.h"
#include "op/op.h"

struct text_reader {
    oc_graph                   *g;
    const struct layer_context *c;
    const char                 *at;                     /* what is left of the text */
    int                         line;
    oc_value                   *value;                  /* by number - 1 */
    int                         values, capacity;
    oc_value                    x, result;
    struct str                  word, rest;
};

static oc_status unsound(const struct text_reader *r, const char *what)
{
    return oc__fail(OC_EINPUT, "graph: line %d: %s", r->line, what);
}

/* ---- words -------------------------------------------------------------------------------- */

/* The next word of the line, without quotes; "" at its end. */
static const char *next_word(struct text_reader *r)
{
    oc__str_clear(&r->word);
    while (*r->at == ' ')
        r->at++;
    const bool quoted = *r->at == '"';
    r->at += quoted;
    for (; *r->at && *r->at != '\n' && *r->at != (quoted ? '"' : ' '); r->at++) {
        if (quoted && *r->at == '\\' && r->at[1] && r->at[1] != '\n')
            r->at++;
        oc__str_add(&r->word, r->at, 1);
    }
    r->at += quoted && *r->at == '"';
    return oc__str_text(&r->word);
}

static const char *rest_of_line(struct text_reader *r)
{
    const size_t n = strcspn(r->at, "\n"), blank = strspn(r->at, " ");
    oc__str_clear(&r->rest);
    if (blank < n)
        oc__str_add(&r->rest, r->at + blank, n - blank);
    r->at += n;
    return oc__str_text(&r->rest);
}

static oc_status read_type(struct text_reader *r, oc_dtype *t)
{
    const char *const word = next_word(r);
    for (int i = 0; i < OC_DTYPES; i++)
        if (!strcmp(word, oc_dtype_name((oc_dtype)i))) {
            *t = (oc_dtype)i;
            return OC_OK;
        }
    return unsound(r, "an unknown type");
}

static oc_status read_shape(struct text_reader *r, oc_shape *s)
{
    const char *p = next_word(r);
    *s = (oc_shape){ 0 };
    if (!strcmp(p, "-"))
        return OC_OK;
    for (char *end; s->rank < OC_MAX_RANK; p = end + 1) {
        s->dim[s->rank] = strtoll(p, &end, 10);
        if (end == p || s->dim[s->rank++] < 0 || (*end && *end != ','))
            break;
        if (!*end)
            return OC_OK;
    }
    return unsound(r, "not a shape");
}

static oc_status add_values(struct text_reader *r, oc_value first, int n)
{
    TRY(oc_graph_check(r->g));
    if (r->values + n > r->capacity) {
        const int capacity = 2 * r->capacity + n + 64;
        oc_value *const grown = oc__grow(r->value, (size_t)r->capacity, (size_t)capacity,
                                         sizeof *grown);
        if (!grown)
            return OC_ELIMIT;
        r->value = grown;
        r->capacity = capacity;
    }
    for (int k = 0; k < n; k++)
        r->value[r->values++] = (oc_value){ first.id + k };
    return OC_OK;
}

/* ---- lines -------------------------------------------------------------------------------- */

static oc_status read_input(struct text_reader *r)
{
    oc_dtype type;
    oc_shape sample, x = oc_value_shape(r->g, r->x);
    TRY(read_type(r, &type));
    TRY(read_shape(r, &sample));
    if (r->values && type != OC_F32)
        return unsound(r, "another input");
    bool fits = x.rank - 1 == sample.rank;
    for (int i = 0; fits && i < sample.rank; i++)
        fits = x.dim[i + 1] == sample.dim[i];
    if (!fits)
        return unsound(r, "samples of another size");
    return add_values(r, r->x, 1);
}

static oc_status read_parameter(struct text_reader *r)
{
    oc_shape shape;
    const bool statistic = !strcmp(next_word(r), "statistic");
    TRY(read_shape(r, &shape));
    char *const name = oc__pool_strdup(&r->g->pool, next_word(r));
    const char *const init = next_word(r);
    if (!name)
        return OC_ELIMIT;
    const oc_value v = oc_parameter_value(r->g, name, shape,
                                          statistic ? OC_STATISTIC : OC_TRAINABLE,
                                          *init ? init : "zeros");
    return add_values(r, v, 1);
}

static void set_number(oc_tensor *t, int64_t i, const char *text, char **end)
{
    if (t->dtype == OC_I64)
        ((int64_t *)t->data)[i] = strtoll(text, end, 10);
    else if (t->dtype == OC_U64)
        ((uint64_t *)t->data)[i] = strtoull(text, end, 10);
    else if (t->dtype == OC_F32)
        ((float *)t->data)[i] = strtof(text, end);
    else
        oc_tensor_set(t, i, strtod(text, end));
}

static oc_status read_constant(struct text_reader *r)
{
    oc_tensor t = { 0 };
    TRY(read_type(r, &t.dtype));
    TRY(read_shape(r, &t.shape));
    const int64_t n = oc_shape_count(&t.shape);
    const char *p = next_word(r);
    if (n < 0 || (n > 0 && (size_t)n > strlen(p)) ||
        !(t.data = oc__pool_alloc(&r->g->pool, oc_tensor_bytes(&t) + 1)))
        return unsound(r, "more numbers by its shape than there are");
    for (int64_t i = 0; i < n; i++) {
        char *end;
        set_number(&t, i, p, &end);
        if (end == p || *end != (i + 1 < n ? ',' : '\0'))
            return unsound(r, "not the numbers of its shape");
        p = end + 1;
    }
    return add_values(r, oc__graph_source(r->g, VALUE_CONSTANT, "constant", t.dtype, &t.shape, 0,
                                          t.data), 1);
}

static oc_status read_output(struct text_reader *r)
{
    const long at = strtol(next_word(r), NULL, 10);
    struct branches *const b = r->c->branches;
    if (at < 1 || at > r->values)
        return unsound(r, "no such value");
    const oc_value v = r->value[at - 1];
    if (oc__is_none(r->result))
        r->result = v;
    else if (b->outputs == OUTPUTS_MAX)
        return unsound(r, "more outputs than are possible");
    else
        b->output[b->outputs++] = v;
    return OC_OK;
}

/* ---- nodes -------------------------------------------------------------------------------- */

static oc_status read_inputs(struct text_reader *r, oc_value in[OP_MAX_INPUTS], int *n)
{
    const char *p = next_word(r);
    *n = 0;
    if (!strcmp(p, "-"))
        return OC_OK;
    for (char *end; *n < OP_MAX_INPUTS; p = end + 1) {
        const bool absent = *p == '-';
        const long at = absent ? 0 : strtol(p, &end, 10);
        if (absent)
            end = (char *)(uintptr_t)p + 1;
        if (!absent && (end == p || at < 1 || at > r->values))
            break;
        in[(*n)++] = absent ? OC_NONE : r->value[at - 1];
        if (!*end)
            return OC_OK;
        if (*end != ',')
            break;
    }
    return unsound(r, "an input that nothing before it makes");
}

static bool is_frozen(const struct text_reader *r, const oc_value in[], int n)
{
    for (int i = 1; i < n; i++)
        if (oc__value(r->g, in[i])->kind != VALUE_PARAMETER ||
            (i != 2 && oc__frozen(r->c->freeze, oc__value(r->g, in[i])->name)))
            return true;
    return false;
}

/* A norm as the layer is: running statistics follow the batch, ONNX's momentum being the share of
 * what was before. */
static oc_value add_norm(struct text_reader *r, struct batch_norm *a, const oc_value in[5])
{
    if (is_frozen(r, in, 5))
        return oc__apply(r->g, &oc__op_batch_normalization_inference, a, 5, in);
    if (a->convention == NORM_ONNX)
        a->momentum = oc__decimal((double)(float)(1 - a->momentum));
    a->convention = NORM_PYTORCH;
    const oc_value y = oc__apply(r->g, &oc__op_batch_normalization, a, 5, in);
    oc_effect(r->g, in[3], oc_output(r->g, y, 1));
    oc_effect(r->g, in[4], oc_output(r->g, y, 2));
    return y;
}

static oc_value apply(struct text_reader *r, const struct op *op, void *attr, const char *name,
                      int n, const oc_value *in)
{
    if (op == &oc__op_dropout)
        ((struct dropout *)attr)->key = oc__random_key(name);
    if (op == &oc__op_batch_normalization && n == 5)
        return add_norm(r, attr, in);
    return oc__apply(r->g, op, attr, n, in);
}

static oc_status read_node(struct text_reader *r, const char *kind)
{
    _Alignas(16) char attr[1024];
    oc_value in[OP_MAX_INPUTS];
    int n;
    const struct op *const op = oc__op_find(kind);
    if (!op || op->control || op->compose || op->entry.size > sizeof attr)
        return unsound(r, "an unknown operator");
    const char *const name = oc__pool_strdup(&r->g->pool, next_word(r));
    if (!name)
        return OC_ELIMIT;
    TRY(read_inputs(r, in, &n));
    oc__attr_defaults(&op->entry, attr);
    TRY(oc__attr_parse(&op->entry, attr, name, rest_of_line(r)));
    const oc_value y = apply(r, op, attr, name, n, in);
    TRY(oc_graph_check(r->g));
    struct node *const made = oc__maker(r->g, y);
    made->name = name;
    for (int k = 0; k < made->n_out; k++)
        oc__value(r->g, (oc_value){ y.id + k })->name = name;
    TRY(add_values(r, y, made->n_out));
    for (int k = made->n_out; k < oc__op_count_outputs(op, attr); k++)  /* a frozen norm has one */
        TRY(add_values(r, OC_NONE, 1));
    return OC_OK;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static const struct line {
    const char *word;
    oc_status (*read)(struct text_reader *r);
} lines[] = {
    { "input", read_input }, { "parameter", read_parameter }, { "constant", read_constant },
    { "output", read_output },
};

static oc_status read_line(struct text_reader *r)
{
    const char *const word = next_word(r);
    oc_status status = OC_OK;
    bool known = false;
    for (size_t i = 0; i < sizeof lines / sizeof *lines && !known; i++)
        if ((known = !strcmp(word, lines[i].word)))
            status = lines[i].read(r);
    if (!known)
        status = read_node(r, word);
    if (!status && (r->word.failed || r->rest.failed))
        status = OC_ELIMIT;
    if (!status && *rest_of_line(r))
        status = unsound(r, "more than belongs there");
    r->at += *r->at == '\n';
    r->line++;
    return status;
}

oc_value oc__graph_text_build(oc_graph *g, oc_value x, const char *text,
                              const struct layer_context *c)
{
    struct text_reader r = { .g = g, .c = c, .at = strchr(text, '\n'), .line = 2, .x = x };
    oc_status status = r.at && x.id > 0 ? OC_OK : OC_EINPUT;
    r.at += r.at != NULL;
    while (!status && *r.at)
        status = read_line(&r);
    if (!status && oc__is_none(r.result))
        status = unsound(&r, "there is no output");
    if (status)
        oc__graph_fail(g, status, NULL);
    oc__free(r.value);
    oc__str_free(&r.word);
    oc__str_free(&r.rest);
    return status ? OC_FAILED : r.result;
}
