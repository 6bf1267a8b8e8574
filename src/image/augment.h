/* augment.h — augmentation: a program of random steps that training puts samples through.
 *
 * A program is a list of steps, "flip; crop 32 padding=4; rotate 10; noise sigma=0.02", in the
 * grammar of preparations.  It acts on 8-bit pixels, after the steps of the preparation that do and
 * before those that make numbers; boxes and the mask of a sample move along.  What a step draws
 * follows from the key of the sample alone, so that a sample looks the same whoever prepares it.
 * Two kinds of steps act on more than a sample: `clones` says how often an epoch shows each one,
 * and mixup and cutmix blend the prepared samples of a batch.  A program is immutable: any number
 * of threads may run it at once. */
#ifndef OC_IMAGE_AUGMENT_H
#define OC_IMAGE_AUGMENT_H

#include "base/rng.h"
#include "image/image.h"
#include "image/prepare.h"

/* A box around something, in pixels from the top left corner of the image; right and bottom are
 * where it ends. */
struct object { double left, top, right, bottom; int64_t label; };

/* An image with what is known of it.  Image and mask ([h, w, 1], no pixels where there is none) are
 * borrowed until a step replaces them; objects are changed where they are, and those that leave
 * the image are dropped.  A mask holds classes, or, where it is `soft`, how much of each pixel is
 * meant: then values between are made, and beyond the image it is 0. */
struct sample {
    oc_image       image, mask;
    bool           owns_image, owns_mask, soft;
    struct object *object;
    int            objects;
};

enum { MASK_IGNORED = 255 };                            /* the class of what no image covers */

/* Replaces the image or the mask by one that the sample then owns. */
void      oc__sample_put(struct sample *s, oc_image image);
void      oc__sample_put_mask(struct sample *s, oc_image mask);
/* What a mask is where no image is. */
static inline int oc__sample_beyond(const struct sample *s) { return s->soft ? 0 : MASK_IGNORED; }
/* Makes the image the sample's own, so that its pixels can be changed. */
oc_status oc__sample_own(struct sample *s);
void      oc__sample_free(struct sample *s);

/* Random numbers one after the other. */
struct dice { uint64_t key, next; };
static inline double oc__roll(struct dice *dice, double low, double high)
{
    return low + (high - low) * oc__uniform(dice->key, dice->next++);
}

/* Prepared samples of a batch, to be blended with their neighbours: sample i with i - 1, the first
 * with the last.  `share` says how much of each is its own afterwards. */
struct mixing { int64_t n; oc_shape shape; float *x, *spare; double share; };

/* One kind of step.  `extent` changes height and width as the step will.  One of `apply` and `mix`
 * is set, or none. */
struct augment {
    struct entry entry;
    bool         fits;         /* brings any image to a size: preparations need not before it */
    oc_status  (*ready)(void *attr);
    oc_status  (*extent)(const void *attr, struct extent *extent);
    oc_status  (*apply)(const void *attr, struct dice *dice, struct sample *s);
    void       (*mix)(const void *attr, struct dice *dice, struct mixing *m);
};

extern const struct augment *const oc__augment_list[];  /* ends in NULL */

struct augment_program;

/* Parses a program; an empty text is the empty program, which changes nothing. */
oc_status oc__augment_parse(struct augment_program **out, const char *text);

/* The extent of a sample after the program. */
oc_status oc__augment_extent(const struct augment_program *p, struct extent *extent);

/* What to call its images where their shape is wrong: as prepared (p NULL too), or after the last
 * step that sets a size.  Returns `text`. */
const char *oc__augment_result(const struct augment_program *p, char *text, size_t room);

/* Whether it begins with a step that takes the place of those of the preparation that set a size,
 * so that these are to be left out. */
bool      oc__augment_fits(const struct augment_program *p);
int64_t   oc__augment_times(const struct augment_program *p); /* times an epoch shows a sample */
bool      oc__augment_mixes(const struct augment_program *p);

/* The key of a sample: `sample` is its number in the part, clones counted. */
uint64_t  oc__augment_key(uint64_t seed, int64_t epoch, int64_t sample);

oc_status oc__augment_run(const struct augment_program *p, uint64_t key, struct sample *s);

/* Pixels of an image as training sees them: the preparation's steps on pixels, then the program's;
 * `s` begins with the image as stored and is to be freed, also on failure. */
oc_status oc__augment_prepared(const struct augment_program *p,
                               const struct prepare_program *prepare, uint64_t key,
                               struct sample *s);

/* Blends a batch; `share` is 1 where no step does. */
void      oc__augment_mix(const struct augment_program *p, uint64_t key, struct mixing *m);

const char *oc__augment_text(const struct augment_program *p); /* canonical; borrowed */
void        oc__augment_free(struct augment_program *p);

#endif
