// Rng: buffers are filled, no further than promised, and odd chains do no harm.
#include "virtio/entropy.h"

#include <gtest/gtest.h>

#include "device/fakes.h"
#include "virtio/fake_driver.h"

namespace pv::virtio {
namespace {

class RngTest : public ::testing::Test {
 protected:
  device::FakeEntropy entropy;  // counts up from 0
  Rng rng{entropy};
  FakeMachine machine{rng};
  FakeDriver& driver = machine.driver;
};

TEST_F(RngTest, FillsEveryPiece) {
  ASSERT_TRUE(driver.start());
  const auto a = driver.in(3);
  const auto b = driver.in(5);
  driver.add(0, {a, b});
  driver.kick(0);
  EXPECT_EQ(driver.used(0)->length, 8);
  EXPECT_EQ(driver.text(a), std::string("\0\1\2", 3));
  EXPECT_EQ(driver.text(b), std::string("\3\4\5\6\7", 5));
  EXPECT_EQ(driver.acknowledge(), spec::mmio::interrupt_used);
}

TEST_F(RngTest, FillsNoMoreThanItsLimit) {
  ASSERT_TRUE(driver.start());
  const auto large = driver.in(Rng::max_fill + 100);
  driver.add(0, {large});
  driver.kick(0);
  EXPECT_EQ(driver.used(0)->length, Rng::max_fill);
  EXPECT_EQ(driver.text(large).substr(Rng::max_fill), std::string(100, '\xee'));
}

TEST_F(RngTest, NothingToFill) {
  ASSERT_TRUE(driver.start());
  driver.add(0, {driver.out("for you")});
  driver.kick(0);
  EXPECT_EQ(driver.used(0)->length, 0);
  EXPECT_FALSE(driver.needs_reset());
}

TEST_F(RngTest, NoConfigurationSpace) {
  EXPECT_EQ(driver.config<u32>(0), 0);
  EXPECT_EQ(driver.get(spec::mmio::DeviceID), 4);
}

TEST_F(RngTest, StateRoundTrip) {
  ASSERT_TRUE(driver.start());
  StateWriter out;
  machine.transport.save(out);
  StateReader in(out.bytes());
  ASSERT_TRUE(machine.transport.restore(in));
  const auto a = driver.in(1);
  driver.add(0, {a});
  machine.executor.run();
  EXPECT_EQ(driver.used(0)->length, 1);
}

}  // namespace
}  // namespace pv::virtio
