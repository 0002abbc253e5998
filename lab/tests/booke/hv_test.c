/* A hypervisor of its own, without Linux: does the emulated e5500 keep to Power ISA 2.06 Book III-E, E.HV?
 *
 * It maps memory for guest state, enters it by rfi with MSR[GS], lets a guest of a few instructions run
 * until an interrupt brings the processor back, and looks at the vector and at the registers. One line
 * for each check, "ok ..." or "FAILED ..."; the last line is "hv_test: N checks, M failed".
 * 32-bit computation mode throughout: EPCR[ICM] and [GICM], which the 64-bit hosts use, are 0 here.
 */

typedef unsigned int u32;

enum {
    GS = 0x10000000, UCLE = 0x04000000, CE = 0x20000, EE = 0x8000, PR = 0x4000, ME = 0x1000, DE = 0x200,
    PMM = 0x4, PROTECTED = UCLE | DE | PMM,
    EXTGS = 0x80000000, DTLBGS = 0x40000000, DSIGS = 0x10000000,
    ESR_PPR = 0x04000000, ESR_DLK = 0x00200000, ESR_ILK = 0x00100000,
    LPID = 3, GPIR = 5,
    GUEST = 0x100,              /* what a vector of the guest adds to its number, see start.S */
    CCSR = 0xf0000000, UART = CCSR + 0x4500, MPIC = CCSR + 0x40000, RESET = CCSR + 0xe00b0,
};

/* message types of msgsnd */
enum { DBELL = 0, DBELL_CRIT = 1, G_DBELL = 2, G_DBELL_CRIT = 3, G_DBELL_MC = 4 };

enum Vector {
    DSI = 2, EXTERNAL = 4, PROGRAM = 6, SYSTEM_CALL = 8, DECREMENTER = 10, DATA_TLB = 13,
    INSTRUCTION_TLB = 14,     DOORBELL = 36, DOORBELL_CRITICAL = 37, GUEST_DOORBELL = 38, GUEST_DOORBELL_CRITICAL = 39,
    HYPERVISOR_CALL = 40, HYPERVISOR_PRIVILEGE = 41,
};

extern struct {
    u32 vector, r3, srr0, srr1, csrr0, csrr1, gsrr0, gsrr1, esr, gesr, gepr, gdear, r4;
} left;
extern char vectors[], guest_vectors[];
u32 run(const char* pc, u32 msr, u32 r3);

static int checks, failed;

/* special purpose registers, by number */
#define get(n) ({ u32 v_; asm volatile("mfspr %0, %1" : "=r"(v_) : "i"(n)); v_; })
#define set(n, v) asm volatile("mtspr %0, %1; isync" : : "i"(n), "r"((u32)(v)) : "memory")
enum { EPCR = 307, MSRP = 311 };

static void put(char c) {
    volatile unsigned char* uart = (void*)UART;
    while (!(uart[5] & 0x20)) {
    }
    uart[0] = (unsigned char)c;
}

static void print(const char* s) {
    while (*s) put(*s++);
}

static void hex(const char* name, u32 v) {
    print(name);
    for (int i = 28; i >= 0; i -= 4) put("0123456789abcdef"[v >> i & 15]);
}

static void number(u32 v) {
    if (v >= 10) number(v / 10);
    put((char)('0' + v % 10));
}

static void dump(void) {
    print(" [vector ");
    number(left.vector);
    hex(" r3 ", left.r3);
    hex(" r4 ", left.r4);
    hex(" srr ", left.srr0);
    hex(" ", left.srr1);
    hex(" csrr ", left.csrr0);
    hex(" ", left.csrr1);
    hex(" gsrr ", left.gsrr0);
    hex(" ", left.gsrr1);
    hex(" esr ", left.esr);
    hex(" gesr ", left.gesr);
    print("]\n");
}

static void check(const char* what, const char* which, int good) {
    ++checks;
    print(good ? "ok " : "FAILED ");
    print(what);
    print(which);
    if (good) {
        put('\n');
        return;
    }
    ++failed;
    dump();
}

__attribute__((noreturn)) static void end(void) {
    print("hv_test: ");
    number((u32)checks);
    print(" checks, ");
    number((u32)failed);
    print(" failed\n");
    *(volatile u32*)RESET = 2;
    for (;;) {
    }
}

void unexpected(void) {
    ++failed;
    print("FAILED: an interrupt while no guest ran");
    dump();
    end();
}

/* A guest program: up to the instruction of interest, that one, and the end. */
#define PROGRAM_OF(name, before, instruction)                                                                 \
    asm(".text; .globl " #name "; " #name ": " before "; " #name "_at: " instruction "; " #name "_end: ehpriv"); \
    extern const char name[], name##_at[], name##_end[]

/* Is the instruction the hypervisor's, in guest supervisor state? And its address saved? */
static void traps(const char* what, const char* which, const char* at) {
    u32 vector = run(at, GS, 0x1000);
    check(what, which, vector == HYPERVISOR_PRIVILEGE && left.srr0 == (u32)at && (left.srr1 & (GS | PR)) == GS);
}

/* Does the program get to its end? */
static int ends(u32 vector, const char* end_) {
    return vector == HYPERVISOR_PRIVILEGE && left.srr0 == (u32)end_;
}

static void tlb1(u32 entry, u32 mas1, u32 mas2, u32 mas3, u32 mas7, u32 mas8) {
    set(624, 0x10000000 | entry << 16);
    set(625, 0xc0000000 | mas1);
    set(626, mas2);
    set(627, mas3);
    set(944, mas7);
    set(341, mas8);
    asm volatile("isync; tlbwe; isync; msync" : : : "memory");
}

enum { SIZE_1M = 0x500, SIZE_64M = 0x800 };

static void setup(void) {
    tlb1(4, SIZE_1M, CCSR | 0xa, 0xe0000000 | 0x5, 0xf, 0);
    tlb1(5, SIZE_64M, 0, 0x3f, 0, 0x80000000 | LPID);  /* MAS8[TGS] */
    set(63, (u32)vectors);
    set(447, (u32)guest_vectors);
    set(402, 2 * 16);
    set(404, 4 * 16);
    set(406, 6 * 16);
    set(408, 8 * 16);
    set(410, 10 * 16);
    set(413, 13 * 16);
    set(414, 14 * 16);
    set(532, 36 * 16);
    set(533, 37 * 16);
    set(432, 38 * 16);
    set(433, 39 * 16);
    set(434, 40 * 16);
    set(435, 41 * 16);
    set(440, 2 * 16);
    set(442, 4 * 16);
    set(443, 8 * 16);
    set(444, 13 * 16);
    set(338, LPID);
    set(382, GPIR);
    set(EPCR, 0);
    set(MSRP, 0);
}

/* --- ehpriv and what is the hypervisor's ---------------------------------------------------------------- */

PROGRAM_OF(g_nothing, "", "nop");
PROGRAM_OF(g_mfmsr, "", "mfmsr 3");
PROGRAM_OF(g_forever, "", "b .");

#define HYPERVISOR_ONLY(X)                                                                                     \
    X(tlbwe, "tlbwe") X(tlbre, "tlbre") X(tlbsx, "tlbsx 0, 3") X(tlbivax, "tlbivax 0, 3") X(tlbsync, "tlbsync") \
    X(rfci, "rfci") X(rfdi, "rfdi") X(rfmci, "rfmci") X(msgsnd, "msgsnd 3") X(msgclr, "msgclr 3")              \
    X(mfspr_lpidr, "mfspr 3, 338") X(mtspr_lpidr, "mtspr 338, 3") X(mfspr_msrp, "mfspr 3, 311")                \
    X(mtspr_msrp, "mtspr 311, 3") X(mtspr_epcr, "mtspr 307, 3") X(mtspr_mas8, "mtspr 341, 3")                  \
    X(mtspr_dec, "mtspr 22, 3") X(mtspr_tcr, "mtspr 340, 3") X(mtspr_ivpr, "mtspr 63, 3")                      \
    X(mtspr_givpr, "mtspr 447, 3") X(mtspr_gpir, "mtspr 382, 3") X(mtspr_csrr0, "mtspr 58, 3")                 \
    X(mfspr_csrr1, "mfspr 3, 59") X(mtspr_sprg8, "mtspr 604, 3")
#define DEFINE(name, text) PROGRAM_OF(g_##name, "", text);
#define TRY(name, text) traps("hypervisor's in guest supervisor state: ", text, g_##name##_at);
HYPERVISOR_ONLY(DEFINE)

PROGRAM_OF(g_redirect, "",
           "mtspr 26, 3; addi 3,3,1; mtspr 27, 3; addi 3,3,1; mtspr 61, 3; addi 3,3,1; mtspr 62, 3;"
           "mfspr 4, 286; mfspr 3, 26");

static void privilege(void) {
    u32 vector = run(g_nothing, GS | CE, 0x77);
    check("ehpriv in guest supervisor state: IVOR41, SRR0 at it", "",
          ends(vector, g_nothing_end) && (left.srr1 & (GS | CE)) == (GS | CE) && left.r3 == 0x77);
    vector = run(g_nothing, GS | PR, 0);
    check("ehpriv in guest user state: IVOR41", "",
          ends(vector, g_nothing_end) && (left.srr1 & (GS | PR)) == (GS | PR));
    vector = run(g_nothing, 0, 0);
    check("ehpriv in hypervisor state: IVOR41", "", ends(vector, g_nothing_end) && !(left.srr1 & GS));
    HYPERVISOR_ONLY(TRY)
    vector = run(g_msgsnd, GS | PR, 0);
    check("msgsnd in guest user state: Program, ESR[PPR]", "",
          vector == PROGRAM && left.srr0 == (u32)g_msgsnd_at && left.esr == ESR_PPR);
    vector = run(g_redirect, GS, 0x1234);
    check("guest's SRR0, SRR1, DEAR, ESR, PIR are others", "",
          ends(vector, g_redirect_end) && left.gsrr0 == 0x1234 && left.gsrr1 == 0x1235 && left.gdear == 0x1236 &&
              left.gesr == 0x1237 && left.r3 == 0x1234 && left.r4 == GPIR && get(286) != GPIR);
}

/* --- MSRP ------------------------------------------------------------------------------------------------ */

PROGRAM_OF(g_mtmsr, "", "mtmsr 3; isync; mfmsr 3");
PROGRAM_OF(g_rfi, "mtspr 27, 3; lis 4, 1f@ha; addi 4, 4, 1f@l; mtspr 26, 4", "rfi; 1: mfmsr 3");
PROGRAM_OF(g_rfgi, "mtspr 379, 3; lis 4, 1f@ha; addi 4, 4, 1f@l; mtspr 378, 4", "rfgi; 1: mfmsr 3");
PROGRAM_OF(g_wrtee, "", "wrtee 3; mfmsr 3");
PROGRAM_OF(g_sc, "", "sc");
PROGRAM_OF(g_sc1, "", "sc 1");

static void protect_one(const char* how, const char* program, const char* end_, u32 bit, const char* name) {
    u32 was_clear, was_set;

    set(MSRP, bit);
    run(program, GS, PROTECTED);
    was_clear = ends(left.vector, end_) && (left.r3 & PROTECTED) == (PROTECTED & ~bit);
    run(program, GS | PROTECTED, 0);
    was_set = ends(left.vector, end_) && (left.r3 & PROTECTED) == bit;
    check(how, name, was_clear && was_set);
    set(MSRP, 0);
}

static void protect(const char* how, const char* program, const char* end_) {
    protect_one(how, program, end_, UCLE, ": MSRP[UCLEP] keeps MSR[UCLE], others change");
    protect_one(how, program, end_, DE, ": MSRP[DEP] keeps MSR[DE], others change");
    protect_one(how, program, end_, PMM, ": MSRP[PMMP] keeps MSR[PMM], others change");
    protect_one(how, program, end_, 0, ": MSRP = 0 keeps none of them");
    run(program, GS, 0);
    check(how, " does not leave guest state", ends(left.vector, end_) && (left.r3 & GS) && (left.srr1 & GS));
}

static void msrp(void) {
    protect("guest's mtmsr", g_mtmsr, g_mtmsr_end);
    protect("guest's rfi", g_rfi, g_rfi_end);
    protect("guest's rfgi", g_rfgi, g_rfgi_end);
    set(MSRP, PROTECTED);
    run(g_wrtee, GS | UCLE | PMM, EE);
    check("guest's wrtee changes EE alone", "",
          ends(left.vector, g_wrtee_end) && left.r3 == (GS | UCLE | PMM | EE));
    run(g_mtmsr, 0, UCLE | PMM);
    check("MSRP does not bind the hypervisor's mtmsr", "",
          ends(left.vector, g_mtmsr_end) && (left.r3 & PROTECTED) == (UCLE | PMM));
    run(g_sc, GS | UCLE | PMM | EE | CE, 0);
    check("sc to the guest: GIVOR8, UCLE and PMM kept by MSRP, EE cleared", "",
          left.r3 == GUEST + SYSTEM_CALL && left.gsrr0 == (u32)g_sc_end && left.r4 == (GS | UCLE | PMM | CE));
    set(MSRP, 0);
    run(g_sc, GS | UCLE | PMM | EE | CE, 0);
    check("sc to the guest: UCLE and PMM cleared without MSRP", "",
          left.r3 == GUEST + SYSTEM_CALL && left.gsrr1 == (GS | UCLE | PMM | EE | CE) && left.r4 == (GS | CE));
    run(g_mtmsr, GS | EE, CE | ME);
    check("guest's mtmsr sets CE and ME, clears EE", "",
          ends(left.vector, g_mtmsr_end) && left.r3 == (GS | CE | ME));
    run(g_mtmsr, GS | CE | ME, 0);
    check("guest's mtmsr clears CE and ME", "", ends(left.vector, g_mtmsr_end) && left.r3 == GS);
}

#define CACHE_LOCKING(X)                                                                               \
    X(dcbtls, "dcbtls 0, 0, 3", ESR_DLK) X(dcbtstls, "dcbtstls 0, 0, 3", ESR_DLK)                      \
    X(dcblc, "dcblc 0, 0, 3", ESR_DLK) X(icbtls, "icbtls 0, 0, 3", ESR_ILK) X(icblc, "icblc 0, 0, 3", ESR_ILK)
#define DEFINE3(name, text, esr) PROGRAM_OF(g_##name, "", text);
#define TRY3(name, text, esr) cache_locking(text, g_##name, g_##name##_end, esr);
CACHE_LOCKING(DEFINE3)

static void cache_locking(const char* which, const char* program, const char* end_, u32 esr) {
    set(MSRP, UCLE);
    traps("MSRP[UCLEP]: ", which, program);
    run(program, GS | PR | UCLE, 0x1000);
    check("MSRP[UCLEP], guest user: DSI, ESR: ", which,
          left.vector == DSI && left.esr == esr && left.srr0 == (u32)program);
    set(MSRP, 0);
    check("without MSRP[UCLEP] it runs: ", which, ends(run(program, GS, 0x1000), end_));
    check("MSR[UCLE] lets the user: ", which, ends(run(program, GS | PR | UCLE, 0x1000), end_));
    run(program, GS | PR, 0x1000);
    check("MSR[UCLE] = 0, user: DSI, ESR: ", which, left.vector == DSI && left.esr == esr);
    set(EPCR, DSIGS);
    run(program, GS | PR, 0x1000);
    check("the same with EPCR[DSIGS]: GIVOR2, GESR: ", which,
          left.r3 == GUEST + DSI && left.gesr == esr && left.gsrr0 == (u32)program);
    set(EPCR, 0);
}

PROGRAM_OF(g_mfpmr, "", "mfpmr 3, 400");
PROGRAM_OF(g_mtpmr, "", "mtpmr 400, 3");

static void performance_monitor(void) {
    set(MSRP, PMM);
    traps("MSRP[PMMP]: ", "mfpmr 3, 400", g_mfpmr);
    traps("MSRP[PMMP]: ", "mtpmr 400, 3", g_mtpmr);
    set(MSRP, 0);
    check("without MSRP[PMMP]: illegal, QEMU has no such registers: ", "mfpmr 3, 400",
          run(g_mfpmr, GS, 0) == PROGRAM && left.srr0 == (u32)g_mfpmr);
}

/* --- doorbells ------------------------------------------------------------------------------------------- */

static void send(u32 type, u32 lpid, u32 pir) {
    asm volatile("msgsnd %0" : : "r"(type << 27 | lpid << 14 | pir) : "memory");
}

static void clear(u32 type) {
    asm volatile("msgclr %0" : : "r"(type << 27) : "memory");
}

static int saved(u32 vector, u32 pc, u32 msr) {
    if (vector == GUEST_DOORBELL) return left.vector == vector && left.gsrr0 == pc && left.gsrr1 == msr;
    return left.vector == vector && left.csrr0 == pc && left.csrr1 == msr;
}

static void guest_doorbell(const char* name, u32 type, u32 vector, u32 bit) {
    send(type, LPID, GPIR);
    check(name, "not in hypervisor state", ends(run(g_nothing, EE | CE | ME, 0), g_nothing_end));
    check(name, "not while the guest has its bit clear",
          ends(run(g_nothing, GS | ((EE | CE | ME) & ~bit), 0), g_nothing_end));
    run(g_nothing, GS | bit, 0);
    check(name, "arrives, at the guest's first instruction", saved(vector, (u32)g_nothing, GS | bit));
    check(name, "arrives once", ends(run(g_nothing, GS | bit, 0), g_nothing_end));
    send(type, LPID, GPIR);
    run(g_mtmsr, GS, bit);
    check(name, "arrives when the guest sets the bit", saved(vector, (u32)g_mtmsr + 4, GS | bit));
    send(type, LPID, GPIR);
    clear(type);
    check(name, "does not arrive after msgclr", ends(run(g_nothing, GS | bit, 0), g_nothing_end));
    send(type, LPID + 1, GPIR);
    send(type, LPID, GPIR + 1);
    check(name, "for another LPIDR or GPIR does not arrive", ends(run(g_nothing, GS | bit, 0), g_nothing_end));
    send(type, LPID, 0x04000000);
    check(name, "broadcast arrives", run(g_nothing, GS | bit, 0) == vector);
}

static void doorbells(void) {
    const u32 all = GS | EE | CE | ME;
    u32 order;

    guest_doorbell("guest doorbell (IVOR38, GSRR0/1): ", G_DBELL, GUEST_DOORBELL, EE);
    guest_doorbell("guest critical doorbell (IVOR39, CSRR0/1): ", G_DBELL_CRIT, GUEST_DOORBELL_CRITICAL, CE);
    guest_doorbell("guest machine check doorbell (IVOR39, CSRR0/1): ", G_DBELL_MC, GUEST_DOORBELL_CRITICAL, ME);
    send(G_DBELL, LPID, GPIR);
    send(G_DBELL_CRIT, LPID, GPIR);
    clear(G_DBELL_MC);
    order = run(g_nothing, all, 0);
    check("guest critical doorbell goes before the ordinary one", "",
          order == GUEST_DOORBELL_CRITICAL && run(g_nothing, all, 0) == GUEST_DOORBELL);
    send(G_DBELL_MC, LPID, GPIR);
    clear(G_DBELL_CRIT);
    check("msgclr of one type leaves the others", "", run(g_nothing, GS | ME, 0) == GUEST_DOORBELL_CRITICAL);
}

/* --- what goes to the hypervisor while a guest runs ------------------------------------------------------- */

static void to_the_hypervisor(void) {
    send(DBELL_CRIT, 0, get(286));
    check("critical doorbell waits in the hypervisor while MSR[CE] = 0", "",
          ends(run(g_nothing, EE | ME, 0), g_nothing_end));
    run(g_nothing, GS, 0);
    check("critical doorbell in guest state, CE = 0: IVOR37, CSRR0/1", "",
          saved(DOORBELL_CRITICAL, (u32)g_nothing, GS));
    send(DBELL_CRIT, 0, get(286));
    run(g_forever, CE, 0);
    check("critical doorbell in the hypervisor, CE = 1: IVOR37", "", saved(DOORBELL_CRITICAL, (u32)g_forever, CE));
    send(DBELL, 0, get(286));
    run(g_nothing, GS, 0);
    check("doorbell in guest state, EE = 0: IVOR36, SRR0/1", "",
          left.vector == DOORBELL && left.srr0 == (u32)g_nothing && left.srr1 == GS);

    set(22, 1000);
    set(340, 0x04000000);
    run(g_forever, GS, 0);
    check("decrementer in guest state, EE = 0: IVOR10, SRR0/1", "",
          left.vector == DECREMENTER && left.srr0 == (u32)g_forever && left.srr1 == GS);
    set(340, 0);            /* TCR, and TSR[DIS] */
    set(336, 0x08000000);
}

/* --- external interrupts: the MPIC's interprocessor interrupt 0 ------------------------------------------- */

static volatile u32* mpic(u32 offset) {
    return (void*)(MPIC + offset);
}

static void raise(void) {
    *mpic(0x20040) = 1;
}

static u32 acknowledge(void) {
    u32 vector = *mpic(0x200a0);
    *mpic(0x200b0) = 0;
    return vector;
}

static void external(void) {
    *mpic(0x10a0) = 0x00080000 | 0x42;  /* priority 8, vector 0x42 */
    *mpic(0x20080) = 0;
    raise();
    run(g_nothing, GS, 0);
    check("external, EPCR[EXTGS] = 0, EE = 0: IVOR4, SRR0/1", "",
          left.vector == EXTERNAL && left.srr0 == (u32)g_nothing && left.srr1 == GS);
    check("external: the MPIC's vector", "", acknowledge() == 0x42);
    /* 32-bit code leaves anything in the upper half of a 64-bit core's GPR: here ones above a zero */
    asm volatile("lis 9, -0x8000; xoris 9, 9, 0x8000; mtspr 307, 9; isync" : : : "9", "memory");
    raise();
    run(g_nothing, GS, 0);
    check("EPCR has 32 bits: EXTGS is 0 though the GPR's upper half is not", "",
          left.vector == EXTERNAL && left.srr0 == (u32)g_nothing);
    acknowledge();
    set(EPCR, EXTGS);
    raise();
    check("external, EXTGS = 1: not in hypervisor state", "", ends(run(g_nothing, EE, 0), g_nothing_end));
    check("external, EXTGS = 1: not while the guest's EE = 0", "", ends(run(g_nothing, GS, 0), g_nothing_end));
    run(g_nothing, GS | EE | CE, 0);
    check("external, EXTGS = 1, EE = 1: GIVOR4, GSRR0/1, guest state, EE cleared", "",
          left.r3 == GUEST + EXTERNAL && left.gsrr0 == (u32)g_nothing && left.gsrr1 == (GS | EE | CE) &&
              left.r4 == (GS | CE));
    run(g_mtmsr, GS, EE);
    check("external, EXTGS = 1: arrives when the guest sets EE", "",
          left.r3 == GUEST + EXTERNAL && left.gsrr0 == (u32)g_mtmsr + 4);
    acknowledge();
    *mpic(0x1020) = 0x60000000;  /* external proxy */
    raise();
    run(g_nothing, GS | EE, 0);
    check("external proxy, EXTGS = 1: GEPR has the vector", "", left.r3 == GUEST + EXTERNAL && left.gepr == 0x42);
    *mpic(0x200b0) = 0;
    *mpic(0x1020) = 0;
    set(EPCR, 0);
}

/* --- directed by EPCR, and translation -------------------------------------------------------------------- */

PROGRAM_OF(g_load, "", "lbz 3, 0(3)");

static void directed(void) {
    run(g_sc1, GS, 0);
    check("sc 1 in guest state: IVOR40", "", left.vector == HYPERVISOR_CALL && left.srr0 == (u32)g_sc1_end);
    run(g_load, GS, UART);
    check("an entry of the hypervisor's (TGS = 0) is none for the guest: data TLB error", "",
          left.vector == DATA_TLB && left.srr0 == (u32)g_load);
    set(EPCR, DTLBGS);
    run(g_load, GS, 0x0bad0000);
    check("EPCR[DTLBGS]: GIVOR13, GDEAR", "",
          left.r3 == GUEST + DATA_TLB && left.gdear == 0x0bad0000 && left.gsrr0 == (u32)g_load);
    set(EPCR, 0);
    set(338, LPID + 1);
    check("an entry of another LPID is none", "", run(g_nothing, GS, 0) == INSTRUCTION_TLB);
    set(338, LPID);
}

__attribute__((noreturn)) void start(void) {
    setup();
    privilege();
    msrp();
    CACHE_LOCKING(TRY3)
    performance_monitor();
    doorbells();
    to_the_hypervisor();
    external();
    directed();
    end();
}
