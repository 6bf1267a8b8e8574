/* cairo.h — cairo, opened when the first picture is drawn (base/library.h): call cairo_open(), then
 * its functions as cairo.create(). */
#ifndef OC_IMAGE_CAIRO_H
#define OC_IMAGE_CAIRO_H

#include <cairo/cairo.h>
#include <cairo/cairo-svg.h>

#include "base/library.h"

#define CAIRO(F)                                                                               \
    F(cairo_, arc) F(cairo_, clip) F(cairo_, clip_extents) F(cairo_, create)                   \
    F(cairo_, destroy) F(cairo_, fill) F(cairo_, font_extents) F(cairo_, get_source)           \
    F(cairo_, image_surface_create) F(cairo_, image_surface_get_data)                          \
    F(cairo_, image_surface_get_stride) F(cairo_, line_to) F(cairo_, move_to)                  \
    F(cairo_, new_path) F(cairo_, paint) F(cairo_, pattern_set_extend)                         \
    F(cairo_, pattern_set_filter) F(cairo_, rectangle) F(cairo_, restore) F(cairo_, rotate)    \
    F(cairo_, save) F(cairo_, scale) F(cairo_, select_font_face) F(cairo_, set_dash)           \
    F(cairo_, set_font_size) F(cairo_, set_line_cap) F(cairo_, set_line_join)                  \
    F(cairo_, set_line_width) F(cairo_, set_source_rgb) F(cairo_, set_source_rgba)             \
    F(cairo_, set_source_surface) F(cairo_, show_text) F(cairo_, status)                       \
    F(cairo_, status_to_string) F(cairo_, stroke) F(cairo_, surface_destroy)                   \
    F(cairo_, surface_finish) F(cairo_, surface_flush) F(cairo_, surface_mark_dirty)           \
    F(cairo_, surface_status) F(cairo_, svg_surface_create_for_stream) F(cairo_, text_extents) \
    F(cairo_, translate)

LIBRARY(cairo, SONAME_cairo, "pictures with text", CAIRO)

#endif
