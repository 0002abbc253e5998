// RawImage: what opens, and one clear sentence for each thing that does not.
#include "block/image.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/test_file.h"

namespace pv::block {
namespace {

TEST(RawImage, RegularFile) {
  TestFile file(10 * 512 + 7);
  auto image = RawImage::open(file.path(), {});
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->size(), 10 * 512 + 7);
  EXPECT_FALSE(image->read_only());
  EXPECT_TRUE(image->can_discard());
  EXPECT_EQ(image->block_size(), 512);
  EXPECT_EQ(image->memory_alignment(), 1);
  EXPECT_EQ(::fcntl(image->fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(image->fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(RawImage, ReadOnly) {
  TestFile file(512);
  auto image = RawImage::open(file.path(), {.read_only = true});
  ASSERT_TRUE(image);
  EXPECT_FALSE(image->can_discard());
  EXPECT_EQ(::fcntl(image->fd(), F_GETFL) & O_ACCMODE, O_RDONLY);
}

void expect_error(const std::string& path, const std::string& part) {
  auto image = RawImage::open(path, {});
  ASSERT_FALSE(image);
  EXPECT_NE(image.error().message.find(part), std::string::npos) << image.error().message;
  EXPECT_NE(image.error().message.find(path), std::string::npos) << image.error().message;
}

TEST(RawImage, WhatIsNoDisk) {
  TestFile file(0);
  expect_error(file.path(), "is empty");
  ASSERT_EQ(::truncate(file.path().c_str(), 511), 0);
  expect_error(file.path(), "one sector");
  expect_error(file.path() + ".missing", "No such file");
  expect_error("/tmp", "irectory");
  expect_error("/dev/null", "neither a file nor a block device");
}

TEST(RawImage, DirectoryReadOnly) {
  auto image = RawImage::open("/tmp", {.read_only = true});
  ASSERT_FALSE(image);
  EXPECT_NE(image.error().message.find("is a directory"), std::string::npos);
}

TEST(RawImage, FifoDoesNotHang) {
  TestFile file(0);
  const std::string path = file.path() + ".fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto image = RawImage::open(path, {.read_only = true});
  ::unlink(path.c_str());
  EXPECT_FALSE(image);
}

TEST(RawImage, OneWriterOrManyReaders) {
  TestFile file(4096);
  {
    auto writer = RawImage::open(file.path(), {});
    ASSERT_TRUE(writer);
    auto second = RawImage::open(file.path(), {});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("in use"), std::string::npos);
    EXPECT_FALSE(RawImage::open(file.path(), {.read_only = true}));
  }
  auto reader = RawImage::open(file.path(), {.read_only = true});
  ASSERT_TRUE(reader);
  EXPECT_TRUE(RawImage::open(file.path(), {.read_only = true}));
  EXPECT_FALSE(RawImage::open(file.path(), {}));
}

}  // namespace
}  // namespace pv::block
