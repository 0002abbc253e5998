#include "pci/function.h"

namespace pv::pci {

u64 Function::read(bus::Access access) {
  const unsigned bar = static_cast<unsigned>(access.offset >> 32);
  access.offset &= 0xffff'ffff;
  if (msix_ && bar == msix_bar_ && msix_->claims(access.offset)) return msix_->read(access);
  return bar_read(bar, access);
}

void Function::write(bus::Access access, u64 value) {
  const unsigned bar = static_cast<unsigned>(access.offset >> 32);
  access.offset &= 0xffff'ffff;
  if (msix_ && bar == msix_bar_ && msix_->claims(access.offset)) return msix_->write(access, value);
  bar_write(bar, access, value);
}

void Function::config_write(u32 offset, bus::Width width, u32 value) {
  config_.write(offset, width, value);
  if (msix_) msix_->config_written();
  update_intx();
}

void Function::connect(hv::IrqLine& interrupt, u16 requester) {
  interrupt_ = &interrupt;
  if (msix_) msix_->set_requester(requester);
}

void Function::set_intx(bool asserted) {
  if (asserted == intx_) return;
  intx_ = asserted;
  update_intx();
}

void Function::update_intx() {
  config_.set_interrupt_status(intx_);
  const bool level = intx_ && !msix_enabled() && (config_.command() & spec::command_no_intx) == 0;
  if (level == line_ || interrupt_ == nullptr) return;
  line_ = level;
  interrupt_->set(level);
}

void Function::save(StateWriter& out) const {
  config_.save(out);
  if (msix_) msix_->save(out);
}

Result<Function::Saved> Function::parse_saved(StateReader& in) const {
  Saved saved{config_, {}};
  TRY(saved.config.restore(in));
  if (msix_) saved.entries = TRY(msix_->parse(in));
  return saved;
}

void Function::take(Saved saved) {
  config_ = saved.config;
  if (msix_) msix_->restore(std::move(saved.entries));
  update_intx();
}

Result<void> Function::restore(StateReader& in) {
  take(TRY(parse_saved(in)));
  return {};
}

}  // namespace pv::pci
