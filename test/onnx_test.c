/* onnx_test.c — models of ONNX: known answers of real ones, and files that are unsound. */
#include "test.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"
#include "format/npy.h"
#include "format/onnx_tensor.h"

static oc_onnx *load(const char *path)
{
    oc_onnx *m = NULL;
    assert_ok(oc_onnx_load(&m, path, NULL));
    return m;
}

/* Runs a model on one input; its first output, or that value, in memory of its own. */
static oc_tensor run(oc_onnx *m, const oc_tensor *in, const char *value)
{
    oc_tensor out = { 0 };
    oc_session *s;
    const oc_value v = value ? oc_onnx_value(m, value) : oc_onnx_output(m, 0, NULL);
    assert_true(v.id > 0);
    assert_ok(oc_session_new(&s, oc_onnx_graph(m),
                             &(oc_session_options){ .outputs = 1, .output = &v, .threads = 2 }));
    assert_ok(oc_session_results(s, in, &out));
    oc_session_free(s);
    return out;
}

/* The largest difference, relative to the largest number expected. */
static double difference(const oc_tensor *a, const oc_tensor *b)
{
    double most = 0, scale = 0;
    assert_int_equal(oc_shape_count(&a->shape), oc_shape_count(&b->shape));
    for (int64_t i = 0; i < oc_shape_count(&a->shape); i++) {
        most = fmax(most, fabs(oc_tensor_get(a, i) - oc_tensor_get(b, i)));
        scale = fmax(scale, fabs(oc_tensor_get(b, i)));
    }
    return most / scale;
}

/* ---- known answers ------------------------------------------------------------------------ */

static void check_data_sets(const char *folder, int sets)
{
    char path[500];
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    oc_onnx *const m = load(path);
    for (int i = 0; i < sets; i++) {
        oc_tensor in, expected;
        snprintf(path, sizeof path, "%s/test_data_set_%d/input_0.pb", folder, i);
        assert_ok(oc_tensor_load(&in, path));
        snprintf(path, sizeof path, "%s/test_data_set_%d/output_0.pb", folder, i);
        assert_ok(oc_tensor_load(&expected, path));
        oc_tensor out = run(m, &in, NULL);
        assert_true(difference(&out, &expected) < 1e-5);
        oc_tensor_free(&in);
        oc_tensor_free(&out);
        oc_tensor_free(&expected);
    }
    oc_onnx_free(m);
}

static void mnist_8_gives_its_known_answers(void **state)
{
    (void)state;
    check_data_sets(shared_data("models/mnist8"), 3);
}

static void super_resolution_10_gives_its_known_answer(void **state)
{
    (void)state;
    check_data_sets(shared_data("models/super_resolution10"), 1);
}

static void check_resnet(const char *model, const char *logits)
{
    oc_tensor in, expected;
    oc_onnx *const m = load(shared_data(model));
    assert_ok(oc_tensor_load(&in, shared_data("models/resnet_cifar10/ref_input.npy")));
    assert_ok(oc_tensor_load(&expected, shared_data(logits)));
    oc_tensor out = run(m, &in, NULL);
    assert_true(difference(&out, &expected) < 1e-5);
    oc_tensor_free(&in);
    oc_tensor_free(&out);
    oc_tensor_free(&expected);
    oc_onnx_free(m);
}

static void resnets_of_cifar_10_give_their_known_logits(void **state)
{
    (void)state;
    check_resnet("models/resnet_cifar10/resnet20_cifar10.onnx",
                 "models/resnet_cifar10/resnet20_ref_logits.npy");
    check_resnet("models/resnet_cifar10/resnet56_cifar10.onnx",
                 "models/resnet_cifar10/resnet56_ref_logits.npy");
}

/* Numbers of an output: every `step`-th from the `first` on, and what they are. */
struct sample { int64_t first, step; int n; float value[32]; };

/* All outputs below were recorded from ONNX Runtime 1.31 on its CPU, on noise that any program can
 * make: the upper half of 2654435761 i mod 2^32 as a fraction, from `low` on over `range`. */
static oc_tensor run_on_noise(const char *path, oc_shape shape, double low, double range)
{
    oc_onnx *const m = load(shared_data(path));
    oc_tensor in = { OC_F32, shape, NULL };
    in.data = oc__block_alloc(oc_tensor_bytes(&in));
    for (int64_t i = 0; i < oc_shape_count(&shape); i++) {
        const uint32_t noise = (uint32_t)i * 2654435761u;
        ((float *)in.data)[i] = (float)(low + range * (noise >> 16) / 65536.0);
    }
    const oc_tensor out = run(m, &in, NULL);
    oc_tensor_free(&in);
    oc_onnx_free(m);
    return out;
}

static void check_sample(const oc_tensor *out, const struct sample *s)
{
    double most = 0, scale = 0;
    for (int i = 0; i < s->n; i++) {
        const double want = (double)s->value[i];
        assert_true(s->first + i * s->step < oc_shape_count(&out->shape));
        most = fmax(most, fabs(oc_tensor_get(out, s->first + i * s->step) - want));
        scale = fmax(scale, fabs(want));
    }
    assert_true(most < 1e-5 * scale);
}

/* The first planes are objects and boxes, the others classes. */
static void fastestdet_gives_its_known_planes(void **state)
{
    (void)state;
    static const struct sample boxes = {
        0, 151, 16, {
            0.01015344f, 0.01020789f, 0.01059157f, 0.009018511f, -0.008089349f, 0.07870303f,
            0.1076392f, -0.1733721f, -0.1373814f, -0.2207249f, -2.499608f, 1.444512f, -0.6556846f,
            -1.202987f, 1.416861f, -1.026677f,
        } };
    static const struct sample classes = {
        2420, 2420, 16, {
            0.007811754f, 0.01595378f, 0.007370138f, 0.004561062f, 0.007481966f, 0.009083233f,
            0.01234388f, 0.008947458f, 0.0224248f, 0.007735675f, 0.03772186f, 0.007294866f,
            0.008118709f, 0.01885708f, 0.01422364f, 0.008841898f,
        } };
    oc_tensor out = run_on_noise("models/fastestdet/FastestDet.onnx", OC_SHAPE(1, 3, 352, 352),
                                 0, 1);
    assert_true(oc_shape_equal(&out.shape, &OC_SHAPE(1, 85, 22, 22)));
    check_sample(&out, &boxes);
    check_sample(&out, &classes);
    oc_tensor_free(&out);
}

/* Probabilities differ by orders of magnitude, so their logarithms are compared. */
static void squeezenet_gives_its_known_probabilities(void **state)
{
    (void)state;
    static const struct sample logarithms = {
        0, 32, 32, {
            -8.358737f, -10.0841f, -7.088496f, -6.34404f, -7.923769f, -8.909997f, -8.148575f,
            -9.380112f, -8.72263f, -7.929665f, -10.0655f, -10.61703f, -10.71483f, -7.226544f,
            -8.748928f, -7.612899f, -8.72976f, -10.05227f, -10.65099f, -4.451176f, -7.512833f,
            -8.751466f, -8.644343f, -7.899661f, -8.571083f, -10.57284f, -10.73562f, -9.643867f,
            -6.106464f, -9.362265f, -10.0727f, -8.67785f,
        } };
    oc_tensor out = run_on_noise("models/squeezenet1.1/squeezenet1.1_from_ncnn.onnx",
                                 OC_SHAPE(1, 3, 227, 227), -128, 256);
    double sum = 0;
    assert_int_equal(oc_shape_count(&out.shape), 1000);
    for (int64_t i = 0; i < 1000; i++) {
        sum += oc_tensor_get(&out, i);
        oc_tensor_set(&out, i, log(oc_tensor_get(&out, i)));
    }
    assert_true(fabs(sum - 1) < 1e-5);
    check_sample(&out, &logarithms);
    oc_tensor_free(&out);
}

/* ---- files that are unsound --------------------------------------------------------------- */

/* Loads a file and runs it on zeroes, if it can be; unknown dimensions are 1. */
static oc_status load_and_run(const char *path)
{
    oc_onnx *m;
    TRY(oc_onnx_load(&m, path, NULL));
    oc_session *s = NULL;
    oc_tensor in[64] = { 0 }, out = { 0 };
    oc_shape shapes[64] = { 0 };
    const oc_value v = oc_onnx_output(m, 0, NULL);
    oc_status status = oc_session_new(&s, oc_onnx_graph(m),
                                      &(oc_session_options){ .outputs = 1, .output = &v });
    for (int i = 0; i < oc_onnx_inputs(m) && i < 64; i++) {
        const oc_value x = oc_onnx_input(m, i);
        in[i] = (oc_tensor){ oc_value_dtype(oc_onnx_graph(m), x),
                             oc_value_shape(oc_onnx_graph(m), x), NULL };
        for (int k = 0; k < in[i].shape.rank; k++)
            in[i].shape.dim[k] = in[i].shape.dim[k] < 0 ? 1 : in[i].shape.dim[k];
        shapes[i] = in[i].shape;
        if (oc_tensor_bytes(&in[i]) < 1 << 24)
            in[i].data = oc__block_alloc(oc_tensor_bytes(&in[i]) + 1);
    }
    if (!status)
        status = oc_session_prepare(s, shapes);
    if (!status)
        status = oc_session_results(s, in, &out);
    oc_tensor_free(&out);
    for (int i = 0; i < 64; i++)
        oc_tensor_free(&in[i]);
    oc_session_free(s);
    oc_onnx_free(m);
    return status;
}

static void unsound_files_are_refused_with_their_place(void **state)
{
    (void)state;
    const char *const folder = shared_data("malformed/onnx");
    struct names names;
    int refused = 0;
    assert_ok(oc__list_directory(folder, &names));
    for (size_t i = 0; i < names.n; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        oc_onnx *m = NULL;
        const oc_status status = oc_onnx_load(&m, path, NULL);
        const bool may_load = !strncmp(names.name[i], "mut_", 4) || strstr(names.name[i], "VALID");
        if (getenv("OC_SHOW"))
            printf("%s: %d %s\n", names.name[i], (int)status, status ? oc_error() : "loads");
        oc_onnx_free(m);
        if (status == OC_OK && !may_load)
            fail_msg("%s is taken", names.name[i]);
        if (status == OC_OK) {
            (void)load_and_run(path);
            continue;
        }
        refused++;
        assert_true(status == OC_EINPUT || status == OC_ELIMIT);
        error_says(names.name[i]);
        if (!strstr(oc_error(), "offset ") && !strstr(oc_error(), "node '") &&
            !strstr(oc_error(), "initializer '") && !strstr(oc_error(), "output '") &&
            !strstr(oc_error(), "opset") && !strstr(oc_error(), "graph"))
            fail_msg("%s: no place in: %s", names.name[i], oc_error());
    }
    oc__names_free(&names);
    assert_true(refused > 40);
}

static void every_prefix_of_a_model_is_refused(void **state)
{
    (void)state;
    char *bytes;
    size_t n;
    assert_ok(oc__file_load(shared_data("models/mnist8/model.onnx"), 1 << 20, &bytes, &n));
    int taken = 0;
    for (size_t k = 0; k < n; k += k < 2000 ? 1 : 97) {
        oc_onnx *m = NULL;
        FILE *const f = fopen(place("prefix.onnx"), "wb");
        assert_int_equal(fwrite(bytes, 1, k, f), k);
        fclose(f);
        taken += oc_onnx_load(&m, place("prefix.onnx"), NULL) == OC_OK;
        oc_onnx_free(m);
    }
    oc__free(bytes);
    assert_int_equal(taken, 0);
}

/* ---- models made here --------------------------------------------------------------------- */

struct bytes { unsigned char b[4096]; size_t n; };

static void put(struct bytes *to, const void *data, size_t n)
{
    assert_true(to->n + n <= sizeof to->b);
    memcpy(to->b + to->n, data, n);
    to->n += n;
}

static void put_int(struct bytes *to, int field, uint64_t v)
{
    uint64_t words[2] = { (uint64_t)field << 3, v };
    for (int i = 0; i < 2; i++)
        for (bool more = true; more; words[i] >>= 7) {
            more = words[i] > 127;
            put(to, &(unsigned char){ (unsigned char)((words[i] & 127) | (more ? 128 : 0)) }, 1);
        }
}

static void put_bytes(struct bytes *to, int field, const void *data, size_t n)
{
    struct bytes head = { { 0 }, 0 };
    put_int(&head, field, n);
    head.b[0] |= 2;                                     /* fields below 16 have one byte */
    assert_true(field < 16);
    put(to, head.b, head.n);
    put(to, data, n);
}

static void put_text(struct bytes *to, int field, const char *text)
{
    put_bytes(to, field, text, strlen(text));
}

static void put_inner(struct bytes *to, int field, const struct bytes *inner)
{
    put_bytes(to, field, inner->b, inner->n);
}

/* A value's name and type; a dimension of 0 is open and called "n". */
static void put_value(struct bytes *graph, int field, const char *name, int type, int rank,
                      const int64_t *dim)
{
    struct bytes shape = { { 0 }, 0 }, tensor = shape, kind = shape, value = shape;
    for (int i = 0; i < rank; i++) {
        struct bytes d = { { 0 }, 0 };
        if (dim[i])
            put_int(&d, 1, (uint64_t)dim[i]);
        else
            put_text(&d, 2, "n");
        put_inner(&shape, 1, &d);
    }
    put_int(&tensor, 1, (uint64_t)type);
    put_inner(&tensor, 2, &shape);
    put_inner(&kind, 1, &tensor);
    put_text(&value, 1, name);
    put_inner(&value, 2, &kind);
    put_inner(graph, field, &value);
}

/* A node of up to two inputs and one output. */
static void put_node(struct bytes *graph, const char *op, const char *a, const char *b,
                     const char *y)
{
    struct bytes node = { { 0 }, 0 };
    put_text(&node, 1, a);
    if (b)
        put_text(&node, 1, b);
    put_text(&node, 2, y);
    put_text(&node, 4, op);
    put_inner(graph, 1, &node);
}

static const char *write_model(const struct bytes *graph)
{
    struct bytes model = { { 0 }, 0 }, opset = model;
    put_int(&opset, 2, 17);
    put_int(&model, 1, 8);
    put_inner(&model, 7, graph);
    put_inner(&model, 8, &opset);
    const char *const path = place("made.onnx");
    FILE *const f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(model.b, 1, model.n, f), model.n);
    fclose(f);
    return path;
}

/* y = Reshape(x, Shape(z)) for any number n of rows, and a value in between by its name. */
static void shapes_follow_from_shapes(void **state)
{
    (void)state;
    struct bytes graph = { { 0 }, 0 };
    put_node(&graph, "Relu", "x", NULL, "positive");
    put_node(&graph, "Shape", "z", NULL, "shape");
    put_node(&graph, "Reshape", "positive", "shape", "y");
    put_value(&graph, 11, "x", 1, 2, (int64_t[]){ 0, 6 });
    put_value(&graph, 11, "z", 1, 3, (int64_t[]){ 0, 2, 3 });
    put_value(&graph, 12, "y", 1, 3, (int64_t[]){ 0, 2, 3 });
    oc_onnx *const m = load(write_model(&graph));
    float x[18];
    for (int i = 0; i < 18; i++)
        x[i] = (float)(i - 4);
    for (int64_t n = 1; n <= 3; n++) {
        const oc_tensor in[] = { { OC_F32, OC_SHAPE(n, 6), x }, { OC_F32, OC_SHAPE(n, 2, 3), x } };
        oc_tensor y = run(m, in, NULL), inner = run(m, in, "positive");
        assert_true(oc_shape_equal(&y.shape, &OC_SHAPE(n, 2, 3)));
        assert_true(oc_shape_equal(&inner.shape, &OC_SHAPE(n, 6)));
        assert_memory_equal(y.data, inner.data, (size_t)n * 6 * sizeof(float));
        assert_true(oc_tensor_get(&y, 0) == 0 && oc_tensor_get(&y, 5) == 1);
        oc_tensor_free(&y);
        oc_tensor_free(&inner);
    }
    oc_onnx_free(m);
}

/* y = Relu(Expand(x, n)) - x with n an input: two plans, of which the second knows n; the session
 * gives right answers when values change and come back. */
static void shapes_follow_from_values(void **state)
{
    (void)state;
    struct bytes graph = { { 0 }, 0 };
    put_node(&graph, "Relu", "x", NULL, "r");
    put_node(&graph, "Expand", "r", "size", "wide");
    put_node(&graph, "Sub", "wide", "x", "y");
    put_value(&graph, 11, "x", 1, 1, (int64_t[]){ 3 });
    put_value(&graph, 11, "size", 7, 1, (int64_t[]){ 2 });
    put_value(&graph, 12, "y", 1, 2, (int64_t[]){ 0, 3 });
    oc_onnx *const m = load(write_model(&graph));
    const oc_value v = oc_onnx_output(m, 0, NULL);
    oc_session *s;
    float x[] = { -1, 2, -3 };
    assert_ok(oc_session_new(&s, oc_onnx_graph(m),
                             &(oc_session_options){ .outputs = 1, .output = &v }));
    for (int turn = 0; turn < 6; turn++) {
        int64_t size[] = { 1 + turn % 3, 3 };
        const oc_tensor in[] = { { OC_F32, OC_SHAPE(3), x }, { OC_I64, OC_SHAPE(2), size } };
        oc_tensor y = { 0 };
        assert_ok(oc_session_results(s, in, &y));
        assert_true(oc_shape_equal(&y.shape, &OC_SHAPE(size[0], 3)));
        for (int64_t i = 0; i < oc_shape_count(&y.shape); i++)
            assert_true(oc_tensor_get(&y, i) == (i % 3 == 1 ? 0 : i % 3 + 1));
        oc_tensor_free(&y);
    }
    oc_session_free(s);
    oc_onnx_free(m);
}

/* Shapes that the caller gives are checked against what the file says. */
static void open_inputs_take_given_shapes(void **state)
{
    (void)state;
    struct bytes graph = { { 0 }, 0 };
    put_node(&graph, "Relu", "x", NULL, "y");
    put_value(&graph, 11, "x", 1, 2, (int64_t[]){ 0, 6 });
    put_value(&graph, 12, "y", 1, 2, (int64_t[]){ 0, 6 });
    const char *const path = write_model(&graph), *const name = "x";
    oc_onnx *m;
    oc_shape shape = OC_SHAPE(5, 6);
    const oc_onnx_options options = { .inputs = 1, .name = &name, .shape = &shape };
    assert_ok(oc_onnx_load(&m, path, &options));
    const oc_shape y = oc_value_shape(oc_onnx_graph(m), oc_onnx_output(m, 0, NULL));
    assert_true(oc_shape_equal(&y, &shape));
    oc_onnx_free(m);
    shape.dim[1] = 7;
    assert_int_equal(oc_onnx_load(&m, path, &options), OC_EUSAGE);
    error_says("x has shape [5, 7]");
}

/* Function f0 calls f1 twice, f1 calls f2 twice, and so on: without a limit that is 2^40 calls. */
static void functions_that_multiply_are_refused(void **state)
{
    (void)state;
    struct bytes graph = { { 0 }, 0 }, model = graph, opset = graph;
    put_node(&graph, "f0", "x", NULL, "y");
    put_value(&graph, 11, "x", 1, 1, (int64_t[]){ 2 });
    put_value(&graph, 12, "y", 1, 1, (int64_t[]){ 2 });
    put_int(&opset, 2, 17);
    put_int(&model, 1, 8);
    put_inner(&model, 7, &graph);
    put_inner(&model, 8, &opset);
    for (int i = 0; i < 40; i++) {
        struct bytes f = { { 0 }, 0 }, length = f;
        char name[8], next[8];
        snprintf(name, sizeof name, "f%d", i);
        snprintf(next, sizeof next, i < 39 ? "f%d" : "Relu", i + 1);
        put_text(&f, 1, name);
        put_text(&f, 4, "a");
        put_text(&f, 5, "c");
        for (int k = 0; k < 2; k++) {
            struct bytes node = { { 0 }, 0 };
            put_text(&node, 1, k ? "b" : "a");
            put_text(&node, 2, k ? "c" : "b");
            put_text(&node, 4, next);
            put_inner(&f, 7, &node);
        }
        put_inner(&f, 9, &opset);
        put(&model, "\xca\x01", 2);                     /* field 25, functions */
        put_int(&length, 1, f.n);
        put(&model, length.b + 1, length.n - 1);
        put(&model, f.b, f.n);
    }
    FILE *const file = fopen(place("f.onnx"), "wb");
    assert_int_equal(fwrite(model.b, 1, model.n, file), model.n);
    fclose(file);
    oc_onnx *m;
    assert_int_equal(oc_onnx_load(&m, place("f.onnx"), NULL), OC_ELIMIT);
    error_says("nodes and calls");
}

/* ---- weights in other files --------------------------------------------------------------- */

static oc_status load_external(const char *location, const char *offset, const char *length)
{
    struct bytes graph = { { 0 }, 0 }, tensor = graph;
    const char *const pairs[][2] = { { "location", location }, { "offset", offset },
                                     { "length", length } };
    put_node(&graph, "Add", "x", "w", "y");
    put_int(&tensor, 1, 2);                             /* dims */
    put_int(&tensor, 2, 1);                             /* FLOAT */
    put_text(&tensor, 8, "w");
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct bytes pair = { { 0 }, 0 };
        if (!pairs[i][1])
            continue;
        put_text(&pair, 1, pairs[i][0]);
        put_text(&pair, 2, pairs[i][1]);
        put_inner(&tensor, 13, &pair);
    }
    put_int(&tensor, 14, 1);                            /* data_location: EXTERNAL */
    put_inner(&graph, 5, &tensor);
    put_value(&graph, 11, "x", 1, 1, (int64_t[]){ 2 });
    put_value(&graph, 12, "y", 1, 1, (int64_t[]){ 2 });
    oc_onnx *m;
    const oc_status status = oc_onnx_load(&m, write_model(&graph), NULL);
    if (status == OC_OK) {
        const oc_parameter w = oc_store_at(oc_onnx_store(m), 0);
        assert_true(w.value[0] == 2 && w.value[1] == 3);
        oc_onnx_free(m);
    }
    return status;
}

static void weights_come_from_files_beneath_the_model_only(void **state)
{
    (void)state;
    const float numbers[] = { 1, 2, 3 };
    FILE *const f = fopen(place("w.bin"), "wb");
    assert_int_equal(fwrite(numbers, 1, sizeof numbers, f), sizeof numbers);
    fclose(f);
    assert_ok(load_external("w.bin", "4", "8"));
    assert_ok(load_external("w.bin", "4", NULL));
    assert_ok(load_external("./w.bin", "4", "8"));
    assert_int_equal(symlink("w.bin", place("link.bin")), 0);
    assert_int_equal(mkfifo(place("pipe.bin"), 0600), 0);
    static const struct { const char *location, *offset, *length; } bad[] = {
        { "/etc/passwd", "0", "8" },     { "../w.bin", "4", "8" },    { "a/../../w.bin", "4", "8" },
        { "", "4", "8" },                { "link.bin", "4", "8" },    { "pipe.bin", "4", "8" },
        { ".", "4", "8" },               { "w.bin", "8", "8" },       { "w.bin", "-4", "8" },
        { "w.bin", "4", "9" },           { "w.bin", "4", "x" },       { "missing.bin", "0", "8" },
        { "w.bin", "9223372036854775807", "8" }, { NULL, "4", "8" },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        const oc_status status = load_external(bad[i].location, bad[i].offset, bad[i].length);
        if (status != OC_EINPUT && status != OC_EIO)
            fail_msg("%s at %s: status %d", bad[i].location, bad[i].offset, (int)status);
        error_says("initializer 'w': external_data");
    }
    assert_int_equal(link(place("w.bin"), place("second.bin")), 0);
    assert_int_equal(load_external("w.bin", "4", "8"), OC_EINPUT);
    error_says("one name");
    remove(place("second.bin"));
}

static void unknown_fields_take_no_memory(void **state)
{
    (void)state;
    struct bytes graph = { { 0 }, 0 };
    put_node(&graph, "Relu", "x", NULL, "y");
    put_value(&graph, 11, "x", 1, 1, (int64_t[]){ 2 });
    put_value(&graph, 12, "y", 1, 1, (int64_t[]){ 2 });
    FILE *const f = fopen(write_model(&graph), "ab");
    for (int i = 0; i < 2000000; i++)
        assert_int_equal(fwrite("\x78\x01", 1, 2, f), 2);   /* field 15 */
    fclose(f);
    const uint64_t before = oc__mem_calls();
    oc_onnx_free(load(place("made.onnx")));
    assert_true(oc__mem_calls() - before < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mnist_8_gives_its_known_answers),
        cmocka_unit_test(super_resolution_10_gives_its_known_answer),
        cmocka_unit_test(resnets_of_cifar_10_give_their_known_logits),
        cmocka_unit_test(fastestdet_gives_its_known_planes),
        cmocka_unit_test(squeezenet_gives_its_known_probabilities),
        cmocka_unit_test(unsound_files_are_refused_with_their_place),
        cmocka_unit_test(every_prefix_of_a_model_is_refused),
        cmocka_unit_test(shapes_follow_from_shapes),
        cmocka_unit_test(shapes_follow_from_values),
        cmocka_unit_test(open_inputs_take_given_shapes),
        cmocka_unit_test(functions_that_multiply_are_refused),
        cmocka_unit_test(weights_come_from_files_beneath_the_model_only),
        cmocka_unit_test(unknown_fields_take_no_memory),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
