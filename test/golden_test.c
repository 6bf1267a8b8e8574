/* golden_test.c — ten training steps of small networks against those of PyTorch.
 *
 * The losses were recorded by golden/make_steps.py; weights and inputs are functions of a name and
 * an index (golden/make.py), so that both sides compute them. */
#include "formula.h"
#include "test.h"

#include <math.h>
#include "backend/backend.h"
#include "base/json.h"
#include "base/status.h"
#include "nn/model.h"
#include "task/task.h"
#include "train/optimizer.h"

enum { STEPS = 10, SAMPLES = 8 };

/* ---- the record ---------------------------------------------------------------------------- */

struct norm { char name[32]; double value; };
struct record {
    char        net[16], optimizer[96];
    double      loss[STEPS];
    struct norm norm[16];
    int         norms;
};

static oc_status read_losses(struct json *j, struct record *r)
{
    bool more;
    TRY(oc__json_open(j, '['));
    for (int i = 0;; i++) {
        TRY(oc__json_item(j, &more));
        if (!more)
            return i == STEPS ? OC_OK : oc__json_fail(j, "%d losses", i);
        TRY(oc__json_number(j, &r->loss[i < STEPS ? i : STEPS - 1]));
    }
}

static oc_status read_norms(struct json *j, struct record *r)
{
    const char *key;
    TRY(oc__json_open(j, '{'));
    for (;; r->norms++) {
        TRY(oc__json_key(j, &key));
        if (!key || r->norms == 16)
            return OC_OK;
        snprintf(r->norm[r->norms].name, sizeof r->norm->name, "%s", key);
        TRY(oc__json_number(j, &r->norm[r->norms].value));
    }
}

/* The record's "adam lr=0.01 weight_decay=0.01 (L2)" in our words. */
static void translate(const char *text, char *out, size_t size)
{
    const char *lr = strstr(text, "lr="), *note = strstr(text, " (");
    snprintf(out, size, "%.*slearning_rate=%.*s", (int)(lr - text), text,
             note ? (int)(note - lr - 3) : (int)strlen(lr + 3), lr + 3);
}

static oc_status read_record(struct json *j, struct record *r)
{
    const char *key, *text;
    *r = (struct record){ 0 };
    TRY(oc__json_open(j, '{'));
    for (;;) {
        TRY(oc__json_key(j, &key));
        if (!key)
            return OC_OK;
        if (!strcmp(key, "losses")) {
            TRY(read_losses(j, r));
        } else if (!strcmp(key, "norms")) {
            TRY(read_norms(j, r));
        } else if (!strcmp(key, "net")) {
            TRY(oc__json_string(j, &text));
            snprintf(r->net, sizeof r->net, "%s", text);
        } else if (!strcmp(key, "optimizer")) {
            TRY(oc__json_string(j, &text));
            translate(text, r->optimizer, sizeof r->optimizer);
        } else {
            TRY(oc__json_skip(j));
        }
    }
}

/* ---- the networks -------------------------------------------------------------------------- */

static const struct network {
    const char *name, *layers;
    oc_shape    input;
    int         classes;
    bool        small;                                  /* the reference can afford it */
} networks[] = {
    { "mlp20", "linear 10 name=fc1; relu; linear classes name=fc2", { 1, { 20 } }, 4, true },
    { "bn", "linear 10 bias=false name=fc1; batchnorm name=bn1; leakyrelu; linear classes name=fc2",
      { 1, { 20 } }, 4, true },
    { "cnn", "conv 32 kernel=5 name=c1; maxpool; conv 64 kernel=5 name=c2; maxpool; flatten; "
             "linear 1024 name=fc1; relu; linear classes name=fc2",
      { 3, { 1, 28, 28 } }, 10, false },
    { "convnet", "conv 32 name=c0; relu; maxpool; flatten; linear 1000 name=fc0; relu; "
                 "linear classes name=fc1", { 3, { 1, 28, 28 } }, 10, false },
};

struct training {
    const struct network *network;
    oc_model             *model;
    oc_graph             *graph;
    oc_session           *session;
    struct updater        updater;
    oc_shape              shape;
    float                *x;
    int64_t               label[SAMPLES];
};

static const struct network *find_network(const char *name)
{
    for (size_t i = 0; i < COUNT(networks); i++)
        if (!strcmp(networks[i].name, name))
            return &networks[i];
    return NULL;
}

static void open_model(struct training *t)
{
    const oc_model_options o = { .architecture = t->network->layers, .input = t->network->input,
                                 .classes = t->network->classes };
    assert_ok(oc_model_new(&t->model, &o));
    oc_store *s = oc_model_store(t->model);
    for (int i = 0; i < oc_store_count(s); i++) {
        const oc_parameter p = oc_store_at(s, i);
        formula_fill(p.name, &p.shape, p.value);
    }
    oc_store_touch(s);
}

static void open_session(struct training *t, const char *backends)
{
    oc_value parameter[16], gradient[16];
    oc_store *s = oc_model_store(t->model);
    struct loss_choice loss;
    int n = 0;
    assert_ok(oc__loss_read(&loss, &oc__task_classify, "softmax"));
    assert_ok(oc_graph_new(&t->graph, s));
    const oc_value x = oc__model_input(t->model, t->graph, SAMPLES);
    const oc_value label = oc_input(t->graph, "labels", OC_I64, OC_SHAPE(SAMPLES));
    const oc_value logits = oc_model_build(t->model, t->graph, x);
    const oc_value y = oc__loss_value(&loss, t->graph, logits, label);
    for (int i = 0; i < oc_store_count(s); i++) {
        const oc_parameter p = oc_store_at(s, i);
        if (p.kind == OC_TRAINABLE)
            parameter[n++] = oc_parameter_value(t->graph, p.name, p.shape, p.kind, NULL);
    }
    oc_grad(t->graph, y, n, parameter, gradient);
    t->shape = oc_value_shape(t->graph, x);
    const oc_session_options o = {
        .mode = OC_TRAIN, .backends = backends, .outputs = 1, .output = &y,
        .gradients = n, .parameter = parameter, .gradient = gradient,
    };
    assert_ok(oc_session_new(&t->session, t->graph, &o));
}

static void open_input(struct training *t)
{
    t->x = oc__alloc((size_t)oc_shape_count(&t->shape), sizeof *t->x);
    assert_non_null(t->x);
    formula_fill("input", &t->shape, t->x);
    for (int i = 0; i < SAMPLES; i++)
        t->label[i] = i % t->network->classes;
}

static void close_training(struct training *t)
{
    oc__free(t->x);
    oc__updater_free(&t->updater);
    oc_session_free(t->session);
    oc_graph_free(t->graph);
    oc_model_free(t->model);
}

static double norm_of(oc_store *s, const char *name)
{
    const int i = oc_store_find(s, name);
    assert_true(i >= 0);
    const oc_parameter p = oc_store_at(s, i);
    return oc__norm(p.value, oc_shape_count(&p.shape));
}

static void check_step(const struct record *r, const char *backends, int step, double loss)
{
    if (fabs(loss - r->loss[step]) > 1e-4)
        fail_msg("%s, %s, on %s: step %d has loss %.6f, PyTorch %.6f", r->net, r->optimizer,
                 backends, step, loss, r->loss[step]);
}

static void check_norms(const struct record *r, const char *backends, oc_store *s)
{
    for (int i = 0; i < r->norms; i++) {
        const double found = norm_of(s, r->norm[i].name), want = r->norm[i].value;
        if (fabs(found - want) > 1e-4 * (want + 1))
            fail_msg("%s, %s, on %s: norm of %s is %.6f, PyTorch %.6f", r->net, r->optimizer,
                     backends, r->norm[i].name, found, want);
    }
}

static void train(const struct record *r, const char *backends)
{
    struct training t = { .network = find_network(r->net) };
    assert_non_null(t.network);
    open_model(&t);
    open_session(&t, backends);
    open_input(&t);
    oc_store *s = oc_model_store(t.model);
    assert_ok(oc__updater_make(&t.updater, r->optimizer, s, NULL));
    for (int step = 0; step < STEPS; step++) {
        float loss = NAN;
        const oc_tensor in[] = { { OC_F32, t.shape, t.x }, { OC_I64, OC_SHAPE(SAMPLES), t.label } };
        assert_ok(oc_session_run(t.session, in, &(oc_tensor){ .data = &loss }));
        check_step(r, backends, step, (double)loss);
        oc__updater_step(&t.updater, s->block[ROLE_GRADIENT][OC_TRAINABLE], step + 1,
                         t.updater.hyper.learning_rate, 1);
        oc_store_touch(s);
    }
    check_norms(r, backends, s);
    close_training(&t);
}

static void train_all(struct json *j, const char *backends, bool small_only)
{
    struct record r;
    bool more;
    int trained = 0;
    assert_ok(oc__json_open(j, '['));
    for (;;) {
        assert_ok(oc__json_item(j, &more));
        if (!more)
            break;
        assert_ok(read_record(j, &r));
        if (small_only && !find_network(r.net)->small)
            continue;
        train(&r, backends);
        trained++;
    }
    assert_int_equal(trained, small_only ? 12 : 14);
}

static void follow_the_record(const char *backends, bool small_only)
{
    const char *path = shared_data("golden/steps.json");
    char *text;
    size_t n;
    struct json j;
    assert_ok(oc__file_load(path, 1 << 20, &text, &n));
    oc__json_begin(&j, path, text, n, 0, 8);
    train_all(&j, backends, small_only);
    oc__json_free(&j);
    oc__free(text);
}

static void ten_steps_on_the_reference_lose_as_in_pytorch(void **state)
{
    (void)state;
    follow_the_record("reference", true);
}

static void needs(const char *backend)
{
    if (oc__backend_check(backend) < 0) {
        printf("skipped: this build has no %s\n", backend);
        skip();
    }
}

static void ten_steps_on_cpu_lose_as_in_pytorch(void **state)
{
    (void)state;
    needs("cpu");
    follow_the_record("cpu", false);
}

static void ten_steps_on_onednn_lose_as_in_pytorch(void **state)
{
    (void)state;
    needs("onednn");
    follow_the_record(oc__backend_check("cpu") < 0 ? "onednn" : "onednn,cpu", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_steps_on_the_reference_lose_as_in_pytorch),
        cmocka_unit_test(ten_steps_on_cpu_lose_as_in_pytorch),
        cmocka_unit_test(ten_steps_on_onednn_lose_as_in_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
