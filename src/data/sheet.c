/* sheet.c — contact sheets: what samples look like, prepared and augmented.
 *
 * A cell is a square with the image in its middle: shrunk where it is larger than the cell, else
 * magnified by a whole number, so that single pixels can be seen.  Below it stands what it is.
 * Where samples have masks, what they mean is tinted, so that it shows whether the mask moved with
 * its picture.  mixup and cutmix blend each sample with the one shown before it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/map.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/pixels.h"
#include "image/augment.h"
#include "image/draw.h"

enum { CELL = 112, GAP = 10, COLUMNS = 10, LINE = 20, SHEET_MAX = 1000, PER_POINT = 2,
       LABEL_MAX = 96 };

static const colour ground = 0xf3f3f3, ink = 0x222222, grey = 0x6b6b6b, tint = 0xd55e00;
static const double tint_share = 0.55;

struct sheet {
    const oc_sheet_options *options;
    const oc_data          *data;
    struct prepare_program *prepare;
    struct augment_program *augment;                    /* NULL: none */
    struct pixels           plain, begun;               /* as evaluated; as augmentation begins */
    int64_t                 count, *number;             /* the samples, by their place in a part */
    int                     lines;                      /* of text below a cell */
    oc_image               *out;                        /* RGB */
};

/* ---- which samples ------------------------------------------------------------------------- */

/* Samples from `first` on whose class still has no more than `round` chosen; few are spread over
 * many classes. */
static int64_t choose_round(const struct sheet *s, int64_t *seen, int64_t round, int64_t chosen,
                            int64_t wanted)
{
    const oc_sheet_options *o = s->options;
    const int64_t n = s->data->part[o->part].n, classes = s->data->classes;
    const int64_t few = wanted < classes ? wanted : classes;
    memset(seen, 0, (size_t)classes * sizeof *seen);
    const int64_t before = chosen;
    for (int64_t i = o->first; i < n && chosen < wanted; i++) {
        const int64_t label = oc_data_label(s->data, o->part, i), turn = label * few / classes;
        const bool new_turn = label == 0 || turn != (label - 1) * few / classes;
        if (seen[label]++ == round && (round > 0 || few == classes || new_turn))
            s->number[chosen++] = i;
    }
    return chosen > before ? chosen : -1;
}

static oc_status choose_samples(struct sheet *s, int64_t wanted)
{
    int64_t *const seen = oc__alloc((size_t)s->data->classes, sizeof *seen);
    s->number = oc__alloc((size_t)wanted, sizeof *s->number);
    if (!seen || !s->number) {
        oc__free(seen);
        return OC_ELIMIT;
    }
    for (int64_t round = 0, chosen = 0; chosen >= 0 && chosen < wanted; round++) {
        chosen = choose_round(s, seen, round, chosen, wanted);
        s->count = chosen > 0 ? chosen : s->count;
    }
    oc__free(seen);
    return OC_OK;
}

/* ---- cells --------------------------------------------------------------------------------- */

struct place { int64_t x, y; };                         /* of a cell's corner, in pixels */

static struct place place_of(const struct sheet *s, int64_t column, int64_t row)
{
    return (struct place){ GAP + column * (CELL + GAP),
                           GAP + row * (CELL + s->lines * LINE + GAP) };
}

static uint8_t *pixel_at(const struct sheet *s, int64_t x, int64_t y)
{
    return s->out->pixel + 3 * (y * s->out->width + x);
}

static void fill_cell(const struct sheet *s, struct place at)
{
    for (int y = 0; y < CELL; y++)
        memset(pixel_at(s, at.x, at.y + y), (int)(ground & 255), (size_t)CELL * 3);
}

/* Copies an image into the middle of its cell, grey or RGB, without its alpha; a mask of its size
 * (no pixels: none) tints it. */
static void paste(const struct sheet *s, const oc_image *image, const oc_image *mask,
                  struct place at)
{
    const int64_t left = at.x + (CELL - image->width) / 2, top = at.y + (CELL - image->height) / 2;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            const int64_t  i = (int64_t)y * image->width + x;
            const uint8_t *from = image->pixel + i * image->channels;
            uint8_t       *to = pixel_at(s, left + x, top + y);
            const double   share = mask->pixel ? tint_share * mask->pixel[i] / 255 : 0;
            for (int k = 0; k < 3; k++)
                to[k] = (uint8_t)lrint((1 - share) * from[image->channels < 3 ? 0 : k]
                                       + share * (tint >> (16 - 8 * k) & 255));
        }
}

static oc_status fit(const oc_image *image, oc_image *out)
{
    const int longer = image->width > image->height ? image->width : image->height;
    int       w = image->width * (CELL / longer), h = image->height * (CELL / longer);
    if (longer > CELL) {
        w = (image->width * CELL + longer - 1) / longer;
        h = (image->height * CELL + longer - 1) / longer;
    }
    return oc__image_resize(out, image, w, h, longer > CELL ? FILTER_BILINEAR : FILTER_NEAREST);
}

static oc_status draw_image(const struct sheet *s, const struct sample *sample, struct place at)
{
    oc_image cell, mask = { 0 };
    TRY(fit(&sample->image, &cell));
    const oc_status status = sample->mask.pixel ? fit(&sample->mask, &mask) : OC_OK;
    fill_cell(s, at);
    if (status == OC_OK)
        paste(s, &cell, &mask, at);
    oc_image_free(&cell);
    oc_image_free(&mask);
    return status;
}

/* ---- labels -------------------------------------------------------------------------------- */

/* A line is a name, which may be cut, and what follows it whole. */
struct label { char name[2][LABEL_MAX], tail[2][16]; colour colour; };

static void draw_lines(struct drawing *d, const void *what)
{
    const struct label *const l = what;
    const struct lettering letters = { .size = 8, .colour = l->colour };
    for (int i = 0; i < 2; i++)
        oc__draw_text_before(d, 0, (i + 0.78) * LINE / PER_POINT, CELL / PER_POINT, l->name[i],
                             l->tail[i], &letters);
}

static oc_status draw_label(const struct sheet *s, const struct label *label, struct place at)
{
    const struct figure f = { .title = "label", .width = CELL / PER_POINT,
                              .height = (double)s->lines * LINE / PER_POINT, .draw = draw_lines,
                              .what = label };
    oc_image text;
    TRY(oc__figure_image(&f, &text));
    for (int y = 0; y < text.height; y++)
        memcpy(pixel_at(s, at.x, at.y + CELL + y), text.pixel + (size_t)y * (size_t)text.width * 3,
               (size_t)text.width * 3);
    oc_image_free(&text);
    return OC_OK;
}

static const char *class_of(const struct sheet *s, int64_t i)
{
    return oc_data_class_name(s->data,
                              (int)oc_data_label(s->data, s->options->part, s->number[i]));
}

static struct label label_class(const struct sheet *s, int64_t i)
{
    struct label l = { .colour = ink };
    snprintf(l.name[0], LABEL_MAX, "%s", class_of(s, i));
    return l;
}

/* What became of a sample in an epoch: its share, and the other's. */
static struct label label_epoch(const struct sheet *s, int64_t i, int64_t other, double share,
                                int epoch)
{
    struct label l = { .colour = grey };
    snprintf(l.name[0], LABEL_MAX, "epoch %d", epoch + 1);
    if (!oc__augment_mixes(s->augment))
        return l;
    const double part[] = { share, 1 - share };
    for (int k = 0; k < 2; k++) {
        snprintf(l.name[k], LABEL_MAX, "%s", class_of(s, k ? other : i));
        snprintf(l.tail[k], sizeof l.tail[k], " %.0f %%", 100 * part[k]);
    }
    return l;
}

/* ---- mixing -------------------------------------------------------------------------------- */

/* Pixels [h, w, c] as numbers [c, h, w], and back. */
static void to_numbers(const oc_image *image, float *x)
{
    const int c = image->channels, plane = image->width * image->height;
    for (int i = 0; i < plane * c; i++)
        x[i % c * plane + i / c] = image->pixel[i];
}

static void to_pixels(const float *x, oc_image *image)
{
    const int c = image->channels, plane = image->width * image->height;
    for (int i = 0; i < plane * c; i++)
        image->pixel[i] = (uint8_t)lrint(fmin(fmax((double)x[i % c * plane + i / c], 0), 255));
}

/* As a batch of two in which the second takes from the first; *share is what stays its own. */
static oc_status mix(const struct sheet *s, struct sample *own, const struct sample *other,
                     uint64_t key, double *share)
{
    const oc_image *const a = &own->image, *const b = &other->image;
    const size_t n = oc__image_bytes(a);
    if (a->width != b->width || a->height != b->height || a->channels != b->channels)
        return oc__fail(OC_EUSAGE, "sheet: mixup and cutmix want images of one size, not %dx%d "
                        "and %dx%d; a preparation can resize them", a->width, a->height, b->width,
                        b->height);
    struct mixing m = { .n = 2, .shape = OC_SHAPE(a->channels, a->height, a->width),
                        .x = oc__alloc(3 * n, sizeof(float)) };
    if (!m.x)
        return OC_ELIMIT;
    m.spare = m.x + 2 * n;
    to_numbers(b, m.x);
    to_numbers(a, m.x + n);
    oc__augment_mix(s->augment, key, &m);
    const oc_status status = oc__sample_own(own);
    if (status == OC_OK)
        to_pixels(m.x + n, &own->image);
    *share = m.share;
    oc__free(m.x);
    return status;
}

/* ---- samples ------------------------------------------------------------------------------- */

/* A sample that augmentation has not seen yet, with its mask where the set has masks. */
struct piece { struct canvas canvas, mask; };

static oc_status get(const struct sheet *s, const struct pixels *p, int64_t i, struct piece *out)
{
    const int64_t index = s->data->part[s->options->part].index[s->number[i]];
    *out = (struct piece){ .canvas = { .owned = false } };
    return oc__data_has_masks(s->data) ? oc__pixels_get_masked(p, index, &out->canvas, &out->mask)
                                       : oc__pixels_get(p, index, &out->canvas);
}

static void drop(struct piece *p)
{
    oc__canvas_free(&p->canvas);
    oc__canvas_free(&p->mask);
}

static struct sample sample_of(const struct piece *p)
{
    return (struct sample){ .image = p->canvas.image, .mask = p->mask.image, .soft = true };
}

static oc_status draw_plain(const struct sheet *s, int64_t i, struct place at)
{
    const struct label label = label_class(s, i);
    struct piece piece;
    oc_status status = get(s, &s->plain, i, &piece);
    const struct sample sample = sample_of(&piece);
    if (status == OC_OK)
        status = draw_image(s, &sample, at);
    if (status == OC_OK)
        status = draw_label(s, &label, at);
    drop(&piece);
    return status;
}

static oc_status augment(const struct sheet *s, const struct piece *piece, int64_t i, int epoch,
                         struct sample *out)
{
    *out = sample_of(piece);
    return oc__augment_run(s->augment, oc__augment_key(s->options->seed, epoch, s->number[i]), out);
}

/* In a training the neighbours of a batch are others; here it is the sample of the row above. */
static oc_status draw_epoch(const struct sheet *s, const struct piece piece[2], int64_t i,
                            int epoch)
{
    const int64_t other = (i + s->count - 1) % s->count;
    const uint64_t key = oc__key(oc__key(s->options->seed, oc__hash("mix")), (uint64_t)epoch);
    const struct place at = place_of(s, 1 + epoch, i);
    struct sample own, from = { .soft = true };
    double share = 1;
    oc_status status = augment(s, &piece[0], i, epoch, &own);
    if (status == OC_OK && oc__augment_mixes(s->augment))
        status = augment(s, &piece[1], other, epoch, &from);
    if (status == OC_OK && oc__augment_mixes(s->augment))
        status = mix(s, &own, &from, oc__key(key, (uint64_t)i), &share);
    const struct label label = label_epoch(s, i, other, share, epoch);
    if (status == OC_OK)
        status = draw_image(s, &own, at);
    if (status == OC_OK)
        status = draw_label(s, &label, at);
    oc__sample_free(&own);
    oc__sample_free(&from);
    return status;
}

/* A sample as evaluation sees it, and as epochs do. */
static oc_status draw_row(const struct sheet *s, int64_t i)
{
    struct piece piece[2] = { 0 };
    TRY(draw_plain(s, i, place_of(s, 0, i)));
    oc_status status = get(s, &s->begun, i, &piece[0]);
    if (status == OC_OK && oc__augment_mixes(s->augment))
        status = get(s, &s->begun, (i + s->count - 1) % s->count, &piece[1]);
    for (int epoch = 0; epoch < s->options->variants && status == OC_OK; epoch++)
        status = draw_epoch(s, piece, i, epoch);
    drop(&piece[0]);
    drop(&piece[1]);
    return status;
}

/* ---- the sheet ----------------------------------------------------------------------------- */

static oc_status parse(struct sheet *s)
{
    const oc_sheet_options *o = s->options;
    TRY(oc__prepare_parse(&s->prepare, o->preparation ? o->preparation
                                                      : oc_data_preparation(s->data)));
    if (o->augment)
        TRY(oc__augment_parse(&s->augment, o->augment));
    s->lines = s->augment && oc__augment_mixes(s->augment) ? 2 : 1;
    oc__pixels_begin(&s->plain, s->data, s->prepare, true);
    oc__pixels_begin(&s->begun, s->data, s->prepare,
                     !s->augment || !oc__augment_fits(s->augment));
    return OC_OK;
}

static oc_status draw_sheet(struct sheet *s, int64_t wanted)
{
    TRY(parse(s));
    TRY(choose_samples(s, wanted));
    const int64_t few = s->count < COLUMNS ? s->count : COLUMNS;
    const int64_t columns = s->augment ? 1 + s->options->variants : few;
    const int64_t rows = s->augment ? s->count : (s->count + COLUMNS - 1) / COLUMNS;
    const struct place end = place_of(s, columns, rows);
    TRY(oc__image_new(s->out, "sheet", end.x, end.y, 3));
    memset(s->out->pixel, 0xff, oc__image_bytes(s->out));
    for (int64_t i = 0; i < s->count; i++)
        TRY(s->augment ? draw_row(s, i)
                       : draw_plain(s, i, place_of(s, i % COLUMNS, i / COLUMNS)));
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
    oc__free(s.number);
    if (status < 0)
        oc_image_free(sheet);
    return status;
}
