/* loader.c — the ring of batches and the threads that fill it.
 *
 * Batch b of an epoch lives in slot b mod slots and is filled in pieces of a few samples, so that
 * workers share even the last.  Two counters run: `ticket`, the next piece that a worker will take,
 * and `turn`, the next batch that the caller will get.  A worker takes a piece of batch b once
 * b < turn + slots - 1, so that it never writes to the slot whose batch the caller still reads
 * (that of turn - 1).  To begin an epoch the caller closes the tickets, waits until no worker is
 * busy, draws the new order and sets both counters.  The lock guards counters and slot states,
 * never the work. */
#include <pthread.h>
#include <stdio.h>
#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/loader.h"
#include "data/pixels.h"

enum { ERROR_BYTES = 1024, WORKERS_MAX = 256, PIECES = 8 };

struct slot {
    float    *x;                                        /* [batch, c, h, w] */
    float    *spare;                                    /* [c, h, w], for blending */
    float    *mask;                                     /* [batch, 1, h, w]; NULL: not wanted */
    int64_t  *label, *other;                            /* [batch] */
    int64_t   n;
    int64_t   left;                                     /* pieces that are not filled yet */
    double    share;
    bool      ready;
    oc_status status;
    int64_t   failed;                                   /* the first sample that did, */
    char      error[ERROR_BYTES];                       /* and why; the thread's own is another */
};

struct loader {
    struct loader_options options;
    struct pixels   pixels;
    oc_shape        shape;                              /* [c, h, w] */
    int64_t         values;                             /* of a sample: c * h * w */
    int64_t         shown;                              /* by an epoch: samples of the part, or
                                                         * several times as many */
    int64_t         samples, batches;                   /* of an epoch */
    int64_t         epoch;
    int64_t        *order;                              /* [shown], modulo the part a position */
    struct slot    *slot;
    int64_t         slots;
    int64_t         piece, pieces;                      /* samples of a piece; pieces of a batch */
    int64_t         ticket, turn;
    int             busy;
    bool            stopping;
    int             threads;                            /* workers that were started */
    pthread_t      *thread;
    pthread_mutex_t lock;
    pthread_cond_t  work, done;                         /* a ticket is free; a batch is ready */
};

/* ---- preparing ---------------------------------------------------------------------------- */

/* Where a sample goes; mask is NULL where none is wanted. */
struct target { float *x, *mask; int64_t *label; };

/* Sample `number` of an epoch, whose pixels, and those of its mask, the canvases hand over. */
static oc_status finish_sample(const struct loader *l, int64_t number, const struct canvas *canvas,
                               const struct canvas *mask, const struct target *to)
{
    const struct loader_options *o = &l->options;
    const uint64_t  key = oc__augment_key(o->seed, l->epoch, number);
    struct sample   sample = { .image = canvas->image, .owns_image = canvas->owned,
                               .mask = mask->image, .owns_mask = mask->owned, .soft = true };
    oc_status       status = OC_OK;
    if (o->augment != NULL)
        status = oc__augment_run(o->augment, key, &sample);
    if (status == OC_OK)
        status = oc__prepare_numbers(o->prepare, &sample.image, &l->shape, to->x);
    for (int64_t i = 0; status == OC_OK && to->mask && i < l->shape.dim[1] * l->shape.dim[2]; i++)
        to->mask[i] = (float)sample.mask.pixel[i] / 255;
    oc__sample_free(&sample);
    return status;
}

static oc_status prepare_sample(const struct loader *l, int64_t i, const struct target *to)
{
    const struct loader_options *o = &l->options;
    const struct part           *part = &o->data->part[o->part];
    const int64_t                index = part->index[l->order[i] % part->n];
    struct canvas                canvas, mask = { .owned = false };
    *to->label = o->data->samples.label[index];
    oc_status status = to->mask ? oc__pixels_get_masked(&l->pixels, index, &canvas, &mask)
                                : oc__pixels_get(&l->pixels, index, &canvas);
    if (status < 0) {
        oc__canvas_free(&canvas);
        return status;
    }
    return oc__data_blame(o->data, index,
                          finish_sample(l, l->order[i], &canvas, &mask, to));
}

static void blend(const struct loader *l, struct slot *slot, int64_t batch)
{
    const uint64_t key = oc__key(oc__key(l->options.seed, oc__hash("mix")), (uint64_t)l->epoch);
    struct mixing  m = { slot->n, l->shape, slot->x, slot->spare, 1 };
    oc__augment_mix(l->options.augment, oc__key(key, (uint64_t)batch), &m);
    slot->share = m.share;
    for (int64_t i = 0; i < slot->n; i++)
        slot->other[i] = slot->label[i > 0 ? i - 1 : slot->n - 1];
}

/* What is known of a batch before its first piece. */
static void begin_slot(const struct loader *l, struct slot *slot, int64_t batch)
{
    const int64_t left = l->samples - batch * l->options.batch;
    slot->n = left < l->options.batch ? left : l->options.batch;
    slot->left = l->pieces;
    slot->status = OC_OK;
    slot->share = 1;
}

/* The samples of a piece, until one fails; *i is the sample of the batch where it ended. */
static oc_status fill_piece(const struct loader *l, const struct slot *slot, int64_t ticket,
                            int64_t *i)
{
    const int64_t first = ticket / l->pieces * l->options.batch;
    const int64_t from = ticket % l->pieces * l->piece, plane = l->shape.dim[1] * l->shape.dim[2];
    for (*i = from; *i < from + l->piece && *i < slot->n; ++*i) {
        const struct target to = { slot->x + *i * l->values,
                                   slot->mask ? slot->mask + *i * plane : NULL, &slot->label[*i] };
        TRY(prepare_sample(l, first + *i, &to));
    }
    return OC_OK;
}

/* Of several failures of a batch that of its first sample is told, whichever came first. */
static void note_failure(struct slot *slot, oc_status status, int64_t sample)
{
    if (status == OC_OK || (slot->status < 0 && slot->failed < sample))
        return;
    slot->status = status;
    slot->failed = sample;
    snprintf(slot->error, sizeof slot->error, "%s", oc_error());
}

static void finish_slot(const struct loader *l, struct slot *slot, int64_t batch)
{
    if (slot->status == OC_OK && slot->other != NULL)
        blend(l, slot, batch);
}

static bool may_take(const struct loader *l)
{
    const int64_t batch = l->ticket / l->pieces;
    return batch < l->batches && batch < l->turn + l->slots - 1;
}

/* Takes the next piece; the lock is held, but not while the piece is filled. */
static void work_once(struct loader *l)
{
    const int64_t ticket = l->ticket++, batch = ticket / l->pieces;
    struct slot  *slot = &l->slot[batch % l->slots];
    int64_t       sample;
    if (ticket % l->pieces == 0)
        begin_slot(l, slot, batch);
    l->busy++;
    pthread_mutex_unlock(&l->lock);
    const oc_status status = fill_piece(l, slot, ticket, &sample);
    pthread_mutex_lock(&l->lock);
    note_failure(slot, status, sample);
    if (--slot->left == 0) {
        pthread_mutex_unlock(&l->lock);
        finish_slot(l, slot, batch);
        pthread_mutex_lock(&l->lock);
        slot->ready = true;
    }
    l->busy--;
    if (slot->ready || l->busy == 0)
        pthread_cond_broadcast(&l->done);
}

static void *work(void *argument)
{
    struct loader *l = argument;
    pthread_mutex_lock(&l->lock);
    while (!l->stopping)
        if (may_take(l))
            work_once(l);
        else
            pthread_cond_wait(&l->work, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- making ------------------------------------------------------------------------------- */

static int known(int64_t dimension)
{
    return dimension > 0 ? (int)dimension : 0;
}

static const char *const purposes[OC_PARTS] = { "training", "validation", "testing" };

/* The shape of a sample once it is prepared, and augmented in between. */
static oc_status settle_shape(struct loader *l)
{
    const struct loader_options *o = &l->options;
    const oc_shape               stored = oc_data_shape(o->data);
    TRY(oc__prepare_shape(o->prepare, &stored, &l->shape));
    if (o->augment != NULL) {
        struct extent e = { known(stored.dim[1]), known(stored.dim[2]), known(stored.dim[0]) };
        TRY(oc__prepare_extent(o->prepare, !oc__augment_fits(o->augment), &e));
        TRY(oc__augment_extent(o->augment, &e));
        l->shape = OC_SHAPE(e.channels, e.height, e.width);
    }
    l->values = l->shape.dim[0] * l->shape.dim[1] * l->shape.dim[2];
    for (int i = 0; i < 3; i++)
        if (l->shape.dim[i] < 1)
            return oc__fail(OC_EUSAGE, "preparation: it leaves the size of the images open; end "
                            "it with one, such as resize 28,28");
    return OC_OK;
}

static oc_status settle(struct loader *l)
{
    struct loader_options *o = &l->options;
    const int64_t          times = o->augment != NULL ? oc__augment_times(o->augment) : 1;
    const int64_t          n = l->shown = oc_data_count(o->data, o->part) * times;
    if (n == 0)
        return oc__fail(OC_EUSAGE, "data: it has no samples for %s", purposes[o->part]);
    if (o->batch < 0)
        return oc__fail(OC_EUSAGE, "data: batch of %lld: wants at least 0", (long long)o->batch);
    if (o->workers < 0 || o->workers > WORKERS_MAX)
        return oc__fail(OC_EUSAGE, "data: %d workers: wants 0 to %d", o->workers, WORKERS_MAX);
    if (o->batch == 0 || o->batch > n)
        o->batch = n;
    if (o->masks && !oc__data_has_masks(o->data))
        return oc__fail(OC_EUSAGE, "data: it has no masks; masks:PICTURES,masks=FOLDER has");
    TRY(settle_shape(l));
    l->samples = o->drop_last ? n / o->batch * o->batch : n;
    l->batches = (l->samples + o->batch - 1) / o->batch;
    l->slots = o->workers > 0 ? o->workers + 2 : 1;
    l->piece = (o->batch + PIECES - 1) / PIECES;
    l->pieces = (o->batch + l->piece - 1) / l->piece;
    return OC_OK;
}

static oc_status make_slots(struct loader *l)
{
    size_t     values;
    const bool mixes = l->options.augment != NULL && oc__augment_mixes(l->options.augment);
    l->order = oc__alloc((size_t)l->shown, sizeof *l->order);
    l->slot = oc__alloc((size_t)l->slots, sizeof *l->slot);
    if (l->order == NULL || l->slot == NULL
        || !oc__mul((size_t)l->options.batch, (size_t)l->values, &values)
        || !oc__mul(values, sizeof(float), &values))
        return OC_ELIMIT;
    for (int64_t i = 0; i < l->slots; i++) {
        l->slot[i].x = oc__block_alloc(values);
        l->slot[i].label = oc__alloc((size_t)l->options.batch, sizeof(int64_t));
        if (l->slot[i].x == NULL || l->slot[i].label == NULL)
            return OC_ELIMIT;
        if (l->options.masks) {
            l->slot[i].mask = oc__block_alloc(values / (size_t)l->shape.dim[0]);
            if (l->slot[i].mask == NULL)
                return OC_ELIMIT;
        }
        if (!mixes)
            continue;
        l->slot[i].spare = oc__alloc((size_t)l->values, sizeof(float));
        l->slot[i].other = oc__alloc((size_t)l->options.batch, sizeof(int64_t));
        if (l->slot[i].spare == NULL || l->slot[i].other == NULL)
            return OC_ELIMIT;
    }
    return OC_OK;
}

static oc_status start_workers(struct loader *l)
{
    l->thread = oc__alloc((size_t)l->options.workers, sizeof *l->thread);
    if (l->thread == NULL)
        return OC_ELIMIT;
    for (int i = 0; i < l->options.workers; i++) {
        const int error = pthread_create(&l->thread[i], NULL, work, l);
        if (error != 0)
            return oc__fail_errno(error, "data: starting worker %d", i + 1);
        l->threads++;
    }
    return OC_OK;
}

oc_status oc__loader_new(struct loader **out, const struct loader_options *options)
{
    *out = NULL;
    struct loader *l = oc__alloc(1, sizeof *l);
    if (l == NULL)
        return OC_ELIMIT;
    l->options = *options;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->done, NULL);
    oc__pixels_begin(&l->pixels, options->data, options->prepare,
                     options->augment == NULL || !oc__augment_fits(options->augment));
    oc_status status = settle(l);
    if (status == OC_OK)
        status = make_slots(l);
    if (status == OC_OK) {
        oc__loader_epoch(l, options->epoch, options->position);
        status = start_workers(l);
    }
    if (status == OC_OK)
        *out = l;
    else
        oc__loader_free(l);
    return status;
}

void oc__loader_free(struct loader *l)
{
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->threads; i++)
        pthread_join(l->thread[i], NULL);
    for (int64_t i = 0; l->slot != NULL && i < l->slots; i++) {
        oc__block_free(l->slot[i].x);
        oc__block_free(l->slot[i].mask);
        oc__free(l->slot[i].spare);
        oc__free(l->slot[i].label);
        oc__free(l->slot[i].other);
    }
    pthread_cond_destroy(&l->done);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    oc__free(l->thread);
    oc__free(l->slot);
    oc__free(l->order);
    oc__free(l);
}

/* ---- using -------------------------------------------------------------------------------- */

oc_shape oc__loader_shape(const struct loader *l)
{
    return l->shape;
}

int64_t oc__loader_cached_bytes(const struct loader *l)
{
    oc_shape none = OC_SHAPE(OC_UNKNOWN);
    return oc__pixels_cached_bytes(l->options.data, l->pixels.fit ? &l->shape : &none);
}

int64_t oc__loader_samples(const struct loader *l)
{
    return l->samples;
}

int64_t oc__loader_batches(const struct loader *l)
{
    return l->batches;
}

static void draw_order(struct loader *l, int64_t epoch)
{
    const uint64_t key = oc__key(l->options.seed, oc__hash("order"));
    l->epoch = epoch;
    if (l->options.shuffle)
        oc__permutation(oc__key(key, (uint64_t)epoch), l->shown, l->order);
    else
        for (int64_t i = 0; i < l->shown; i++)
            l->order[i] = i;
}

void oc__loader_epoch(struct loader *l, int64_t epoch, int64_t position)
{
    pthread_mutex_lock(&l->lock);
    l->ticket = l->batches * l->pieces;
    while (l->busy > 0)
        pthread_cond_wait(&l->done, &l->lock);
    draw_order(l, epoch);
    for (int64_t i = 0; i < l->slots; i++)
        l->slot[i].ready = false;
    l->turn = position < l->batches ? position : l->batches;
    l->ticket = l->turn * l->pieces;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
}

/* Fills all of a batch, where there are no workers. */
static void fill_slot(const struct loader *l, struct slot *slot, int64_t batch)
{
    oc_status status = OC_OK;
    int64_t   sample = 0;
    begin_slot(l, slot, batch);
    for (int64_t i = 0; i < l->pieces && status == OC_OK; i++)
        status = fill_piece(l, slot, batch * l->pieces + i, &sample);
    note_failure(slot, status, sample);
    finish_slot(l, slot, batch);
}

/* Waits for the slot of the batch whose turn it is, or fills it where there are no workers. */
static struct slot *await_slot(struct loader *l)
{
    struct slot *slot = &l->slot[l->turn % l->slots];
    if (l->threads == 0) {
        fill_slot(l, slot, l->turn++);
        return slot;
    }
    pthread_mutex_lock(&l->lock);
    while (!slot->ready)
        pthread_cond_wait(&l->done, &l->lock);
    slot->ready = false;
    l->turn++;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    return slot;
}

oc_status oc__loader_next(struct loader *l, struct batch *batch)
{
    *batch = (struct batch){ 0 };
    if (l->turn >= l->batches)
        return OC_OK;
    const struct slot *slot = await_slot(l);
    if (slot->status < 0)
        return oc__fail(slot->status, "%s", slot->error);
    *batch = (struct batch){ slot->n, slot->x, slot->label, slot->other, slot->share, slot->mask };
    return OC_OK;
}
