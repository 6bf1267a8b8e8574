/* control.c — If, Loop and Scan of ONNX: operators, and the forms that build them. */
#include "op/control.h"

#include <string.h>

#include "op/onnx.h"

static int outputs(const void *attr) { return ((const struct control *)attr)->outputs; }

/* Types are those of the bodies' results; shapes are known when it has run. */
static oc_status shape(const struct infer *s)
{
    const struct control *const a = s->attr;
    const struct control_body *const b = &a->body[0];
    const int skip = a->kind == CONTROL_LOOP ? 1 : 0;
    for (int k = 0; k < s->n_out; k++) {
        s->y[k] = (oc_shape){ .rank = OC_UNKNOWN };
        s->yt[k] = oc_value_dtype(b->g, b->output[skip + k]);
    }
    return OC_OK;
}

/* Adds the node: its own inputs, then what its bodies take from outside. */
static oc_status add_node(struct onnx_node *n, const struct op *op, struct control *a, int own)
{
    oc_value in[OP_MAX_INPUTS];
    int n_in = 0;
    for (; n_in < own; n_in++)
        in[n_in] = n->in[n_in];
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < a->body[k].captures; i++) {
            if (n_in == OP_MAX_INPUTS)
                return oc__fail(OC_ELIMIT, "more than %d values are used inside", OP_MAX_INPUTS);
            in[n_in++] = a->body[k].capture[i];
        }
    a->outputs = n->n_out;
    const oc_value y = oc__apply(n->g, op, a, n_in, in);
    for (int k = 0; k < n->n_out && y.id > 0; k++)
        n->out[k] = (oc_value){ y.id + k };
    return oc_graph_check(n->g);
}

static oc_status take_body(struct onnx_node *n, const char *name, struct control_body *to)
{
    const struct onnx_attr *const a = oc__onnx_attr(n, name, ONNX_GRAPH);
    return a ? n->bodies->make(n, a, to) : oc__fail(OC_EINPUT, "attribute %s: is missing", name);
}

/* ---- If ----------------------------------------------------------------------------------- */

/* A condition that is known puts its branch in the place of the node. */
static oc_status build_if(struct onnx_node *n)
{
    struct control a = { .kind = CONTROL_IF };
    if (n->n_in != 1 || oc__is_none(n->in[0]))
        return oc__fail(OC_EINPUT, "it has %d inputs and must have one", n->n_in);
    const struct value *const c = oc__value(n->g, n->in[0]);
    if (c->kind == VALUE_CONSTANT && oc_shape_count(&c->shape) == 1) {
        const oc_tensor t = { c->dtype, c->shape, (void *)(uintptr_t)c->data };
        const bool yes = oc_tensor_get(&t, 0) != 0;
        const struct onnx_attr *const then = oc__onnx_attr(n, "then_branch", ONNX_GRAPH);
        const struct onnx_attr *const other = oc__onnx_attr(n, "else_branch", ONNX_GRAPH);
        if (!then || !other)
            return oc__fail(OC_EINPUT, "then_branch or else_branch is missing");
        return n->bodies->put(n, yes ? then : other);
    }
    TRY(take_body(n, "then_branch", &a.body[0]));
    TRY(take_body(n, "else_branch", &a.body[1]));
    for (int k = 0; k < 2; k++)
        if (a.body[k].inputs != 0 || a.body[k].outputs < n->n_out)
            return oc__fail(OC_EINPUT, "a branch has %d inputs and %d outputs, not 0 and %d",
                            a.body[k].inputs, a.body[k].outputs, n->n_out);
    return add_node(n, &oc__op_if, &a, 1);
}

/* ---- Loop, Scan --------------------------------------------------------------------------- */

static oc_status build_loop(struct onnx_node *n)
{
    struct control a = { .kind = CONTROL_LOOP };
    TRY(take_body(n, "body", &a.body[0]));
    const struct control_body *const b = &a.body[0];
    const int own = n->n_in < 2 ? 2 : n->n_in;          /* count and condition may be absent */
    a.carried = own - 2;
    if (b->inputs != own || b->outputs < 1 + a.carried || n->n_out > b->outputs - 1)
        return oc__fail(OC_EINPUT, "the body has %d inputs and %d outputs for %d carried values",
                        b->inputs, b->outputs, a.carried);
    return add_node(n, &oc__op_loop, &a, own);
}

static oc_status check_axes(const struct ints *list, int n, const char *name)
{
    if (list->n && list->n != n)
        return oc__fail(OC_EINPUT, "attribute %s: %d numbers where %d are wanted", name, list->n,
                        n);
    return OC_OK;
}

static oc_status build_scan(struct onnx_node *n)
{
    struct control a = { .kind = CONTROL_SCAN };
    const int64_t sequences = oc__onnx_int(n, "num_scan_inputs", 0);
    if (sequences < 1 || sequences > n->n_in)
        return oc__fail(OC_EINPUT, "attribute num_scan_inputs: %lld of %d inputs",
                        (long long)sequences, n->n_in);
    a.sequences = (int)sequences;
    a.carried = n->n_in - a.sequences;
    a.in_axes = oc__onnx_ints(n, "scan_input_axes");
    a.out_axes = oc__onnx_ints(n, "scan_output_axes");
    a.in_backwards = oc__onnx_ints(n, "scan_input_directions");
    a.out_backwards = oc__onnx_ints(n, "scan_output_directions");
    TRY(take_body(n, "body", &a.body[0]));
    const struct control_body *const b = &a.body[0];
    const int made = b->outputs - a.carried;
    TRY(check_axes(&a.in_axes, a.sequences, "scan_input_axes"));
    TRY(check_axes(&a.in_backwards, a.sequences, "scan_input_directions"));
    TRY(check_axes(&a.out_axes, made, "scan_output_axes"));
    TRY(check_axes(&a.out_backwards, made, "scan_output_directions"));
    if (b->inputs != n->n_in || made < 0 || n->n_out > b->outputs)
        return oc__fail(OC_EINPUT, "the body has %d inputs and %d outputs for %d and %d", b->inputs,
                        b->outputs, n->n_in, n->n_out);
    return add_node(n, &oc__op_scan, &a, n->n_in);
}

const struct op oc__op_if = {
    .entry = { "If", "y = what one of two graphs makes", NULL, sizeof(struct control) },
    .inputs = "condition*", .outputs = "y*", .output_count = outputs, .control = true,
    .shape = shape,
};

const struct op oc__op_loop = {
    .entry = { "Loop", "y = what a graph makes, over and over", NULL, sizeof(struct control) },
    .inputs = "count? condition? carried*", .outputs = "y*", .output_count = outputs,
    .control = true, .shape = shape,
};

const struct op oc__op_scan = {
    .entry = { "Scan", "y = what a graph makes of each part of sequences", NULL,
               sizeof(struct control) },
    .inputs = "carried*", .outputs = "y*", .output_count = outputs, .control = true,
    .shape = shape,
};

const struct onnx_form oc__onnx_if = { .op = "If", .build = build_if };
const struct onnx_form oc__onnx_loop = { .op = "Loop", .build = build_loop };
const struct onnx_form oc__onnx_scan = { .op = "Scan", .since = 9, .build = build_scan };
