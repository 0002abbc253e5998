// Book3E hosts that lack something: what the lab has no kernel for.
#include "kvm/powerpc_host.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>

#include <algorithm>
#include <vector>

namespace pv::kvm {
namespace {

Result<void> check_without(std::vector<int> missing) {
  return check_booke_host(
      [&](int capability) { return std::ranges::find(missing, capability) == missing.end(); });
}

TEST(BookeHost, EachMissingCapabilityHasItsSentence) {
  EXPECT_TRUE(check_without({}));
  struct Case {
    int missing;
    const char* message;
    const char* check;  // of the doctor, who knows the remedy
  };
  for (const Case& c : {
           Case{KVM_CAP_PPC_BOOKE_SREGS, "is not one for Book3E", "book3e"},
           Case{KVM_CAP_SW_TLB, "is not one for Book3E", "book3e"},
           Case{KVM_CAP_DEVICE_CTRL, "has no interrupt controller", "mpic"},
           Case{KVM_CAP_IRQ_MPIC, "has no interrupt controller", "mpic"},
           Case{KVM_CAP_IRQ_ROUTING, "cannot route interrupts", "mpic"},
       }) {
    auto checked = check_without({c.missing});
    ASSERT_FALSE(checked) << c.missing;
    EXPECT_EQ(checked.error().kind, Error::Kind::host);
    EXPECT_NE(checked.error().message.find(c.message), std::string::npos)
        << checked.error().message;
    EXPECT_EQ(checked.error().check, c.check);
  }
  // Book3S has none of them: that it is another kind of KVM comes first.
  auto nothing = check_booke_host([](int) { return false; });
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().message.find("is not one for Book3E"), std::string::npos);
}

// What create_mpic() makes where the kernel has these models, and which ones it asks for.
Result<MpicDevice> create_with(std::vector<u32> models, std::vector<u32>& asked) {
  return create_mpic([&](u32 type) {
    asked.push_back(type);
    if (std::ranges::find(models, type) != models.end())
      return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    errno = ENODEV;
    return Fd();
  });
}

TEST(BookeHost, TheNewestMpicThatThereIs) {
  std::vector<u32> asked;
  auto newest = create_with({KVM_DEV_TYPE_FSL_MPIC_42, KVM_DEV_TYPE_FSL_MPIC_20}, asked);
  ASSERT_TRUE(newest);
  EXPECT_TRUE(newest->fd.valid());
  EXPECT_EQ(newest->sources, 256u);
  EXPECT_EQ(asked, (std::vector<u32>{KVM_DEV_TYPE_FSL_MPIC_42}));
  asked.clear();
  auto older = create_with({KVM_DEV_TYPE_FSL_MPIC_20}, asked);
  ASSERT_TRUE(older);
  EXPECT_EQ(older->sources, 80u);
  EXPECT_EQ(asked, (std::vector<u32>{KVM_DEV_TYPE_FSL_MPIC_42, KVM_DEV_TYPE_FSL_MPIC_20}));
}

TEST(BookeHost, NoMpicAtAllIsExplained) {
  std::vector<u32> asked;
  auto none = create_with({}, asked);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("MPIC 4.2 as well as 2.0"), std::string::npos);
  EXPECT_NE(none.error().message.find("No such device"), std::string::npos) << none.error().message;
  EXPECT_EQ(none.error().hint, "the host kernel needs CONFIG_KVM_MPIC=y");
}

}  // namespace
}  // namespace pv::kvm
