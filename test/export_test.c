/* export_test.c — models written as ONNX: read again they compute the same bits, and what cannot
 * be said is refused. */
#include "test.h"

#include "nn/model.h"

enum { CLASSES = 5, BATCH = 2 };

/* ---- what several tests need --------------------------------------------------------------- */

/* Networks for numbers of any shape get small images; the others the least that they can take. */
static oc_shape input_of(const char *name)
{
    return strstr(name, "u2net") ? OC_SHAPE(3, 40, 56)
         : strstr(name, "net")   ? OC_SHAPE(3, 64, 48)
                                 : OC_SHAPE(1, 28, 28);
}

/* A new model whose statistics are not those of the beginning. */
static oc_model *make(const char *architecture, oc_shape input)
{
    static const char *const names[CLASSES] = { "a", "b c", "d\"e", "é", "f" };
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){ .architecture = architecture,
                                                    .input = input, .classes = CLASSES,
                                                    .class_name = names, .seed = 7 }));
    oc_store *const s = oc_model_store(m);
    for (int i = 0; i < oc_store_count(s); i++) {
        const oc_parameter p = oc_store_at(s, i);
        for (int64_t k = 0; p.kind == OC_STATISTIC && k < oc_shape_count(&p.shape); k++)
            p.value[k] = 0.5f + (float)((k * 37 + i) % 19) / 19;
    }
    oc_store_touch(s);
    return m;
}

static oc_tensor noise(oc_shape shape)
{
    oc_tensor t = { OC_F32, shape, NULL };
    t.data = oc__alloc((size_t)oc_shape_count(&shape), sizeof(float));
    assert_non_null(t.data);
    for (int64_t i = 0; i < oc_shape_count(&shape); i++)
        ((float *)t.data)[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
    return t;
}

static int run_graph(oc_graph *g, int n, const oc_value *out, const char *backends,
                     const oc_tensor *in, oc_tensor *result)
{
    oc_session *s;
    assert_ok(oc_graph_check(g));
    assert_ok(oc_session_new(&s, g, &(oc_session_options){ .outputs = n, .output = out,
                                                           .threads = 2,
                                                           .backends = backends }));
    assert_ok(oc_session_results(s, in, result));
    oc_session_free(s);
    return n;
}

static int run_native(oc_model *m, const char *backends, const oc_tensor *in, oc_tensor *result)
{
    oc_value out[1 + OUTPUTS_MAX];
    oc_graph *g;
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    const int n = oc_model_build_all(m, g, oc__model_input(m, g, oc_symbol(g, "N")), out);
    run_graph(g, n, out, backends, in, result);
    oc_graph_free(g);
    return n;
}

static int run_file(const char *path, const char *backends, const oc_tensor *in,
                    oc_tensor *result)
{
    oc_value out[1 + OUTPUTS_MAX];
    oc_onnx *m;
    assert_ok(oc_onnx_load(&m, path, NULL));
    const int n = oc_onnx_outputs(m);
    assert_in_range(n, 1, 1 + OUTPUTS_MAX);
    for (int i = 0; i < n; i++)
        out[i] = oc_onnx_output(m, i, NULL);
    run_graph(oc_onnx_graph(m), n, out, backends, in, result);
    oc_onnx_free(m);
    return n;
}

static void compare(const char *what, const oc_tensor *a, const oc_tensor *b)
{
    assert_true(oc_shape_equal(&a->shape, &b->shape));
    if (memcmp(a->data, b->data, oc_tensor_bytes(a)) != 0)
        fail_msg("%s: other bits", what);
}

/* Writes the model, reads it, and holds the bits of both against each other. */
static void check_round(oc_model *m, const char *name, const char *backends,
                        const oc_export_options *how)
{
    const oc_shape input = oc_model_input(m);
    oc_tensor x = noise(OC_SHAPE(BATCH, input.dim[0], input.dim[1], input.dim[2]));
    oc_tensor own[1 + OUTPUTS_MAX] = { { 0 } }, again[1 + OUTPUTS_MAX] = { { 0 } };
    assert_ok(oc_model_export(m, place("model.onnx"), how));
    const int n = run_native(m, backends, &x, own);
    assert_int_equal(run_file(place("model.onnx"), backends, &x, again), n);
    for (int i = 0; i < n; i++) {
        compare(name, &own[i], &again[i]);
        oc_tensor_free(&own[i]);
        oc_tensor_free(&again[i]);
    }
    oc__free(x.data);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void every_model_of_the_zoo_computes_the_same_bits_after_a_round(void **state)
{
    const oc_export_options how = { .replace = true };
    (void)state;
    for (int i = 0; i < oc_zoo_count(); i++) {
        const char *const name = oc_zoo_at(i)->name;
        oc_model *const m = make(name, input_of(name));
        check_round(m, name, NULL, &how);
        if (oc_store_elements(oc_model_store(m)) < 5000000)
            check_round(m, name, "cpu,reference", &how);
        oc_model_free(m);
    }
}

static void small_models_compute_the_same_bits_on_the_reference(void **state)
{
    static const char *const steps[] = {
        "layers:16,dropout=0.2",
        "conv 4; batchnorm; leakyrelu; conv 4 padding=2 stride=2; elu 0.3; globalavgpool; flatten; "
        "linear classes",
        "conv 6; hardswish; prelu; avgpool 3 stride=2 padding=1 ceil; flatten; layernorm; "
        "linear classes; tanh",
        "conv 6; selu; softplus; upsample 2 mode=nearest; maxpool 3 stride=2 padding=1; "
        "upsample 3; sigmoid; flatten; linear classes",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        oc_model *const m = make(steps[i], OC_SHAPE(2, 9, 7));
        for (int64_t opset = 17; opset < 24; opset++)
            check_round(m, steps[i], "reference",
                        &(oc_export_options){ .opset = opset, .replace = true });
        oc_model_free(m);
    }
}

static void opsets_and_batches_give_the_same_bits(void **state)
{
    static const char *const names[] = {
        "resnet20", "mobilenet_v2", "u2netp", "conv 6; hardsigmoid; flatten; linear classes"
    };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        oc_model *const m = make(names[i], OC_SHAPE(3, 40, 40));
        for (int64_t opset = 13; opset < 24; opset += 3)
            check_round(m, names[i], NULL,
                        &(oc_export_options){ .opset = opset, .replace = true,
                                              .batch = opset % 2 ? BATCH : 0 });
        oc_model_free(m);
    }
    oc_model *const m = make("resnet20", OC_SHAPE(3, 32, 32));
    for (int64_t opset = 11; opset < 13; opset++)
        check_round(m, "resnet20", NULL,
                    &(oc_export_options){ .opset = opset, .replace = true });
    oc_model_free(m);
}

static void an_activation_that_the_opset_lacks_is_made_of_others(void **state)
{
    (void)state;
    oc_model *const m = make("conv 4; gelu; gelu tanh; mish; hardswish; silu; flatten; "
                             "linear classes", OC_SHAPE(1, 8, 8));
    oc_tensor x = noise(OC_SHAPE(BATCH, 1, 8, 8)), own, again;
    for (int64_t opset = 12; opset < 24; opset++) {
        assert_ok(oc_model_export(m, place("model.onnx"),
                                  &(oc_export_options){ .opset = opset, .replace = true }));
        run_native(m, "reference", &x, &own);
        run_file(place("model.onnx"), "reference", &x, &again);
        for (int64_t i = 0; i < oc_shape_count(&own.shape); i++)
            assert_float_equal(oc_tensor_get(&own, i), oc_tensor_get(&again, i), 1e-6);
        oc_tensor_free(&own);
        oc_tensor_free(&again);
    }
    oc__free(x.data);
    oc_model_free(m);
}

static void what_an_opset_lacks_is_refused_and_nothing_is_written(void **state)
{
    (void)state;
    oc_model *const norm = make("flatten; layernorm; linear classes", OC_SHAPE(1, 4, 4));
    assert_int_equal(oc_model_export(norm, place("none.onnx"),
                                     &(oc_export_options){ .opset = 16 }), OC_EUSAGE);
    error_says("LayerNormalization");
    error_says("opset 16 lacks it");
    assert_int_equal(oc_model_export(norm, place("none.onnx"),
                                     &(oc_export_options){ .opset = 99 }), OC_EUSAGE);
    error_says("9 to 23");
    assert_false(oc__is_file(place("none.onnx")));
    oc_model_free(norm);
}

static void an_existing_file_is_kept_unless_it_may_be_replaced(void **state)
{
    (void)state;
    oc_model *const m = make("flatten; linear classes", OC_SHAPE(1, 4, 4));
    assert_ok(oc_model_export(m, place("kept.onnx"), NULL));
    assert_int_equal(oc_model_export(m, place("kept.onnx"), NULL), OC_EIO);
    error_says("exists already");
    oc_model_free(m);
}

static void equal_models_give_equal_bytes_and_metadata_says_the_rest(void **state)
{
    char *text[2];
    size_t n[2];
    oc_onnx *read;
    (void)state;
    for (int i = 0; i < 2; i++) {
        oc_model *const m = make("resnet20", OC_SHAPE(3, 32, 32));
        const char *const path = place(i ? "b.onnx" : "a.onnx");
        assert_ok(oc_model_export(m, path, NULL));
        assert_ok(oc__file_load(path, 1 << 24, &text[i], &n[i]));
        oc_model_free(m);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(text[0], text[1], n[0]);
    oc__free(text[0]);
    oc__free(text[1]);
    assert_ok(oc_onnx_load(&read, place("a.onnx"), NULL));
    assert_string_equal(oc_onnx_metadata(read, "ocellus.classes"), "a\nb c\nd\"e\né\nf");
    assert_string_equal(oc_onnx_metadata(read, "ocellus.preparation"), "scale");
    assert_string_equal(oc_onnx_metadata(read, "ocellus.task"), "classify");
    assert_string_equal(oc_onnx_producer(read), "ocellus " OC_VERSION);
    assert_int_equal(oc_onnx_opset(read), 17);
    const oc_store *const s = oc_onnx_store(read);
    assert_true(oc_store_find(s, "layer1.0.conv1.weight") >= 0);
    oc_onnx_free(read);
}

/* ---- training what was read ---------------------------------------------------------------- */

/* Trains a little; the loss of each epoch goes to `loss`. */
enum { EPOCHS = 2 };
static void train(oc_model *m, double loss[2 * EPOCHS])
{
    oc_data *data;
    oc_train_result result;
    assert_ok(oc_data_open(&data, "synth:digits,train=256,test=32"));
    assert_ok(oc_train(m, data,
                       &(oc_train_options){ .epochs = EPOCHS, .batch = 32, .validation = 0.25,
                                            .optimizer = "adam learning_rate=0.001",
                                            .schedule = "constant", .seed = 3, .threads = 1 },
                       NULL, 0, NULL, &result));
    assert_int_equal(result.epochs, EPOCHS);
    for (int i = 0; i < EPOCHS; i++) {
        loss[2 * i] = result.epoch[i].train_loss;
        loss[2 * i + 1] = result.epoch[i].val_loss;
    }
    oc_train_result_free(&result);
    oc_data_free(data);
}

static oc_model *make_ten(const char *architecture)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){ .architecture = architecture, .classes = 10,
                                                    .input = OC_SHAPE(1, 28, 28), .seed = 5 }));
    return m;
}

static void an_imported_model_trains_as_its_native_twin_does_bit_for_bit(void **state)
{
    static const char *const twins[] = {
        "layers:16", "layers:16,dropout=0.3",
        ("conv 4 stride=2; batchnorm momentum=0.2; relu; basicblock 8 stride=2 shortcut=pad; "
         "dropout 0.1; globalavgpool; flatten; linear classes"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(twins); i++) {
        double native[2 * EPOCHS], imported[2 * EPOCHS];
        oc_model *const m = make_ten(twins[i]), *twin;
        assert_ok(oc_model_export(m, place("twin.onnx"), &(oc_export_options){ .replace = true }));
        assert_ok(oc_model_load(&twin, place("twin.onnx"), NULL));
        train(m, native);
        train(twin, imported);
        for (int k = 0; k < 2 * EPOCHS; k++)
            assert_true(native[k] == imported[k]);
        oc_model_free(twin);
        oc_model_free(m);
    }
}

static void an_imported_model_is_saved_loaded_and_written_again_in_the_same_bits(void **state)
{
    static const char *const names[] = { "resnet20", "u2netp", "mobilenet_v2" };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        oc_model *const m = make(names[i], OC_SHAPE(3, 40, 40)), *twin, *loaded;
        oc_tensor x = noise(OC_SHAPE(BATCH, 3, 40, 40));
        oc_tensor own[1 + OUTPUTS_MAX] = { { 0 } }, again[1 + OUTPUTS_MAX] = { { 0 } };
        const oc_export_options how = { .replace = true };
        assert_ok(oc_model_export(m, place("a.onnx"), &how));
        assert_ok(oc_model_load(&twin, place("a.onnx"), NULL));
        assert_ok(oc_model_save(twin, place("twin.safetensors"), true));
        assert_ok(oc_model_load(&loaded, place("twin.safetensors"), NULL));
        assert_string_equal(oc_model_architecture(loaded), oc_model_architecture(twin));
        assert_int_equal(oc_model_classes(loaded), oc_model_classes(m));
        assert_string_equal(oc_model_class_name(loaded, 0), oc_model_class_name(m, 0));
        assert_ok(oc_model_export(loaded, place("b.onnx"), &how));
        const int n = run_native(m, NULL, &x, own);
        assert_int_equal(run_file(place("b.onnx"), NULL, &x, again), n);
        for (int k = 0; k < n; k++) {
            compare(names[i], &own[k], &again[k]);
            oc_tensor_free(&own[k]);
            oc_tensor_free(&again[k]);
        }
        oc__free(x.data);
        oc_model_free(m);
        oc_model_free(twin);
        oc_model_free(loaded);
    }
}

static void another_number_of_classes_gets_a_new_head_and_keeps_the_rest(void **state)
{
    static const char *const heads[] = {
        "conv 4; relu; globalavgpool; flatten; linear classes name=fc",
        "conv 4; relu; conv classes kernel=1 name=fc; globalavgpool; flatten",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(heads); i++) {
        oc_model *const m = make_ten(heads[i]), *other;
        assert_ok(oc_model_export(m, place("ten.onnx"), &(oc_export_options){ .replace = true }));
        assert_ok(oc_model_load(&other, place("ten.onnx"), &(oc_model_options){ .classes = 3 }));
        const oc_parameter head = oc_store_at(oc_model_store(other),
                                              oc_store_find(oc_model_store(other), "fc.weight"));
        const oc_parameter first = oc_store_at(oc_model_store(other), 0);
        const oc_parameter was = oc_store_at(oc_model_store(m), 0);
        assert_int_equal(head.shape.dim[0], 3);
        assert_true(head.value[0] != 0);
        assert_memory_equal(first.value, was.value, 4 * 9 * sizeof(float));
        oc_model_free(m);
        oc_model_free(other);
    }
}

static void frozen_norms_of_an_imported_model_keep_their_statistics(void **state)
{
    oc_value in;
    (void)state;
    oc_model *const m = make("conv 4; batchnorm name=bn; relu; flatten; linear classes",
                             OC_SHAPE(1, 6, 6)), *twin;
    oc_graph *g;
    assert_ok(oc_model_export(m, place("norm.onnx"), NULL));
    assert_ok(oc_model_load(&twin, place("norm.onnx"), NULL));
    assert_ok(oc_graph_new(&g, oc_model_store(twin)));
    in = oc__model_input(twin, g, BATCH);
    assert_true(oc__model_build_inference(twin, g, in).id > 0);
    char *const text = oc_graph_text(g);
    assert_non_null(strstr(text, "BatchNormalizationInference"));
    oc_string_free(text);
    oc_graph_free(g);
    oc_model_free(m);
    oc_model_free(twin);
}

static void an_unsound_graph_is_refused_with_its_line(void **state)
{
    static const struct { const char *text, *says; } cases[] = {
        { "graph 1\ninput f32 1,4,4\nRelu r 2\noutput 2\n", "line 3" },
        { "graph 1\ninput f32 1,4,4\nRelax r 1\noutput 2\n", "unknown operator" },
        { "graph 1\ninput f32 9\n", "another size" },
        { "graph 1\ninput f32 1,4,4\n", "no output" },
        { "graph 1\nconstant i64 4000000000 1\n", "line 2" },
        { "graph 1\ninput f32 1,4,4\nRelu r 1 alpha=2\noutput 2\n", "alpha" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        oc_model *m;
        assert_true(oc_model_new(&m, &(oc_model_options){ .architecture = cases[i].text,
                                                          .input = OC_SHAPE(1, 4, 4),
                                                          .classes = 2 }) < 0);
        error_says(cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_of_the_zoo_computes_the_same_bits_after_a_round),
        cmocka_unit_test(small_models_compute_the_same_bits_on_the_reference),
        cmocka_unit_test(opsets_and_batches_give_the_same_bits),
        cmocka_unit_test(an_activation_that_the_opset_lacks_is_made_of_others),
        cmocka_unit_test(what_an_opset_lacks_is_refused_and_nothing_is_written),
        cmocka_unit_test(an_existing_file_is_kept_unless_it_may_be_replaced),
        cmocka_unit_test(equal_models_give_equal_bytes_and_metadata_says_the_rest),
        cmocka_unit_test(an_imported_model_trains_as_its_native_twin_does_bit_for_bit),
        cmocka_unit_test(an_imported_model_is_saved_loaded_and_written_again_in_the_same_bits),
        cmocka_unit_test(another_number_of_classes_gets_a_new_head_and_keeps_the_rest),
        cmocka_unit_test(frozen_norms_of_an_imported_model_keep_their_statistics),
        cmocka_unit_test(an_unsound_graph_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
