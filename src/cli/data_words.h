/* data_words.h — the options that add to a specification of data, the same for every command. */
#ifndef OC_CLI_DATA_WORDS_H
#define OC_CLI_DATA_WORDS_H

#include "base/str.h"
#include "cli/opt.h"
#include "ocellus.h"

/* As on the command line; NULL: not given. */
struct data_words { const char *split, *data_seed, *folds, *fold, *on_bad, *max_bad, *cache; };

/* Rows of the table of a command whose struct of options has a `struct data_words words`. */
#define OPT_DIVISION(type_)                                                                 \
    OPT_TEXT(type_, words.split, "split", 0, "SHARES", NULL,                                \
             "of training, validation and test, as in 0.7,0.15,0.15: divides the data anew"), \
    OPT_TEXT(type_, words.data_seed, "data-seed", 0, "N", NULL,                             \
             "of the division of the data, or of what it draws"),                           \
    OPT_TEXT(type_, words.folds, "folds", 0, "K", NULL, "shares for cross-validation"),     \
    OPT_TEXT(type_, words.fold, "fold", 0, "I", NULL, "the share, from 0, to validate on")
#define OPT_BAD(type_)                                                                      \
    OPT_TEXT(type_, words.on_bad, "on-bad", 0, "WORD", NULL,                                \
             "of files that cannot be decoded: fail, skip, or lenient, which takes JPEGs "  \
             "that end early, grey from there on [fail]"),                                  \
    OPT_TEXT(type_, words.max_bad, "max-bad", 0, "N", NULL,                                 \
             "files that skip may leave out; more end the command with code 3 [any number]")

/* Appends the specification with what the words add to it. */
oc_status oc__data_spec(const char *spec, const struct data_words *words, struct str *out);

/* --workers as the library wants it: how many, -1 for 0, which is none. */
oc_status oc__read_workers(const char *command, const char *text, int *out);

/* Opens it. */
oc_status oc__data_open_with(oc_data **out, const char *spec, const struct data_words *words);

#endif
