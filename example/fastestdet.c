/* fastestdet.c — finds objects in a picture with a detector of others, read from its ONNX file.
 *
 * FastestDet (github.com/dog-qiuqiu/FastestDet) looks at 352 x 352 pixels, blue first, as fractions
 * of white, and says for each cell (i, j) of a grid [h, w], here 22 x 22, whether an object has its
 * centre there (o), where (tx, ty) and how large it is (tw, th), and of which of 80 classes it is
 * (p_0 …).  As its utils/tool.py decodes them, in fractions of the picture:
 *
 *     centre = ((j + tanh tx) / w, (i + tanh ty) / h)      size = (sigmoid tw, sigmoid th)
 *     score  = o^0.6 (max p)^0.4
 *
 * Boxes that score above 0.65 remain, best first, unless one of their class that was taken before
 * covers the same place, their intersection being more than 0.45 of their union.
 *
 * Usage: fastestdet MODEL.onnx CLASSES.names IMAGE [OUT.png], with boxes.png by default. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ocellus.h"

static const char  *const preparation = "bgr; resize 352,352; scale";
static const double least_score = 0.65, most_overlap = 0.45;

/* What the network says of a cell, in planes of the grid. */
enum { OBJECT, CENTRE_X, CENTRE_Y, WIDTH, HEIGHT, CLASS };

enum { BOXES_MAX = 1024, CLASSES_MAX = 200, LINE = 2 };

struct box {
    double x0, y0, x1, y1;                              /* in pixels of the picture */
    double score;
    int    class_index;
};

struct boxes {
    int        n;
    struct box box[BOXES_MAX];
};

/* ---- the network --------------------------------------------------------------------------- */

/* Runs the model on x [3, 352, 352]; y [1, 5 + classes, h, w] is the caller's to free. */
static oc_status run(oc_onnx *model, oc_tensor x, oc_tensor *y)
{
    const oc_value result = oc_onnx_output(model, 0, NULL);
    const oc_session_options options = { .outputs = 1, .output = &result };
    oc_session *session;
    oc_status status = oc_session_new(&session, oc_onnx_graph(model), &options);
    if (status)
        return status;
    x.shape = OC_SHAPE(1, x.shape.dim[0], x.shape.dim[1], x.shape.dim[2]);
    status = oc_session_results(session, &x, y);
    oc_session_free(session);
    return status;
}

static oc_status look(const char *path, const oc_image *image, oc_tensor *y)
{
    oc_onnx *model;
    oc_tensor x = { 0 };
    oc_status status = oc_onnx_load(&model, path, NULL);
    if (!status)
        status = oc_image_prepare(&x, image, preparation);
    if (!status)
        status = run(model, x, y);
    oc_tensor_free(&x);
    oc_onnx_free(model);
    return status;
}

static bool is_grid(const oc_tensor *y)
{
    const int64_t *const d = y->shape.dim;
    return y->dtype == OC_F32 && y->shape.rank == 4 && d[0] == 1 && d[1] > CLASS
           && d[1] <= CLASS + CLASSES_MAX && d[2] * d[3] <= BOXES_MAX;
}

/* ---- boxes --------------------------------------------------------------------------------- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* The box of cell (i, j), whose numbers lie a plane apart. */
static struct box decode_cell(const oc_tensor *grid, int64_t i, int64_t j, const oc_image *image)
{
    const int64_t *const d = grid->shape.dim, plane = d[2] * d[3];
    const float *const cell = (const float *)grid->data + i * d[3] + j;
    int best = 0;
    for (int k = 1; k < d[1] - CLASS; k++)
        if (cell[(CLASS + k) * plane] > cell[(CLASS + best) * plane])
            best = k;
    const double x = ((double)j + tanh(cell[CENTRE_X * plane])) / (double)d[3];
    const double y = ((double)i + tanh(cell[CENTRE_Y * plane])) / (double)d[2];
    const double w = sigmoid(cell[WIDTH * plane]), h = sigmoid(cell[HEIGHT * plane]);
    return (struct box){
        (x - w / 2) * image->width, (y - h / 2) * image->height,
        (x + w / 2) * image->width, (y + h / 2) * image->height,
        pow(cell[OBJECT * plane], 0.6) * pow(cell[(CLASS + best) * plane], 0.4), best,
    };
}

/* Intersection over union. */
static double overlap(const struct box *a, const struct box *b)
{
    const double w = fmin(a->x1, b->x1) - fmax(a->x0, b->x0);
    const double h = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
    const double both = fmax(w, 0) * fmax(h, 0);
    return both / ((a->x1 - a->x0) * (a->y1 - a->y0) + (b->x1 - b->x0) * (b->y1 - b->y0) - both);
}

static int by_score(const void *a, const void *b)
{
    const double x = ((const struct box *)a)->score, y = ((const struct box *)b)->score;
    return (x < y) - (x > y);
}

static bool is_new(const struct boxes *taken, const struct box *b)
{
    for (int i = 0; i < taken->n; i++) {
        const struct box *const t = &taken->box[i];
        if (t->class_index == b->class_index && overlap(t, b) > most_overlap)
            return false;
    }
    return true;
}

static void find_boxes(const oc_tensor *grid, const oc_image *image, struct boxes *out)
{
    out->n = 0;
    for (int64_t i = 0; i < grid->shape.dim[2]; i++)
        for (int64_t j = 0; j < grid->shape.dim[3]; j++) {
            const struct box b = decode_cell(grid, i, j, image);
            if (b.score > least_score)
                out->box[out->n++] = b;
        }
    qsort(out->box, (size_t)out->n, sizeof *out->box, by_score);
    const int found = out->n;
    out->n = 0;
    for (int i = 0; i < found; i++)
        if (is_new(out, &out->box[i]))
            out->box[out->n++] = out->box[i];
}

/* ---- what is shown ------------------------------------------------------------------------- */

/* Calls it `class` and its number where the file has no line for it. */
static void class_name(FILE *names, int index, char name[64])
{
    rewind(names);
    for (int i = 0; i <= index; i++)
        if (!fgets(name, 64, names)) {
            snprintf(name, 64, "class %d", index);
            return;
        }
    name[strcspn(name, "\r\n")] = '\0';
}

static void paint(oc_image *image, int x, int y, int class_index)
{
    static const uint8_t colours[][3] = {
        { 0, 255, 255 }, { 255, 96, 0 }, { 96, 255, 0 }, { 255, 0, 160 }, { 255, 224, 0 },
    };
    const uint8_t *const colour = colours[(size_t)class_index % (sizeof colours / 3)];
    if (x < 0 || y < 0 || x >= image->width || y >= image->height)
        return;
    uint8_t *const pixel = image->pixel + ((size_t)y * (size_t)image->width + (size_t)x)
                           * (size_t)image->channels;
    for (int c = 0; c < image->channels && c < 3; c++)
        pixel[c] = colour[c];
}

static void draw(oc_image *image, const struct box *b)
{
    const int x0 = (int)b->x0, y0 = (int)b->y0, x1 = (int)b->x1, y1 = (int)b->y1;
    for (int k = 0; k < LINE; k++) {
        for (int x = x0; x <= x1; x++) {
            paint(image, x, y0 + k, b->class_index);
            paint(image, x, y1 - k, b->class_index);
        }
        for (int y = y0; y <= y1; y++) {
            paint(image, x0 + k, y, b->class_index);
            paint(image, x1 - k, y, b->class_index);
        }
    }
}

/* One line a box: class, score, corners. */
static void show(const struct boxes *boxes, FILE *names, oc_image *image)
{
    for (int i = 0; i < boxes->n; i++) {
        const struct box *const b = &boxes->box[i];
        char name[64];
        class_name(names, b->class_index, name);
        printf("%s %.3f %.1f %.1f %.1f %.1f\n", name, b->score, b->x0, b->y0, b->x1, b->y1);
        draw(image, b);
    }
}

static bool detect(const char *model, FILE *names, const char *picture, const char *out)
{
    static struct boxes boxes;
    oc_image image = { 0 };
    oc_tensor y = { 0 };
    bool good = !oc_image_load(&image, picture) && !look(model, &image, &y);
    if (!good) {
        fprintf(stderr, "fastestdet: %s\n", oc_error());
    } else if (!is_grid(&y)) {
        fprintf(stderr, "fastestdet: %s: its result is no grid of boxes\n", model);
        good = false;
    } else {
        find_boxes(&y, &image, &boxes);
        show(&boxes, names, &image);
        good = !oc_image_save(&image, out);
        if (!good)
            fprintf(stderr, "fastestdet: %s\n", oc_error());
    }
    oc_tensor_free(&y);
    oc_image_free(&image);
    return good;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: fastestdet MODEL.onnx CLASSES.names IMAGE [OUT.png]\n");
        return 2;
    }
    FILE *const names = fopen(argv[2], "r");
    if (!names) {
        perror(argv[2]);
        return 1;
    }
    const bool good = detect(argv[1], names, argv[3], argc > 4 ? argv[4] : "boxes.png");
    fclose(names);
    return !good;
}
