/* predict.c — one image, the model's preparation, its probabilities; and pictures of them. */
#include "base/status.h"
#include "image/prepare.h"
#include "nn/model.h"
#include "task/task.h"

struct oc_predictor {
    oc_model               *model;                      /* borrowed */
    struct prepare_program *program;
    oc_graph               *graph;
    oc_session             *session;
    oc_shape                shape;                      /* [1, c, h, w] */
    float                  *x, *probability;            /* of the last image */
};

static oc_status open_session(oc_predictor *p, const oc_eval_options *o)
{
    TRY(oc_graph_new(&p->graph, oc_model_store(p->model)));
    const oc_value x = oc__model_input(p->model, p->graph, 1);
    const oc_value logits = oc_model_build(p->model, p->graph, x);
    const oc_value y = oc__probability(p->model, p->graph, logits);
    TRY(oc_session_new(&p->session, p->graph, &(oc_session_options){
        .mode = OC_INFER, .device = o->device, .backends = o->backends, .threads = o->threads,
        .outputs = 1, .output = &y }));
    p->shape = oc_value_shape(p->graph, x);
    return oc_session_prepare(p->session, &p->shape);
}

static oc_status open(oc_predictor *p, const oc_eval_options *o)
{
    const oc_shape input = oc_model_input(p->model);
    TRY(oc__prepare_parse(&p->program, oc_model_preparation(p->model)));
    p->x = oc__alloc((size_t)oc_shape_count(&input), sizeof *p->x);
    p->probability = oc__alloc((size_t)oc__task_values(p->model), sizeof *p->probability);
    return p->x && p->probability ? open_session(p, o) : OC_ELIMIT;
}

oc_status oc_predictor_new(oc_predictor **out, oc_model *m, const oc_eval_options *options)
{
    const oc_eval_options o = options ? *options : (oc_eval_options){ 0 };
    *out = NULL;
    oc_predictor *p = oc__alloc(1, sizeof *p);
    if (!p)
        return OC_ELIMIT;
    p->model = m;
    const oc_status status = open(p, &o);
    if (status)
        oc_predictor_free(p);
    else
        *out = p;
    return status;
}

static oc_status run(oc_predictor *p, const oc_image *image, float *probability, struct view *seen)
{
    const oc_shape shape = oc_model_input(p->model);
    TRY(oc__prepare_view(p->program, image, &shape, p->x, seen));
    const oc_tensor in = { OC_F32, p->shape, p->x };
    return oc_session_run(p->session, &in, &(oc_tensor){ .data = probability });
}

oc_status oc_predict(oc_predictor *p, const oc_image *image, float *probability)
{
    struct view seen;
    return run(p, image, probability, &seen);
}

oc_status oc_predict_pictures(oc_predictor *p, const oc_image *image,
                              oc_picture picture[OC_PICTURES_MAX], int *n)
{
    const struct task *const task = oc__task_of(p->model);
    struct answer a = { .model = p->model, .probability = p->probability, .image = image };
    *n = 0;
    if (!task->draw)
        return OC_OK;
    TRY(run(p, image, p->probability, &a.seen));
    const oc_status status = task->draw(&a, picture, n);
    if (status < 0)
        oc_pictures_free(picture, *n);
    return status;
}

void oc_pictures_free(oc_picture *picture, int n)
{
    for (int i = 0; i < n; i++)
        oc_image_free(&picture[i].image);
}

void oc_predictor_free(oc_predictor *p)
{
    if (!p)
        return;
    oc_session_free(p->session);
    oc_graph_free(p->graph);
    oc__prepare_free(p->program);
    oc__free(p->x);
    oc__free(p->probability);
    oc__free(p);
}
