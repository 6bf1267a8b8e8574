/* cmd_data.c — looks at a data set, checks it, writes its images as files, and downloads sets. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/data_check.h"
#include "cli/data_fetch.h"
#include "cli/data_words.h"
#include "cli/output.h"
#include "cli/term.h"

struct data {
    const char *json, *prepare, *augment, *out, *from;
    int         part;
    int64_t     count, first, variants, seed;
    bool        force, quiet;
    struct data_words words;
};

/* As the library's parts, and then the choices that are left to the command. */
enum { PART_ALL = OC_PARTS, PART_AUTO };
static const char *const parts[] = { "train", "val", "test", "all", "auto", NULL };

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_WORDS(struct data, part, "part", 0, "auto",
              "part to save or show, or all together; auto is the first that has images, of show "
              "from train on, of save from test on", parts),
    OPT_DIVISION(struct data),
    OPT_BAD(struct data),
    OPT_INT(struct data, count, "count", 'n', "N", "10", "images to save or show", 1, 1e9),
    OPT_INT(struct data, first, "first", 0, "N", "0", "number of the first, from 0", 0, 1e15),
    OPT_TEXT(struct data, out, "out", 0, "PATH", NULL,
             "of show, a PNG [sheet.png]; of fetch, a folder [the set's name]"),
    OPT_TEXT(struct data, from, "from", 0, "URL", NULL,
             "of fetch: takes the files from URL/NAME [the publishers' addresses]"),
    OPT_TEXT(struct data, prepare, "prepare", 0, "STEPS", NULL,
             "of show: preparation [what suits the data]"),
    OPT_TEXT(struct data, augment, "augment", 0, "STEPS", NULL,
             "of show: augmentation; see `ocellus help augmentation`"),
    OPT_INT(struct data, variants, "variants", 0, "N", "9", "of show: augmented, of each image", 1,
            100),
    OPT_INT(struct data, seed, "seed", 's', "N", "0", "of show: of the augmentation", 0, 1e18),
    OPT_TEXT(struct data, json, "json", 0, "FILE", NULL,
             "of info or check, as JSON; - is standard output"),
    OPT_FLAG(struct data, force, "force", 'f', "replace files that exist"),
    OPT_FLAG(struct data, quiet, "quiet", 'q', "of fetch: say nothing but warnings and errors"),
    OPT_END,
};

/* ---- save ---------------------------------------------------------------------------------- */

/* Letters, digits and dashes of a class's name, so that it may stand in a file's name. */
static void add_class(const oc_data *d, int64_t label, struct str *out)
{
    const char *name = oc_data_class_name(d, (int)label);
    for (; *name; name++) {
        const bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z')
                           || (*name >= '0' && *name <= '9');
        oc__str_add(out, plain ? name : "-", 1);
    }
}

/* What is saved where. */
struct saving { const struct data *o; const oc_data *d; oc_part part; const char *folder; };

/* An image that can be read, and the path that it gets; both are the caller's to free. */
static oc_status read_one(const struct saving *s, int64_t i, oc_image *image, struct str *path)
{
    int64_t label;
    *image = (oc_image){ 0 };
    TRY(oc_data_sample(s->d, s->part, i, image, &label));
    oc__str_addf(path, "%s/%05" PRId64 "-is-", s->folder, i);
    add_class(s->d, label, path);
    oc__str_addz(path, ".png");
    return path->failed ? OC_ELIMIT : OC_OK;
}

/* Before anything is written, so that a broken image among them leaves no file. */
static oc_status try_one(const struct saving *s, int64_t i)
{
    oc_image image;
    struct str path = { 0 };
    oc_status status = read_one(s, i, &image, &path);
    if (status >= 0 && oc__is_directory(s->folder))
        status = oc__output_check(path.text, s->o->force);
    oc__str_free(&path);
    oc_image_free(&image);
    return status;
}

static oc_status save_one(const struct saving *s, int64_t i)
{
    oc_image image;
    struct str path = { 0 };
    oc_status status = read_one(s, i, &image, &path);
    if (status >= 0)
        status = oc__output_check(path.text, s->o->force);
    if (status >= 0 && s->o->force)
        unlink(path.text);
    if (status >= 0)
        status = oc_image_save(&image, path.text);
    if (status >= 0)
        printf("%s\n", path.text);
    oc__str_free(&path);
    oc_image_free(&image);
    return status;
}

static oc_status save(const struct data *o, const oc_data *d, oc_part part, const char *folder)
{
    const struct saving s = { o, d, part, folder };
    const int64_t all = oc_data_count(d, part);
    if (o->first >= all)
        return oc__fail(OC_EUSAGE, "data: --first %" PRId64 ": the part has %" PRId64 " images",
                        o->first, all);
    const int64_t end = o->first + (o->count < all - o->first ? o->count : all - o->first);
    for (int64_t i = o->first; i < end; i++)
        TRY(try_one(&s, i));
    TRY(oc__make_directories(folder));
    for (int64_t i = o->first; i < end; i++)
        TRY(save_one(&s, i));
    return OC_OK;
}

/* ---- info and check ------------------------------------------------------------------------ */

/* Headers tell enough for a look; to check is to decode. */
static oc_status look(const struct data *o, const oc_data *d, const char *spec, bool decode)
{
    struct findings f;
    oc_status       status = oc__data_check(&f, d, decode);
    if (status >= 0 && !oc__output_is_stdout(o->json))
        oc__data_tell(&f, d, spec);
    if (status >= 0 && o->json)
        status = oc__output_json(o->json, o->force, oc__data_json(&f, d, spec));
    if (status >= 0 && decode && f.broken > 0)
        status = oc__fail(OC_ENEGATIVE, "data: %" PRId64 " of its %" PRId64 " images are broken",
                          f.broken, f.n);
    oc__data_check_free(&f);
    return status;
}

/* ---- show ---------------------------------------------------------------------------------- */

static bool is_png(const char *name)
{
    const size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".png") == 0;
}

static oc_status show(const struct data *o, const oc_data *d, oc_part part)
{
    oc_image sheet;
    const char *const out = o->out ? o->out : "sheet.png";
    if (!is_png(out))
        return oc__fail(OC_EUSAGE, "data: --out %s: a sheet's name ends in .png",
                        oc__quote_z(out));
    TRY(oc__output_check(out, o->force));
    TRY(oc_data_sheet(d, &(oc_sheet_options){
        .part = part, .first = o->first, .count = o->count,
        .preparation = o->prepare, .augment = o->augment, .variants = (int)o->variants,
        .seed = (uint64_t)o->seed }, &sheet));
    if (o->force)
        unlink(out);
    const oc_status status = oc_image_save(&sheet, out);
    if (status >= 0)
        printf("%s: %d × %d\n", oc__printable(out), sheet.width, sheet.height);
    oc_image_free(&sheet);
    return status;
}

/* ---- running ------------------------------------------------------------------------------- */

enum verb { INFO, CHECK, SAVE, SHOW, FETCH, VERBS };

static oc_part choose_part(const struct data *o, const oc_data *d, enum verb verb)
{
    const int first = verb == SAVE ? OC_PART_TEST : OC_PART_TRAIN;
    if (o->part < OC_PARTS)
        return (oc_part)o->part;
    for (int i = 0; i < OC_PARTS; i++) {
        const oc_part part = (oc_part)((first + i) % OC_PARTS);
        if (oc_data_count(d, part) > 0)
            return part;
    }
    return (oc_part)first;
}

static oc_status run_on(const struct data *o, enum verb verb, const struct operands *operands)
{
    const char *const spec = operands->word[1];
    const bool looks = verb == INFO || verb == CHECK;
    oc_data *d;
    TRY(oc__output_check(o->json, o->force));
    TRY(oc__data_open_with(&d, spec, &o->words));
    const bool all = !looks && o->part == PART_ALL;
    const oc_part part = all ? OC_PART_TRAIN : choose_part(o, d, verb);
    oc_status status = all ? oc_data_gather(d, part) : OC_OK;
    if (status >= 0)
        status = verb == SAVE ? save(o, d, part, operands->word[2])
                 : verb == SHOW ? show(o, d, part)
                 : look(o, d, spec, verb == CHECK);
    oc_data_free(d);
    return status;
}

static oc_status run(const void *settings, const struct operands *operands)
{
    static const char *const verbs[] = { "info", "check", "save", "show", "fetch" };
    static const char *const wants[] = { "SPEC, as in data info images:FOLDER",
                                         "SPEC, as in data check images:FOLDER", "SPEC DIR",
                                         "SPEC, as in data show images:FOLDER",
                                         "SET, as in data fetch mnist (`ocellus help downloads`)" };
    const struct data *const o = settings;
    int verb = 0;
    while (verb < VERBS && strcmp(operands->word[0], verbs[verb]) != 0)
        verb++;
    if (verb == VERBS)
        return oc__fail(OC_EUSAGE, "data: %s: what can be done with data: info, check, save, show, "
                        "fetch", oc__quote_z(operands->word[0]));
    if (operands->n != (verb == SAVE ? 3 : 2))
        return oc__fail(OC_EUSAGE, "data: wants %s %s", verbs[verb], wants[verb]);
    if (verb == FETCH)
        return oc__data_fetch(operands->word[1], o->out, o->from, o->quiet);
    return run_on(o, (enum verb)verb, operands);
}

const struct command oc__command_data = {
    .name = "data",
    .summary = "look at a data set, check it, write its images as files, or download one",
    .usage = "info SPEC [--json FILE]\ncheck SPEC [--json FILE]\nsave SPEC DIR [options]\n"
             "show SPEC [--augment STEPS] [--out FILE]\n"
             "fetch SET [--out DIR] [--from URL]",
    .about = "`ocellus help data` lists the kinds of data.  To check is to decode every image and\n"
             "to tell those that are broken or there more than once.  Saved images are PNG; their\n"
             "names end in the class that they belong to.  To show is to draw a contact sheet of\n"
             "what training sees, spread over the classes: with --augment, each row is an image\n"
             "as evaluation sees it, and then as several epochs would; mixup and cutmix blend it\n"
             "with that of the row above.  What masks mean is tinted.\n"
             "To fetch is to download one of the sets that `ocellus help downloads` lists; what\n"
             "was cut off goes on where it stopped, and nothing gets its name before its checksum\n"
             "is right.",
    .options = options,
    .size = sizeof(struct data),
    .least = 1,
    .most = 3,
    .examples = (const struct example[]){
        { "data info synth:digits", "parts, classes, shape" },
        { "data check images:pets", "broken pictures, and equal ones" },
        { "data save synth:digits digits --count 6", "drawn digits to try `ocellus predict` on" },
        { "data show synth:digits --augment \"flip; rotate 10\" --out digits.png",
          "what an augmentation does" },
        { "data fetch mnist --out mnist", "the four files of MNIST" },
        { 0 },
    },
    .run = run,
};
