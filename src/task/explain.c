/* explain.c — explains a decision: prepares the image, asks for probabilities, chooses the class,
 * lets the method find the heat, and lays it over the image as it was given.
 *
 * The graph is the network on one image x, with the score beside it: the sum of the logits times
 * an input that is 1 at the class asked about and 0 elsewhere.  So one graph and one plan serve all
 * classes.  What the method adds is run by a session of its own. */
#include "task/explain.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "nn/model.h"
#include "op/op.h"
#include "task/task.h"

const struct entry *const oc__explain_list[] = {
#define EXPLAIN(name) &oc__explain_##name.entry,
#include "task/explain_list.h"
#undef EXPLAIN
    NULL
};

const char *oc_explain_method(int i, const char **summary)
{
    const int n = (int)(sizeof oc__explain_list / sizeof *oc__explain_list) - 1;
    if (i < 0 || i >= n)
        return NULL;
    if (summary)
        *summary = oc__explain_list[i]->summary;
    return oc__explain_list[i]->name;
}

/* ---- making -------------------------------------------------------------------------------- */

/* What is taken where none is asked for: the first that suits the network. */
static const struct explain_method *usual_method(const oc_explainer *e, const char *layer)
{
    const struct explain_method *const first = &oc__explain_grad_cam;
    return layer || first->suits(e) ? first : &oc__explain_occlusion;
}

static oc_status choose_method(oc_explainer *e, const oc_explain_options *o)
{
    const char *const text = o->method ? o->method : usual_method(e, o->layer)->entry.name;
    TRY(oc__steps_parse(&e->steps, oc__explain_list, "method", text));
    if (e->steps.n != 1)
        return oc__fail(OC_EUSAGE, "method: %s: wants one, not %d", oc__quote_z(text),
                        e->steps.n);
    e->method = (const struct explain_method *)(const void *)e->steps.step[0].entry;
    e->layer = o->layer;
    if (o->layer && !e->method->takes_layer)
        return oc__fail(OC_EUSAGE, "%s: looks at the image, not at layer %s",
                        e->method->entry.name, oc__quote_z(o->layer));
    return OC_OK;
}

/* The network and its score; *probability is for the judge. */
static oc_status build_network(oc_explainer *e, oc_value *probability)
{
    if (oc__task_of(e->model) != &oc__task_classify)
        return oc__fail(OC_EUSAGE, "explained are decisions between classes; the model's task is "
                        "%s", oc_model_task(e->model));
    TRY(oc_graph_new(&e->graph, oc_model_store(e->model)));
    e->x = oc__model_input(e->model, e->graph, 1);
    const oc_shape classes = OC_SHAPE(1, oc_model_classes(e->model));
    const oc_value chosen = oc_input(e->graph, "class", OC_F32, classes);
    const oc_value logits = oc__model_build_inference(e->model, e->graph, e->x);
    e->network_nodes = e->graph->nodes;
    *probability = oc__probability(e->model, e->graph, logits);
    e->score = oc_sum(e->graph, oc_mul(e->graph, logits, chosen));
    e->in[0].shape = oc_value_shape(e->graph, e->x);
    e->in[1].shape = classes;
    return oc_graph_check(e->graph);
}

static oc_status make_room(oc_explainer *e)
{
    const size_t classes = (size_t)oc_model_classes(e->model);
    for (int i = 0; i < 2; i++) {
        e->in[i].dtype = OC_F32;
        e->in[i].data = oc__alloc((size_t)oc_shape_count(&e->in[i].shape), sizeof(float));
        if (!e->in[i].data)
            return OC_ELIMIT;
    }
    for (int i = 0; i < e->outputs; i++) {
        const oc_shape shape = oc_value_shape(e->graph, e->output[i]);
        if (oc_shape_count(&shape) < 0)
            return oc__fail(OC_EUSAGE, "%s: %s: its shape is not known beforehand",
                            e->method->entry.name, oc_value_name(e->graph, e->output[i]));
        e->out[i].data = oc__alloc((size_t)oc_shape_count(&shape), sizeof(float));
        if (!e->out[i].data)
            return OC_ELIMIT;
    }
    e->probability = oc__alloc(classes, sizeof *e->probability);
    return e->probability ? OC_OK : OC_ELIMIT;
}

static oc_status open(oc_explainer *e, const oc_explain_options *o)
{
    oc_value probability;
    TRY(oc__prepare_parse(&e->program, oc_model_preparation(e->model)));
    TRY(build_network(e, &probability));
    TRY(choose_method(e, o));
    TRY(e->method->build(e));
    TRY(oc_graph_check(e->graph));
    oc_session_options session = { .mode = OC_INFER, .device = o->device, .threads = o->threads,
                                   .backends = o->backends, .outputs = 1, .output = &probability };
    TRY(oc_session_new(&e->judge, e->graph, &session));
    session.outputs = e->outputs;
    session.output = e->output;
    TRY(oc_session_new(&e->session, e->graph, &session));
    return make_room(e);
}

oc_status oc_explainer_new(oc_explainer **out, oc_model *m, const oc_explain_options *options)
{
    const oc_explain_options o = options ? *options : (oc_explain_options){ 0 };
    *out = NULL;
    oc_explainer *const e = oc__alloc(1, sizeof *e);
    if (!e)
        return OC_ELIMIT;
    e->model = m;
    const oc_status status = open(e, &o);
    if (status < 0)
        oc_explainer_free(e);
    else
        *out = e;
    return status;
}

void oc_explainer_free(oc_explainer *e)
{
    if (!e)
        return;
    oc_session_free(e->judge);
    oc_session_free(e->session);
    oc_graph_free(e->graph);
    oc__prepare_free(e->program);
    oc__steps_free(&e->steps);
    for (int i = 0; i < 2; i++)
        oc__free(e->in[i].data);
    for (int i = 0; i < EXPLAIN_OUTPUTS; i++)
        oc__free(e->out[i].data);
    oc__free(e->probability);
    oc__free(e);
}

const char *oc_explainer_method(const oc_explainer *e)
{
    return e->method->entry.name;
}

/* ---- explaining ---------------------------------------------------------------------------- */

static int likeliest(const float *probability, int classes)
{
    int best = 0;
    for (int i = 1; i < classes; i++)
        best = probability[i] > probability[best] ? i : best;
    return best;
}

static oc_status choose_class(oc_explainer *e, int class_index, oc_explanation *out)
{
    const int classes = oc_model_classes(e->model);
    float *const chosen = e->in[1].data;
    if (class_index < -1 || class_index >= classes)
        return oc__fail(OC_EUSAGE, "class %d: the model has %d", class_index, classes);
    TRY(oc_session_run(e->judge, e->in, &(oc_tensor){ .data = e->probability }));
    out->class_index = class_index < 0 ? likeliest(e->probability, classes) : class_index;
    out->probability = (double)e->probability[out->class_index];
    memset(chosen, 0, (size_t)classes * sizeof *chosen);
    chosen[out->class_index] = 1;
    return OC_OK;
}

/* Scales the grid so that the hottest is 1; gives what it was. */
static double to_one(struct grid *heat)
{
    const size_t n = (size_t)heat->rows * (size_t)heat->columns;
    float most = 0;
    for (size_t i = 0; i < n; i++)
        most = heat->v[i] > most ? heat->v[i] : most;
    for (size_t i = 0; i < n && most > 0; i++)
        heat->v[i] /= most;
    return (double)most;
}

/* A box of the prepared image, of no width: all of it, as one of the image it was made from, of
 * which it shows `view`. */
static struct view on_photograph(const oc_explainer *e, struct view box, struct view view)
{
    const oc_shape s = oc_model_input(e->model);
    const double across = view.width / (double)s.dim[2], down = view.height / (double)s.dim[1];
    if (box.width == 0)
        return view;
    return (struct view){ view.left + box.left * across, view.top + box.top * down,
                          box.width * across, box.height * down };
}

static oc_status find_heat(oc_explainer *e, struct view view, oc_explanation *out)
{
    struct grid grid = { 0 };
    oc_status status = e->method->heat(e, &grid);
    if (status >= 0) {
        out->strongest = to_one(&grid);
        grid.box = on_photograph(e, grid.box, view);
        oc__heat_spread(&grid, view, out->width, out->height, out->heat);
    }
    oc__free(grid.v);
    return status;
}

/* A box of an image as one of the whole, which it shows in less detail. */
static struct view on_whole(struct view v, const oc_image *image, const oc_image *whole)
{
    const double across = (double)whole->width / image->width;
    const double down = (double)whole->height / image->height;
    return (struct view){ v.left * across, v.top * down, v.width * across, v.height * down };
}

oc_status oc_explain_whole(oc_explainer *e, const oc_image *image, const oc_image *whole,
                           int class_index, oc_explanation *out)
{
    const oc_shape input = oc_model_input(e->model);
    struct view view;
    *out = (oc_explanation){ .width = whole->width, .height = whole->height };
    TRY(oc__prepare_view(e->program, image, &input, e->in[0].data, &view));
    view = on_whole(view, image, whole);
    out->left = view.left;
    out->top = view.top;
    out->seen_width = view.width;
    out->seen_height = view.height;
    TRY(choose_class(e, class_index, out));
    out->heat = oc__alloc((size_t)whole->width * (size_t)whole->height, sizeof *out->heat);
    const oc_status status = out->heat ? find_heat(e, view, out) : OC_ELIMIT;
    if (status < 0)
        oc_explanation_free(out);
    return status;
}

oc_status oc_explain(oc_explainer *e, const oc_image *image, int class_index, oc_explanation *out)
{
    return oc_explain_whole(e, image, image, class_index, out);
}

void oc_explanation_free(oc_explanation *e)
{
    oc__free(e->heat);
    e->heat = NULL;
}

oc_status oc_explanation_draw(const oc_explanation *e, const oc_image *image, const char *text,
                              oc_image *picture)
{
    const struct view seen = { e->left, e->top, e->seen_width, e->seen_height };
    *picture = (oc_image){ 0 };
    if (image->width != e->width || image->height != e->height)
        return oc__fail(OC_EUSAGE, "picture: %dx%d is not the size of what was explained, %dx%d",
                        image->width, image->height, e->width, e->height);
    return oc__heat_draw(picture, image, &(struct heat){ e->heat, seen, e->strongest }, text);
}
