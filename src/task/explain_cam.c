/* explain_cam.c — Grad-CAM (Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, "Grad-CAM: Visual
 * Explanations from Deep Networks via Gradient-based Localization", ICCV 2017).
 *
 * With the maps A [k, h, w] of a layer and the score y of a class,
 *
 *     alpha[k] = mean over i, j of  dy / dA[k, i, j]             (equation 1)
 *     heat[i, j] = max(0, sum over k of  alpha[k] A[k, i, j])    (equation 2)
 *
 * The mean is right where the network ends in a mean over places.  Where its maps are flattened
 * into a linear layer, each place has weights of its own, and with `weights=place` they are used:
 *
 *     heat[i, j] = max(0, sum over k of  dy / dA[k, i, j] A[k, i, j])
 *
 * (HiResCAM; Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of
 * convolutional neural networks", 2020), which is the same where the network does end in a mean.
 *
 * The layer is the last convolution whose maps have more than one place, with the norm, the sum and
 * the activation that follow it, which is what the rest of the network sees. */
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "op/op.h"
#include "task/explain.h"

enum weights { WEIGHTS_MEAN, WEIGHTS_PLACE };
static const char *const weights_words[] = { "mean", "place", NULL };

struct grad_cam { int weights; };

static const struct attr attrs[] = {
    ATTR_WORDS(struct grad_cam, weights, "mean",
               "of the maps: the gradient's mean, or each place's own, for networks that flatten",
               weights_words),
    { 0 }
};

/* Whether values of the graph are maps [1, c, h, w] with more than one place. */
static bool has_places(const oc_graph *g, oc_value v)
{
    const struct value *const p = oc__value(g, v);
    return p->shape.rank == 4 && p->dtype == OC_F32 && p->shape.dim[2] * p->shape.dim[3] > 1;
}

/* ---- the last convolution ------------------------------------------------------------------ */

/* The only node of the network that reads v; NULL: there is none, or several. */
static const struct node *only_reader(const oc_explainer *e, oc_value v)
{
    const struct node *reader = NULL;
    for (int k = 0; k < e->network_nodes; k++) {
        const struct node *const n = &e->graph->node[k];
        for (int i = 0; i < n->n_in; i++) {
            if (n->in[i].id != v.id)
                continue;
            if (reader)
                return NULL;
            reader = n;
        }
    }
    return reader;
}

/* Norms, sums and activations keep the maps' shape and mix no places. */
static oc_value with_what_follows(const oc_explainer *e, oc_value v)
{
    for (;;) {
        const struct node *const n = only_reader(e, v);
        if (!n || !(n->op->elementwise || n->op->broadcasts
                    || n->op == &oc__op_batch_normalization_inference))
            return v;
        if (!oc_shape_equal(&oc__value(e->graph, n->out)->shape, &oc__value(e->graph, v)->shape))
            return v;
        v = n->out;
    }
}

static oc_value last_convolution(const oc_explainer *e)
{
    for (int k = e->network_nodes - 1; k >= 0; k--) {
        const struct node *const n = &e->graph->node[k];
        if (n->op == &oc__op_conv && has_places(e->graph, n->out))
            return with_what_follows(e, n->out);
    }
    return OC_NONE;
}

static bool has_convolution(const oc_explainer *e)
{
    return last_convolution(e).id > 0;
}

/* ---- a layer by its name ------------------------------------------------------------------- */

/* Whether a node's name is the layer's, or lies in its scope. */
static bool is_in(const char *node, const char *layer)
{
    const size_t n = strlen(layer);
    return strncmp(node, layer, n) == 0 && (node[n] == 0 || node[n] == '.');
}

/* Names the layers of convolutions, without the operator at their end. */
static oc_status unknown_layer(const oc_explainer *e)
{
    struct str known = { 0 };
    for (int k = 0; k < e->network_nodes; k++) {
        const struct node *const n = &e->graph->node[k];
        if (n->op != &oc__op_conv || !has_places(e->graph, n->out))
            continue;
        const char *const dot = strrchr(n->name, '.');
        oc__str_addz(&known, known.n ? ", " : "");
        oc__str_add(&known, n->name, dot ? (size_t)(dot - n->name) : strlen(n->name));
    }
    oc__fail(OC_EUSAGE, "layer %s: none of that name has maps; convolutions are: %s",
             oc__quote_z(e->layer), oc__str_text(&known));
    oc__str_free(&known);
    return OC_EUSAGE;
}

static oc_status find_maps(const oc_explainer *e, oc_value *maps)
{
    *maps = OC_NONE;
    if (!e->layer) {
        *maps = last_convolution(e);
        return maps->id > 0 ? OC_OK
            : oc__fail(OC_EUSAGE, "grad-cam: the network has no convolution; input-gradient and "
                                  "occlusion need none");
    }
    for (int k = 0; k < e->network_nodes; k++) {
        const struct node *const n = &e->graph->node[k];
        if (is_in(n->name, e->layer) && has_places(e->graph, n->out))
            *maps = n->out;
    }
    return maps->id > 0 ? OC_OK : unknown_layer(e);
}

/* ---- the method ---------------------------------------------------------------------------- */

static oc_status build(oc_explainer *e)
{
    TRY(find_maps(e, &e->output[0]));
    oc_grad(e->graph, e->score, 1, &e->output[0], &e->output[1]);
    e->outputs = 2;
    if (oc__is_none(e->output[1]))
        return oc__fail(OC_EUSAGE, "grad-cam: the score does not depend on %s",
                        oc_value_name(e->graph, e->output[0]));
    return OC_OK;
}

/* Adds one map, weighted. */
static void add_map(const float *map, const float *gradient, size_t n, int weights, float *heat)
{
    double mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += (double)gradient[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        heat[i] += (float)((weights == WEIGHTS_PLACE ? (double)gradient[i] : mean)
                           * (double)map[i]);
}

static oc_status heat(oc_explainer *e, struct grid *heat)
{
    const struct grad_cam *const a = oc__explain_attr(e);
    const oc_shape s = oc_value_shape(e->graph, e->output[0]);      /* [1, k, h, w] */
    const float *maps = e->out[0].data, *gradient = e->out[1].data;
    const size_t n = (size_t)(s.dim[2] * s.dim[3]);
    *heat = (struct grid){ (int)s.dim[2], (int)s.dim[3], oc__alloc(n, sizeof(float)),
                           oc__explain_field(e, e->output[0]) };
    if (!heat->v)
        return OC_ELIMIT;
    TRY(oc__explain_run(e));
    for (int64_t k = 0; k < s.dim[1]; k++, maps += n, gradient += n)
        add_map(maps, gradient, n, a->weights, heat->v);
    for (size_t i = 0; i < n; i++)
        heat->v[i] = heat->v[i] > 0 ? heat->v[i] : 0;
    return OC_OK;
}

const struct explain_method oc__explain_grad_cam = {
    .entry = { "grad-cam", "maps of a layer, weighted by the score's gradient", attrs,
               sizeof(struct grad_cam) },
    .takes_layer = true, .suits = has_convolution, .build = build, .heat = heat,
};
