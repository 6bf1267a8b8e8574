/* terminal.h — what a terminal can show, and pictures on it: as sixels or by kitty's protocol, both
 * through libchafa, which is opened when a picture is drawn. */
#ifndef OC_WATCH_TERMINAL_H
#define OC_WATCH_TERMINAL_H

#include <stdio.h>
#include "base/str.h"
#include "ocellus.h"

/* Whether the stream is a terminal on which lines can be drawn over. */
bool oc__is_terminal(FILE *to);

/* Characters across and down, and the pixels of each; of what is no terminal, the usual ones. */
struct cells { int columns, rows, width, height; };
struct cells oc__terminal_cells(FILE *to);

enum terminal_form { TERMINAL_AUTO, TERMINAL_UNICODE, TERMINAL_SIXEL, TERMINAL_KITTY };
extern const char *const oc__terminal_forms[];          /* by enum terminal_form; ends in NULL */

/* The best form that the environment says this terminal has, in the place of TERMINAL_AUTO. */
enum terminal_form oc__terminal_form(enum terminal_form wanted);

/* Appends an RGB image, as large as fits into the cells from the cursor on, in TERMINAL_SIXEL or
 * TERMINAL_KITTY; *rows are those that it takes.  OC_EIO where libchafa is missing. */
oc_status oc__terminal_picture(const oc_image *image, enum terminal_form form, struct cells room,
                               struct str *out, int *rows);
/* Takes away pictures that clearing text does not. */
void oc__terminal_forget(enum terminal_form form, FILE *to);

#endif
