/* sets.c — the data sets that can be downloaded.
 *
 * Checksums are those that the publishers or the field's tools give: for MNIST, Fashion-MNIST and
 * VOC the MD5 of torchvision; for CIFAR-10 and COCO, whose pages give an MD5 or none, the SHA-256
 * that users of the files have recorded independently of each other. */
#include <stddef.h>

#include "fetch/fetch.h"

#define MNIST_FILE(name_, bytes_, md5_)                                                       \
    { .path = name_ "-ubyte.gz", .bytes = bytes_, .digest = "md5:" md5_ }

static const struct fetch_set mnist = {
    .entry = { .name = "mnist", .summary = "70,000 digits of 28×28, 11 MiB" },
    .kind = "mnist",
    .mirror = { "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
                "http://yann.lecun.com/exdb/mnist/" },
    .file = { MNIST_FILE("train-images-idx3", 9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
              MNIST_FILE("train-labels-idx1", 28881, "d53e105ee54ea40749a09fcbcd1e9432"),
              MNIST_FILE("t10k-images-idx3", 1648877, "9fb629c4189551a2d022fa330f9573f3"),
              MNIST_FILE("t10k-labels-idx1", 4542, "ec29112dd5afa0611ce80d1b7f02629c") },
};

static const struct fetch_set fashion = {
    .entry = { .name = "fashion",
               .summary = "Fashion-MNIST, 70,000 pieces of clothing of 28×28, 29 MiB" },
    .kind = "mnist",
    .mirror = { "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/"
                "fashion/",
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/" },
    .file = { MNIST_FILE("train-images-idx3", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
              MNIST_FILE("train-labels-idx1", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
              MNIST_FILE("t10k-images-idx3", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
              MNIST_FILE("t10k-labels-idx1", 5148, "bb300cfdad3c16e7a12a480ee83cd310") },
};

static const struct fetch_set cifar10 = {
    .entry = { .name = "cifar10",
               .summary = "60,000 colour pictures of 32×32 in ten classes, 162 MiB" },
    .kind = "cifar10",
    .mirror = { "https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/" },
    .file = { {
        .path = "cifar-10-binary.tar.gz",
        .bytes = 170052171,
        .digest = "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        .holds = "cifar-10-batches-bin",
    } },
};

static const struct fetch_set voc2012 = {
    .entry = { .name = "voc2012",
               .summary = "PASCAL VOC 2012, 17,125 photographs with boxes and masks, 1.9 GiB" },
    .mirror = { "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
                "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/",
                "https://data.pjreddie.com/files/" },
    .file = { {
        .path = "VOCtrainval_11-May-2012.tar",
        .bytes = 1999639040,
        .digest = "md5:6cd6e144f989b92b3379bac3b3de84fd",
        .holds = "VOCdevkit/VOC2012",
    } },
};

static const struct fetch_set coco_val = {
    .entry = { .name = "coco-val",
               .summary = "COCO 2017's validation part, 5,000 photographs, and the annotations of "
                          "all, 1.0 GiB" },
    .mirror = { "http://images.cocodataset.org/",
                "https://s3.amazonaws.com/images.cocodataset.org/" },
    .file = { {
        .path = "zips/val2017.zip",
        .bytes = 815585330,
        .digest = "sha256:4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
        .holds = "val2017",
    }, {
        .path = "annotations/annotations_trainval2017.zip",
        .bytes = 252907541,
        .digest = "sha256:113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
        .holds = "annotations",
    } },
};

const struct fetch_set *const oc__fetch_list[] = {
    &mnist, &fashion, &cifar10, &voc2012, &coco_val, NULL,
};
