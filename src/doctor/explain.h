// A failed `polyvisor run` in the doctor's words.
#pragma once

#include "base/result.h"
#include "doctor/check.h"

namespace pv::doctor {

// `error` came before the first guest instruction. If a check of this host explains it, the error
// with that check's sentence, cause and remedy; otherwise `error` as it is. The check that the
// error names (Error::check) comes first, then any that says that no guest can run here.
Error explain(const Probe& probe, Error error);

}  // namespace pv::doctor
