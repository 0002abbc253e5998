// The rules of the diagnosis: each looks at one vCPU and either knows what is wrong, or passes.
// They are asked in the order of judge(). A rule says no more than its evidence shows.
#pragma once

#include <optional>

#include "inspect/aarch64/ventry.h"
#include "inspect/diagnosis/scene.h"

namespace pv::inspect {

using MaybeVerdict = std::optional<Verdict>;

// What the host says of the vCPU: not started, stopped, paused, in a debugger.
MaybeVerdict held(const Scene& scene);
// aarch64: a register that was never written has been used, and the CPU does not get out of
// exceptions any more.
MaybeVerdict unwritten_register(const Scene& scene);
MaybeVerdict nothing_at_pc(const Scene& scene);
MaybeVerdict exception_loop(const Scene& scene);
// Of a dump: what one moment alone proves (one_moment.cpp).
MaybeVerdict stuck_for_sure(const Scene& scene);
MaybeVerdict waiting(const Scene& scene);
MaybeVerdict runaway_stack(const Scene& scene);
// Also a circle that is no hang as far as can be seen, which is `busy`.
MaybeVerdict spinning(const Scene& scene);
Verdict busy(const Scene& scene);
// Of a dump: nothing is surely wrong.
Verdict one_moment(const Scene& scene);

Verdict judge(const Scene& scene);

// Whether the samples show a CPU that stays in its exception entry (or, for one sample, that it is
// there).
bool stuck_in_exceptions(const Scene& scene);
// The samples' common exception, if all show the same fault.
const Recorded* same_fault(const Scene& scene);
// Lines about the vector slot and the recorded exception, for any verdict that has to do with them.
void add_exception_evidence(const Scene& scene, Verdict& verdict);
// KVM's poison in the registers, if there is any, for any verdict about one moment.
void add_poison_evidence(const Scene& scene, Verdict& verdict);
// How whoever has a guest in QEMU's monitor gets the code at the PC into a dump.
std::string how_to_add_code(const Scene& scene);
// Whether most samples show a fault about memory at the stack pointer, where there is none.
bool stack_is_gone(const Scene& scene);

}  // namespace pv::inspect
