#include "boot/ikconfig.h"

#include <gtest/gtest.h>

#include "boot/test_images.h"

namespace pv::boot {
namespace {

constexpr const char* sample =
    "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/arm64 6.1.176 Kernel "
    "Configuration\n#\n"
    "CONFIG_VIRTIO=y\nCONFIG_VIRTIO_MMIO=m\n# CONFIG_IKCONFIG_PROC is not set\n"
    "CONFIG_CMDLINE=\"console=ttyAMA0\"\nCONFIG_NR_CPUS=64\nCONFIG_ODD=n\n";

TEST(KernelConfig, TellsValues) {
  auto config = KernelConfig::from_text(sample);
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->built_in("VIRTIO"));
  EXPECT_TRUE(config->module("VIRTIO_MMIO"));
  EXPECT_EQ(config->value("CMDLINE"), "console=ttyAMA0");
  EXPECT_EQ(config->value("NR_CPUS"), "64");
  EXPECT_EQ(config->value("IKCONFIG_PROC"), std::nullopt);
  EXPECT_EQ(config->value("ODD"), std::nullopt);
  EXPECT_EQ(config->value("MMIO"), std::nullopt);
  EXPECT_EQ(config->heading(), "Linux/arm64 6.1.176");
}

TEST(KernelConfig, AFragmentLacksWhatKconfigAdds) {
  EXPECT_FALSE(KernelConfig::from_text(sample)->looks_like_fragment());
  EXPECT_TRUE(KernelConfig::from_text("# for KVM\nCONFIG_KVM=y\n")->looks_like_fragment());
  EXPECT_FALSE(KernelConfig::from_text("CONFIG_KVM=y\nCONFIG_HZ=250\n")->looks_like_fragment());
}

TEST(KernelConfig, RefusesWhatIsNone) {
  EXPECT_FALSE(KernelConfig::from_text("hello\n"));
  EXPECT_FALSE(KernelConfig::from_text(""));
  EXPECT_FALSE(KernelConfig::from_gzip({}));
}

#if PV_HAVE_Z
test::Blob image_with(usize before, const test::Blob& stream) {
  test::Blob image = test::pattern(before);
  // The word alone, as a kernel's code has it, is no beginning.
  test::put(image, 3, std::string_view("IKCFG_STuff"));
  test::put(image, before, std::string_view("IKCFG_ST"));
  image.insert(image.end(), stream.begin(), stream.end());
  test::put(image, image.size(), std::string_view("IKCFG_ED and more"));
  return image;
}

TEST(IkconfigFinder, FindsItHoweverItIsFed) {
  const test::Blob image = image_with(100, test::gzip(test::blob(sample)));
  for (usize step : {usize{1}, usize{2}, usize{7}, usize{8}, usize{64}, usize{107}, image.size()}) {
    IkconfigFinder finder;
    for (usize at = 0; at < image.size(); at += step)
      finder.feed(Bytes(image).subspan(at, std::min(step, image.size() - at)));
    auto config = finder.finish();
    ASSERT_TRUE(config) << step << ": " << config.error().message;
    ASSERT_TRUE(*config) << step;
    EXPECT_EQ((*config)->text(), sample) << step;
    EXPECT_TRUE(finder.complete());
  }
}

TEST(IkconfigFinder, SaysWhatIsMissingOrBroken) {
  IkconfigFinder none;
  none.feed(test::pattern(5000));
  auto nothing = none.finish();
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);

  test::Blob stream = test::gzip(test::blob(sample));
  stream.resize(stream.size() / 2);
  IkconfigFinder broken;
  broken.feed(image_with(64, stream));
  auto failed = broken.finish();
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("gzip stream is broken"), std::string::npos);

  // Damaged where the stream begins: not to be taken for a kernel without a configuration.
  stream = test::gzip(test::blob(sample));
  stream[1] ^= 0x10;
  const test::Blob image = image_with(64, stream);
  for (usize step : {usize{1}, usize{20}, image.size()}) {
    IkconfigFinder beheaded;
    for (usize at = 0; at < image.size(); at += step)
      beheaded.feed(Bytes(image).subspan(at, std::min(step, image.size() - at)));
    failed = beheaded.finish();
    ASSERT_FALSE(failed) << step;
    EXPECT_NE(failed.error().message.find("no gzip stream"), std::string::npos);
  }
}
#endif

}  // namespace
}  // namespace pv::boot
