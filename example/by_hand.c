/* by_hand.c — the 784-10-10 network with its backward pass written by hand on tensor operations.
 *
 * h = sigmoid(x W1' + b1), z = h W2' + b2, output softmax(z); the loss is the sigmoid cross-entropy
 * summed over classes, mean over the batch, so that delta2 = (sigmoid(z) - y) / n and
 * delta1 = delta2 W2 * h (1 - h).  The same network stands beside it as a model with automatic
 * gradients; outputs and gradients of both are compared at every step of the descent.
 *
 * Usage: by_hand [DATA].  Exit status 1 where anything differs by more than 1e-6. */
#include <math.h>
#include <stdio.h>
#include "ocellus.h"

enum { BATCH = 64, PIXELS = 784, HIDDEN = 10, CLASSES = 10, STEPS = 200, PARAMETERS = 4 };

/* Results of one run: outputs and gradients by hand, then the automatic ones. */
enum { OUTPUTS = 1 + PARAMETERS, LARGEST = HIDDEN * PIXELS };
static float   result[2 * OUTPUTS][LARGEST];
static float   image[BATCH * PIXELS], target[BATCH * CLASSES];

static const char *const name[PARAMETERS] = { "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias" };

static oc_value column_sum(oc_graph *g, oc_value x)
{
    return oc_apply(g, "ReduceSum", 1, &x, "axes=0 keepdims=false");
}

/* x [n, 784], y [n, 10] one-hot, p the parameters; writes output and gradients. */
static void by_hand(oc_graph *g, oc_value x, oc_value y, const oc_value p[PARAMETERS],
                    oc_value out[OUTPUTS])
{
    const oc_value one = oc_scalar(g, 1), n = oc_scalar(g, BATCH);
    const oc_value w1 = p[0], b1 = p[1], w2 = p[2], b2 = p[3];
    const oc_value h = oc_sigmoid(g, oc_add(g, oc_matmul(g, x, oc_transpose(g, w1)), b1));
    const oc_value z = oc_add(g, oc_matmul(g, h, oc_transpose(g, w2)), b2);
    const oc_value delta2 = oc_div(g, oc_sub(g, oc_sigmoid(g, z), y), n);
    const oc_value slope = oc_mul(g, h, oc_sub(g, one, h));
    const oc_value delta1 = oc_mul(g, oc_matmul(g, delta2, w2), slope);
    out[0] = oc_softmax(g, z);
    out[1] = oc_matmul(g, oc_transpose(g, delta1), x);
    out[2] = column_sum(g, delta1);
    out[3] = oc_matmul(g, oc_transpose(g, delta2), h);
    out[4] = column_sum(g, delta2);
}

/* The model of the same layers, its loss, and what oc_grad() makes of it. */
static void automatic(oc_graph *g, oc_model *m, oc_value x, oc_value y,
                      const oc_value p[PARAMETERS], oc_value out[OUTPUTS])
{
    const oc_value images = oc_apply(g, "Reshape", 1, &x, "shape=0,1,28,28");
    const oc_value pair[] = { oc_model_build(m, g, images), y }, z = pair[0];
    const oc_value sum = oc_apply(g, "SigmoidCrossEntropy", 2, pair, "reduction=sum");
    const oc_value loss = oc_div(g, sum, oc_scalar(g, BATCH));
    out[0] = oc_softmax(g, z);
    oc_grad(g, loss, PARAMETERS, p, out + 1);
}

static oc_status load_batch(const oc_data *data)
{
    for (int i = 0; i < BATCH; i++) {
        oc_image picture;
        int64_t label;
        const oc_status status = oc_data_sample(data, OC_PART_TRAIN, i, &picture, &label);
        if (status)
            return status;
        for (int k = 0; k < PIXELS; k++)
            image[i * PIXELS + k] = (float)picture.pixel[k] / 255;
        for (int k = 0; k < CLASSES; k++)
            target[i * CLASSES + k] = k == label;
        oc_image_free(&picture);
    }
    return OC_OK;
}

/* One step down the hand-made gradient; returns how far the automatic one was from it. */
static double descend(oc_store *store, double rate)
{
    double worst = 0;
    for (int k = 0; k < OUTPUTS; k++) {
        const int at = k ? oc_store_find(store, name[k - 1]) : -1;
        const oc_parameter p = k ? oc_store_at(store, at) : (oc_parameter){ 0 };
        const int64_t count = k ? oc_shape_count(&p.shape) : BATCH * CLASSES;
        for (int64_t i = 0; i < count; i++) {
            worst = fmax(worst, fabs((double)result[k][i] - (double)result[OUTPUTS + k][i]));
            if (k)
                p.value[i] -= (float)(rate * (double)result[k][i]);
        }
    }
    oc_store_touch(store);
    return worst;
}

static int correct(void)
{
    int n = 0;
    for (int i = 0; i < BATCH; i++) {
        int best = 0;
        for (int k = 1; k < CLASSES; k++)
            best = result[0][i * CLASSES + k] > result[0][i * CLASSES + best] ? k : best;
        n += target[i * CLASSES + best] > 0;
    }
    return n;
}

static oc_status train(oc_model *m, oc_graph *g, double *worst)
{
    oc_value out[2 * OUTPUTS], p[PARAMETERS];
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(BATCH, PIXELS));
    const oc_value y = oc_input(g, "y", OC_F32, OC_SHAPE(BATCH, CLASSES));
    oc_store *store = oc_model_store(m);
    for (int i = 0; i < PARAMETERS; i++) {
        const oc_parameter known = oc_store_at(store, oc_store_find(store, name[i]));
        p[i] = oc_parameter_value(g, name[i], known.shape, OC_TRAINABLE, NULL);
    }
    by_hand(g, x, y, p, out);
    automatic(g, m, x, y, p, out + OUTPUTS);
    oc_session *session;
    const oc_session_options options = { .mode = OC_TRAIN, .outputs = 2 * OUTPUTS, .output = out };
    oc_status status = oc_session_new(&session, g, &options);
    if (status)
        return status;
    const oc_tensor in[] = { { OC_F32, OC_SHAPE(BATCH, PIXELS), image },
                             { OC_F32, OC_SHAPE(BATCH, CLASSES), target } };
    oc_tensor results[2 * OUTPUTS];
    for (int k = 0; k < 2 * OUTPUTS; k++)
        results[k].data = result[k];
    for (int step = 1; step <= STEPS && !status; step++) {
        status = oc_session_run(session, in, results);
        *worst = fmax(*worst, descend(store, 1));
        if (step == 1 || step % 50 == 0)
            printf("step %3d: %d of %d right, worst difference %.1e\n", step, correct(),
                   BATCH, *worst);
    }
    oc_session_free(session);
    return status;
}

int main(int argc, char **argv)
{
    oc_data *data = NULL;
    oc_model *model = NULL;
    oc_graph *graph = NULL;
    double worst = 0;
    const oc_model_options options = { .architecture = "sigmoid", .input = OC_SHAPE(1, 28, 28),
                                       .classes = CLASSES, .seed = 1 };
    const bool ran =
        !oc_data_open(&data, argc > 1 ? argv[1] : "synth:digits,train=1000,test=100") &&
        !load_batch(data) && !oc_model_new(&model, &options) &&
        !oc_graph_new(&graph, oc_model_store(model)) && !train(model, graph, &worst);
    if (!ran)
        fprintf(stderr, "by_hand: %s\n", oc_error());
    oc_graph_free(graph);
    oc_model_free(model);
    oc_data_free(data);
    return !ran || !(worst <= 1e-6);
}
