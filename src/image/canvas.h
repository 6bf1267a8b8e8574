/* canvas.h — an image on its way through a program of preparation.
 *
 * It is borrowed from the caller until a step replaces it.  One from a file may still be coming:
 * then it has sides and channels, but no pixels yet.  A step that resizes takes its rows as they
 * are decoded, and the whole is never in memory; before any other step it is decoded. */
#ifndef OC_IMAGE_CANVAS_H
#define OC_IMAGE_CANVAS_H

#include "image/image.h"

/* A box of an image, in its pixels, which may reach past its border; of no width: all of it. */
struct view { double left, top, width, height; };

struct coming;

/* `view` is the box of the image that the program began with which the canvas shows. */
struct canvas { oc_image image; bool owned; struct view view; struct coming *coming; };

/* A file, as the preparation needs it.  A failure, also one of the functions below
 * while the image is coming, names the file. */
oc_status oc__canvas_open(struct canvas *canvas, const char *path, struct reading how);
/* Decodes what is still coming. */
oc_status oc__canvas_settle(struct canvas *canvas);

/* The box that it shows, also where that is all. */
struct view oc__canvas_view(const struct canvas *canvas);

/* Replaces the image by one that the canvas then owns, and that shows what the former did. */
void oc__canvas_put(struct canvas *canvas, oc_image image);
/* The same with one that shows a part of the former. */
void oc__canvas_put_part(struct canvas *canvas, oc_image image, struct view part);
/* The same at another size; nothing is done where it has that size. */
oc_status oc__canvas_resize(struct canvas *canvas, int width, int height, enum filter filter);

void oc__canvas_free(struct canvas *canvas);

#endif
