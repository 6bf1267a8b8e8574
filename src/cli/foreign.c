/* foreign.c — see foreign.h. */
#include "cli/foreign.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "cli/output.h"
#include "cli/term.h"

enum { SHOWN = 8 };                                     /* numbers of a result that are printed */

bool oc__names_onnx(const char *word)
{
    const char *const dot = strrchr(word, '.');
    struct file f;
    unsigned char head[16];
    if (dot && !strcmp(dot, ".onnx"))
        return true;
    if (!oc__is_file(word) || oc__file_open(&f, word) < 0)
        return false;
    const char *kind = NULL;
    if (f.size >= (int64_t)sizeof head && oc__file_read(&f, 0, head, sizeof head) == OC_OK)
        kind = oc__file_kind(head, sizeof head);
    oc__file_close(&f);
    return kind && strstr(kind, "ONNX");
}

static void shape_text(const oc_shape *s, struct str *out)
{
    oc__str_clear(out);
    if (s->rank < 0)
        oc__str_addz(out, "unknown");
    for (int i = 0; i < s->rank; i++)
        oc__str_addf(out, s->dim[i] < 0 ? "%s?" : "%s%" PRId64, i ? " × " : "", s->dim[i]);
    if (s->rank == 0)
        oc__str_addz(out, "one number");
}

/* ---- probing ------------------------------------------------------------------------------- */

/* Open dimensions of an input: the first is the batch, the others come from the words. */
static oc_status close_shape(const char *name, const char *words, int64_t batch, oc_shape *s)
{
    const char *at = words;
    for (int i = 0; i < s->rank; i++) {
        char *end;
        const int64_t given = i > 0 && at ? strtoll(at, &end, 10) : 0;
        if (i > 0 && at && (end == at || given < 1 || (*end && *end != ',')))
            return oc__fail(OC_EUSAGE, "--input: %s: wants dimensions such as 3,224,224",
                            oc__quote_z(words));
        if (i > 0 && at)
            at = *end ? end + 1 : NULL;
        if (s->dim[i] >= 0)
            continue;
        s->dim[i] = i == 0 ? batch : given;
        if (s->dim[i] < 1)
            return oc__fail(OC_EUSAGE, "input %s: dimension %d is open; --input gives what follows "
                                       "the first, as in 3,224,224", oc__quote_z(name), i);
    }
    return s->rank >= 0 ? OC_OK : oc__fail(OC_EUSAGE, "input %s: its rank is not known",
                                           oc__quote_z(name));
}

/* Noise for numbers, zeroes for what may be an index. */
static oc_status make_input(oc_tensor *t)
{
    if (oc_tensor_bytes(t) == SIZE_MAX)
        return oc__fail(OC_ELIMIT, "an input of uncountable size");
    t->data = oc__block_alloc(oc_tensor_bytes(t) + 1);
    if (!t->data)
        return OC_ELIMIT;
    for (int64_t i = 0; t->dtype == OC_F32 && i < oc_shape_count(&t->shape); i++)
        ((float *)t->data)[i] = (float)(i * 2654435761u % 1000) / 1000.0f;
    return OC_OK;
}

static oc_status open_probe(struct probe *p, oc_onnx *m, const char *words,
                            const struct probe_options *how)
{
    oc_value output[PROBE_MAX];
    oc_shape shape[PROBE_MAX];
    oc_graph *const g = oc_onnx_graph(m);
    if (oc_onnx_inputs(m) > PROBE_MAX || oc_onnx_outputs(m) > PROBE_MAX)
        return oc__fail(OC_ELIMIT, "more than %d inputs or outputs", PROBE_MAX);
    for (int i = 0; i < oc_onnx_inputs(m); i++) {
        const oc_value x = oc_onnx_input(m, i);
        p->in[i] = (oc_tensor){ oc_value_dtype(g, x), oc_value_shape(g, x), NULL };
        TRY(close_shape(oc_value_name(g, x), words, how->batch, &p->in[i].shape));
        TRY(make_input(&p->in[i]));
        shape[i] = p->in[i].shape;
    }
    for (int i = 0; i < oc_onnx_outputs(m); i++)
        output[i] = oc_onnx_output(m, i, NULL);
    const oc_session_options options = {
        .device = how->device, .backends = how->backends, .threads = how->threads,
        .outputs = oc_onnx_outputs(m), .output = output,
    };
    TRY(oc_session_new(&p->session, g, &options));
    return oc_session_prepare(p->session, shape);
}

oc_status oc__foreign_probe(struct probe *p, oc_onnx **model, const char *path, const char *shape,
                            const struct probe_options *how)
{
    *p = (struct probe){ 0 };
    *model = NULL;
    if (how->mode == OC_TRAIN)
        return oc__fail(OC_EUSAGE, "%s: a model of ONNX is timed and planned in inference: "
                                   "--mode infer", path);
    TRY(oc_onnx_load(model, path, NULL));
    return open_probe(p, *model, shape, how);
}

/* ---- looking ------------------------------------------------------------------------------- */

static void print_value(const oc_onnx *m, const char *what, oc_value v, const char *name)
{
    const oc_graph *const g = oc_onnx_graph((oc_onnx *)(uintptr_t)m);
    const oc_shape shape = oc_value_shape(g, v);
    struct str text = { 0 };
    shape_text(&shape, &text);
    printf("%-12s %s, %s, %s\n", what, oc__printable(name), oc_dtype_name(oc_value_dtype(g, v)),
           oc__str_text(&text));
    oc__str_free(&text);
}

static void print_facts(const struct foreign_inspect *o, oc_onnx *m)
{
    char number[32];
    const char *name;
    printf("%s%s%s\n", oc__style(STYLE_BOLD), oc__printable(o->path), oc__style(STYLE_PLAIN));
    printf("format       ONNX, opset %" PRId64 ", by %s\n", oc_onnx_opset(m),
           *oc_onnx_producer(m) ? oc__printable(oc_onnx_producer(m)) : "an unnamed producer");
    for (int i = 0; i < oc_onnx_inputs(m); i++) {
        const oc_value v = oc_onnx_input(m, i);
        print_value(m, "input", v, oc_value_name(oc_onnx_graph(m), v));
    }
    for (int i = 0; i < oc_onnx_outputs(m); i++) {
        const oc_value v = oc_onnx_output(m, i, &name);
        print_value(m, "output", v, name);
    }
    printf("parameters   %s\n\n", oc__count_text(oc_store_elements(oc_onnx_store(m)), number));
}

static oc_status print_lines(char *text)
{
    if (!text)
        return oc__fail(OC_ELIMIT, "no memory for the text");
    oc__print_lines(text);
    oc_string_free(text);
    return OC_OK;
}

static json_t *json_value(const oc_graph *g, oc_value v, const char *name)
{
    const oc_shape shape = oc_value_shape(g, v);
    json_t *const dims = json_array();
    for (int i = 0; dims && i < shape.rank; i++)
        json_array_append_new(dims, shape.dim[i] < 0 ? json_null() : json_integer(shape.dim[i]));
    return json_pack("{s:o, s:s, s:o}", "name", oc__text_json(name), "type",
                     oc_dtype_name(oc_value_dtype(g, v)), "shape", dims);
}

static json_t *json_facts(oc_onnx *m, int64_t bytes)
{
    const oc_graph *const g = oc_onnx_graph(m);
    json_t *const inputs = json_array(), *const outputs = json_array();
    for (int i = 0; inputs && i < oc_onnx_inputs(m); i++) {
        const oc_value v = oc_onnx_input(m, i);
        json_array_append_new(inputs, json_value(g, v, oc_value_name(g, v)));
    }
    for (int i = 0; outputs && i < oc_onnx_outputs(m); i++) {
        const char *name;
        const oc_value v = oc_onnx_output(m, i, &name);
        json_array_append_new(outputs, json_value(g, v, name));
    }
    return json_pack("{s:s, s:I, s:o, s:o, s:o, s:I, s:I}", "format", "onnx", "opset",
                     (json_int_t)oc_onnx_opset(m), "producer", oc__text_json(oc_onnx_producer(m)),
                     "inputs", inputs, "outputs", outputs, "parameters",
                     (json_int_t)oc_store_elements(oc_onnx_store(m)), "planned_bytes",
                     (json_int_t)bytes);
}

static oc_status tell(const struct foreign_inspect *o, oc_onnx *m, struct probe *p)
{
    char weights[32], arena[32];
    const int64_t bytes = oc_store_elements(oc_onnx_store(m)) * (int64_t)sizeof(float);
    if (!oc__output_is_stdout(o->json)) {
        print_facts(o, m);
        TRY(print_lines(oc_graph_text(oc_onnx_graph(m))));
        printf("\nmemory       parameters %s, and %s planned for inference at batch %" PRId64 "\n",
               oc__bytes_text(bytes, weights),
               oc__bytes_text(oc_session_bytes(p->session), arena), o->how.batch);
        if (o->plan) {
            printf("\n");
            TRY(print_lines(oc_session_text(p->session)));
        }
    }
    return o->json ? oc__output_json(o->json, o->force,
                                     json_facts(m, oc_session_bytes(p->session)))
                   : OC_OK;
}

oc_status oc__foreign_inspect(const struct foreign_inspect *o)
{
    oc_onnx *m;
    struct probe p;
    oc_status status = oc__foreign_probe(&p, &m, o->path, o->shape, &o->how);
    if (!status)
        status = tell(o, m, &p);
    oc__probe_close(&p);
    oc_onnx_free(m);
    return status;
}

/* ---- running on arrays --------------------------------------------------------------------- */

struct work {
    oc_onnx    *model;
    oc_session *session;
    oc_tensor   in[PROBE_MAX], out[PROBE_MAX];
    const char *name[PROBE_MAX];                        /* of outputs */
    int         outputs;
};

/* The number of the input of that name; -1: none. */
static int find_input(const oc_onnx *m, const oc_graph *g, const char *name, size_t n)
{
    for (int i = 0; i < oc_onnx_inputs(m); i++) {
        const char *const own = oc_value_name(g, oc_onnx_input(m, i));
        if (strlen(own) == n && !strncmp(own, name, n))
            return i;
    }
    return -1;
}

/* Arrays come in the type that the input wants. */
static oc_status convert(oc_tensor *t, oc_dtype type)
{
    oc_tensor to = { type, t->shape, NULL };
    if (t->dtype == type)
        return OC_OK;
    to.data = oc__block_alloc(oc_tensor_bytes(&to) + 1);
    if (!to.data)
        return OC_ELIMIT;
    for (int64_t i = 0; i < oc_shape_count(&t->shape); i++)
        oc_tensor_set(&to, i, oc_tensor_get(t, i));
    oc_tensor_free(t);
    *t = to;
    return OC_OK;
}

/* One "name=file" of the list, or a file alone where there is one input. */
static oc_status load_input(struct work *w, const char *word, size_t n)
{
    char path[1024];
    const oc_graph *const g = oc_onnx_graph(w->model);
    const char *const equals = memchr(word, '=', n);
    const size_t name = equals ? (size_t)(equals - word) : 0;
    const int i = equals ? find_input(w->model, g, word, name)
                         : oc_onnx_inputs(w->model) == 1 ? 0 : -1;
    if (i < 0)
        return oc__fail(OC_EUSAGE, "--input: %s: wants NAME=FILE with a name of an input",
                        oc__quote(word, n));
    const char *const file = equals ? equals + 1 : word;
    snprintf(path, sizeof path, "%.*s", (int)(n - (size_t)(file - word)), file);
    oc_tensor_free(&w->in[i]);
    TRY(oc_tensor_load(&w->in[i], path));
    return convert(&w->in[i], oc_value_dtype(g, oc_onnx_input(w->model, i)));
}

static oc_status load_inputs(struct work *w, const char *words)
{
    for (const char *p = words; p && *p;) {
        const size_t n = strcspn(p, ",");
        TRY(load_input(w, p, n));
        p += n + (p[n] == ',');
    }
    for (int i = 0; i < oc_onnx_inputs(w->model); i++)
        if (!w->in[i].data)
            return oc__fail(OC_EUSAGE, "input %s: no array; --input NAME=FILE.npy gives one",
                            oc__quote_z(oc_value_name(oc_onnx_graph(w->model),
                                                      oc_onnx_input(w->model, i))));
    return OC_OK;
}

static oc_status choose_outputs(struct work *w, const char *name, oc_value *v)
{
    w->outputs = name ? 1 : oc_onnx_outputs(w->model);
    if (w->outputs > PROBE_MAX || oc_onnx_inputs(w->model) > PROBE_MAX)
        return oc__fail(OC_ELIMIT, "more than %d inputs or outputs", PROBE_MAX);
    for (int i = 0; i < w->outputs; i++)
        v[i] = name ? oc_onnx_value(w->model, name) : oc_onnx_output(w->model, i, &w->name[i]);
    w->name[0] = name ? name : w->name[0];
    if (v[0].id <= 0)
        return oc__fail(OC_EUSAGE, "--output: %s: the model has no value of that name",
                        oc__quote_z(name));
    return OC_OK;
}

static void print_result(const char *name, const oc_tensor *t)
{
    struct str shape = { 0 };
    double least = INFINITY, most = -INFINITY, sum = 0;
    const int64_t n = oc_shape_count(&t->shape);
    for (int64_t i = 0; i < n; i++) {
        const double v = oc_tensor_get(t, i);
        least = fmin(least, v);
        most = fmax(most, v);
        sum += v;
    }
    shape_text(&t->shape, &shape);
    printf("%s%s%s  %s  %s", oc__style(STYLE_BOLD), oc__printable(name), oc__style(STYLE_PLAIN),
           oc_dtype_name(t->dtype), oc__str_text(&shape));
    if (n)
        printf("  %.6g to %.6g, mean %.6g", least, most, sum / (double)n);
    printf("\n ");
    for (int64_t i = 0; i < n && i < SHOWN; i++)
        printf(" %.6g", oc_tensor_get(t, i));
    printf(n > SHOWN ? " …\n" : "\n");
    oc__str_free(&shape);
}

/* The last two dimensions as a picture from the least, black, to the largest, white; three planes
 * before them are its colours. */
static oc_status save_picture(const oc_tensor *t, const char *path)
{
    const int r = t->shape.rank;
    const int64_t h = r < 2 ? 0 : t->shape.dim[r - 2], v = r < 2 ? 0 : t->shape.dim[r - 1];
    const int64_t planes = h * v > 0 ? oc_shape_count(&t->shape) / (h * v) : 0;
    double least = INFINITY, most = -INFINITY;
    if ((planes != 1 && planes != 3) || h > 65500 || v > 65500)
        return oc__fail(OC_EUSAGE, "%s: a picture has one or three planes", path);
    oc_image image = { (int)v, (int)h, (int)planes, NULL };
    uint8_t *const pixel = oc__alloc((size_t)(h * v * planes), 1);
    if (!pixel)
        return OC_ELIMIT;
    image.pixel = pixel;
    for (int64_t i = 0; i < h * v * planes; i++) {
        least = fmin(least, oc_tensor_get(t, i));
        most = fmax(most, oc_tensor_get(t, i));
    }
    for (int64_t i = 0; i < h * v * planes; i++)
        pixel[i % (h * v) * planes + i / (h * v)]
            = (uint8_t)lrint(255 * (oc_tensor_get(t, i) - least) / fmax(most - least, 1e-300));
    const oc_status status = oc_image_save(&image, path);
    oc__free(pixel);
    return status;
}

static oc_status save(const struct foreign_predict *o, const struct work *w)
{
    const char *const dot = strrchr(o->out, '.');
    if (w->outputs != 1)
        return oc__fail(OC_EUSAGE, "--out: the model has %d outputs; --output chooses one",
                        w->outputs);
    TRY(oc__output_check(o->out, o->force));
    if (dot && !strcmp(dot, ".png"))
        return save_picture(&w->out[0], o->out);
    return oc_tensor_save(&w->out[0], o->out, o->force);
}

static oc_status predict(const struct foreign_predict *o, struct work *w)
{
    oc_value v[PROBE_MAX];
    TRY(oc_onnx_load(&w->model, o->path, NULL));
    TRY(choose_outputs(w, o->output, v));
    TRY(load_inputs(w, o->inputs));
    const oc_session_options options = { .backends = o->backends, .threads = o->threads,
                                         .outputs = w->outputs, .output = v };
    TRY(oc_session_new(&w->session, oc_onnx_graph(w->model), &options));
    TRY(oc_session_results(w->session, w->in, w->out));
    for (int i = 0; i < w->outputs; i++)
        print_result(w->name[i], &w->out[i]);
    return o->out ? save(o, w) : OC_OK;
}

oc_status oc__foreign_predict(const struct foreign_predict *o)
{
    struct work *const w = oc__alloc(1, sizeof *w);
    if (!w)
        return OC_ELIMIT;
    const oc_status status = predict(o, w);
    oc_session_free(w->session);
    for (int i = 0; i < PROBE_MAX; i++) {
        oc_tensor_free(&w->in[i]);
        oc_tensor_free(&w->out[i]);
    }
    oc_onnx_free(w->model);
    oc__free(w);
    return status;
}
