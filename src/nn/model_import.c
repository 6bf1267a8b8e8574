/* model_import.c — a model of ONNX becomes one of ours: to be trained, judged and used.
 *
 * Its graph, as text, is the architecture; its initializers are the parameters, under their names.
 * A softmax or sigmoid at the end is left out, as it is in the loss.  For another number of
 * classes the last product (Gemm, MatMul, Conv) gets a new head, which begins anew.
 *
 * Where the file has its preparation as nodes, the network behind them is taken: images are
 * prepared by the steps that the file tells as well. */
#include "nn/model_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "format/onnx.h"
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
    char              *own, *task;                      /* the file's preparation and task */
    struct str         steps;                           /* of a preparation made for the data */
};

/* ---- what the file says ------------------------------------------------------------------- */

/* Where the network begins: at the only input, or behind the nodes of the preparation. */
static oc_status find_begin(const struct import *im, oc_value *x)
{
    const char *const prepared = oc_onnx_metadata(im->file, PREPARED_KEY);
    if (oc_onnx_inputs(im->file) != 1)
        return oc__fail(OC_EUSAGE, "%s: has %d inputs: only a model of one learns and looks at "
                                   "images", im->path, oc_onnx_inputs(im->file));
    *x = prepared ? oc_onnx_value(im->file, prepared) : oc_onnx_input(im->file, 0);
    const struct node *const made = x->id > 0 ? oc__maker(im->g, *x) : NULL;
    if (!prepared || (made && made->n_out == 1))
        return OC_OK;
    return oc__fail(OC_EINPUT, "%s: metadata %s: %s: no node makes it", im->path, PREPARED_KEY,
                    oc__quote_z(prepared));
}

/* The sample's shape: the file's, then the caller's, then what the preparation makes. */
static oc_status find_input(struct import *im)
{
    oc_value x;
    TRY(find_begin(im, &x));
    const oc_shape s = oc_value_shape(im->g, x);
    oc_shape sample = { .rank = s.rank - 1 };
    if (oc_value_dtype(im->g, x) != OC_F32 || s.rank < 2)
        return oc__fail(OC_EUSAGE, "%s: input %s: wants f32 samples below a batch", im->path,
                        oc__quote_z(oc_value_name(im->g, x)));
    for (int i = 1; i < s.rank; i++)
        sample.dim[i - 1] = s.dim[i] >= 0 || im->o.input.rank != sample.rank
            ? s.dim[i] : im->o.input.dim[i - 1];
    im->o.input = sample;
    TRY(oc__model_fill(&im->o, &im->steps));
    for (int i = 0; i < sample.rank; i++)
        if (im->o.input.dim[i] < 1)
            return oc__fail(OC_EUSAGE, "%s: input %s: dimension %d is open; --input gives the "
                                       "sizes, or a preparation that ends in one", im->path,
                            oc__quote_z(oc_value_name(im->g, x)), i + 1);
    im->text.batch = s.dim[0] > 0 ? s.dim[0] : 0;
    return OC_OK;
}

/* Reads the graph anew with a sample that is closed, where the file leaves it open; its numbers are
 * not read yet. */
static oc_status close_input(struct import *im)
{
    oc_value x;
    TRY(find_begin(im, &x));
    const oc_shape s = oc_value_shape(im->g, x);
    bool open = false;
    for (int i = 1; i < s.rank; i++)
        open |= s.dim[i] < 0;
    if (!open)
        return OC_OK;
    oc_onnx_free(im->file);
    TRY(oc__onnx_open(&im->file, im->path, &(oc_onnx_options){ .sample = im->o.input }));
    im->g = oc_onnx_graph(im->file);
    return OC_OK;
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

/* The file's own names, where it has as many as there are classes. */
static oc_status take_names(struct import *im)
{
    const char *const text = oc_onnx_metadata(im->file, "ocellus.classes");
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

/* Of [n, classes], or of that with ones behind it; of saliency anything. */
static bool lists_classes(const struct import *im, const oc_shape *y)
{
    bool good = y->rank > 1;
    for (int i = 2; i < y->rank; i++)
        good &= y->dim[i] == 1 || y->dim[i] < 0;
    return good || im->o.task;
}

static oc_status find_classes(struct import *im)
{
    const oc_shape y = oc_value_shape(im->g, im->output[0]);
    const bool head = find_head(im);
    const int64_t had = head ? im->text.had : y.rank > 1 ? y.dim[1] : 0;
    if (!lists_classes(im, &y))
        return oc__fail(OC_EUSAGE, "%s: its first output is no list of classes", im->path);
    if (im->o.classes == 0 && had > 0 && had < INT32_MAX) {
        TRY(oc__model_count_names(&im->o, im->path, (int)had));
        im->o.classes = (int)had;
    }
    im->text.classes = im->o.classes;
    im->text.flatten = y.rank == 4 && !im->o.task;
    if (im->o.classes < 1 || (had > 0 && had != im->o.classes && !head))
        return oc__fail(OC_EUSAGE, "%s: its %lld results are not those of %d classes, and its "
                                   "last node is no Gemm, MatMul or Conv that could be exchanged",
                        im->path, (long long)had, im->o.classes);
    TRY(take_names(im));
    oc__model_name_classes(&im->o);
    return OC_OK;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* The numbers of all but a new head, which gets its own, straight from the file. */
static oc_status take_values(const struct import *im, oc_model *m)
{
    TRY(oc__onnx_values(im->file, m->store));
    if (im->text.had && im->text.had != im->o.classes)
        oc__note("%s: its head is for %lld classes; that of the model, for %d, begins anew",
                 im->path, (long long)im->text.had, im->o.classes);
    return OC_OK;
}

/* A copy of what the file says of a key, which outlives its reading; NULL: nothing. */
static oc_status copy_said(const struct import *im, const char *key, char **out)
{
    const char *const said = oc_onnx_metadata(im->file, key);
    *out = said ? oc__strdup(said) : NULL;
    return said && !*out ? OC_ELIMIT : OC_OK;
}

/* Preparation, task and input: the file's where the caller has none. */
static oc_status settle(struct import *im)
{
    TRY(copy_said(im, "ocellus.preparation", &im->own));
    TRY(copy_said(im, "ocellus.task", &im->task));
    im->o.preparation = im->o.preparation ? im->o.preparation : im->own;
    im->o.task = im->o.task ? im->o.task : im->task;
    TRY(find_input(im));
    im->o.task = im->o.task && !strcmp(im->o.task, "classify") ? NULL : im->o.task;
    TRY(close_input(im));
    return find_begin(im, &im->text.input);
}

static oc_status make(struct import *im, oc_model **out)
{
    struct str text = { 0 };
    TRY(settle(im));
    const char *const loss = oc_onnx_metadata(im->file, "ocellus.loss");
    find_outputs(im);
    TRY(find_classes(im));
    oc_status status = oc__graph_text(im->g, &im->text, &text);
    im->o.architecture = oc__str_text(&text);
    if (!status)
        status = oc__model_from_steps(out, &im->o);
    oc__str_free(&text);
    if (!status && loss)
        status = oc__model_set_loss(*out, loss);
    TRY(status);
    oc__model_note_preparation(*out, im->path, im->own);
    return take_values(im, *out);
}

oc_status oc__model_import(oc_model **out, const char *path, const oc_model_options *o)
{
    struct import im = { .path = path, .o = *o };
    *out = NULL;
    TRY(oc__onnx_open(&im.file, path, NULL));
    im.g = oc_onnx_graph(im.file);
    const oc_status status = make(&im, out);
    oc_onnx_free(im.file);
    oc__str_free(&im.steps);
    oc__free(im.own);
    oc__free(im.task);
    oc__free(im.classes);
    oc__free(im.name);
    if (status) {
        oc_model_free(*out);
        *out = NULL;
    }
    return status;
}
