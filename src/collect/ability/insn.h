/* SPDX-License-Identifier: MIT */
/* insn.h - BPF instructions as C, for programs of a few lines that need no compiler.
 *
 * A program is an array of these; MAP_FD, MAP_VALUE and WIDE take two places.  Opcodes are those of
 * Documentation/bpf/standardization/instruction-set.rst.
 */
#ifndef COLLECT_ABILITY_INSN_H
#define COLLECT_ABILITY_INSN_H

#include <linux/bpf.h>

#define INSN(opcode, to, from, offset, value) \
	((struct bpf_insn){ (opcode), (to), (from), (offset), (value) })

#define SET(to, value)              INSN(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value)
#define COPY(to, from)              INSN(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define ADD(to, value)              INSN(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value)
#define ADD_REG(to, from)           INSN(BPF_ALU64 | BPF_ADD | BPF_X, to, from, 0, 0)
#define AND(to, value)              INSN(BPF_ALU64 | BPF_AND | BPF_K, to, 0, 0, value)
#define SHIFT_LEFT(to, bits)        INSN(BPF_ALU64 | BPF_LSH | BPF_K, to, 0, 0, bits)

#define LOAD(to, from, offset)      INSN(BPF_LDX | BPF_MEM | BPF_DW, to, from, offset, 0)
#define LOAD32(to, from, offset)    INSN(BPF_LDX | BPF_MEM | BPF_W, to, from, offset, 0)
#define STORE(to, offset, from)     INSN(BPF_STX | BPF_MEM | BPF_DW, to, from, offset, 0)
#define STORE_IMM(to, offset, v)    INSN(BPF_ST | BPF_MEM | BPF_DW, to, 0, offset, v)
#define ATOMIC_ADD(to, offset, reg) INSN(BPF_STX | BPF_ATOMIC | BPF_DW, to, reg, offset, BPF_ADD)

#define SKIP_IF_ZERO(reg, count)    INSN(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, count, 0)
#define SKIP_IF_OTHER(a, b, count)  INSN(BPF_JMP | BPF_JNE | BPF_X, a, b, count, 0)
#define CALL(helper)                INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT                        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define WIDE_LOAD(to, kind, low, high) \
	INSN(BPF_LD | BPF_DW | BPF_IMM, to, kind, 0, (int)(low)), INSN(0, 0, 0, 0, (int)(high))
#define WIDE(to, value)          WIDE_LOAD(to, 0, (value), (uint64_t)(value) >> 32)
#define MAP_FD(to, fd)           WIDE_LOAD(to, BPF_PSEUDO_MAP_FD, fd, 0)
#define MAP_VALUE(to, fd, bytes) WIDE_LOAD(to, BPF_PSEUDO_MAP_VALUE, fd, bytes)

/* Turns a user address of the program's arena into one that it may follow (since 6.9). */
#define ARENA_ADDRESS(reg)       INSN(BPF_ALU64 | BPF_MOV | BPF_X, reg, reg, 1, 1)

#endif
