/* terminal.c — pictures on terminals, by libchafa. */
#include "watch/terminal.h"

#include <chafa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/library.h"
#include "base/status.h"

#define CHAFA(F)                                                                               \
    F(chafa_, calc_canvas_geometry) F(chafa_, canvas_config_new)                               \
    F(chafa_, canvas_config_set_cell_geometry) F(chafa_, canvas_config_set_geometry)           \
    F(chafa_, canvas_config_set_pixel_mode) F(chafa_, canvas_config_unref)                     \
    F(chafa_, canvas_draw_all_pixels) F(chafa_, canvas_new) F(chafa_, canvas_print)            \
    F(chafa_, canvas_unref) F(chafa_, term_db_detect) F(chafa_, term_db_get_default)           \
    F(chafa_, term_info_have_seq) F(chafa_, term_info_unref) F(g_, string_free)

LIBRARY(chafa, SONAME_chafa, "pictures on the terminal", CHAFA)

extern char **environ;

enum { COLUMNS = 80, ROWS = 24, CELL_WIDTH = 10, CELL_HEIGHT = 20 };

const char *const oc__terminal_forms[] = {
    [TERMINAL_AUTO] = "auto", [TERMINAL_UNICODE] = "unicode", [TERMINAL_SIXEL] = "sixel",
    [TERMINAL_KITTY] = "kitty", NULL
};

/* What chafa knows of each: how it is asked for, and a terminal that has it. */
static const struct known {
    ChafaTermSeq   begin;
    ChafaPixelMode mode;
    char          *environment[2];
} known[] = {
    [TERMINAL_SIXEL] = { CHAFA_TERM_SEQ_BEGIN_SIXELS, CHAFA_PIXEL_MODE_SIXELS,
                         { (char[]){ "TERM=mlterm" }, NULL } },
    [TERMINAL_KITTY] = { CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1, CHAFA_PIXEL_MODE_KITTY,
                         { (char[]){ "TERM=xterm-kitty" }, NULL } },
};

/* ---- what there is ------------------------------------------------------------------------- */

bool oc__is_terminal(FILE *to)
{
    const char *const term = getenv("TERM");
    return isatty(fileno(to)) == 1 && term && strcmp(term, "dumb") != 0;
}

struct cells oc__terminal_cells(FILE *to)
{
    struct winsize size = { 0 };
    struct cells   c = { COLUMNS, ROWS, CELL_WIDTH, CELL_HEIGHT };
    if (!oc__is_terminal(to) || ioctl(fileno(to), TIOCGWINSZ, &size) != 0 || !size.ws_col
        || !size.ws_row)
        return c;
    c.columns = size.ws_col;
    c.rows = size.ws_row;
    if (size.ws_xpixel >= size.ws_col && size.ws_ypixel >= size.ws_row) {
        c.width = size.ws_xpixel / size.ws_col;
        c.height = size.ws_ypixel / size.ws_row;
    }
    return c;
}

enum terminal_form oc__terminal_form(enum terminal_form wanted)
{
    if (wanted != TERMINAL_AUTO)
        return wanted;
    if (chafa_open() < 0)
        return TERMINAL_UNICODE;
    ChafaTermInfo *const info = chafa.term_db_detect(chafa.term_db_get_default(), environ);
    enum terminal_form form = TERMINAL_KITTY;
    while (form > TERMINAL_UNICODE && !chafa.term_info_have_seq(info, known[form].begin))
        form--;
    chafa.term_info_unref(info);
    return form;
}

/* ---- pictures ------------------------------------------------------------------------------ */

/* As many cells as keep the picture's proportions; at most the room. */
static ChafaCanvasConfig *configure(const oc_image *image, enum terminal_form form,
                                    struct cells room, int *rows)
{
    ChafaCanvasConfig *const config = chafa.canvas_config_new();
    gint width = room.columns, height = room.rows;
    chafa.calc_canvas_geometry(image->width, image->height, &width, &height,
                               (float)room.width / (float)room.height, TRUE, FALSE);
    chafa.canvas_config_set_geometry(config, width, height);
    chafa.canvas_config_set_cell_geometry(config, room.width, room.height);
    chafa.canvas_config_set_pixel_mode(config, known[form].mode);
    *rows = height;
    return config;
}

oc_status oc__terminal_picture(const oc_image *image, enum terminal_form form, struct cells room,
                               struct str *out, int *rows)
{
    TRY(chafa_open());
    char **const             like = (char **)(uintptr_t)known[form].environment;
    ChafaTermInfo *const     info = chafa.term_db_detect(chafa.term_db_get_default(), like);
    ChafaCanvasConfig *const config = configure(image, form, room, rows);
    ChafaCanvas *const       canvas = chafa.canvas_new(config);
    chafa.canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGB8, image->pixel, image->width,
                                 image->height, 3 * image->width);
    GString *const text = chafa.canvas_print(canvas, info);
    oc__str_add(out, text->str, text->len);
    chafa.string_free(text, TRUE);
    chafa.canvas_unref(canvas);
    chafa.canvas_config_unref(config);
    chafa.term_info_unref(info);
    return out->failed ? OC_ELIMIT : OC_OK;
}

void oc__terminal_forget(enum terminal_form form, FILE *to)
{
    if (form == TERMINAL_KITTY)
        fputs("\033_Ga=d\033\\", to);                   /* all that can be seen */
}
