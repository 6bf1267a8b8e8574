/* sheet.c — contact sheets: what samples look like, prepared and augmented.
 *
 * A cell is a square with the image in its middle: shrunk where it is larger than the cell, else
 * magnified by a whole number, so that single pixels can be seen. */
#include <string.h>
#include "base/mem.h"
#include "base/status.h"
#include "data/dataset.h"
#include "image/augment.h"

enum { CELL = 112, GAP = 4, COLUMNS = 10, GROUND = 40, SHEET_MAX = 1000 };

struct sheet {
    const oc_sheet_options *options;
    const oc_data          *data;
    struct prepare_program *prepare;
    struct augment_program *augment;                    /* NULL: none */
    oc_image               *out;                        /* RGB */
};

/* Copies a cell's image into the sheet, grey or RGB, without its alpha. */
static void paste(const struct sheet *s, const oc_image *image, int64_t column, int64_t row)
{
    const int64_t left = GAP + column * (CELL + GAP) + (CELL - image->width) / 2;
    const int64_t top = GAP + row * (CELL + GAP) + (CELL - image->height) / 2;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            const uint8_t *from = image->pixel + (y * image->width + x) * image->channels;
            uint8_t       *to = s->out->pixel + 3 * ((top + y) * s->out->width + left + x);
            for (int k = 0; k < 3; k++)
                to[k] = from[image->channels < 3 ? 0 : k];
        }
}

static oc_status draw(const struct sheet *s, const oc_image *image, int64_t column, int64_t row)
{
    const int longer = image->width > image->height ? image->width : image->height;
    oc_image  cell;
    int       w = image->width * (CELL / longer), h = image->height * (CELL / longer);
    if (longer > CELL) {
        w = (image->width * CELL + longer - 1) / longer;
        h = (image->height * CELL + longer - 1) / longer;
    }
    TRY(oc__image_resize(&cell, image, w, h, longer > CELL ? FILTER_BILINEAR : FILTER_NEAREST));
    paste(s, &cell, column, row);
    oc_image_free(&cell);
    return OC_OK;
}

/* One cell; epoch -1: not augmented. */
static oc_status draw_sample(const struct sheet *s, const oc_image *image, int64_t number,
                             int64_t epoch, int64_t column, int64_t row)
{
    const uint64_t key = oc__augment_key(s->options->seed, epoch, number);
    struct sample  sample = { .image = *image };
    struct canvas  canvas = { .image = *image };
    oc_status      status;
    if (epoch < 0) {
        status = oc__prepare_pixels(s->prepare, true, &canvas);
        sample = (struct sample){ .image = canvas.image, .owns_image = canvas.owned };
    } else {
        status = oc__augment_prepared(s->augment, s->prepare, key, &sample);
    }
    if (status == OC_OK)
        status = draw(s, &sample.image, column, row);
    oc__sample_free(&sample);
    return status;
}

/* Decoded as training would. */
static oc_status draw_row(const struct sheet *s, int64_t i)
{
    const oc_sheet_options *o = s->options;
    const int64_t           number = o->first + i;
    const bool              fit = s->augment == NULL || !oc__augment_fits(s->augment);
    struct canvas           canvas;
    TRY(oc__data_read(s->data, s->data->part[o->part].index[number], fit ? s->prepare : NULL,
                      &canvas));
    const oc_image *const image = &canvas.image;
    oc_status status = oc__canvas_settle(&canvas);
    if (s->augment == NULL && status == OC_OK)
        status = draw_sample(s, image, number, -1, i % COLUMNS, i / COLUMNS);
    for (int v = 0; s->augment != NULL && v <= o->variants && status == OC_OK; v++)
        status = draw_sample(s, image, number, v - 1, v, i);
    oc__canvas_free(&canvas);
    return oc__data_blame(s->data, s->data->part[o->part].index[number], status);
}

static oc_status draw_sheet(struct sheet *s, int64_t count)
{
    const oc_sheet_options *o = s->options;
    const char *preparation = o->preparation ? o->preparation : oc_data_preparation(s->data);
    int64_t     columns = count < COLUMNS ? count : COLUMNS, rows = (count + COLUMNS - 1) / COLUMNS;
    TRY(oc__prepare_parse(&s->prepare, preparation));
    if (o->augment != NULL) {
        TRY(oc__augment_parse(&s->augment, o->augment));
        columns = 1 + o->variants;
        rows = count;
    }
    TRY(oc__image_new(s->out, "sheet", GAP + columns * (CELL + GAP), GAP + rows * (CELL + GAP),
                      3));
    memset(s->out->pixel, GROUND, oc__image_bytes(s->out));
    for (int64_t i = 0; i < count; i++)
        TRY(draw_row(s, i));
    return OC_OK;
}

oc_status oc_data_sheet(const oc_data *d, const oc_sheet_options *options, oc_image *sheet)
{
    struct sheet  s = { .options = options, .data = d, .out = sheet };
    const int64_t all = d->part[options->part].n, left = all - options->first;
    *sheet = (oc_image){ 0 };
    if (options->first < 0 || left < 1 || options->count < 1)
        return oc__fail(OC_EUSAGE, "sheet: from sample %lld on: the part has %lld",
                        (long long)options->first, (long long)all);
    if (options->variants < 0 || options->variants > SHEET_MAX || options->count > SHEET_MAX)
        return oc__fail(OC_EUSAGE, "sheet: at most %d samples and variants", SHEET_MAX);
    const oc_status status = draw_sheet(&s, options->count < left ? options->count : left);
    oc__prepare_free(s.prepare);
    oc__augment_free(s.augment);
    if (status < 0)
        oc_image_free(sheet);
    return status;
}
