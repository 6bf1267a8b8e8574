/* plot_picture.h — all pictures of a training, drawn into files.
 *
 * Each is written as it is drawn, so that no more than one is in memory; what is kept is what a
 * page around them needs to know.  A record is what the pictures are made from: it borrows the
 * training's model, data and epochs, and has a page for each part that is evaluated. */
#ifndef OC_WATCH_PLOT_PICTURE_H
#define OC_WATCH_PLOT_PICTURE_H

#include "watch/plot_curves.h"
#include "watch/plot_page.h"
#include "watch/plot_track.h"

struct record {
    oc_model               *model;
    const oc_data          *data;
    const oc_train_options *options;
    const oc_epoch         *epoch;
    int64_t                 epochs;                     /* finished */
    oc_part                 watched;                    /* OC_PARTS: none */
    bool                    finished;                   /* the test page shows the best model */
    struct page             page[OC_PARTS];
    struct tracks           tracks;
};

/* "cnn on mnist:DIR" */
void oc__record_name(const struct record *r, char *text, size_t room);

/* A part's page that has something to show, or NULL; and what it is called. */
const struct page *oc__record_page(const struct record *r, oc_part part);
const char        *oc__part_name(oc_part part);

enum { PICTURES_MAX = CURVES + 3 * OC_PARTS + TRACKS_MAX };
struct picture {
    char       name[128], title[128];                   /* "loss", a file's without its ending */
    bool       photographic;                            /* better shown as PNG */
    struct str words;
    double     width, height;                           /* in points */
};
struct pictures {
    const char    *folder;                              /* borrowed */
    int            n, best;                             /* best: the epoch's index; -1: none */
    struct picture picture[PICTURES_MAX];
};

/* Whose work a part's page shows: "after epoch 5 (best: 3)", "best model (epoch 3)". */
void oc__pictures_whose(const struct pictures *all, const struct record *r, oc_part part,
                        char *text, size_t room);

/* Into a folder, as NAME.png and NAME.svg; pictures of equal names are replaced.  Where it fails,
 * what was drawn before is there, and to be freed too. */
oc_status oc__pictures_draw(struct pictures *all, const struct record *r, const char *folder);
void      oc__pictures_free(struct pictures *all);

#endif
