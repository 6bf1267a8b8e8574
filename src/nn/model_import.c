/* model_import.c — a model of ONNX becomes one of ours: to be trained, judged and used.
 *
 * Its graph, as text, is the architecture; its initializers are the parameters, under their names.
 * A softmax or sigmoid at the end is left out, as it is in the loss.  For another number of
 * classes the last product (Gemm, MatMul, Conv) gets a new head, which begins anew. */
#include "nn/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "nn/graph_text.h"
#include "op/gemm.h"
#include "op/op.h"
#include "param/store.h"

struct import {
    const char        *path;
    oc_onnx           *file;
    const oc_graph    *g;
    oc_model_options   o;
    oc_value           output[1 + OUTPUTS_MAX];
    struct graph_text_options text;
    char              *classes;                         /* the file's, cut into lines */
    const char       **name;
};

/* ---- what the file says ------------------------------------------------------------------- */

/* The sample's shape: as the caller says where the file leaves it open. */
static oc_status find_input(struct import *im)
{
    if (oc_onnx_inputs(im->file) != 1)
        return oc__fail(OC_EINPUT, "%s: %d inputs, and training knows one", im->path,
                        oc_onnx_inputs(im->file));
    const oc_value x = oc_onnx_input(im->file, 0);
    const oc_shape s = oc_value_shape(im->g, x);
    oc_shape sample = { .rank = s.rank - 1 };
    if (oc_value_dtype(im->g, x) != OC_F32 || s.rank < 2)
        return oc__fail(OC_EINPUT, "%s: input %s: wants f32 samples below a batch", im->path,
                        oc__quote_z(oc_value_name(im->g, x)));
    for (int i = 1; i < s.rank; i++)
        sample.dim[i - 1] = s.dim[i] >= 0 || im->o.input.rank != sample.rank
            ? s.dim[i] : im->o.input.dim[i - 1];
    for (int i = 0; i < sample.rank; i++)
        if (sample.dim[i] < 1)
            return oc__fail(OC_EUSAGE, "%s: input %s: dimension %d is open; --input gives the "
                                       "sizes", im->path,
                            oc__quote_z(oc_value_name(im->g, x)), i + 1);
    im->text.batch = s.dim[0] > 0 ? s.dim[0] : 0;
    im->o.input = sample;
    return OC_OK;
}

static const char *chosen(const char *given, const struct import *im, const char *key)
{
    return given ? given : oc_onnx_metadata(im->file, key);
}

/* The last outputs before probabilities are made of them. */
static void find_outputs(struct import *im)
{
    const int n = oc_onnx_outputs(im->file);
    im->text.outputs = n <= 1 + OUTPUTS_MAX ? n : 1 + OUTPUTS_MAX;
    im->text.output = im->output;
    for (int i = 0; i < im->text.outputs; i++) {
        im->output[i] = oc_onnx_output(im->file, i, NULL);
        const struct node *const made = oc__maker(im->g, im->output[i]);
        const bool squashes = made && (made->op == &oc__op_softmax || made->op == &oc__op_sigmoid);
        if (squashes)
            im->output[i] = made->in[0];
        if (squashes && i == 0)
            oc__note("%s: its last node, %s, is part of the loss here", im->path,
                     made->op->entry.name);
    }
}

/* ---- the head ----------------------------------------------------------------------------- */

static bool is_parameter(const struct import *im, oc_value v)
{
    return !oc__is_none(v) && oc__value(im->g, v)->kind == VALUE_PARAMETER;
}

static void set_head(struct import *im, oc_value weight, int axis, oc_value bias)
{
    struct graph_text_options *const t = &im->text;
    const oc_shape *const w = &oc__value(im->g, weight)->shape;
    t->head[0] = weight;
    t->axis[0] = axis < 0 ? w->rank + axis : axis;
    t->head[1] = is_parameter(im, bias) ? bias : OC_NONE;
    t->had = w->dim[t->axis[0]];
}

/* The product that makes the result, behind nodes that leave its channels as they are. */
static bool find_head(struct import *im)
{
    oc_value v = im->output[0], bias = OC_NONE;
    for (const struct node *n; v.id > 0 && (n = oc__maker(im->g, v)); v = n->in[0]) {
        const bool gemm = n->op == &oc__op_gemm, conv = n->op == &oc__op_conv;
        if ((gemm || conv || n->op == &oc__op_matmul) && is_parameter(im, n->in[1])) {
            const bool turned = gemm && ((const struct gemm *)n->attr)->transB;
            set_head(im, n->in[1], conv || turned ? 0 : -1, n->n_in > 2 ? n->in[2] : bias);
            return true;
        }
        const bool adds = n->op == &oc__op_add && is_parameter(im, n->in[1]);
        bias = adds ? n->in[1] : bias;
        if (n->n_in != 1 && !adds)
            break;
    }
    return false;
}

/* Names of classes: given, the file's own, or numbers. */
static oc_status find_classes(struct import *im)
{
    const char *const text = oc_onnx_metadata(im->file, "ocellus.classes");
    const oc_shape y = oc_value_shape(im->g, im->output[0]);
    const bool head = find_head(im);
    const int64_t had = head ? im->text.had : y.rank > 1 ? y.dim[1] : 0;
    if (im->o.classes == 0 && had > 0 && had < INT32_MAX)
        im->o.classes = (int)had;
    im->text.classes = im->o.classes;
    im->text.flatten = y.rank == 4 && !im->o.task;
    if (im->o.classes < 1 || (had > 0 && had != im->o.classes && !head))
        return oc__fail(OC_EINPUT, "%s: its %lld results are not those of %d classes, and its "
                                   "last node is no Gemm, MatMul or Conv that could be exchanged",
                        im->path, (long long)had, im->o.classes);
    int n = 1;
    for (const char *p = text ? text : ""; *p; p++)
        n += *p == '\n';
    if (im->o.class_name || !text || n != im->o.classes)
        return OC_OK;
    im->classes = oc__strdup(text);
    im->name = oc__alloc((size_t)n, sizeof *im->name);
    if (!im->classes || !im->name)
        return OC_ELIMIT;
    char *rest = im->classes;
    for (int i = 0; i < n; i++)
        im->name[i] = strsep(&rest, "\n");
    im->o.class_name = im->name;
    return OC_OK;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* Takes the numbers of all but a new head. */
static oc_status take_values(const struct import *im, oc_model *m)
{
    oc_store *const from = oc_onnx_store(im->file), *const to = m->store;
    TRY(oc__store_ready(to, ROLE_VALUE));
    for (int i = 0; i < to->n; i++) {
        const struct parameter *const p = &to->parameter[i];
        const int at = oc_store_find(from, p->name);
        if (at >= 0 && oc_shape_equal(&from->parameter[at].shape, &p->shape))
            memcpy(oc__store_place(to, ROLE_VALUE, i), oc__store_place(from, ROLE_VALUE, at),
                   (size_t)p->count * sizeof(float));
    }
    oc_store_touch(to);
    if (im->text.had && im->text.had != im->o.classes)
        oc__note("%s: its head is for %lld classes; that of the model, for %d, begins anew",
                 im->path, (long long)im->text.had, im->o.classes);
    return OC_OK;
}

static oc_status make(struct import *im, oc_model **out)
{
    struct str text = { 0 };
    const char *const loss = oc_onnx_metadata(im->file, "ocellus.loss");
    im->o.preparation = chosen(im->o.preparation, im, "ocellus.preparation");
    im->o.task = chosen(im->o.task, im, "ocellus.task");
    im->o.task = im->o.task && !strcmp(im->o.task, "classify") ? NULL : im->o.task;
    TRY(find_input(im));
    find_outputs(im);
    TRY(find_classes(im));
    oc_status status = oc__graph_text(im->g, &im->text, &text);
    im->o.architecture = oc__str_text(&text);
    if (!status)
        status = oc__model_from_steps(out, &im->o);
    oc__str_free(&text);
    if (!status && loss)
        status = oc__model_set_loss(*out, loss);
    return status ? status : take_values(im, *out);
}

oc_status oc_model_import(oc_model **out, const char *path, const oc_model_options *options)
{
    struct import im = { .path = path };
    *out = NULL;
    if (options)
        im.o = *options;
    TRY(oc_onnx_load(&im.file, path, NULL));
    im.g = oc_onnx_graph(im.file);
    const oc_status status = make(&im, out);
    oc_onnx_free(im.file);
    oc__free(im.classes);
    oc__free(im.name);
    if (status) {
        oc_model_free(*out);
        *out = NULL;
    }
    return status;
}
