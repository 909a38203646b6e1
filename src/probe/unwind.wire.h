/* SPDX-License-Identifier: MIT */
/* unwind.wire.h - tables by which the kernel side finds the caller of any instruction.
 *
 *     unwind_mappings[pid, part]     which file is mapped where          (struct unwind_mappings)
 *     unwind_blocks[file, page]      rules for 16 KB of its code         (struct unwind_block)
 *
 * A block lists addresses in ascending order; the rule of the last one that is not above an address
 * holds for it.  The first row has offset 0: what is in force where the block begins.  Where rows or
 * rules of a page are too many for one block, it has no rows and `is_split`, and four blocks of 4 KB
 * stand in for it, and likewise four of 1 KB for one of those.
 *
 * Both are made in user space and read where nothing may sleep.  A process' mappings hold for one
 * program image (exec_id) and one amount of mapped code (exec_vm): whatever changes its code makes
 * them void at once, not when user space has heard of it.
 */
#ifndef PROBE_UNWIND_WIRE_H
#define PROBE_UNWIND_WIRE_H

#include "probe/unit.h"

#define UNWIND_PAGE_SHIFT        14 /* log2 of the code that a block describes */
#define UNWIND_LEVELS            3  /* pages, quarters of them, quarters of those */
#define UNWIND_BLOCK_BYTES       1976 /* with the kernel's 64 bytes around it: its size class of 2,048 */
#define UNWIND_BLOCK_ROWS        440 /* at most; fewer where rules take the room */

/* log2 of the code that a block of a level describes */
#define unwind_code_shift(level) (UNWIND_PAGE_SHIFT - 2 * (level))

/* The page of an address, the level and which part it is: struct unwind_block_key.page.  A file's
 * addresses are below 2^40.
 */
#define unwind_page(address, level)                                          \
	((u32)((address) >> UNWIND_PAGE_SHIFT & 0x3ffffff) | (level) << 30 | \
	 (u32)((address) >> unwind_code_shift(level) & ((1u << 2 * (level)) - 1)) << 26)

/* Where the canonical frame address (CFA) of a frame is: the stack pointer before the call. */
enum unwind_kind {
	UNWIND_NONE,     /* nothing is known: follow the frame pointer */
	UNWIND_SP,       /* sp + cfa */
	UNWIND_FP,       /* fp + cfa */
	UNWIND_DEREF_SP, /* *(sp + 8 * (cfa >> 8)) + (cfa & 0xff): realigned stacks */
	UNWIND_DEREF_FP, /* likewise of fp */
	UNWIND_PLT,      /* x86-64: sp + 8, and 8 more from byte `cfa` of each 16 on */
	UNWIND_OTHER,    /* x86-64: another register, see unwind_other(), + cfa: assembler code */
	UNWIND_SIGNAL,   /* the frame that the kernel made to deliver a signal */
	UNWIND_ROOT,     /* the first frame of a thread: nobody called it */
	UNWIND_HARD,     /* described in a way that is not followed here */
	UNWIND_KIND_COUNT
};

enum unwind_saved {
	UNWIND_FP_SAVED = 1, /* fp is at CFA + fp; else unchanged */
	UNWIND_RA_SAVED =
		2, /* return address is at CFA + ra; else in the link register (arm64), or in
				 unwind_other() (x86-64) */
	UNWIND_RA_SIGNED = 4, /* arm64: with a pointer authentication code */
	UNWIND_BX_FOLLOWED =
		4, /* x86-64: the caller's rbx is at CFA + ra, or with 0 unchanged; the return
				   address is at CFA - 8 */
	UNWIND_FP_BY_FP = 8 /* with UNWIND_FP_SAVED: at fp + fp instead; realigned stacks */
};

/* Of UNWIND_OTHER: DWARF's number of the register, in the upper half of `saved`.  Likewise of the return
 * address where it is in a register; rax never has it.
 */
#define unwind_other(saved) ((saved) >> 4)
#define UNWIND_OTHERS       16
#define UNWIND_BX           3 /* DWARF's number of rbx */

struct unwind_rule {
	u8 kind;  /* enum unwind_kind */
	u8 saved; /* enum unwind_saved */
	s16 cfa, fp, ra;
};

struct unwind_block_key {
	u32 file; /* number that user space gave to it */
	u32 page; /* unwind_page() */
};

struct unwind_block {
	u16 rows;
	u8 is_split;
	u8 used;                         /* set by the kernel side */
	u32 rules;                       /* offset of struct unwind_rule[], from `data` */
	u8 data[UNWIND_BLOCK_BYTES - 8]; /* u16 offset[rows], u8 rule[rows], then the rules */
};

#define UNWIND_MAPPINGS_PER_PART 60
#define UNWIND_STARTS            240 /* of parts in one part: of two levels 14,400 mappings of code */
#define UNWIND_PARTS_MAX         (UNWIND_STARTS * UNWIND_STARTS) /* with mappings, of a process */

struct unwind_mapping {
	u64 start, end; /* addresses */
	u64 bias;       /* address in the file = address - bias */
	u32 file;       /* UNWIND_NO_FILE: made at run time, by its frame pointers */
	u32 pad;
};

#define UNWIND_VOIDS_MAX \
	256 /* of one telling: so many stacks come with memory, in case it is old */

#define UNWIND_RAW_WORDS 3968 /* with the stack: 31 KB */
#define UNWIND_RAW_PAGES 7    /* whole ones in it, besides the rest of the first */
#define UNWIND_NO_FILE   0xffffffffu
#define UNWIND_UNOPENED  0xfffffffeu /* of a file that no stack went through yet */

/* Parts of a process: 0 finds the part that holds a mapping, and where these are more than
 * UNWIND_STARTS, the part that finds it.
 *
 *     0 | `indexes` parts of starts | parts of mappings, in the order of addresses
 */
struct unwind_mappings_key {
	u32 pid;
	u32 part;
};

/* All kinds of value of one map. */
struct unwind_mappings {
	u64 exec_id, exec_vm; /* part 0: what all parts hold for */
	u32 count;            /* of starts, or of mappings */
	u32 indexes;          /* part 0: 0, it finds the mappings itself */
	u32 voids;            /* part 0: stacks that went where nothing is known to be mapped */
	u32 pad;
	union {
		u64 starts[UNWIND_STARTS]; /* first address of each part */
		struct unwind_mapping mappings[UNWIND_MAPPINGS_PER_PART];
	};
};

/* Which registers besides ip, sp and fp are still those of the first frame: flags. */
enum unwind_kept {
	UNWIND_KEPT_NONE = 0,
	UNWIND_KEPT_SCRATCH =
		1, /* those that a function may change: no rule says where they would be saved */
	UNWIND_KEPT_SAVED = 2,   /* those that it has to restore, but rbx */
	UNWIND_KEPT_BX = 4,      /* rbx */
	UNWIND_KEPT_BX_READ = 8, /* it is not, but what it was is known */
	UNWIND_KEPT_ALL = UNWIND_KEPT_SCRATCH | UNWIND_KEPT_SAVED | UNWIND_KEPT_BX
};

/* With a sample that the kernel could not walk to its end comes a piece of its stack: these words, then
 * the stack above sp.
 */
enum unwind_raw {
	UNWIND_RAW_IP, /* of the last frame that was walked */
	UNWIND_RAW_SP,
	UNWIND_RAW_FP,
	UNWIND_RAW_EXEC_ID,
	UNWIND_RAW_EXEC_VM,
	UNWIND_RAW_LR,
	UNWIND_RAW_PID,       /* by which the kernel side looks for mappings */
	UNWIND_RAW_IS_RETURN, /* ip is a return address */
	UNWIND_RAW_BY_FP,     /* that was found by frame pointer */
	UNWIND_RAW_BASE,      /* address of the first word: sp, rounded down, or some pages above */
	UNWIND_RAW_IS_CUT,    /* there was more of it than room */
	UNWIND_RAW_IS_VOID,   /* all tables are there, but no mapping of `ip` */
	UNWIND_RAW_KEPT,      /* enum unwind_kept */
	UNWIND_RAW_BX,        /* with UNWIND_KEPT_BX_READ */
	UNWIND_RAW_OTHERS,    /* so many registers, by their numbers, where some are kept */
	UNWIND_RAW_STACK = UNWIND_RAW_OTHERS + UNWIND_OTHERS, /* the first word */
};

#endif
