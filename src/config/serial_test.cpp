// --serial: crosvm's keys, what contradicts itself, and the ports that a VM has in the end.
#include "config/serial.h"

#include <gtest/gtest.h>

namespace pv::config {
namespace {

std::string refusal(std::string_view text) {
  const auto parsed = parse_serial(text);
  if (!parsed) return parsed.error().message;
  const auto valid = validate_serials({*parsed});
  return valid ? "" : valid.error().message;
}

TEST(Serial, EveryKey) {
  const auto all = parse_serial(
      "type=unix-stream,hardware=virtio-console,num=3,name=log,path=/tmp/s,input-unix-stream,"
      "console,out-timestamp");
  ASSERT_TRUE(all);
  EXPECT_EQ(*all, (Serial{.type = SerialType::stream,
                          .hardware = SerialHardware::virtio_console,
                          .num = 3,
                          .name = "log",
                          .path = "/tmp/s",
                          .input_unix_stream = true,
                          .console = true,
                          .out_timestamp = true}));
  const auto uart =
      parse_serial("type=stdout,hardware=serial,num=2,stdin=true,earlycon,console=false");
  ASSERT_TRUE(uart);
  EXPECT_TRUE(uart->standard_input && uart->earlycon && !uart->console);
  EXPECT_EQ(parse_serial("hardware=debugcon,type=stdout,debugcon_port=0xe9")->debugcon_port, 0xe9u);
  const auto queues =
      parse_serial("hardware=virtio-console,max-queue-sizes=[2,32],pci-address=00:05.0,num=2");
  ASSERT_TRUE(queues);
  EXPECT_EQ(queues->max_queue_sizes, (std::vector<u32>{2, 32}));
  EXPECT_EQ(queues->pci_address, "00:05.0");
  EXPECT_EQ(queues->num, 2u);
  EXPECT_EQ(*parse_serial("num=1"), Serial{});  // a UART that leads nowhere
  for (const char* type : {"file", "stdout", "sink", "syslog", "unix", "unix-stream"})
    EXPECT_TRUE(parse_serial(std::string("type=") + type)) << type;
}

TEST(Serial, RefusalsNameTheKey) {
  EXPECT_EQ(refusal("type=tape"), "type: \"tape\" is not known");
  EXPECT_EQ(refusal(""), "the value is empty");
  EXPECT_EQ(refusal("num=1,type=stdout,num=2"), "num: stands twice");
  EXPECT_EQ(refusal("debugcon-port=0xe9"), "serials[0].debugcon_port: only a debugcon has one");
  EXPECT_EQ(refusal("hardware=debugcon,num=2"),
            "serials[0].num: 2 is given, but there is one debugcon only");
  EXPECT_EQ(refusal({"hardware=virtio-console,name=a\0b", 32}),
            "serials[0].name: contains a zero byte, which ends a text");
  EXPECT_EQ(refusal("type"), "type: \"\" is not known");
  EXPECT_EQ(refusal("colour=red"), "\"colour\" is not a key of a serial port");
  EXPECT_EQ(refusal("type=file"), "serials[0].path: type file needs one");
  EXPECT_EQ(refusal("type=stdout,path=x"), "serials[0].path: type stdout has none");
  EXPECT_EQ(refusal("num=5"), "serials[0].num: 5 is not between 1 and 4");
  EXPECT_EQ(refusal("num=0"), "serials[0].num: 0 is not between 1 and 4");
  EXPECT_EQ(refusal("num=x"), "num: \"x\" is not a number");
  EXPECT_EQ(refusal("hardware=virtio-console,num=17"),
            "serials[0].num: 17 is not between 1 and 16");
  EXPECT_EQ(refusal("stdin=maybe"), "stdin: \"maybe\" is neither true nor false");
  EXPECT_EQ(refusal("stdin,input=f"), "serials[0].input: more than one is given");
  EXPECT_EQ(refusal("input-unix-stream"),
            "serials[0].input_unix_stream: is only for type unix-stream");
  EXPECT_EQ(refusal("name=a"), "serials[0].name: only a port of a virtio console has one");
  EXPECT_EQ(refusal("hardware=virtio-console,earlycon"),
            "serials[0].earlycon: only hardware=serial works that early");
  EXPECT_EQ(refusal("pci-address="), "pci-address: needs a value");
  EXPECT_EQ(refusal("pci-address=00:05.0"),
            "serials[0].pci_address: only a port of a virtio console has one");
  EXPECT_EQ(refusal("hardware=debugcon,debugcon-port=65536"),
            "serials[0].debugcon_port: 65536 is no port");
  EXPECT_EQ(refusal("debugcon-port=0x10000"), "debugcon-port: \"0x10000\" is no port");
}

TEST(Serial, QueueSizesAreTwoPowersOfTwo) {
  const auto refused = [](const std::string& list) {
    return refusal("hardware=virtio-console,max-queue-sizes=" + list);
  };
  EXPECT_EQ(refused("[16,64]"), "");
  EXPECT_EQ(refused("[1,32768]"), "");
  EXPECT_EQ(refused("[16,64],type=sink"), "");
  EXPECT_EQ(refused("16"), "max-queue-sizes: \"16\" is no list of numbers");
  EXPECT_EQ(refused("[16,64"), "max-queue-sizes: \"[16,64\" is no list of numbers");
  EXPECT_EQ(refused("["), "max-queue-sizes: \"[\" is no list of numbers");
  EXPECT_EQ(refused("[]"), "max-queue-sizes: \"\" is not a number");
  EXPECT_EQ(refused("[16,]"), "max-queue-sizes: \"\" is not a number");
  EXPECT_EQ(refused("[16,x]"), "max-queue-sizes: \"x\" is not a number");
  EXPECT_EQ(refused("[16]"), "serials[0].max_queue_sizes: 1 of them, but a port has two queues");
  EXPECT_EQ(refused("[16,64,64]"),
            "serials[0].max_queue_sizes: 3 of them, but a port has two queues");
  for (const char* bad : {"0", "48", "65536", "4294967296"})
    EXPECT_TRUE(
        refused(std::string("[16,") + bad + "]").ends_with("no power of two from 1 to 32768"))
        << bad;
  EXPECT_EQ(refusal("max-queue-sizes=[16,64]"),
            "serials[0].max_queue_sizes: only a port of a virtio console has one");
}

TEST(Serial, PortsAreDistinctAndOneIsTheConsole) {
  const auto refused = [](std::vector<Serial> serials) {
    const auto valid = validate_serials(serials);
    return valid ? std::string() : valid.error().message;
  };
  const Serial first, second{.num = 2}, hvc{.hardware = SerialHardware::virtio_console};
  EXPECT_EQ(refused({first, second, hvc}), "");
  EXPECT_EQ(refused({first, second, first}), "serials[2].num: serial 1 stands twice");
  Serial named = hvc, twin = hvc;
  named.name = twin.name = "log";
  twin.num = 2;
  EXPECT_EQ(refused({named, twin}), "serials[1].name: \"log\" stands twice");
  EXPECT_EQ(refused({{.console = true}, {.num = 2, .console = true}}),
            "serials: more than one is marked as console");
  EXPECT_EQ(refused({{.standard_input = true}, {.num = 2, .standard_input = true}}),
            "serials: more than one takes standard input");
  EXPECT_EQ(refused({{.earlycon = true}, {.num = 2, .earlycon = true}}),
            "serials: more than one is marked as earlycon");
}

TEST(Serial, WithoutAnyThereIsTheConsole) {
  const Serial uart{.type = SerialType::standard_output, .console = true, .standard_input = true};
  EXPECT_EQ(effective_serials({}, false), std::vector<Serial>{uart});
  const auto two = effective_serials({}, true);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_FALSE(two[0].console || two[0].standard_input);
  EXPECT_TRUE(two[1].console && two[1].standard_input);
  EXPECT_EQ(two[1].hardware, SerialHardware::virtio_console);
  // As crosvm has it: a first UART, unless there is one or another is the console.
  const Serial second{.num = 2, .standard_input = true};
  const auto filled = effective_serials({second}, false);
  ASSERT_EQ(filled.size(), 2u);
  EXPECT_TRUE(filled[0].console);
  EXPECT_FALSE(filled[0].standard_input);
  EXPECT_EQ(effective_serials({{.num = 1}}, false).size(), 1u);
  EXPECT_EQ(effective_serials({{.num = 2, .console = true}}, false).size(), 1u);
}

}  // namespace
}  // namespace pv::config
