/* predict_arrays.c — see predict_arrays.h. */
#include "cli/predict_arrays.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "cli/network.h"
#include "cli/output.h"
#include "cli/term.h"

enum { SHOWN = 8 };                                     /* numbers of a result that are printed */

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

struct work {
    struct network net;
    oc_session    *session;
    oc_tensor      in[NETWORK_MAX], out[NETWORK_MAX];
    const char    *name[NETWORK_MAX];                   /* of outputs */
    int            outputs;
};

static const char *input_name(const struct network *n, int i)
{
    return oc_value_name(n->graph, n->input[i]);
}

/* The number of the input of that name; -1: none. */
static int find_input(const struct network *net, const char *name, size_t n)
{
    for (int i = 0; i < net->inputs; i++)
        if (strlen(input_name(net, i)) == n && !strncmp(input_name(net, i), name, n))
            return i;
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

static bool is_array(const char *path)
{
    const char *const dot = strrchr(path, '.');
    return dot && (!strcmp(dot, ".npy") || !strcmp(dot, ".pb"));
}

/* A picture as bytes [1, h, w, c], of 1 or 3 channels as the input has them. */
static oc_status load_picture(oc_tensor *t, const char *path, int64_t channels)
{
    oc_image image;
    oc_tensor x;
    TRY(oc_image_load(&image, path));
    const oc_status status = oc_image_prepare(&x, &image, channels == 1 ? "grayscale" : "rgb");
    oc_image_free(&image);
    TRY(status);
    const int64_t c = x.shape.dim[0], pixels = x.shape.dim[1] * x.shape.dim[2];
    *t = (oc_tensor){ OC_U8, OC_SHAPE(1, x.shape.dim[1], x.shape.dim[2], c), NULL };
    t->data = oc__block_alloc(oc_tensor_bytes(t) + 1);
    for (int64_t i = 0; t->data && i < pixels * c; i++)
        ((uint8_t *)t->data)[i] = (uint8_t)((const float *)x.data)[i % c * pixels + i / c];
    oc_tensor_free(&x);
    return t->data ? OC_OK : OC_ELIMIT;
}

/* Inputs of bytes that are images take pictures, too. */
static oc_status load_file(oc_tensor *t, const char *path, const struct network *n, oc_value input)
{
    const oc_shape shape = oc_value_shape(n->graph, input);
    const oc_dtype type = oc_value_dtype(n->graph, input);
    if (type == OC_U8 && shape.rank == 4 && !is_array(path))
        return load_picture(t, path, shape.dim[3]);
    TRY(oc_tensor_load(t, path));
    return convert(t, type);
}

/* One "name=file" of the list, or a file alone where there is one input. */
static oc_status load_input(struct work *w, const char *word, size_t n)
{
    char path[1024];
    const char *const equals = memchr(word, '=', n);
    const size_t name = equals ? (size_t)(equals - word) : 0;
    const int i = equals ? find_input(&w->net, word, name) : w->net.inputs == 1 ? 0 : -1;
    if (i < 0)
        return oc__fail(OC_EUSAGE, "--input: %s: wants NAME=FILE with a name of an input",
                        oc__quote(word, n));
    const char *const file = equals ? equals + 1 : word;
    snprintf(path, sizeof path, "%.*s", (int)(n - (size_t)(file - word)), file);
    oc_tensor_free(&w->in[i]);
    return load_file(&w->in[i], path, &w->net, w->net.input[i]);
}

static oc_status load_inputs(struct work *w, const char *words)
{
    for (const char *p = words; p && *p;) {
        const size_t n = strcspn(p, ",");
        TRY(load_input(w, p, n));
        p += n + (p[n] == ',');
    }
    for (int i = 0; i < w->net.inputs; i++)
        if (!w->in[i].data)
            return oc__fail(OC_EUSAGE, "input %s: no array; --input NAME=FILE.npy gives one",
                            oc__quote_z(input_name(&w->net, i)));
    return OC_OK;
}

static oc_status choose_outputs(struct work *w, const char *name, oc_value *v)
{
    w->outputs = name ? 1 : w->net.outputs;
    for (int i = 0; i < w->outputs; i++) {
        v[i] = name ? oc__network_value(&w->net, name) : w->net.output[i];
        w->name[i] = name ? name : w->net.name[i];
    }
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

static oc_status save(const struct predict_arrays *o, const struct work *w)
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

static oc_status predict(const struct predict_arrays *o, struct work *w)
{
    const struct model_request request = { .word = o->word };
    oc_value v[NETWORK_MAX];
    TRY(oc__network_open(&w->net, &request, 0));
    TRY(choose_outputs(w, o->output, v));
    TRY(load_inputs(w, o->inputs));
    const oc_session_options options = { .backends = o->backends, .threads = o->threads,
                                         .outputs = w->outputs, .output = v };
    TRY(oc_session_new(&w->session, w->net.graph, &options));
    TRY(oc_session_results(w->session, w->in, w->out));
    for (int i = 0; i < w->outputs; i++)
        print_result(w->name[i], &w->out[i]);
    return o->out ? save(o, w) : OC_OK;
}

oc_status oc__predict_arrays(const struct predict_arrays *o)
{
    struct work *const w = oc__alloc(1, sizeof *w);
    if (!w)
        return OC_ELIMIT;
    const oc_status status = predict(o, w);
    oc_session_free(w->session);
    for (int i = 0; i < NETWORK_MAX; i++) {
        oc_tensor_free(&w->in[i]);
        oc_tensor_free(&w->out[i]);
    }
    oc__network_close(&w->net);
    oc__free(w);
    return status;
}
