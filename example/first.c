/* first.c — a digit classifier from layers, one of them a plain C function: build, train, save.
 *
 * Usage: first [DATA [FILE]], with drawn digits and first.safetensors by default. */
#include <stdio.h>
#include "ocellus.h"

/* Swish: x sigmoid(x).  Its gradient follows from the operators it is made of. */
static oc_value swish(oc_graph *g, oc_value x, void *context)
{
    (void)context;
    return oc_mul(g, x, oc_sigmoid(g, x));
}

static oc_status tell(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    (void)context, (void)watched;
    printf("epoch %lld: loss %.4f, accuracy %.2f %%, validation %.2f %%\n", (long long)e->epoch,
           e->train_loss, 100 * e->train_accuracy, 100 * e->val_accuracy);
    return OC_OK;
}

static bool build(oc_model **model, const oc_data *data)
{
    const oc_model_options options = {
        .input = oc_data_shape(data), .classes = oc_data_classes(data),
        .preparation = oc_data_preparation(data), .seed = 1,
    };
    return !oc_model_new(model, &options) &&
           !oc_model_add(*model, "conv 16 kernel=5; maxpool 2; flatten; linear 64") &&
           !oc_model_add_function(*model, "swish", swish, NULL) &&
           !oc_model_add(*model, "dropout 0.25; linear classes");
}

int main(int argc, char **argv)
{
    const char *spec = argc > 1 ? argv[1] : "synth:digits,train=4000,test=1000";
    const char *file = argc > 2 ? argv[2] : "first.safetensors";
    oc_data *data = NULL;
    oc_model *model = NULL;
    oc_train_result result = { 0 };
    const oc_observer observer = { .epoch = tell };
    const oc_train_options options = {
        .loss = "softmax", .optimizer = "adamw learning_rate=0.002", .epochs = 3, .batch = 32,
        .validation = 0.1,
    };
    const bool good = !oc_data_open(&data, spec) && build(&model, data) &&
                      !oc_train(model, data, &options, &observer, 1, NULL, &result) &&
                      !oc_model_save(model, file, true);
    if (good)
        printf("test accuracy %.2f %%, saved as %s\n", 100 * result.test_accuracy, file);
    else
        fprintf(stderr, "first: %s\n", oc_error());
    oc_train_result_free(&result);
    oc_model_free(model);
    oc_data_free(data);
    return !good;
}
