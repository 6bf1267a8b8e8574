/* plot_track.c — rows of parameters as images. */
#include "watch/plot_track.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/status.h"
#include "image/image.h"

enum { TILES_MAX = 64 };

/* ---- which --------------------------------------------------------------------------------- */

static oc_status read_word(struct tracks *t, const char *word)
{
    if (*word && word[strspn(word, "0123456789")] == '\0') {
        const long long rows = strtoll(word, NULL, 10);
        if (t->n == 0 || rows < 1 || rows > TRACK_ROWS_MAX)
            return oc__fail(OC_EUSAGE, "track: %s: wants a parameter's name and then 1 to %d rows",
                            oc__quote_z(word), TRACK_ROWS_MAX);
        t->track[t->n - 1].rows = rows;
        return OC_OK;
    }
    if (t->n == TRACKS_MAX)
        return oc__fail(OC_ELIMIT, "track: at most %d parameters", TRACKS_MAX);
    struct track *const track = &t->track[t->n++];
    track->rows = TRACK_ROWS;
    if (!*word || snprintf(track->name, sizeof track->name, "%s", word) >= (int)sizeof track->name)
        return oc__fail(OC_EUSAGE, "track: %s: is no parameter's name", oc__quote_z(word));
    return OC_OK;
}

oc_status oc__tracks_read(struct tracks *t, const char *text)
{
    *t = (struct tracks){ 0 };
    while (*text) {
        char word[128];
        const size_t n = strcspn(text, ",");
        if (n >= sizeof word)
            return oc__fail(OC_EUSAGE, "track: %s: is no parameter's name", oc__quote(text, n));
        memcpy(word, text, n);
        word[n] = '\0';
        TRY(read_word(t, word));
        text += n + (text[n] == ',');
    }
    return OC_OK;
}

static oc_status unknown(const char *name, oc_store *store)
{
    const int n = oc_store_count(store);
    const char **const names = oc__alloc((size_t)n + 1, sizeof *names);
    if (!names)
        return OC_ELIMIT;
    for (int i = 0; i < n; i++)
        names[i] = oc_store_at(store, i).name;
    const char *const near = oc__nearest(name, names);
    const oc_status status = oc__fail(
        OC_EUSAGE, "track: %s: the model has no parameter of that name%s%s%s", oc__quote_z(name),
        near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    oc__free(names);
    return status;
}

oc_status oc__tracks_check(const struct tracks *t, const oc_model *m)
{
    oc_store *const store = oc_model_store(m);
    for (int i = 0; i < t->n; i++)
        if (oc_store_find(store, t->track[i].name) < 0)
            return unknown(t->track[i].name, store);
    return OC_OK;
}

/* ---- a row as an image --------------------------------------------------------------------- */

/* What the numbers of a row are: c tiles of h x w; `most` is the largest size of a number. */
struct form { int c, h, w; double most; };

static colour colour_of(double v, double most)
{
    if (!isfinite(v))
        return CHART_INK;
    const double part = most > 0 ? fabs(v) / most : 0;
    return oc__colour_between(COLOUR_WHITE, v < 0 ? CHART_BLUE : CHART_VERMILION, part);
}

static void put(const oc_image *image, int x, int y, colour c)
{
    uint8_t *const to = image->pixel + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    to[0] = (uint8_t)(c >> 16);
    to[1] = (uint8_t)(c >> 8);
    to[2] = (uint8_t)c;
}

static oc_status in_colour(const struct form *f, const float *v, oc_image *out)
{
    const size_t plane = (size_t)f->h * (size_t)f->w;
    TRY(oc__image_new(out, "parameter", f->w, f->h, 3));
    for (size_t i = 0; i < plane; i++)
        for (size_t k = 0; k < 3; k++) {
            const double part = f->most > 0 ? (double)v[k * plane + i] / f->most : 0;
            out->pixel[3 * i + k] = (uint8_t)(isfinite(part) ? lrint(127.5 + 127.5 * part) : 0);
        }
    return OC_OK;
}

/* Tiles in rows, as many as columns, with a line of grey between them. */
static oc_status in_tiles(const struct form *f, const float *v, oc_image *out)
{
    const int n = f->c < TILES_MAX ? f->c : TILES_MAX, columns = (int)ceil(sqrt(n));
    const int rows = (n + columns - 1) / columns;
    TRY(oc__image_new(out, "parameter", columns * (f->w + 1) - 1, rows * (f->h + 1) - 1, 3));
    memset(out->pixel, n > 1 ? 0xc8 : 0xff, oc__image_bytes(out));
    for (int k = 0; k < n; k++)
        for (int y = 0; y < f->h; y++)
            for (int x = 0; x < f->w; x++) {
                const size_t at = ((size_t)k * (size_t)f->h + (size_t)y) * (size_t)f->w + (size_t)x;
                put(out, k % columns * (f->w + 1) + x, k / columns * (f->h + 1) + y,
                    colour_of((double)v[at], f->most));
            }
    return OC_OK;
}

/* Numbers in no order that shows: the nearest to a square, the rest of it white. */
static oc_status in_a_square(int64_t n, double most, const float *v, oc_image *out)
{
    const int side = (int)ceil(sqrt((double)n));
    TRY(oc__image_new(out, "parameter", side, (n + side - 1) / side, 3));
    memset(out->pixel, 0xff, oc__image_bytes(out));
    for (int64_t i = 0; i < n; i++)
        put(out, (int)(i % side), (int)(i / side), colour_of((double)v[i], most));
    return OC_OK;
}

/* Filters have their own shape; a row as long as the input has the input's. */
static bool has_form(const oc_parameter *p, int64_t length, const oc_model *m, struct form *f)
{
    const oc_shape input = oc_model_input(m);
    const oc_shape filter = { 3, { p->shape.dim[1], p->shape.dim[2], p->shape.dim[3] } };
    const oc_shape *const s = p->shape.rank == 4 ? &filter : &input;
    f->c = (int)s->dim[0];
    f->h = (int)s->dim[1];
    f->w = (int)s->dim[2];
    return oc_shape_count(s) == length && f->h * f->w > 1;
}

/* Whether a row has the three channels of a picture. */
static bool in_three(const oc_parameter *p, const oc_model *m)
{
    struct form f;
    const int64_t length = p->shape.rank > 1 ? oc_shape_count(&p->shape) / p->shape.dim[0] : 0;
    return has_form(p, length, m, &f) && f.c == 3;
}

const char *oc__track_key(const struct track *t, const oc_model *m)
{
    oc_store *const store = oc_model_store(m);
    const int i = oc_store_find(store, t->name);
    const oc_parameter p = i < 0 ? (oc_parameter){ 0 } : oc_store_at(store, i);
    return in_three(&p, m) ? "in colour, zero is grey" : "blue is below zero, orange above";
}

/* Its number; of the last layer, with the class that it stands for. */
static void name_row(const oc_parameter *p, int64_t row, const oc_model *m, char text[CAPTION_MAX])
{
    const int n = snprintf(text, CAPTION_MAX, "%lld", (long long)row);
    if (p->shape.rank != 2 || p->shape.dim[0] != oc_model_classes(m))
        return;
    const char *const class = oc_model_class_name(m, (int)row);
    if (strcmp(class, text) != 0)
        snprintf(text + n, CAPTION_MAX - (size_t)n, ": %s", class);
}

static oc_status draw_row(const oc_parameter *p, int64_t row, int64_t length, const oc_model *m,
                          double most, struct exhibit *out)
{
    const float *const v = p->value + row * length;
    struct form f;
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < length; i++) {
        low = fmin(low, (double)v[i]);
        high = fmax(high, (double)v[i]);
    }
    name_row(p, row, m, out->caption[0].name);
    snprintf(out->caption[1].number, CAPTION_NUMBER, "%.2g … %.2g", low, high);
    if (!has_form(p, length, m, &f))
        return in_a_square(length, most, v, &out->image);
    f.most = most;
    return f.c == 3 ? in_colour(&f, v, &out->image) : in_tiles(&f, v, &out->image);
}

/* ---- all rows ------------------------------------------------------------------------------ */

static double largest(const float *v, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(v[i]))
            most = fmax(most, fabs((double)v[i]));
    return most;
}

oc_status oc__track_rows(const struct track *t, const oc_model *m, struct exhibit **rows, int *n)
{
    oc_store *const store = oc_model_store(m);
    const int i = oc_store_find(store, t->name);
    *n = 0;
    *rows = NULL;
    if (i < 0)
        return unknown(t->name, store);
    const oc_parameter p = oc_store_at(store, i);
    const int64_t count = oc_shape_count(&p.shape);
    const int64_t all = p.shape.rank > 1 ? p.shape.dim[0] : 1;
    const int64_t wanted = t->rows < all ? t->rows : all;
    *rows = oc__alloc((size_t)wanted, sizeof **rows);
    oc_status status = *rows ? OC_OK : OC_ELIMIT;
    const double most = largest(p.value, wanted * (count / all));
    for (int64_t row = 0; status >= 0 && row < wanted; row++, *n += status >= 0)
        status = draw_row(&p, row, count / all, m, most, &(*rows)[row]);
    if (status < 0) {
        oc__track_free(*rows, *n);
        *rows = NULL;
    }
    return status;
}

void oc__track_free(struct exhibit *rows, int n)
{
    for (int i = 0; i < n; i++)
        oc_image_free(&rows[i].image);
    oc__free(rows);
}
