/* nn_test.c — the grammar of layers, parameters' names and shapes, models in files. */
#include "test.h"

#include <math.h>
#include "format/weights.h"
#include "nn/model.h"
#include "nn/zoo/zoo.h"
#include "op/op.h"
#include "param/store.h"

static oc_status make(oc_model **m, const char *architecture)
{
    return oc_model_new(m, &(oc_model_options){ .architecture = architecture, .classes = 10,
                                                .input = OC_SHAPE(1, 28, 28), .seed = 7 });
}

static void refuses(const char *architecture, const char *first, const char *second)
{
    oc_model *m;
    if (make(&m, architecture) != OC_EUSAGE)
        fail_msg("\"%s\" was not refused as usage", architecture);
    assert_null(m);
    error_says(first);
    error_says(second);
}

static oc_parameter parameter(oc_model *m, const char *name)
{
    const int i = oc_store_find(oc_model_store(m), name);
    if (i < 0)
        fail_msg("there is no parameter %s", name);
    return oc_store_at(oc_model_store(m), i);
}

static void has(oc_model *m, const char *name, oc_shape shape)
{
    const oc_parameter p = parameter(m, name);
    char a[OC_SHAPE_TEXT], b[OC_SHAPE_TEXT];
    assert_string_equal(oc__shape_text(&p.shape, a), oc__shape_text(&shape, b));
}

/* ---- grammar ------------------------------------------------------------------------------- */

static void mistakes_name_the_step_the_nearest_word_and_what_exists(void **state)
{
    (void)state;
    refuses("flatten; linaer 10", "did you mean linear?", "maxpool");
    refuses("conv 32 kernle=5", "step 1 (conv)", "did you mean kernel?");
    refuses("flatten; linear ten", "step 2 (linear)", "classes");
    refuses("flatten; linear", "step 2 (linear)", "wants a number");
    refuses("conv; flatten; linear 10", "step 1 (conv): out", "conv 32");
    refuses("conv 32 kernel=0; flatten; linear 10", "step 1 (conv): kernel", "wants 1 to 4096");
    refuses("conv 32 kernel=3,3,3", "step 1 (conv): kernel", "height and width");
    refuses("conv 5 groups=2", "step 1 (conv)", "2 groups");
    refuses("conv 32; linear 10 name=\"a b\"", "step 2 (linear): name", "letters");
    refuses("mpl", "unknown model 'mpl'", "did you mean mlp?");
}

static void shapes_that_do_not_fit_name_the_step(void **state)
{
    (void)state;
    refuses("conv 32; linear 10", "step 2 (linear)", "add flatten");
    refuses("flatten; conv 32", "step 2 (conv)", "not images");
    refuses("flatten; maxpool", "step 2 (maxpool)", "not images");
    refuses("conv 8; conv 8 groups=3", "step 2 (conv)", "3 groups");
    refuses("maxpool 4; maxpool 4; conv 8 kernel=5", "step 3 (conv)", "");
}

static void two_steps_cannot_share_a_name(void **state)
{
    (void)state;
    refuses("conv 8 name=a; conv 8 name=a", "step 2 (conv): the name a", "step 1 (conv)");
    refuses("linear 8 name=relu1; relu", "step 2 (relu)", "step 1 (linear)");
}

static void a_failed_addition_leaves_the_model_as_it_was(void **state)
{
    (void)state;
    oc_model *m;
    assert_ok(make(&m, "conv 8 name=c1"));
    assert_int_equal(oc_model_add(m, "conv 4 name=c2; linear 10"), OC_EUSAGE);
    assert_string_equal(oc_model_architecture(m), "conv out=8 name=c1");
    assert_int_equal(oc_store_count(oc_model_store(m)), 2);
    assert_ok(oc_model_add(m, "flatten; linear classes"));
    assert_string_equal(oc_model_architecture(m), "conv out=8 name=c1; flatten; linear out=10");
    oc_model_free(m);
}

static void a_result_of_other_classes_is_refused_when_built(void **state)
{
    (void)state;
    oc_model *m;
    oc_graph *g;
    assert_ok(make(&m, "flatten; linear 7"));
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    oc_model_build(m, g, oc__model_input(m, g, 4));
    assert_int_equal(oc_graph_check(g), OC_EUSAGE);
    error_says("[4, 7]");
    error_says("[?, 10]");
    oc_graph_free(g);
    oc_model_free(m);
}

static void help_names_every_layer_and_its_attributes(void **state)
{
    (void)state;
    char *text = oc_layers_text();
    assert_non_null(text);
    for (const struct entry *const *l = oc__layer_list; *l; l++) {
        assert_non_null(strstr(text, (*l)->name));
        for (const struct attr *a = (*l)->attrs; a && a->name; a++)
            assert_non_null(strstr(text, a->help));
    }
    oc_string_free(text);
}

/* ---- parameters ---------------------------------------------------------------------------- */

static void parameters_are_named_by_layer_or_by_kind_and_number(void **state)
{
    (void)state;
    oc_model *m;
    assert_ok(make(&m, "conv 8 kernel=5,3; conv 16 groups=4 name=stem.0; batchnorm; prelu; "
                       "layernorm axis=1; flatten; linear 12 bias=false; linear classes"));
    has(m, "conv1.weight", OC_SHAPE(8, 1, 5, 3));
    has(m, "conv1.bias", OC_SHAPE(8));
    has(m, "stem.0.weight", OC_SHAPE(16, 2, 3, 3));
    has(m, "batchnorm1.running_var", OC_SHAPE(16));
    has(m, "prelu1.weight", OC_SHAPE(1));
    has(m, "layernorm1.weight", OC_SHAPE(16, 22, 24));
    has(m, "linear1.weight", OC_SHAPE(12, 16 * 22 * 24));
    has(m, "linear2.bias", OC_SHAPE(10));
    assert_int_equal(oc_store_find(oc_model_store(m), "linear1.bias"), -1);
    assert_int_equal(parameter(m, "batchnorm1.running_mean").kind, OC_STATISTIC);
    assert_true(parameter(m, "batchnorm1.running_var").value[3] == 1);
    assert_true(parameter(m, "prelu1.weight").value[0] == 0.25f);
    oc_model_free(m);
}

/* Largest magnitude and mean of a parameter's values. */
static void spread(oc_parameter p, double *most, double *mean)
{
    const int64_t n = oc_shape_count(&p.shape);
    *most = *mean = 0;
    for (int64_t i = 0; i < n; i++) {
        *most = fmax(*most, fabs((double)p.value[i]));
        *mean += (double)p.value[i] / (double)n;
    }
}

static void weights_begin_as_in_pytorch(void **state)
{
    (void)state;
    oc_model *m;
    double most, mean;
    assert_ok(make(&m, "conv 64 kernel=5; flatten; linear 100"));
    spread(parameter(m, "conv1.weight"), &most, &mean);
    assert_true(most <= 0.2 && most > 0.199 && fabs(mean) < 0.02);
    spread(parameter(m, "conv1.bias"), &most, &mean);
    assert_true(most <= 0.2 && most > 0.18);
    const double bound = 1 / sqrt(64 * 24 * 24);
    spread(parameter(m, "linear1.weight"), &most, &mean);
    assert_true(most <= bound + 1e-9 && most > 0.999 * bound && fabs(mean) < 0.01 * bound);
    oc_model_free(m);
}

static void a_model_wide_initialiser_reaches_weights_but_not_biases(void **state)
{
    (void)state;
    oc_model *m;
    const oc_model_options o = {
        .architecture = "flatten; linear classes name=fc init=ones; batchnorm",
        .input = OC_SHAPE(1, 4, 4), .classes = 3, .init = "constant 0.5",
    };
    assert_ok(oc_model_new(&m, &o));
    assert_true(parameter(m, "fc.weight").value[5] == 0.5f);
    assert_true(parameter(m, "fc.bias").value[1] != 0.5f);
    assert_true(parameter(m, "batchnorm1.weight").value[1] == 1);
    oc_model_free(m);
}

/* ---- building ------------------------------------------------------------------------------ */

static oc_value twice(oc_graph *g, oc_value x, void *context)
{
    return oc_mul(g, x, oc_scalar(g, *(const double *)context));
}

static oc_value nothing(oc_graph *g, oc_value x, void *context)
{
    (void)g, (void)x, (void)context;
    return OC_NONE;
}

/* Runs a model on a batch of two ramps. */
static void infer(oc_model *m, float *y)
{
    enum { MOST = 2 * 784 };
    static float x[MOST];
    oc_graph *g;
    oc_session *s;
    for (int i = 0; i < MOST; i++)
        x[i] = (float)(i % 29) / 29;
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    const oc_value in = oc__model_input(m, g, 2), out = oc_model_build(m, g, in);
    assert_ok(oc_session_new(&s, g, &(oc_session_options){ .outputs = 1, .output = &out,
                                                           .backends = "reference" }));
    const oc_tensor tensor = { OC_F32, oc_value_shape(g, in), x };
    assert_ok(oc_session_run(s, &tensor, &(oc_tensor){ .data = y }));
    oc_session_free(s);
    oc_graph_free(g);
}

static void a_plain_function_is_a_layer(void **state)
{
    (void)state;
    double factor = 2;
    oc_model *m, *other;
    float y[20], z[20];
    assert_ok(make(&m, "flatten; linear classes name=fc"));
    infer(m, y);
    assert_ok(oc_model_add_function(m, "twice", twice, &factor));
    assert_string_equal(oc_model_architecture(m), "flatten; linear out=10 name=fc; function twice");
    infer(m, z);
    for (int i = 0; i < 20; i++)
        assert_true(fabsf(z[i] - 2 * y[i]) < 1e-6f);
    assert_int_equal(oc_model_add_function(m, "nothing", nothing, NULL), OC_EUSAGE);
    error_says("step 4 (function)");
    assert_ok(oc_model_save(m, place("function.safetensors"), true));
    assert_int_equal(oc_model_load(&other, place("function.safetensors"), NULL), OC_EINPUT);
    error_says("twice");
    assert_ok(oc_model_read(m, place("function.safetensors")));
    oc_model_free(m);
}

/* What a layer cannot do without. */
static const char *first_word(const char *layer)
{
    static const char *const words[][2] = {
        { "conv", " 3" }, { "linear", " 3" }, { "keep", " b" }, { "from", " a" },
        { "concat", " a" }, { "add", " a" },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i][0], layer))
            return words[i][1];
    return "";
}

static void every_layer_builds_and_runs(void **state)
{
    (void)state;
    char text[256];
    float y[20];
    for (const struct entry *const *l = oc__layer_list; *l; l++) {
        oc_model *m;
        const bool linear = !strcmp((*l)->name, "linear");
        snprintf(text, sizeof text, "conv 4 stride=4; keep a; %s%s%s; flatten; linear classes",
                 linear ? "flatten; " : "", (*l)->name, first_word((*l)->name));
        assert_ok(make(&m, text));
        infer(m, y);
        for (int i = 0; i < 20; i++)
            assert_true(isfinite(y[i]));
        oc_model_free(m);
    }
}

static void every_model_of_the_zoo_reads_back_from_its_own_text(void **state)
{
    (void)state;
    for (int i = 0; i < oc_zoo_count(); i++) {
        oc_model *m, *again;
        char *text;
        assert_ok(make(&m, oc_zoo_at(i)->name));
        assert_ok(make(&again, oc_model_architecture(m)));
        assert_string_equal(oc_model_architecture(m), oc_model_architecture(again));
        text = oc_model_text(m, 8);
        assert_non_null(text);
        assert_non_null(strstr(text, "total"));
        oc_string_free(text);
        assert_ptr_equal(oc_zoo_find(oc_zoo_at(i)->name), oc_zoo_at(i));
        oc_model_free(again);
        oc_model_free(m);
    }
    assert_null(oc_zoo_find("resnet-of-dreams"));
}

static void is_family_member(const char *name, const char *architecture)
{
    oc_model *m;
    assert_ok(make(&m, name));
    assert_string_equal(oc_model_architecture(m), architecture);
    oc_model_free(m);
}

static void a_family_of_the_zoo_reads_widths_and_settings(void **state)
{
    (void)state;
    is_family_member("layers:100,50",
                     "flatten; linear out=100 bias=false name=fc1; batchnorm name=bn1; leakyrelu; "
                     "linear out=50 bias=false name=fc2; batchnorm name=bn2; leakyrelu; "
                     "linear out=10 bias=false name=fc3; batchnorm name=bn3");
    is_family_member("layers:norm=false,bias=true", "flatten; linear out=10 name=fc1");
    is_family_member("layers:16,dropout=0.2,norm=false",
                     "flatten; linear out=16 bias=false name=fc1; dropout p=0.2; leakyrelu; "
                     "linear out=10 bias=false name=fc2; dropout p=0.2");
    is_family_member("layers",
                     "flatten; linear out=10 bias=false name=fc1; batchnorm name=bn1");
    refuses("layers:10,x", "'x'", "layers:100,50");
    refuses("layers:10,dropuot=1", "did you mean dropout?", "layers");
    assert_string_equal(oc_zoo_find("layers:7")->name, "layers");
    assert_null(oc_zoo_find("cnn:7"));
}

static void the_table_of_a_model_counts_parameters_and_flops(void **state)
{
    (void)state;
    oc_model *m;
    assert_ok(make(&m, "conv 32 kernel=5 name=c1; maxpool 2; flatten; linear classes"));
    char *text = oc_model_text(m, 64);
    assert_non_null(text);
    assert_non_null(strstr(text, "[64, 32, 24, 24]"));
    assert_non_null(strstr(text, " 832 "));
    assert_non_null(strstr(text, "58982400"));          /* 2 * 64 * 32 * 25 * 24 * 24 */
    assert_non_null(strstr(text, "46922"));             /* 832 + 4608 * 10 + 10 */
    oc_string_free(text);
    oc_model_free(m);
}

/* ---- files --------------------------------------------------------------------------------- */

static void same_values(oc_model *a, oc_model *b)
{
    oc_store *s = oc_model_store(a);
    assert_int_equal(oc_store_count(s), oc_store_count(oc_model_store(b)));
    for (int i = 0; i < oc_store_count(s); i++) {
        const oc_parameter p = oc_store_at(s, i), q = parameter(b, p.name);
        assert_true(oc_shape_equal(&p.shape, &q.shape));
        assert_memory_equal(p.value, q.value, (size_t)oc_shape_count(&p.shape) * sizeof(float));
    }
}

static void same_files(const char *a, const char *b)
{
    char *x, *y;
    size_t n, k;
    assert_ok(oc__file_load(a, 1 << 24, &x, &n));
    assert_ok(oc__file_load(b, 1 << 24, &y, &k));
    assert_int_equal(n, k);
    assert_memory_equal(x, y, n);
    oc__free(x);
    oc__free(y);
}

static void comes_back(const char *ending)
{
    const char *const names[] = { "nought", "one \"1\"", "zwei" };
    char first[64], second[64];
    oc_model *m, *back;
    snprintf(first, sizeof first, "first%s", ending);
    snprintf(second, sizeof second, "second%s", ending);
    const oc_model_options o = {
        .architecture = "conv 3 name=c1; batchnorm; relu; flatten; linear classes name=fc",
        .input = OC_SHAPE(1, 8, 8), .classes = 3, .class_name = names, .seed = 3,
        .preparation = "grayscale; resize 8; scale",
    };
    assert_ok(oc_model_new(&m, &o));
    parameter(m, "c1.weight").value[0] = NAN;
    parameter(m, "c1.weight").value[1] = -0.0f;
    parameter(m, "c1.weight").value[2] = 1e-42f;
    assert_ok(oc__model_set_loss(m, "sigmoid"));
    assert_ok(oc_model_save(m, place(first), false));
    assert_ok(oc_model_load(&back, place(first), NULL));
    same_values(m, back);
    assert_string_equal(oc_model_architecture(m), oc_model_architecture(back));
    assert_string_equal(oc_model_preparation(m), oc_model_preparation(back));
    assert_string_equal(oc__model_loss(back), "sigmoid");
    assert_string_equal(oc_model_class_name(back, 1), "one \"1\"");
    assert_ok(oc_model_save(back, place(second), false));
    same_files(place(first), place(second));
    assert_int_equal(oc_model_save(m, place(first), false), OC_EIO);
    oc_model_free(back);
    oc_model_free(m);
}

static void a_model_comes_back_from_safetensors_bit_for_bit(void **state)
{
    (void)state;
    comes_back(".safetensors");
}

static void a_model_comes_back_from_json_bit_for_bit(void **state)
{
    (void)state;
    comes_back(".json");
}

static void a_run_folder_stands_for_its_model(void **state)
{
    (void)state;
    oc_model *m, *back;
    assert_ok(make(&m, "flatten; linear classes name=fc"));
    assert_ok(oc_model_save(m, place("model.safetensors"), true));
    assert_ok(oc_model_load(&back, place(""), NULL));
    same_values(m, back);
    oc_model_free(back);
    oc_model_free(m);
}

static void tensors_that_do_not_fit_are_all_listed(void **state)
{
    (void)state;
    oc_model *m, *other;
    assert_ok(make(&m, "flatten; linear 20 name=fc1; linear classes name=fc2; prelu name=old"));
    assert_ok(make(&other, "flatten; linear 30 name=fc1; linear classes name=fc2; prelu name=new"));
    assert_ok(oc_model_save(m, place("fit.safetensors"), true));
    const float before = parameter(other, "fc2.bias").value[0];
    assert_int_equal(oc_model_read(other, place("fit.safetensors")), OC_EINPUT);
    error_says("5 tensors do not fit");
    error_says("misfitting fc1.weight: [20, 784] in the file, [30, 784] in the model");
    error_says("missing new.weight");
    error_says("surplus 'old.weight'");
    assert_true(parameter(other, "fc2.bias").value[0] == before);
    oc_model_free(other);
    oc_model_free(m);
}

static void many_that_do_not_fit_are_counted_by_kind(void **state)
{
    (void)state;
    struct str ours = { 0 }, theirs = { 0 };
    oc_model *m, *other;
    for (int i = 0; i < 12; i++) {
        oc__str_addf(&ours, "prelu name=a%d; ", i);
        oc__str_addf(&theirs, "prelu name=b%d; ", i);
    }
    oc__str_addz(&ours, "flatten; linear classes name=fc");
    oc__str_addz(&theirs, "flatten; linear classes name=fc");
    assert_ok(make(&m, oc__str_text(&ours)));
    assert_ok(make(&other, oc__str_text(&theirs)));
    assert_ok(oc_model_save(m, place("many.safetensors"), true));
    assert_int_equal(oc_model_read(other, place("many.safetensors")), OC_EINPUT);
    error_says("24 tensors do not fit");
    error_says("missing b7.weight; and 4 more missing; surplus 'a0.weight'");
    error_says("and 4 more surplus");
    oc_model_free(other);
    oc_model_free(m);
    oc__str_free(&ours);
    oc__str_free(&theirs);
}

static void names_may_have_what_wrappers_put_before_them(void **state)
{
    (void)state;
    oc_model *m, *other;
    assert_ok(make(&m, "flatten; linear classes name=module.fc"));
    assert_ok(make(&other, "flatten; linear classes name=fc"));
    parameter(m, "module.fc.bias").value[3] = 7;
    assert_ok(oc_model_save(m, place("wrapped.safetensors"), true));
    assert_ok(oc_model_read(other, place("wrapped.safetensors")));
    assert_true(parameter(other, "fc.bias").value[3] == 7);
    oc_model_free(other);
    oc_model_free(m);
}

static void metadata_that_is_wrong_is_refused_by_its_key(void **state)
{
    static const struct { const char *key, *value, *says; } changes[] = {
        { "format", "pt", NULL },                       /* nothing wrong: it loads */
        { "ocellus.format", "2", "this version reads 1" },
        { "ocellus.architecture", "linear out=3 nmae=fc", "did you mean name?" },
        { "ocellus.architecture", "linear out=3 name=gc", "missing gc.weight" },
        { "ocellus.architecture", "linear out=16777216; linear out=16777216", "not fit the model" },
        { "ocellus.architecture", NULL, "ocellus.architecture is missing" },
        { "ocellus.input", "4,", "wants \"c,h,w\"" },
        { "ocellus.input", "99999999999999999999", "elements: all may have" },
        { "ocellus.input", "0", "wants \"c,h,w\"" },
        { "ocellus.preparation", "scale; skale", "did you mean scale?" },
        { "ocellus.task", "dream", "'dream'" },
        { "ocellus.functions", "twice", "'twice'" },
        { "ocellus.loss", NULL, "ocellus.loss is missing" },
    };
    (void)state;
    float w[12] = { 1 }, b[3] = { 2 };
    const struct named_tensor tensor[] = { { "fc.weight", { OC_F32, OC_SHAPE(3, 4), w } },
                                           { "fc.bias", { OC_F32, OC_SHAPE(3), b } } };
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct pair good[] = {
            { "ocellus.format", "1" }, { "ocellus.architecture", "linear out=3 name=fc" },
            { "ocellus.input", "4" }, { "ocellus.classes", "a\nb\nc" },
            { "ocellus.preparation", "scale" }, { "ocellus.task", "classify" },
            { "ocellus.loss", "softmax" }, { "format", "pt" }, { "ocellus.functions", NULL },
        };
        struct pair used[COUNT(good)];
        int n = 0;
        for (size_t k = 0; k < COUNT(good); k++) {
            if (!strcmp(good[k].key, changes[i].key))
                good[k].value = changes[i].value;
            if (good[k].value)
                used[n++] = good[k];
        }
        oc_model *m;
        const struct weights_content content = { tensor, 2, used, n };
        assert_ok(oc__weights_write(place("meta.safetensors"), &content, WRITE_REPLACE));
        assert_int_equal(oc_model_load(&m, place("meta.safetensors"), NULL),
                         changes[i].says ? OC_EINPUT : OC_OK);
        if (changes[i].says) {
            error_says("meta.safetensors");
            error_says(changes[i].says);
        }
        oc_model_free(m);
    }
}

static void a_file_of_weights_alone_is_read_but_not_loaded(void **state)
{
    (void)state;
    const char *path = shared_data("models/burn_mnist/mnist.safetensors");
    oc_model *m;
    assert_int_equal(oc_model_load(&m, path, NULL), OC_EINPUT);
    assert_null(m);
    error_says("oc_model_read");
}

static void files_from_elsewhere_are_listed(void **state)
{
    static const char *const files[] = { "models/burn_mnist/mnist.safetensors",
                                         "models/burn_mnist/multi_layer.safetensors" };
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        char *text = oc_file_text(shared_data(files[i]));
        assert_non_null(text);
        assert_non_null(strstr(text, "F32"));
        assert_non_null(strstr(text, " tensors, "));
        oc_string_free(text);
    }
    assert_null(oc_file_text(place("missing")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_name_the_step_the_nearest_word_and_what_exists),
        cmocka_unit_test(shapes_that_do_not_fit_name_the_step),
        cmocka_unit_test(two_steps_cannot_share_a_name),
        cmocka_unit_test(a_failed_addition_leaves_the_model_as_it_was),
        cmocka_unit_test(a_result_of_other_classes_is_refused_when_built),
        cmocka_unit_test(help_names_every_layer_and_its_attributes),
        cmocka_unit_test(parameters_are_named_by_layer_or_by_kind_and_number),
        cmocka_unit_test(weights_begin_as_in_pytorch),
        cmocka_unit_test(a_model_wide_initialiser_reaches_weights_but_not_biases),
        cmocka_unit_test(a_plain_function_is_a_layer),
        cmocka_unit_test(every_layer_builds_and_runs),
        cmocka_unit_test(every_model_of_the_zoo_reads_back_from_its_own_text),
        cmocka_unit_test(a_family_of_the_zoo_reads_widths_and_settings),
        cmocka_unit_test(the_table_of_a_model_counts_parameters_and_flops),
        cmocka_unit_test(a_model_comes_back_from_safetensors_bit_for_bit),
        cmocka_unit_test(a_model_comes_back_from_json_bit_for_bit),
        cmocka_unit_test(a_run_folder_stands_for_its_model),
        cmocka_unit_test(tensors_that_do_not_fit_are_all_listed),
        cmocka_unit_test(many_that_do_not_fit_are_counted_by_kind),
        cmocka_unit_test(names_may_have_what_wrappers_put_before_them),
        cmocka_unit_test(metadata_that_is_wrong_is_refused_by_its_key),
        cmocka_unit_test(a_file_of_weights_alone_is_read_but_not_loaded),
        cmocka_unit_test(files_from_elsewhere_are_listed),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
